package crdt

import "iter"

// GrowSet is a set that elements are only put into (the G-set of Shapiro et al.,
// 2011, section 3.3.1).
//
//	concurrently       | outcome
//	add x    | add x   | x is in
//	add x    | add y   | x and y are in
type GrowSet[T any] struct {
	Pointwise[*GrowSet[T], string, present]
	codec Codec[T]
}

// present is true for an element that is in.
type present bool

// NewGrowSet returns an empty set of a basic type.
func NewGrowSet[T Basic]() *GrowSet[T] { return NewGrowSetOf(Default[T]()) }

// NewGrowSetOf returns an empty set of elements with the given codec.
func NewGrowSetOf[T any](codec Codec[T]) *GrowSet[T] {
	s := &GrowSet[T]{codec: codec}
	s.rules = s
	return s
}

// Add puts v in. The errors are those of [Pointwise.Apply].
func (s *GrowSet[T]) Add(m Mint, v T) (delta *GrowSet[T], err error) {
	delta, _, err = s.Apply(m, s.AddOp(v))
	return delta, err
}

// AddOp returns the operation that puts v in.
func (s *GrowSet[T]) AddOp(v T) Op { return Op{Kind: OpAdd, Arg: s.codec.Encode(v)} }

// Contains reports whether v is in.
func (s *GrowSet[T]) Contains(v T) bool {
	in, _ := s.entries.get(s.codec.Encode(v))
	return bool(in)
}

// Len returns the number of elements.
func (s *GrowSet[T]) Len() int { return s.entries.n }

// All yields the elements in the order of their encodings.
func (s *GrowSet[T]) All() iter.Seq[T] {
	return func(yield func(T) bool) {
		for e := range s.entries.all() {
			if v, err := s.codec.Decode(e); err == nil && !yield(v) {
				return
			}
		}
	}
}

// TypeName is the name of the type and its codecs; see [Mutable].
func (s *GrowSet[T]) TypeName() string { return "growset(" + s.codec.Name() + ")" }

// MarshalJSON gives the list of the elements.
func (s *GrowSet[T]) MarshalJSON() ([]byte, error) { return listJSON(s.All()) }

func (*GrowSet[T]) tag() byte               { return tagGrowSet }
func (s *GrowSet[T]) empty() *GrowSet[T]    { return NewGrowSetOf(s.codec) }
func (s *GrowSet[T]) valid(key string) bool { return valid(s.codec, key) }

func (s *GrowSet[T]) plan(_ Mint, op Op) (string, present, error) {
	if op.Kind != OpAdd {
		return "", false, op.unknown("grow-only set")
	}
	if !s.valid(op.Arg) {
		return "", false, op.malformed("element")
	}
	return op.Arg, true, nil
}

func (*GrowSet[T]) join(a, b present) (present, Joined) {
	return a || b, Joined{Changed: bool(b && !a)}
}
func (*GrowSet[T]) differ(a, b present) (present, bool)           { return a, bool(a && !b) }
func (*GrowSet[T]) split(v present) []present                     { return []present{v} }
func (*GrowSet[T]) part(dst []byte, key string, _ present) []byte { return append(dst, key...) }
func (*GrowSet[T]) weigh(key string, _ present) (int, bool)       { return len(key) + 24, true }

func (*GrowSet[T]) encode(dst []byte, entries *sorted[string, present]) []byte {
	return encodeEntries(dst, entries, func(dst []byte, _ present) []byte { return dst })
}

func (s *GrowSet[T]) decode(r *reader, yield func(string, present)) {
	decodeEntries(r, s.valid, func(*reader) present { return true }, yield)
}
