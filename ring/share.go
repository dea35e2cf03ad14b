package ring

import "math/bits"

// one is 1 in the fixed-point numbers of placement, which have 32 fractional
// bits. Placement computes in integers wherever it adds, because a processor
// may fuse a floating-point product and sum, and then nodes would disagree.
const one = 1 << 32

// pour divides total among vessels in proportion to their weights, as far as
// each one's bounds allow. Bisection finds the level at which it is used up.
func pour(total uint64, weights, lo, hi []uint64) []uint64 {
	const fraction = 24 // bits of the level; a level of 2^62 fills every vessel
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
