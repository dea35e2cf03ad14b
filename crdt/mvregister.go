package crdt

import (
	"encoding/json"
	"iter"
	"slices"
)

// MaxSiblings is how many concurrent values a multi-value register may hold
// when a write is made, the write included. Joins are not refused: as many more
// may meet as there are replicas that write at once.
const MaxSiblings = 100

// MVRegister is a multi-value register (DeCandia et al., "Dynamo", 2007,
// section 4.4; Almeida et al., 2018): a write replaces what it has
// seen, and concurrent writes stand side by side until one has seen them.
//
//	concurrently        | outcome
//	write x | write y   | x and y
//	write x | reset     | x
//	reset   | reset     | no value
//
// A reader gets all values and [Causal.Context]; a write that carries what the
// reader saw ([MVRegister.WriteOp]) replaces those values, wherever it is made.
type MVRegister[T any] struct {
	Causal[*MVRegister[T]]
	codec Codec[T]
}

// NewMVRegister returns a register of a basic type that was never written.
func NewMVRegister[T Basic]() *MVRegister[T] { return NewMVRegisterOf(Default[T]()) }

// NewMVRegisterOf returns a register of values with the given codec.
func NewMVRegisterOf[T any](codec Codec[T]) *MVRegister[T] {
	r := &MVRegister[T]{codec: codec}
	r.rules = r
	return r
}

// Write replaces what this replica sees by v. The errors are those of
// [Causal.Apply], and [ErrSiblings].
func (r *MVRegister[T]) Write(m Mint, v T) (delta *MVRegister[T], err error) {
	delta, _, err = r.Apply(m, Op{Kind: OpWrite, Arg: r.codec.Encode(v)})
	return delta, err
}

// WriteOp returns the operation that replaces what this replica sees by v,
// wherever it is made.
func (r *MVRegister[T]) WriteOp(v T) Op {
	l := r.liveDots()
	seen := l.context()
	return Op{Kind: OpWrite, Arg: r.codec.Encode(v), Seen: &seen}
}

// All yields the values, each once, in the order of their encodings: none if
// the register was never written or is reset, several after concurrent writes.
func (r *MVRegister[T]) All() iter.Seq[T] {
	return func(yield func(T) bool) {
		for _, payload := range r.payloads() {
			if v, err := r.codec.Decode(payload); err == nil && !yield(v) {
				return
			}
		}
	}
}

// Len returns the number of values that All yields.
func (r *MVRegister[T]) Len() int { return len(r.payloads()) }

// TypeName is the name of the type and its codecs; see [Mutable].
func (r *MVRegister[T]) TypeName() string { return "mvregister(" + r.codec.Name() + ")" }

// MarshalJSON gives the list of the values.
func (r *MVRegister[T]) MarshalJSON() ([]byte, error) { return listJSON(r.All()) }

func (r *MVRegister[T]) empty() *MVRegister[T]     { return NewMVRegisterOf(r.codec) }
func (*MVRegister[T]) tag() byte                   { return tagMVRegister }
func (r *MVRegister[T]) valid(payload string) bool { return valid(r.codec, payload) }

func (r *MVRegister[T]) plan(_ Mint, op Op) (change, error) {
	if op.Kind != OpWrite {
		return change{}, op.unknown("multi-value register")
	}
	if !r.valid(op.Arg) {
		return change{}, op.malformed("value")
	}
	if op.Seen != nil {
		left := 1
		for d := range r.all() {
			if !op.Seen.Contains(d) {
				left++
			}
		}
		if left > MaxSiblings {
			return change{}, ErrSiblings
		}
	}
	return change{asserts: true, payload: op.Arg, lost: r.liveDots()}, nil
}

// payloads returns the different live payloads in order.
func (c *causal) payloads() []string {
	all := make([]string, 0, c.live)
	for _, payload := range c.all() {
		all = append(all, payload)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// listJSON gives a list, which is [] when it is empty.
func listJSON[T any](all iter.Seq[T]) ([]byte, error) {
	list := slices.AppendSeq([]T{}, all)
	return json.Marshal(list)
}
