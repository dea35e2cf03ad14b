package crdt

import (
	"fmt"
	"iter"
)

// Set is an add-wins observed-remove set without tombstones (Bieniusa et al.,
// "An optimized conflict-free replicated set", 2012). A remove takes out what
// its replica has seen; an add that it has not seen stays:
//
//	concurrently         | outcome
//	add e    | add e     | e is in
//	add e    | remove e  | e is in
//	remove e | remove e  | e is out
//	add e    | reset     | e is in
//
// An element is kept once for each of its latest concurrent adds; nothing is
// kept of a removed one. See [Causal] for joins and deltas.
type Set[T any] struct {
	Causal[*Set[T]]
	elements elements
	codec    Codec[T]
}

// NewSet returns an empty set of a basic type.
func NewSet[T Basic]() *Set[T] { return NewSetOf(Default[T]()) }

// NewSetOf returns an empty set of elements with the given codec.
func NewSetOf[T any](codec Codec[T]) *Set[T] {
	s := &Set[T]{codec: codec}
	s.rules = s
	return s
}

func (s *Set[T]) empty() *Set[T] { return NewSetOf(s.codec) }

// Add puts v in. The errors are those of [Causal.Apply].
func (s *Set[T]) Add(m Mint, v T) (delta *Set[T], err error) {
	e := s.codec.Encode(v)
	if !s.valid(e) {
		return nil, fmt.Errorf("%w: %q is no element", ErrOperation, e)
	}
	ch := change{asserts: true, payload: e, lost: s.elements.at(&s.causal, e)}
	delta = s.empty()
	if err = s.commit(m, ch, nil, &delta.causal); err != nil {
		return nil, err
	}
	return delta, nil
}

// Remove takes v out and says what it saw: nothing, if v was not in at this
// replica; then v may still be in elsewhere. The errors are those of
// [Causal.Apply].
func (s *Set[T]) Remove(m Mint, v T) (delta *Set[T], saw Context, err error) {
	return s.Apply(m, Op{Kind: OpRemove, Arg: s.codec.Encode(v)})
}

// AddOp returns the operation that puts v in.
func (s *Set[T]) AddOp(v T) Op { return Op{Kind: OpAdd, Arg: s.codec.Encode(v)} }

// RemoveOp returns the operation that takes v out as this replica sees it,
// wherever it is made.
func (s *Set[T]) RemoveOp(v T) Op {
	arg := s.codec.Encode(v)
	saw := s.elements.at(&s.causal, arg)
	seen := saw.context()
	return Op{Kind: OpRemove, Arg: arg, Seen: &seen}
}

// Contains reports whether v is in.
func (s *Set[T]) Contains(v T) bool {
	in := s.elements.at(&s.causal, s.codec.Encode(v))
	return !in.one.IsZero()
}

// Len returns the number of elements.
func (s *Set[T]) Len() int { return s.elements.len(&s.causal) }

// All yields the elements, in the order in which they were added where one
// actor added them; equal sets yield them in the same order.
func (s *Set[T]) All() iter.Seq[T] {
	return func(yield func(T) bool) {
		for e := range s.elements.all(&s.causal) {
			if v, err := s.codec.Decode(e); err == nil && !yield(v) {
				return
			}
		}
	}
}

// TypeName is the name of the type and its codecs; see [Mutable].
func (s *Set[T]) TypeName() string { return "set(" + s.codec.Name() + ")" }

// Size is about how many bytes of memory the set takes.
func (s *Set[T]) Size() int { return s.causal.Size() + s.elements.size() }

// MarshalJSON gives the list of the elements.
func (s *Set[T]) MarshalJSON() ([]byte, error) { return listJSON(s.All()) }

func (*Set[T]) tag() byte { return tagSet }

func (s *Set[T]) valid(payload string) bool { return valid(s.codec, payload) }

func (s *Set[T]) plan(_ Mint, op Op) (change, error) {
	if op.Kind != OpAdd && op.Kind != OpRemove {
		return change{}, op.unknown("set")
	}
	if !s.valid(op.Arg) {
		return change{}, op.malformed("element")
	}
	lost := s.elements.at(&s.causal, op.Arg)
	return change{asserts: op.Kind == OpAdd, payload: op.Arg, lost: lost}, nil
}

func (s *Set[T]) gained(at *site, n uint64, payload string) {
	s.elements.gained(&s.causal, at, n, payload)
}

func (s *Set[T]) lost(at *site, n uint64, payload string) { s.elements.lost(at, n, payload) }
