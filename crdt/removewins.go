package crdt

import "iter"

// RemoveWinsSet is an observed-remove set in which a remove beats the adds that
// it has not seen (Bieniusa et al., "Semantics of Eventually Consistent Replicated
// Sets", 2012): it is for what must not come back, such as permissions.
//
//	concurrently         | outcome
//	add e    | add e     | e is in
//	add e    | remove e  | e is out
//	remove e | remove e  | e is out
//	add e    | reset     | e is in
//	remove e | reset     | e is out
//
// The latest removes of an element are kept until an add has seen them: one
// entry for each element that was ever removed. A reset lets go of them.
type RemoveWinsSet[T any] struct {
	Causal[*RemoveWinsSet[T]]
	elements elements
	codec    Codec[T]
}

// NewRemoveWinsSet returns an empty set of a basic type.
func NewRemoveWinsSet[T Basic]() *RemoveWinsSet[T] { return NewRemoveWinsSetOf(Default[T]()) }

// NewRemoveWinsSetOf returns an empty set of elements with the given codec.
func NewRemoveWinsSetOf[T any](codec Codec[T]) *RemoveWinsSet[T] {
	s := &RemoveWinsSet[T]{codec: codec}
	s.rules, s.elements.skip = s, 1
	return s
}

// Add puts v in, unless somebody removes it meanwhile. The errors are those of
// [Causal.Apply].
func (s *RemoveWinsSet[T]) Add(m Mint, v T) (delta *RemoveWinsSet[T], err error) {
	delta, _, err = s.Apply(m, Op{Kind: OpAdd, Arg: s.codec.Encode(v)})
	return delta, err
}

// Remove takes v out, also where this replica has not seen it put in, and says
// what it saw. The errors are those of [Causal.Apply].
func (s *RemoveWinsSet[T]) Remove(m Mint, v T) (delta *RemoveWinsSet[T], saw Context, err error) {
	return s.Apply(m, Op{Kind: OpRemove, Arg: s.codec.Encode(v)})
}

// AddOp returns the operation that puts v in.
func (s *RemoveWinsSet[T]) AddOp(v T) Op { return Op{Kind: OpAdd, Arg: s.codec.Encode(v)} }

// RemoveOp returns the operation that takes v out.
func (s *RemoveWinsSet[T]) RemoveOp(v T) Op { return Op{Kind: OpRemove, Arg: s.codec.Encode(v)} }

// Contains reports whether v is in.
func (s *RemoveWinsSet[T]) Contains(v T) bool { return s.in(s.codec.Encode(v)) }

// in reports whether an add of the element stands and no remove does.
func (s *RemoveWinsSet[T]) in(element string) bool {
	at := s.elements.at(&s.causal, element)
	for d := range at.all() {
		if payload, _ := s.at(d.Actor).live.get(d.N); payload[0] == kindRemove {
			return false
		}
	}
	return !at.one.IsZero()
}

// Len returns the number of elements. It takes time in proportion to them.
func (s *RemoveWinsSet[T]) Len() (n int) {
	for range s.All() {
		n++
	}
	return n
}

// All yields the elements, by the actor and number of their oldest entry; equal
// sets yield them in the same order.
func (s *RemoveWinsSet[T]) All() iter.Seq[T] {
	return func(yield func(T) bool) {
		for e := range s.elements.all(&s.causal) {
			if !s.in(e) {
				continue
			}
			if v, err := s.codec.Decode(e); err == nil && !yield(v) {
				return
			}
		}
	}
}

// TypeName is the name of the type and its codecs; see [Mutable].
func (s *RemoveWinsSet[T]) TypeName() string { return "removewins(" + s.codec.Name() + ")" }

// Size is about how many bytes of memory the set takes.
func (s *RemoveWinsSet[T]) Size() int { return s.causal.Size() + s.elements.size() }

// MarshalJSON gives the list of the elements.
func (s *RemoveWinsSet[T]) MarshalJSON() ([]byte, error) { return listJSON(s.All()) }

// First bytes of a payload; the element follows.
const (
	kindRemove = 0
	kindAdd    = 1
)

func (*RemoveWinsSet[T]) tag() byte                  { return tagRemoveWinsSet }
func (s *RemoveWinsSet[T]) empty() *RemoveWinsSet[T] { return NewRemoveWinsSetOf(s.codec) }

func (s *RemoveWinsSet[T]) valid(payload string) bool {
	return payload != "" && payload[0] <= kindAdd && valid(s.codec, payload[1:])
}

func (s *RemoveWinsSet[T]) plan(_ Mint, op Op) (change, error) {
	kind := "\x00"
	switch {
	case op.Kind == OpAdd:
		kind = "\x01"
	case op.Kind != OpRemove:
		return change{}, op.unknown("remove-wins set")
	}
	if !valid(s.codec, op.Arg) {
		return change{}, op.malformed("element")
	}
	return change{asserts: true, payload: kind + op.Arg, lost: s.elements.at(&s.causal, op.Arg)}, nil
}

func (s *RemoveWinsSet[T]) gained(at *site, n uint64, payload string) {
	s.elements.gained(&s.causal, at, n, payload)
}

func (s *RemoveWinsSet[T]) lost(at *site, n uint64, payload string) {
	s.elements.lost(at, n, payload)
}
