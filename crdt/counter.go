package crdt

import (
	"encoding/json"
	"fmt"
	"math"
)

// Counter counts up and down (the PN-counter of Shapiro et al., 2011, section
// 3.1.3, in the form of Almeida et al., 2018, section 7.4): each actor keeps the
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
	var up, down uint64 // of int64s, as many as there are actors
	for _, s := range c.sites {
		// A lower live dot of the actor is one whose replacement has not arrived.
		if payload, ok := s.live.get(s.live.last()); ok {
			if n := total(payload); n > 0 {
				up = saturate(up, uint64(n))
			} else {
				down = saturate(down, -uint64(n))
			}
		}
	}
	return difference(up, down)
}

// saturate adds.
func saturate(a, b uint64) uint64 {
	if a > math.MaxUint64-b {
		return math.MaxUint64
	}
	return a + b
}

// difference subtracts.
func difference(up, down uint64) int64 {
	if up >= down {
		return int64(min(up-down, math.MaxInt64))
	}
	return -int64(min(down-up, math.MaxInt64))
}

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
