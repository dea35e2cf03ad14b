package rumor

import (
	"cmp"
	"iter"
	"math/bits"
	"math/rand/v2"
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/grapevine-go/grapevine/peer"
)

// Members is the plain form of [Peers]: a list. A successor is found in one pass
// over it, some nanoseconds a member, so that no order has to be kept. It is not
// changed after it is made, and is safe for concurrent use.
type Members struct {
	self   place
	others []member // by ID
	near   []peer.ID
}

// member is a member with what orders sort it by.
type member struct {
	id peer.ID
	place
}

// place is the hashes of a zone and of a member.
type place struct{ zone, member uint64 }

// Member is a member of a cluster, as far as rumors are concerned.
type Member struct {
	ID   peer.ID
	Zone string // members of one zone are near each other; empty is a zone too
}

// NewMembers returns the view that a node has of the members. Repeated ones
// count once, the node itself not at all; it need not be among them.
func NewMembers(self Member, all []Member) *Members {
	at := func(x Member) place { return place{xxhash.Sum64String(x.Zone), xxhash.Sum64String(string(x.ID))} }
	m := &Members{self: at(self)}
	for _, o := range all {
		if o.ID != self.ID && o.ID != "" {
			m.others = append(m.others, member{o.ID, at(o)})
		}
	}
	slices.SortFunc(m.others, func(a, b member) int { return cmp.Compare(a.id, b.id) })
	m.others = slices.CompactFunc(m.others, func(a, b member) bool { return a.id == b.id })
	for _, o := range m.others {
		if o.zone == m.self.zone {
			m.near = append(m.near, o.id)
		}
	}
	return m
}

// Len is the number of members other than the node itself.
func (m *Members) Len() int { return len(m.others) }

// Sample implements [Peers].
func (m *Members) Sample(r *rand.Rand, near bool) peer.ID {
	switch {
	case len(m.others) == 0:
		return ""
	case near && len(m.near) > 0:
		return m.near[r.IntN(len(m.near))]
	}
	return m.others[r.IntN(len(m.others))].id
}

// All implements [Peers].
func (m *Members) All() iter.Seq[peer.ID] {
	return func(yield func(peer.ID) bool) {
		for _, o := range m.others {
			if !yield(o.id) {
				return
			}
		}
	}
}

// Successor implements [Peers].
func (m *Members) Successor(order uint64, near bool) peer.ID {
	own := m.self.in(order, near)
	best, least := -1, place{}
	for i := range m.others {
		// The distance upwards, around the end; no other member is at 0 unless
		// two IDs have one hash.
		if d := m.others[i].in(order, near).after(own); best < 0 || d.less(least) {
			best, least = i, d
		}
	}
	if best < 0 {
		return ""
	}
	return m.others[best].id
}

// in is where an order has a place. One that is not near has all in one zone.
func (p place) in(order uint64, near bool) place {
	p.member = scatter(p.member ^ order)
	if near {
		p.zone = scatter(p.zone ^ order)
	} else {
		p.zone = 0
	}
	return p
}

// after is the distance upwards from q to p, less one, of numbers of 128 bits.
func (p place) after(q place) place {
	low, borrow := bits.Sub64(p.member, q.member, 1)
	high, _ := bits.Sub64(p.zone, q.zone, borrow)
	return place{high, low}
}

func (p place) less(q place) bool {
	return p.zone < q.zone || p.zone == q.zone && p.member < q.member
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
