package crdt

import (
	"cmp"
	"encoding/json"
	"fmt"
)

// FirstRegister is a first-write-wins register: of all writes the one with the
// oldest stamp stands, for claims and for what is decided once.
//
//	concurrently         | outcome
//	write x  | write y   | the one with the older stamp
//
// A write that arrives late, but has an older stamp, still replaces what was
// read before: what is read is final only when no older write can be under way.
// It cannot be deleted.
type FirstRegister[T any] struct {
	Pointwise[*FirstRegister[T], string, first]
	codec Codec[T]
}

// first is a write; the zero value is none.
type first struct {
	stamp   Stamp
	payload string
}

// NewFirstRegister returns a register of a basic type that was never written.
func NewFirstRegister[T Basic]() *FirstRegister[T] { return NewFirstRegisterOf(Default[T]()) }

// NewFirstRegisterOf returns a register of values with the given codec.
func NewFirstRegisterOf[T any](codec Codec[T]) *FirstRegister[T] {
	r := &FirstRegister[T]{codec: codec}
	r.rules = r
	return r
}

// Write writes v, which stands if nothing older was written. The errors are
// those of [Pointwise.Apply].
func (r *FirstRegister[T]) Write(m Mint, v T) (delta *FirstRegister[T], err error) {
	delta, _, err = r.Apply(m, r.WriteOp(v))
	return delta, err
}

// WriteOp returns the operation that writes v.
func (r *FirstRegister[T]) WriteOp(v T) Op { return Op{Kind: OpWrite, Arg: r.codec.Encode(v)} }

// Get returns the value and its stamp; false if there is none.
func (r *FirstRegister[T]) Get() (v T, s Stamp, ok bool) {
	f, ok := r.entries.get("")
	if !ok {
		return v, s, false
	}
	v, err := r.codec.Decode(f.payload)
	return v, f.stamp, err == nil
}

// TypeName is the name of the type and its codecs; see [Mutable].
func (r *FirstRegister[T]) TypeName() string { return "firstregister(" + r.codec.Name() + ")" }

// MarshalJSON gives the value, null if there is none.
func (r *FirstRegister[T]) MarshalJSON() ([]byte, error) {
	if v, _, ok := r.Get(); ok {
		return json.Marshal(v)
	}
	return []byte("null"), nil
}

func (*FirstRegister[T]) tag() byte                  { return tagFirstRegister }
func (r *FirstRegister[T]) empty() *FirstRegister[T] { return NewFirstRegisterOf(r.codec) }

func (r *FirstRegister[T]) plan(m Mint, op Op) (string, first, error) {
	switch {
	case op.Kind != OpWrite:
		return "", first{}, op.unknown("first-write-wins register")
	case m.Time == 0:
		return "", first{}, fmt.Errorf("%w: no time", ErrMint)
	case !valid(r.codec, op.Arg):
		return "", first{}, op.malformed("value")
	}
	return "", first{m.Stamp(), op.Arg}, nil
}

// beats reports whether f stands where o is.
func (f first) beats(o first) bool {
	if f.stamp.IsZero() || o.stamp.IsZero() {
		return !f.stamp.IsZero()
	}
	return cmp.Or(f.stamp.Compare(o.stamp), cmp.Compare(f.payload, o.payload)) < 0
}

func (*FirstRegister[T]) join(a, b first) (first, Joined) {
	if b.beats(a) {
		return b, Joined{Changed: true}
	}
	return a, Joined{}
}

func (*FirstRegister[T]) differ(a, b first) (first, bool)     { return a, a.beats(b) }
func (*FirstRegister[T]) split(f first) []first               { return []first{f} }
func (*FirstRegister[T]) weigh(_ string, f first) (int, bool) { return 48 + len(f.payload), true }
func (*FirstRegister[T]) part(dst []byte, _ string, f first) []byte {
	return append(appendStamp(dst, f.stamp), f.payload...)
}

// encode appends nothing, or the stamp and the value to the end.
func (r *FirstRegister[T]) encode(dst []byte, entries *sorted[string, first]) []byte {
	if f, ok := entries.get(""); ok {
		dst = r.part(dst, "", f)
	}
	return dst
}

func (r *FirstRegister[T]) decode(in *reader, yield func(string, first)) {
	if in.p == "" {
		return
	}
	var f first
	if s := in.take(stampSize); s != "" {
		f.stamp, _ = takeStamp([]byte(s))
	}
	f.payload = in.take(uint64(len(in.p)))
	if f.stamp.Time == 0 || !valid(r.codec, f.payload) {
		in.bad = true
		return
	}
	yield("", f)
}
