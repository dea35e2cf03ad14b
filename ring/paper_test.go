package ring

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// The published figures for random points on a circle (Lamping and Veach,
// "A Fast, Minimal Memory, Consistent Hash Algorithm", table of bucket sizes):
// a standard error of 0.0997 at 100 points a bucket, 0.0316 at 1,000. The first
// check shows that this test measures what the paper did, the second what the
// tokens of this package give without any bound on loads being met.
func TestAgainstPublishedFigures(t *testing.T) {
	const buckets = 1000
	if got := stderr(circle(buckets, 100)); !(math.Abs(got/0.0997-1) < 0.1) {
		t.Errorf("100 random points a bucket: standard error %.4f, published 0.0997", got)
	}
	all, _ := loads(Place(evenNodes(64), 65536, 3))
	if got := stderr(all); !(got < 0.0316) {
		t.Errorf("standard error %.4f, 1,000 random points give 0.0316", got)
	}
}

// circle gives the sizes of buckets between random points of a circle.
func circle(buckets, points int) []int {
	type point struct {
		at     uint32
		bucket int
	}
	rng := rand.New(rand.NewPCG(1, 2))
	all := make([]point, 0, buckets*points)
	for b := range buckets {
		for range points {
			all = append(all, point{rng.Uint32() >> 1, b})
		}
	}
	slices.SortFunc(all, func(a, b point) int { return cmp.Compare(a.at, b.at) })
	sizes := make([]int, buckets)
	for i := 1; i < len(all); i++ {
		sizes[all[i].bucket] += int(all[i].at - all[i-1].at)
	}
	return sizes
}

// stderr is the standard deviation over the mean.
func stderr(sizes []int) float64 {
	mean, sum := 0.0, 0.0
	for _, s := range sizes {
		mean += float64(s) / float64(len(sizes))
	}
	for _, s := range sizes {
		sum += (float64(s) - mean) * (float64(s) - mean)
	}
	return math.Sqrt(sum/float64(len(sizes))) / mean
}
