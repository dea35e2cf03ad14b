package ring

import "math/bits"

// A node throws its tokens in time, of which a placement uses this much.
const (
	momentUnit = 1 << 30 // by then each node has thrown its share
	lastMoment = 4 * momentUnit
)

// thrower makes the tokens of one node: one for each partition, in an order of
// the node's own, at rising moments.
type thrower struct {
	seed  uint64
	scale float64
	bits  int    // of a partition's number
	next  uint32 // how many tokens were thrown
}

func newThrower(seed, share uint64, partitions int) thrower {
	share = min(max(share, 1), one-one/64)
	return thrower{
		seed:  seed,
		scale: float64(one-share) / float64(share) * momentUnit,
		bits:  bits.Len(uint(partitions)) - 1,
	}
}

// moment gives when the node throws its next token. The moments are those of
// Pareto sampling (Rosén 1997), u/(1-u) over the odds of the node's share, with
// which a node is among the first n of a partition as often as its share says.
// u is drawn by strata, one from each of the intervals into which the
// partitions cut 0 to 1; that takes most of the luck out of a node's load.
//
// Quotients and products of floating-point numbers are the same on every
// processor, as long as nothing is added to them.
func (t *thrower) moment() uint64 {
	luck := mix(t.seed^uint64(t.next)<<32) >> (32 + t.bits)
	u := uint64(t.next)<<(32-t.bits) | luck
	m := float64(u) / float64(one-u) * t.scale
	if m >= lastMoment {
		return lastMoment
	}
	return uint64(m)
}

// partition gives where the next token goes: a permutation of the partitions,
// keyed by the seed. Its steps are invertible modulo a power of two: odd
// products, sums, and shifts by half the width or more.
func (t *thrower) partition() uint32 {
	half := (t.bits + 1) / 2
	mask := uint32(1)<<t.bits - 1
	x := t.next + uint32(t.seed)
	x = x * (uint32(t.seed>>16) | 1) & mask
	x ^= x >> half
	x = x * (uint32(t.seed>>32) | 1) & mask
	x ^= x >> half
	x = (x*(uint32(t.seed>>8)|1) + uint32(t.seed>>40)) & mask
	return x ^ x>>half
}

// mix is the finalizer of splitmix64 (Steele, Lea and Flood 2014): every bit of
// x decides about half of the result's.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
