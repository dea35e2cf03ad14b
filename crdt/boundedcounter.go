package crdt

import (
	"encoding/json"
	"fmt"
	"math"
)

// BoundedCounter is a counter that is never below 0, at any replica, without
// asking anybody (Balegas et al., "Extending Eventually Consistent Cloud
// Databases for Enforcing Numeric Invariants", 2015). Who counts up
// owns the right to count down by as much; rights can be given to another actor,
// and who has none cannot take. Another bound than 0 is an offset that the
// application adds.
//
//	concurrently          | outcome
//	add x    | add y      | x + y more
//	add x    | take y     | x - y more
//	take x   | take y     | x + y less: each had the right
//	transfer | take       | both: each had the right
//
// Its limits: rights are known to their owner alone, so a take can be refused
// while the value is high; [BoundedCounter.Rights] tells whom to ask. What an
// actor owns when it disappears can never be taken by anybody. And an actor must
// not act from an older state than its own latest, or it spends twice: a node
// that lost its memory is another actor.
type BoundedCounter struct {
	Pointwise[*BoundedCounter, string, uint64]
	maxima
}

// NewBoundedCounter returns a counter at 0.
func NewBoundedCounter() *BoundedCounter {
	c := &BoundedCounter{}
	c.rules = c
	return c
}

// Add counts up by amount, which is at least 1, and gives the mint's actor the
// right to take as much. The errors are those of [Pointwise.Apply], and
// [ErrOverflow]: no entry exceeds an int64.
func (c *BoundedCounter) Add(m Mint, amount int64) (delta *BoundedCounter, err error) {
	delta, _, err = c.Apply(m, c.AddOp(amount))
	return delta, err
}

// Take counts down by amount, which is at least 1. The errors are those of
// [Pointwise.Apply], and [ErrRights]: the mint's actor has not the right.
func (c *BoundedCounter) Take(m Mint, amount int64) (delta *BoundedCounter, err error) {
	delta, _, err = c.Apply(m, c.AddOp(-amount))
	return delta, err
}

// Transfer gives amount of the rights of the mint's actor to another. The errors
// are those of Take.
func (c *BoundedCounter) Transfer(m Mint, amount int64, to Actor) (delta *BoundedCounter, err error) {
	delta, _, err = c.Apply(m, c.TransferOp(amount, to))
	return delta, err
}

// AddOp returns the operation that counts by amount: down, if it is negative.
func (*BoundedCounter) AddOp(amount int64) Op { return Op{Kind: OpIncrement, Amount: amount} }

// TransferOp returns the operation that gives rights to another actor.
func (*BoundedCounter) TransferOp(amount int64, to Actor) Op {
	return Op{Kind: OpTransfer, Amount: amount, To: string(to[:])}
}

// An entry is what an actor gave to another, under both (to itself: what it
// added), or what it took, under the actor alone. So each is changed by one
// actor only, and only rises.

// Value returns the sum, at least 0: where a take has arrived before the add
// that it lives on, the add is still missing.
func (c *BoundedCounter) Value() int64 {
	var sum wide
	for key, n := range c.entries.all() {
		switch from, to := parties(key); {
		case to == "":
			sum.add(-int64(n))
		case from == to:
			sum.add(int64(n))
		}
	}
	return max(0, sum.int64())
}

// Rights returns how much the actor may take, as far as this replica knows: what
// the actor took and gave away may not have arrived here, nor at the actor what
// it was given.
func (c *BoundedCounter) Rights(a Actor) int64 {
	var sum wide
	for key, n := range c.entries.all() {
		from, to := parties(key)
		if to == string(a[:]) {
			sum.add(int64(n))
		} else if from == string(a[:]) {
			sum.add(-int64(n))
		}
	}
	return max(0, sum.int64())
}

func parties(key string) (from, to string) {
	const n = len(Actor{})
	return key[:n], key[n:]
}

// TypeName is the name of the type and its codecs; see [Mutable].
func (*BoundedCounter) TypeName() string { return "boundedcounter" }

// MarshalJSON gives the number.
func (c *BoundedCounter) MarshalJSON() ([]byte, error) { return json.Marshal(c.Value()) }

func (*BoundedCounter) tag() byte              { return tagBoundedCounter }
func (*BoundedCounter) empty() *BoundedCounter { return NewBoundedCounter() }

func (*BoundedCounter) decode(r *reader, yield func(string, uint64)) {
	const n = len(Actor{})
	decodeEntries(r, func(key string) bool { return len(key) == n || len(key) == 2*n }, takeMaximum, yield)
}

func (c *BoundedCounter) plan(m Mint, op Op) (key string, n uint64, err error) {
	from, amount := string(m.Actor[:]), op.Amount
	switch {
	case op.Kind == OpIncrement && amount > 0:
		key = from + from
	case op.Kind == OpIncrement && amount < 0 && amount != math.MinInt64:
		key, amount = from, -amount
	case op.Kind == OpTransfer && amount > 0 && len(op.To) == len(from) && op.To != from:
		key = from + op.To
	default:
		return "", 0, fmt.Errorf("%w: kind %d, amount %d at a bounded counter", ErrOperation, op.Kind, op.Amount)
	}
	if has := c.Rights(m.Actor); key != from+from && has < amount {
		return "", 0, fmt.Errorf("%w: %d of %d", ErrRights, has, amount)
	}
	old, _ := c.entries.get(key)
	n, err = raise(old, amount)
	return key, n, err
}
