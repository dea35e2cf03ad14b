package crdt

import (
	"encoding/json"
	"fmt"
	"iter"
	"math"
)

// GrowCounter counts up (the G-counter of Shapiro et al., 2011, section 3.1.2):
// each actor has an entry of its own that only rises.
//
//	concurrently        | outcome
//	add x   | add y     | x + y more
//
// The entries of actors that are gone stay: two of them can be put together only
// where nobody else does the same at the same time, and a type cannot know that.
type GrowCounter struct {
	Pointwise[*GrowCounter, string, uint64]
	maxima
}

// NewGrowCounter returns a counter at 0.
func NewGrowCounter() *GrowCounter {
	c := &GrowCounter{}
	c.rules = c
	return c
}

// Add counts up by amount, which is at least 1. The errors are those of
// [Pointwise.Apply], and [ErrOverflow]: no entry exceeds an int64.
func (c *GrowCounter) Add(m Mint, amount int64) (delta *GrowCounter, err error) {
	delta, _, err = c.Apply(m, c.AddOp(amount))
	return delta, err
}

// AddOp returns the operation that counts up by amount.
func (*GrowCounter) AddOp(amount int64) Op { return Op{Kind: OpIncrement, Amount: amount} }

// Value returns the sum of all entries; the highest number if it is above that.
func (c *GrowCounter) Value() int64 {
	var sum wide
	for _, n := range c.entries.all() {
		sum.add(int64(n))
	}
	return sum.int64()
}

// All yields each actor's entry, by actor.
func (c *GrowCounter) All() iter.Seq2[Actor, int64] {
	return func(yield func(Actor, int64) bool) {
		for key, n := range c.entries.all() {
			if !yield(Actor([]byte(key)), int64(n)) {
				return
			}
		}
	}
}

// TypeName is the name of the type and its codecs; see [Mutable].
func (*GrowCounter) TypeName() string { return "growcounter" }

// MarshalJSON gives the number.
func (c *GrowCounter) MarshalJSON() ([]byte, error) { return json.Marshal(c.Value()) }

func (*GrowCounter) tag() byte           { return tagGrowCounter }
func (*GrowCounter) empty() *GrowCounter { return NewGrowCounter() }

func (*GrowCounter) decode(r *reader, yield func(string, uint64)) {
	decodeEntries(r, func(key string) bool { return len(key) == len(Actor{}) }, takeMaximum, yield)
}

func (c *GrowCounter) plan(m Mint, op Op) (string, uint64, error) {
	if op.Kind != OpIncrement || op.Amount < 1 {
		return "", 0, fmt.Errorf("%w: kind %d, amount %d at a grow-only counter", ErrOperation, op.Kind, op.Amount)
	}
	key := string(m.Actor[:])
	old, _ := c.entries.get(key)
	sum, err := raise(old, op.Amount)
	return key, sum, err
}

// raise adds amount, which is positive, within an int64.
func raise(n uint64, amount int64) (uint64, error) {
	if n+uint64(amount) > math.MaxInt64 {
		return 0, fmt.Errorf("%w: %d and %d more", ErrOverflow, n, amount)
	}
	return n + uint64(amount), nil
}

// maxima are the rules of entries that rise: numbers from 1 to the highest
// int64, joined by maximum.
type maxima struct{}

func (maxima) join(a, b uint64) (uint64, Joined)      { return max(a, b), Joined{Changed: b > a} }
func (maxima) differ(a, b uint64) (uint64, bool)      { return a, a > b }
func (maxima) split(v uint64) []uint64                { return []uint64{v} }
func (maxima) weigh(key string, _ uint64) (int, bool) { return len(key) + 24, true }

func (maxima) part(dst []byte, key string, v uint64) []byte {
	return appendUvarint(appendString(dst, key), v)
}

func (maxima) encode(dst []byte, entries *sorted[string, uint64]) []byte {
	return encodeEntries(dst, entries, appendUvarint)
}

func takeMaximum(r *reader) uint64 {
	v := r.uvarint()
	r.bad = r.bad || v == 0 || v > math.MaxInt64
	return v
}
