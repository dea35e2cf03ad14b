package ring

import "math/bits"

// one is 1 in the fixed-point numbers of this file, which have 32 fractional
// bits. Placement computes in integers wherever it adds, because a processor
// may fuse a floating-point product and sum, and then nodes would disagree.
const one = 1 << 32

// spread says how many of a partition's owners a zone holds.
type spread struct {
	least []int // owners that every partition has in the zone
	free  int   // owners of a partition beyond the least, at most one a zone
}

// newSpread deals n owners out to the zones in rounds, one to each zone that
// still has a node. The round that does not go all the way round is left free.
func newSpread(sizes []int, n int) spread {
	s := spread{least: make([]int, len(sizes))}
	for round := 1; n > 0; round++ {
		open := 0
		for _, size := range sizes {
			if size >= round {
				open++
			}
		}
		if open == 0 || open > n {
			break
		}
		n -= open
		for z, size := range sizes {
			if size >= round {
				s.least[z]++
			}
		}
	}
	s.free = n
	return s
}

// shares gives each node the mean number of partitions of a hundred per cent
// (fixed point, 0 to one) that it is to own: in proportion to the weights, as
// far as no node owns a partition twice and the zones stay spread.
func shares(t *topology, s spread, n int) []uint64 {
	lo, hi := make([]uint64, len(t.sizes)), make([]uint64, len(t.sizes))
	for z, size := range t.sizes {
		lo[z] = uint64(s.least[z]) * one
		hi[z] = uint64(min(s.least[z]+1, size)) * one
	}
	zones := fill(t.zoneWeights, lo, hi, uint64(n)*one)
	out := make([]uint64, len(t.nodes))
	for z, members := range t.zones {
		weights := make([]uint64, len(members))
		for k, i := range members {
			weights[k] = uint64(t.nodes[i].Weight)
		}
		none, all := make([]uint64, len(members)), make([]uint64, len(members))
		for k := range all {
			all[k] = one
		}
		for k, share := range fill(weights, none, all, zones[z]) {
			out[members[k]] = share
		}
	}
	return out
}

// fill pours total into vessels in proportion to their weights, each between
// its bounds: the water level is found by bisection.
func fill(weights, lo, hi []uint64, total uint64) []uint64 {
	const fraction = 24 // of the level; a level below 2^62 fills every vessel
	at := func(i int, level uint64) uint64 {
		h, l := bits.Mul64(level, weights[i])
		if h>>fraction > 0 {
			return hi[i]
		}
		return min(max(h<<(64-fraction)|l>>fraction, lo[i]), hi[i])
	}
	level := uint64(0)
	for bit := uint64(1) << 61; bit > 0; bit >>= 1 {
		sum := uint64(0)
		for i := range weights {
			sum += at(i, level|bit)
		}
		if sum <= total {
			level |= bit
		}
	}
	out := make([]uint64, len(weights))
	for i := range out {
		out[i] = at(i, level)
	}
	return out
}
