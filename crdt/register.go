package crdt

import (
	"encoding/json"
	"fmt"
	"iter"
)

// Register is a last-writer-wins register of a type: a [Cell] with a codec.
//
//	concurrently         | outcome
//	set x    | set y     | the one with the newer stamp
//	set x    | delete    | the one with the newer stamp
//	set x    | expire    | the expiry counts if x is not newer than what it is for
//
// Its encoding is that of the cell.
type Register[T any] struct {
	Cell
	codec Codec[T]
}

// NewRegister returns a register of a basic type that was never written.
func NewRegister[T Basic]() *Register[T] { return NewRegisterOf(Default[T]()) }

// NewRegisterOf returns a register of values with the given codec.
func NewRegisterOf[T any](codec Codec[T]) *Register[T] { return &Register[T]{codec: codec} }

// Set sets the value, hidden from at, in milliseconds since 1970, on; 0: it
// stays. The error wraps [ErrMint]: the mint's time is not above what the
// register has seen. Then nothing changed.
func (r *Register[T]) Set(m Mint, v T, at int64) (delta *Register[T], err error) {
	delta, _, err = r.Apply(m, r.SetOp(v, at))
	return delta, err
}

// SetOp returns the operation that sets the value; see Set.
func (r *Register[T]) SetOp(v T, at int64) Op {
	return Op{Kind: OpWrite, Arg: r.codec.Encode(v), Amount: at}
}

// DeleteOp returns the operation that deletes the value.
func (*Register[T]) DeleteOp() Op { return Op{Kind: OpRemove} }

// ExpireOp returns the operation that sets when the present value expires, in
// milliseconds since 1970; 0: it stays.
func (*Register[T]) ExpireOp(at int64) Op { return Op{Kind: OpExpire, Amount: at} }

// Get returns the value that a reader sees at now, in milliseconds since 1970;
// false if there is none.
func (r *Register[T]) Get(now int64) (v T, ok bool) {
	p, ok := r.Cell.Get(now)
	if !ok {
		return v, false
	}
	v, err := r.codec.Decode(string(p))
	return v, err == nil
}

// TypeName is the name of the type and its codecs; see [Mutable].
func (r *Register[T]) TypeName() string { return "register(" + r.codec.Name() + ")" }

// MarshalJSON gives the value, also an expired one; null if there is none.
func (r *Register[T]) MarshalJSON() ([]byte, error) {
	if v, ok := r.Get(forever); ok {
		return json.Marshal(v)
	}
	return []byte("null"), nil
}

func (r *Register[T]) with(c Cell) *Register[T] { return &Register[T]{c, r.codec} }

// Join joins d, which then shares the value's bytes, and returns what changed:
// nil if that is nothing.
func (r *Register[T]) Join(d *Register[T]) *Register[T] {
	if d == nil {
		return nil
	}
	changed := d.Difference(r)
	r.Cell.Join(d.Cell)
	return changed
}

// Difference returns what this register has and o lacks; nil if that is nothing.
func (r *Register[T]) Difference(o *Register[T]) *Register[T] {
	var theirs Cell
	if o != nil {
		theirs = o.Cell
	}
	d := r.Cell.Difference(theirs)
	if d.Stamp().IsZero() {
		return nil
	}
	return r.with(d)
}

// Parts yields the value and the expiry, as far as they are there.
func (r *Register[T]) Parts() iter.Seq[*Register[T]] {
	return func(yield func(*Register[T]) bool) {
		for _, c := range (cells{}).split(r.Cell) {
			if !yield(r.with(c)) {
				return
			}
		}
	}
}

// Clone returns a copy. Values are never changed in place.
func (r *Register[T]) Clone() *Register[T] { return r.with(r.Cell) }

// Apply makes the operation at this replica and returns the delta; the context
// is always empty. On an error, which wraps [ErrMint] or [ErrOperation], nothing
// changed.
func (r *Register[T]) Apply(m Mint, op Op) (delta *Register[T], saw Context, err error) {
	c, err := planCell(m, op, &r.Cell, func(p string) bool { return valid(r.codec, p) })
	if err != nil {
		return nil, saw, err
	}
	r.Cell.Join(c)
	return r.with(c), saw, nil
}

// ApplyBinary makes an operation and appends its delta; see [Mutable].
func (r *Register[T]) ApplyBinary(m Mint, op Op, dst []byte) ([]byte, Context, error) {
	d, saw, err := r.Apply(m, op)
	if err != nil {
		return dst, saw, err
	}
	return d.AppendBinary(dst), saw, nil
}

// decode decodes a cell that refers to p's bytes, if its value is one of the
// codec.
func (r *Register[T]) decode(p []byte) (Cell, error) {
	c, err := DecodeCell(p)
	if err == nil && !c.Tombstone() && !valid(r.codec, string(c.Value.Bytes)) {
		err = fmt.Errorf("%w: value is no %s", ErrCorrupt, r.codec.Name())
	}
	return c, err
}

// JoinBinary joins an encoded cell; see [State].
func (r *Register[T]) JoinBinary(delta []byte) (Joined, error) {
	if _, err := r.decode(delta); err != nil {
		return Joined{}, err
	}
	return r.Cell.JoinBinary(delta)
}

// JoinChanges joins an encoded cell and appends what changed; see [Mutable].
func (r *Register[T]) JoinChanges(delta, dst []byte) ([]byte, Joined, error) {
	d, err := r.decode(delta)
	if err != nil {
		return dst, Joined{}, err
	}
	if news := d.Difference(r.Cell); !news.Stamp().IsZero() {
		dst = news.AppendBinary(dst)
	}
	j, err := r.Cell.JoinBinary(delta)
	return dst, j, err
}

// AppendOutline appends nothing: a cell has no outline; see [Mutable].
func (r *Register[T]) AppendOutline(dst []byte) []byte { return dst }

// DifferenceBinary appends what the encoded cell lacks; see [Mutable].
func (r *Register[T]) DifferenceBinary(other, dst []byte) ([]byte, error) {
	o, err := r.decode(other)
	if err != nil {
		return dst, err
	}
	if d := r.Cell.Difference(o); !d.Stamp().IsZero() {
		dst = d.AppendBinary(dst)
	}
	return dst, nil
}
