package crdt

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/dchest/siphash"
)

// Actor is the 128-bit name under which one life of a node writes. It is
// supplied by the node and never reused.
type Actor [16]byte

// Compare orders actors by their bytes: it returns -1, 0 or +1.
func (a Actor) Compare(o Actor) int { return bytes.Compare(a[:], o[:]) }

// Stamp is when and by whom a register was written. Stamps are totally
// ordered: by time, then by actor. The zero Stamp precedes every other.
type Stamp struct {
	Time  Time
	Actor Actor
}

// Compare returns -1, 0 or +1.
func (s Stamp) Compare(o Stamp) int {
	if c := cmp.Compare(s.Time, o.Time); c != 0 {
		return c
	}
	return s.Actor.Compare(o.Actor)
}

// IsZero reports whether s is no stamp.
func (s Stamp) IsZero() bool { return s == Stamp{} }

// String gives the time and the first bytes of the actor.
func (s Stamp) String() string { return fmt.Sprintf("%v@%x", s.Time, s.Actor[:4]) }

// State is a replicated value as a store keeps it. It changes only by joins,
// which commute, associate and are idempotent. A State is not safe for
// concurrent use; its owner holds a lock.
type State interface {
	// JoinBinary joins an encoded state or delta and says what that did. It
	// keeps no reference to delta. On an error, which wraps ErrCorrupt or
	// ErrVersion, the state is unchanged.
	JoinBinary(delta []byte) (Joined, error)
	// AppendBinary appends the canonical encoding: equal states give equal
	// bytes.
	AppendBinary(dst []byte) []byte
	// Fingerprint returns a keyed digest that is equal for equal states and,
	// but for a chance of 2^-64 and less, only for them. A type may keep the
	// digest up to date from then on: with the key of the call before, it only
	// reads; with another key it is a change, which needs the writer's lock.
	Fingerprint(k Key) Fingerprint
	// Tombstone reports that the state is kept for its version alone: there is
	// nothing in it that a user could read.
	Tombstone() bool
	// Size is about how many bytes of memory the state takes.
	Size() int
}

// Joined is what a join did.
type Joined struct {
	// Changed: the state is not what it was before.
	Changed bool
	// Dominated is the stamp of what was found to be newer than the delta (or
	// than a part of it); zero when nothing was. A register's writer that is
	// dominated by a write which ended before its own began stamps above this
	// and writes again.
	Dominated Stamp
}

var (
	// ErrCorrupt is wrapped by every decoding error: the bytes are not a state
	// of this type. Nothing changed.
	ErrCorrupt = errors.New("crdt: corrupt encoding")
	// ErrVersion is wrapped when the bytes were written in a newer format than
	// this program knows. Nothing changed.
	ErrVersion = errors.New("crdt: unknown encoding version")
)

// Key keys fingerprints, so that nobody who does not know it can aim at
// collisions.
type Key [16]byte

// Fingerprint is a 128-bit digest of a state.
type Fingerprint [16]byte

// IsZero reports whether f is the fingerprint of nothing.
func (f Fingerprint) IsZero() bool { return f == Fingerprint{} }

// Add returns the sum of two fingerprints, each half modulo 2^64. Sums are how
// a set of entries is digested: each is added once, in any order.
func (f Fingerprint) Add(o Fingerprint) Fingerprint {
	return f.combine(o, func(a, b uint64) uint64 { return a + b })
}

// Sub takes o out of the sum, each half modulo 2^64.
func (f Fingerprint) Sub(o Fingerprint) Fingerprint {
	return f.combine(o, func(a, b uint64) uint64 { return a - b })
}

func (f Fingerprint) combine(o Fingerprint, op func(a, b uint64) uint64) Fingerprint {
	var r Fingerprint
	binary.LittleEndian.PutUint64(r[:8], op(binary.LittleEndian.Uint64(f[:8]), binary.LittleEndian.Uint64(o[:8])))
	binary.LittleEndian.PutUint64(r[8:], op(binary.LittleEndian.Uint64(f[8:]), binary.LittleEndian.Uint64(o[8:])))
	return r
}

// Sum digests p under the key with SipHash-2-4 (Aumasson and Bernstein, 2012),
// 128 bits.
func (k Key) Sum(p []byte) Fingerprint {
	lo, hi := siphash.Hash128(binary.LittleEndian.Uint64(k[:8]), binary.LittleEndian.Uint64(k[8:]), p)
	var f Fingerprint
	binary.LittleEndian.PutUint64(f[:8], lo)
	binary.LittleEndian.PutUint64(f[8:], hi)
	return f
}
