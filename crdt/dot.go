package crdt

import (
	"cmp"
	"errors"
	"fmt"
)

// Dot names one mutation of a causal value: the N-th of its actor, from 1.
//
// An actor numbers its mutations across all keys, strictly rising, so that no
// number is ever given twice, whatever the fate of a key. The dots of one key
// therefore have gaps, which mean nothing.
type Dot struct {
	Actor Actor
	N     uint64 // 1 to MaxDot
}

// MaxDot is the highest number of a dot. Readings of a [Clock] can serve as
// numbers until the year 4199.
const MaxDot = 1 << 62

// Compare orders dots by actor, then by number: it returns -1, 0 or +1.
func (d Dot) Compare(o Dot) int {
	if c := d.Actor.Compare(o.Actor); c != 0 {
		return c
	}
	return cmp.Compare(d.N, o.N)
}

// IsZero reports whether d is no dot.
func (d Dot) IsZero() bool { return d == Dot{} }

// String gives the first bytes of the actor and the number, "0a000000:7".
func (d Dot) String() string { return fmt.Sprintf("%x:%d", d.Actor[:4], d.N) }

// Mint is what a node gives to one mutation: a dot that was never given before
// and a reading of its clock. A type uses the one or the other.
type Mint struct {
	Dot
	Time Time
}

// Stamp returns the stamp of the mutation.
func (m Mint) Stamp() Stamp { return Stamp{Time: m.Time, Actor: m.Actor} }

var (
	// ErrMint is wrapped when a mint cannot be used: its dot is zero, above
	// [MaxDot], or not above every dot of its actor that the value has seen, or
	// its time is zero where a stamp is needed. Nothing changed.
	ErrMint = errors.New("crdt: unusable mint")
	// ErrOperation is wrapped when a type does not know an operation or not its
	// argument. Nothing changed.
	ErrOperation = errors.New("crdt: not an operation of this type")
	// ErrOverflow is wrapped when a counter would leave its range. Nothing
	// changed.
	ErrOverflow = errors.New("crdt: counter overflow")
	// ErrSiblings is wrapped when a write would leave more concurrent values in
	// a multi-value register than allowed. Nothing changed.
	ErrSiblings = errors.New("crdt: too many concurrent values")
	// ErrRights is wrapped when an actor would take from a bounded counter more
	// than it owns. Nothing changed.
	ErrRights = errors.New("crdt: not enough rights")
	// ErrRange is wrapped when an index is outside a list. Nothing changed.
	ErrRange = errors.New("crdt: index out of range")
	// ErrPart is wrapped when a mutation is tried on a value inside a map: only
	// the map can make it. Nothing changed.
	ErrPart = errors.New("crdt: value is part of a map")
)
