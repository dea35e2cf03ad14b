package ring

import (
	"math/bits"

	"github.com/cespare/xxhash/v2"

	"github.com/grapevine-go/grapevine/peer"
)

// thrower makes the tokens of one node: one for each partition, at strictly
// rising moments, each partition once, in an order of the node's own.
type thrower struct {
	seed  uint64
	scale float64 // moments a unit of odds
	bits  int     // of a partition
	next  uint32  // how many tokens were thrown
}

func newThrower(id peer.ID, share uint64, partitions int) thrower {
	share = min(max(share, 1), one-one/64)
	return thrower{
		seed:  mix(xxhash.Sum64String(string(id))),
		scale: float64(one-share) / float64(share) * momentUnit,
		bits:  bits.Len(uint(partitions)) - 1,
	}
}

// moment gives when the node throws its next token. The moments are those of
// Pareto sampling (Rosén 1997): u/(1-u) over the odds of the node's share, for
// which the chance of being among the first n is the share itself. u is drawn
// by strata, one from each of the intervals that the partitions cut (0, 1)
// into, which takes most of the luck out of a node's load.
//
// Divisions and products alone are rounded the same on every processor.
func (t *thrower) moment() uint64 {
	jitter := mix(t.seed^uint64(t.next)<<32) >> (32 + t.bits) // 32-bits bits
	u := uint64(t.next)<<(32-t.bits) | jitter
	m := float64(u) / float64(one-u) * t.scale
	if m >= lastMoment {
		return lastMoment
	}
	return uint64(m)
}

// partition gives where the next token goes: the partition's number through a
// permutation keyed by the seed. Each step is invertible modulo the number of
// partitions: odd products, sums, and shifts by half the width or more.
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

// mix is the finalizer of splitmix64: every bit of x changes half of the
// result's.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
