package pbs

import (
	"math"
	"math/rand/v2"
	"time"
)

// Delay is a distribution of delays: each call draws one, from a source that is
// not used by anybody else meanwhile.
type Delay func(*rand.Rand) time.Duration

// Pareto returns delays of at least least, with a tail that falls by the power
// of shape; both are above 0.
func Pareto(least time.Duration, shape float64) Delay {
	return func(r *rand.Rand) time.Duration {
		return scale(least, math.Pow(1-r.Float64(), -1/shape))
	}
}

// Exponential returns delays of the given mean.
func Exponential(mean time.Duration) Delay {
	return func(r *rand.Rand) time.Duration { return scale(mean, r.ExpFloat64()) }
}

// Mix draws from a in the given share of cases, 0 to 1, and else from b.
func Mix(share float64, a, b Delay) Delay {
	return func(r *rand.Rand) time.Duration {
		if r.Float64() < share {
			return a(r)
		}
		return b(r)
	}
}

// Measured draws from samples, each as likely as the other. They are not
// copied, and must be at least one.
func Measured(samples []time.Duration) Delay {
	return func(r *rand.Rand) time.Duration { return samples[r.IntN(len(samples))] }
}

// scale multiplies within what a Duration can hold.
func scale(d time.Duration, by float64) time.Duration {
	return time.Duration(min(float64(d)*by, float64(longest)))
}

// longest is the longest delay: sums of a few do not overflow.
const longest = time.Duration(math.MaxInt64 / 8)
