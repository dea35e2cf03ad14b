package rumor

import (
	"cmp"
	"math/rand/v2"
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/grapevine-go/grapevine/peer"
)

// Members is the plain form of [Peers]: a list, and every other member alike.
// A successor is found in one pass over it, some nanoseconds a member, so that
// no order has to be kept. It is not changed after it is made, and is safe for
// concurrent use.
type Members struct {
	self   uint64
	others []member
}

type member struct {
	id   peer.ID
	hash uint64
}

// NewMembers returns the view that the node self has of the members with the
// given IDs. Repeated ones count once, self not at all; it need not be among
// them.
func NewMembers(self peer.ID, ids []peer.ID) *Members {
	m := &Members{self: xxhash.Sum64String(string(self))}
	for _, id := range ids {
		if id != self && id != "" {
			m.others = append(m.others, member{id, xxhash.Sum64String(string(id))})
		}
	}
	slices.SortFunc(m.others, func(a, b member) int { return cmp.Compare(a.id, b.id) })
	m.others = slices.Compact(m.others)
	return m
}

// Len is the number of members other than the node itself.
func (m *Members) Len() int { return len(m.others) }

// Sample draws a member other than the node itself.
func (m *Members) Sample(r *rand.Rand) peer.ID {
	if len(m.others) == 0 {
		return ""
	}
	return m.others[r.IntN(len(m.others))].id
}

// Successor gives the member whose salted hash follows the node's own.
func (m *Members) Successor(order uint64) peer.ID {
	own := scatter(m.self ^ order)
	best, near := -1, uint64(0)
	for i := range m.others {
		// The distance upwards, around the end; no other member is at 0 unless
		// two IDs have one hash.
		if d := scatter(m.others[i].hash^order) - own - 1; best < 0 || d < near {
			best, near = i, d
		}
	}
	if best < 0 {
		return ""
	}
	return m.others[best].id
}

// Order numbers the n-th order of a rumor's targets, n from 0 to 65535:
// independent for different salts and n.
func Order(salt uint32, n int) uint64 { return scatter(uint64(salt)<<16 + uint64(n)) }

// scatter is a bijection that leaves no pattern: the finaliser of SplitMix
// (Steele, Lea and Flood 2014).
func scatter(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
