package crdt

import (
	"encoding/json"
	"fmt"
	"math"
	"math/bits"
)

// Counter counts up and down (the PN-counter of Shapiro et al., 2011, section
// 3.1.3, in the form of Almeida et al., 2018): each actor keeps the
// sum of its own increments under its latest dot.
//
//	concurrently          | outcome
//	add x   | add y       | x + y more
//	add x   | reset       | what the reset saw is gone, and x counts; but see below
//
// A reset is lossy under concurrency: an increment made at the same time stands
// for all that its actor ever counted, and so brings back what the reset took
// of that actor. Who needs an exact reset counts in a new key.
//
// The value is within an int64, as is what one actor counted: a sum beyond it is
// given as the nearest that fits.
type Counter struct{ Causal[*Counter] }

// NewCounter returns a counter at 0.
func NewCounter() *Counter {
	c := &Counter{}
	c.rules = c
	return c
}

// Add counts by amount, which may be negative. The errors are those of
// [Causal.Apply], and [ErrOverflow].
func (c *Counter) Add(m Mint, amount int64) (delta *Counter, err error) {
	delta, _, err = c.Apply(m, Op{Kind: OpIncrement, Amount: amount})
	return delta, err
}

// AddOp returns the operation that counts by amount.
func (*Counter) AddOp(amount int64) Op { return Op{Kind: OpIncrement, Amount: amount} }

// Value returns the sum.
func (c *Counter) Value() int64 {
	var sum wide
	for _, s := range c.sites {
		// A lower live dot of the actor is one whose replacement has not arrived.
		if payload, ok := s.live.get(s.live.last()); ok {
			sum.add(total(payload))
		}
	}
	return sum.int64()
}

// wide is a sum of int64s that does not overflow: 128 bits, in two halves.
type wide struct {
	hi int64
	lo uint64
}

func (w *wide) add(n int64) {
	lo, carry := bits.Add64(w.lo, uint64(n), 0)
	w.lo, w.hi = lo, w.hi+n>>63+int64(carry)
}

// int64 returns the nearest number that fits.
func (w *wide) int64() int64 {
	switch n := int64(w.lo); {
	case w.hi == n>>63:
		return n
	case w.hi < 0:
		return math.MinInt64
	}
	return math.MaxInt64
}

// TypeName is the name of the type and its codecs; see [Mutable].
func (*Counter) TypeName() string { return "counter" }

// MarshalJSON gives the number.
func (c *Counter) MarshalJSON() ([]byte, error) { return json.Marshal(c.Value()) }

func (*Counter) tag() byte       { return tagCounter }
func (*Counter) empty() *Counter { return NewCounter() }

// A payload is the sum of the actor as a varint.
func total(payload string) int64 {
	r := reader{p: payload}
	return unzigzag(r.uvarint())
}

func (*Counter) valid(payload string) bool {
	r := reader{p: payload}
	r.uvarint()
	return r.end("sum") == nil
}

func (c *Counter) plan(m Mint, op Op) (change, error) {
	if op.Kind != OpIncrement {
		return change{}, op.unknown("counter")
	}
	ch := change{asserts: true}
	sum := op.Amount
	if s := c.at(m.Actor); s != nil {
		for n, payload := range s.live.all() {
			ch.lost.add(Dot{s.actor, n})
			sum = total(payload) + op.Amount // the last one counts
		}
		if before := sum - op.Amount; (sum > before) != (op.Amount > 0) && op.Amount != 0 {
			return change{}, fmt.Errorf("%w: %d and %d more", ErrOverflow, before, op.Amount)
		}
	}
	ch.payload = string(appendUvarint(nil, zigzag(sum)))
	return ch, nil
}
