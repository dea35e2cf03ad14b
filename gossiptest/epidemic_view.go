package gossiptest

import (
	"math/bits"
	"math/rand/v2"
	"slices"

	"github.com/grapevine-go/grapevine/peer"
)

// view is one node's knowledge of the members of an epidemic, as
// [rumor.Peers]. It costs no memory of its own: who does not know whom is a
// hash of the pair.
type view struct {
	o    *outbreak
	self uint32
}

// draws bounds the search for a known member where few are known.
const draws = 64

func (v *view) Sample(r *rand.Rand) peer.ID {
	for range draws {
		if i := uint32(r.IntN(v.o.Nodes)); i != v.self && v.knows(i) {
			return v.o.name(i)
		}
	}
	return ""
}

func (v *view) Successor(order uint64) peer.ID {
	next := v.o.order.of(order)
	i := next[v.self]
	for range draws {
		if i == v.self {
			break
		}
		if v.knows(i) {
			return v.o.name(i)
		}
		i = next[i]
	}
	return ""
}

func (v *view) knows(i uint32) bool {
	if v.o.outside(i) {
		return false
	}
	u := v.o.Unknown
	if u == 0 {
		return true
	}
	x := mix(v.o.seed ^ uint64(v.self)<<32 ^ uint64(i))
	return float64(x>>11)/(1<<53) >= u
}

// orders are the members sorted by salted hashes: for each number in use, who
// comes after whom.
type orders struct {
	n    int
	next map[uint64][]uint32
}

func (o *orders) of(number uint64) []uint32 {
	if next, ok := o.next[number]; ok {
		return next
	}
	if o.next == nil {
		o.next = make(map[uint64][]uint32)
	}
	shift := bits.Len(uint(o.n))
	line := make([]uint64, o.n)
	for i := range line {
		line[i] = mix(number+uint64(i)*0x9e3779b97f4a7c15)>>shift<<shift | uint64(i)
	}
	slices.Sort(line)
	next := make([]uint32, o.n)
	for j, x := range line {
		i := x & (1<<shift - 1)
		next[i] = uint32(line[(j+1)%o.n] & (1<<shift - 1))
	}
	o.next[number] = next
	return next
}

// mix scatters the bits of x (the finaliser of SplitMix).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
