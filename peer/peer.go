// Package peer names the members of a cluster.
//
// A node has three names that are easily confused and must not be:
//
//   - its [ID], the configured name: unique in the cluster, kept across
//     restarts, the unit in which the ring counts;
//   - its [Boot], new at each start: what tells a node that came back empty
//     from the one that went away;
//   - its [Actor], derived from both: what stamps values and mints dots. An
//     actor never comes back, so lost state can never reuse its numbers.
//
// The package is a leaf: it imports nothing of the library.
package peer

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cespare/xxhash/v2"
)

// ID is the configured name of a node, unique in its cluster: 1 to [MaxID]
// bytes of letters, digits, '.', '_' and '-'.
type ID string

// MaxID is the length limit of an ID in bytes. It keeps a member's metadata
// inside one membership packet.
const MaxID = 128

// ErrID is wrapped by the errors of [ID.Validate].
var ErrID = errors.New("peer: invalid id")

// Validate reports whether the ID can name a node. The error wraps [ErrID].
func (id ID) Validate() error {
	if id == "" {
		return fmt.Errorf("%w: empty", ErrID)
	}
	if len(id) > MaxID {
		return fmt.Errorf("%w: %d bytes, at most %d", ErrID, len(id), MaxID)
	}
	for i := range len(id) {
		c := id[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '_', c == '-':
		default:
			return fmt.Errorf("%w: %q has %q at byte %d; letters, digits, '.', '_' and '-' are allowed", ErrID, string(id), c, i)
		}
	}
	return nil
}

// Boot is one life of a node: a counter that the cluster remembers for the ID
// and a random nonce. The zero Boot is no boot.
type Boot struct {
	Counter uint64 // one more than the last boot the cluster knew, from 1
	Nonce   uint64 // random, so that two starts that know nothing of each other differ
}

// Compare orders boots by counter, then by nonce: it returns -1, 0 or +1.
func (b Boot) Compare(o Boot) int {
	if c := cmp.Compare(b.Counter, o.Counter); c != 0 {
		return c
	}
	return cmp.Compare(b.Nonce, o.Nonce)
}

// IsZero reports whether b is no boot at all.
func (b Boot) IsZero() bool { return b == Boot{} }

// String gives the counter and the nonce, "3.9f86d081884c7d65".
func (b Boot) String() string { return fmt.Sprintf("%d.%016x", b.Counter, b.Nonce) }

// Actor is the 128-bit name under which one life of a node stamps values.
type Actor [16]byte

// NewActor derives the actor of a boot of a node. Different boots of one ID
// give different actors, as their nonces differ.
func NewActor(id ID, b Boot) Actor {
	var a Actor
	h := xxhash.Sum64String(string(id))
	binary.BigEndian.PutUint64(a[:8], h+b.Counter)
	binary.BigEndian.PutUint64(a[8:], b.Nonce)
	return a
}

// String gives the actor in hexadecimal.
func (a Actor) String() string { return fmt.Sprintf("%x", a[:]) }
