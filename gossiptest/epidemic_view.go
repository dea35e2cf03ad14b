package gossiptest

import (
	"cmp"
	"iter"
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

func (v *view) Sample(r *rand.Rand, near bool) peer.ID {
	for range draws {
		if i := uint32(r.IntN(v.o.Nodes)); i != v.self && v.knows(i) && !(near && v.o.zone(i) != v.o.zone(v.self)) {
			return v.o.name(i)
		}
	}
	return ""
}

func (v *view) All() iter.Seq[peer.ID] {
	return func(yield func(peer.ID) bool) {
		for i := range uint32(v.o.Nodes) {
			if i != v.self && v.knows(i) && !yield(v.o.name(i)) {
				return
			}
		}
	}
}

func (v *view) Successor(order uint64, near bool) peer.ID {
	next := v.o.order.of(order, near)
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
	n, zones int
	next     map[uint64][]uint32
	near     map[uint64][]uint32
}

func (o *orders) of(number uint64, near bool) []uint32 {
	kept := &o.next
	if near = near && o.zones > 1; near { // in one zone they are the same
		kept = &o.near
	}
	if next, ok := (*kept)[number]; ok {
		return next
	}
	if *kept == nil {
		*kept = make(map[uint64][]uint32)
	}
	next := make([]uint32, o.n)
	line := o.line(number, near)
	for j, i := range line {
		next[i] = line[(j+1)%o.n]
	}
	(*kept)[number] = next
	return next
}

// line gives the members in the order.
func (o *orders) line(number uint64, near bool) []uint32 {
	shift := bits.Len(uint(o.n))
	keys := make([]uint64, o.n)
	for i := range keys {
		keys[i] = mix(number+uint64(i)*0x9e3779b97f4a7c15)>>shift<<shift | uint64(i)
	}
	slices.Sort(keys)
	line := make([]uint32, o.n)
	for j, x := range keys {
		line[j] = uint32(x & (1<<shift - 1))
	}
	if near {
		slices.SortStableFunc(line, func(a, b uint32) int {
			return cmp.Compare(mix(number^uint64(a)%uint64(o.zones)<<32), mix(number^uint64(b)%uint64(o.zones)<<32))
		})
	}
	return line
}

// mix scatters the bits of x (the finaliser of SplitMix).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
