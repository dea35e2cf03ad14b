package crdt

import (
	"fmt"
	"iter"
)

// LWWMap is a map whose keys are last-writer-wins registers with an expiry: each
// is a [Cell].
//
//	concurrently           | outcome
//	put k x  | put k y     | the one with the newer stamp
//	put k x  | delete k    | the one with the newer stamp
//	put k x  | put l y     | both
//
// A deleted key leaves a tombstone of some hundred bytes, for ever.
type LWWMap[K, T any] struct {
	Pointwise[*LWWMap[K, T], string, Cell]
	cells
	keys   Codec[K]
	values Codec[T]
}

// NewLWWMap returns an empty map of basic types.
func NewLWWMap[K, T Basic]() *LWWMap[K, T] { return NewLWWMapOf(Default[K](), Default[T]()) }

// NewLWWMapOf returns an empty map of keys and values with the given codecs.
func NewLWWMapOf[K, T any](keys Codec[K], values Codec[T]) *LWWMap[K, T] {
	m := &LWWMap[K, T]{keys: keys, values: values}
	m.rules = m
	return m
}

// Put sets the value of the key, hidden from at, in milliseconds since 1970, on;
// 0: it stays. The errors are those of [Pointwise.Apply]; the mint's time must
// be above that of the value that is replaced.
func (m *LWWMap[K, T]) Put(by Mint, key K, v T, at int64) (delta *LWWMap[K, T], err error) {
	delta, _, err = m.Apply(by, m.PutOp(key, v, at))
	return delta, err
}

// Delete takes the key out. The errors are those of Put.
func (m *LWWMap[K, T]) Delete(by Mint, key K) (delta *LWWMap[K, T], err error) {
	delta, _, err = m.Apply(by, m.DeleteOp(key))
	return delta, err
}

// PutOp returns the operation that sets the value of the key; see Put.
func (m *LWWMap[K, T]) PutOp(key K, v T, at int64) Op {
	return Op{Kind: OpWrite, Arg: m.values.Encode(v), To: m.keys.Encode(key), Amount: at}
}

// DeleteOp returns the operation that takes the key out.
func (m *LWWMap[K, T]) DeleteOp(key K) Op { return Op{Kind: OpRemove, To: m.keys.Encode(key)} }

// Get returns the value of the key that a reader sees at now, in milliseconds
// since 1970; false if there is none.
func (m *LWWMap[K, T]) Get(key K, now int64) (v T, ok bool) {
	c, _ := m.entries.get(m.keys.Encode(key))
	return m.read(c, now)
}

func (m *LWWMap[K, T]) read(c Cell, now int64) (v T, ok bool) {
	p, ok := c.Get(now)
	if !ok {
		return v, false
	}
	v, err := m.values.Decode(string(p))
	return v, err == nil
}

// Len returns the number of keys that a reader sees at now, in milliseconds
// since 1970. It takes time in proportion to the keys.
func (m *LWWMap[K, T]) Len(now int64) (n int) {
	for _, c := range m.entries.all() {
		if _, ok := c.Get(now); ok {
			n++
		}
	}
	return n
}

// All yields the keys and values that a reader sees at now, in milliseconds
// since 1970, in the order of the encoded keys.
func (m *LWWMap[K, T]) All(now int64) iter.Seq2[K, T] {
	return func(yield func(K, T) bool) {
		for key, c := range m.entries.all() {
			v, ok := m.read(c, now)
			if k, err := m.keys.Decode(key); ok && err == nil && !yield(k, v) {
				return
			}
		}
	}
}

// TypeName is the name of the type and its codecs; see [Mutable].
func (m *LWWMap[K, T]) TypeName() string {
	return "lwwmap(" + m.keys.Name() + "," + m.values.Name() + ")"
}

// MarshalJSON gives an object; keys that are not strings are printed. Expired
// values are shown: what has expired is the reader's judgement.
func (m *LWWMap[K, T]) MarshalJSON() ([]byte, error) { return objectJSON(m.All(forever)) }

// forever is a time at which nothing has expired.
const forever = -1 << 63

func (*LWWMap[K, T]) tag() byte              { return tagLWWMap }
func (m *LWWMap[K, T]) empty() *LWWMap[K, T] { return NewLWWMapOf(m.keys, m.values) }

func (m *LWWMap[K, T]) plan(by Mint, op Op) (string, Cell, error) {
	if !valid(m.keys, op.To) {
		return "", Cell{}, fmt.Errorf("%w: %q is no key", ErrOperation, op.To)
	}
	old, _ := m.entries.get(op.To)
	c, err := planCell(by, op, &old, func(p string) bool { return valid(m.values, p) })
	return op.To, c, err
}

func (m *LWWMap[K, T]) decode(r *reader, yield func(string, Cell)) {
	decodeEntries(r, func(key string) bool { return valid(m.keys, key) }, func(r *reader) Cell {
		c, err := DecodeCell([]byte(r.string()))
		if err != nil || c.Stamp().IsZero() || !c.Tombstone() && !valid(m.values, string(c.Value.Bytes)) {
			r.bad = true
		}
		return c
	}, yield)
}

// planCell makes the delta of an operation on a register.
func planCell(m Mint, op Op, old *Cell, valid func(string) bool) (c Cell, err error) {
	s := m.Stamp()
	if s.Time == 0 || s.Compare(old.Stamp()) <= 0 {
		return c, fmt.Errorf("%w: stamp %v, the register has seen %v", ErrMint, s, old.Stamp())
	}
	switch op.Kind {
	case OpWrite:
		if !valid(op.Arg) {
			return c, op.malformed("value")
		}
		return Put(s, []byte(op.Arg), op.Amount), nil
	case OpRemove:
		return Delete(s), nil
	case OpExpire:
		if old.Value.Stamp.IsZero() {
			return c, fmt.Errorf("%w: there is nothing to expire", ErrOperation)
		}
		return Expire(s, old.Value.Stamp, op.Amount), nil
	}
	return c, op.unknown("last-writer-wins register")
}

// cells are the rules of entries that are cells.
type cells struct{}

func (cells) join(a, b Cell) (Cell, Joined) {
	j := a.Join(b)
	return a, j
}

func (cells) differ(a, b Cell) (Cell, bool) {
	d := a.Difference(b)
	return d, !d.Stamp().IsZero()
}

func (cells) split(c Cell) (parts []Cell) {
	if !c.Value.Stamp.IsZero() {
		parts = append(parts, Cell{Value: c.Value})
	}
	if !c.Expiry.Stamp.IsZero() {
		parts = append(parts, Cell{Expiry: c.Expiry})
	}
	return parts
}

func (cells) part(dst []byte, key string, c Cell) []byte {
	return c.AppendBinary(appendString(dst, key))
}

func (cells) weigh(key string, c Cell) (int, bool) { return len(key) + c.Size(), !c.Tombstone() }

func (cells) encode(dst []byte, entries *sorted[string, Cell]) []byte {
	var buf []byte
	return encodeEntries(dst, entries, func(dst []byte, c Cell) []byte {
		buf = c.AppendBinary(buf[:0])
		return append(appendUvarint(dst, uint64(len(buf))), buf...)
	})
}
