package quorum

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

func TestRepairPolicyValidate(t *testing.T) {
	for _, p := range []RepairPolicy{{}, {Mode: RepairBlocking}, {Mode: RepairOff}, {Sample: .5}, {Sample: 1, PerSecond: 1e6}, {PerSecond: .1}} {
		if err := p.Validate(); err != nil {
			t.Errorf("%+v: %v", p, err)
		}
	}
	for _, p := range []RepairPolicy{{Mode: 3}, {Sample: -.1}, {Sample: 1.1}, {Sample: math.NaN()}, {PerSecond: -1}, {PerSecond: math.NaN()}, {PerSecond: math.Inf(1)}} {
		if err := p.Validate(); !errors.Is(err, ErrPolicy) {
			t.Errorf("%+v: %v", p, err)
		}
	}
	all := RepairPolicy{Mode: 9, Sample: 2, PerSecond: -1}.Validate().(interface{ Unwrap() []error }).Unwrap()
	if len(all) != 3 {
		t.Errorf("%d problems told: %v", len(all), all)
	}
}

// allowed counts the reads that a gate lets through, of n at even distances.
func allowed(p RepairPolicy, n int, every time.Duration) (through int) {
	g, rand, now := NewRepairGate(p), rand.New(rand.NewPCG(1, 2)), start
	for range n {
		if g.Allow(now, rand.Uint64()) {
			through++
		}
		now = now.Add(every)
	}
	return through
}

func TestRepairGate(t *testing.T) {
	for _, tc := range []struct {
		p         RepairPolicy
		low, high int // of 10,000 reads, one a millisecond
	}{
		{RepairPolicy{}, 10_000, 10_000},
		{RepairPolicy{Sample: 1}, 10_000, 10_000},
		{RepairPolicy{Sample: .1}, 900, 1100},
		{RepairPolicy{PerSecond: 50}, 540, 560}, // ten seconds, and the burst
		{RepairPolicy{PerSecond: .5}, 5, 6},
		{RepairPolicy{Sample: .1, PerSecond: 50}, 500, 560},
		{RepairPolicy{PerSecond: 1e6}, 10_000, 10_000},
	} {
		if got := allowed(tc.p, 10_000, time.Millisecond); got < tc.low || got > tc.high {
			t.Errorf("%+v: %d", tc.p, got)
		}
	}
	if got := allowed(RepairPolicy{PerSecond: 10}, 100, 0); got != 10 {
		t.Errorf("%d at once", got)
	}
}

func TestRepairModes(t *testing.T) {
	for m, want := range map[RepairMode]string{RepairAsync: "async", RepairBlocking: "blocking", RepairOff: "off", 7: "repair mode 7"} {
		if got := m.String(); got != want {
			t.Errorf("%d is %q", m, got)
		}
	}
	for _, tc := range [][4]int{{3, 2, 2, 2}, {3, 3, 1, 3}, {3, 2, 3, 2}, {3, 1, 1, 3}, {5, 3, 3, 3}, {2, 2, 1, 2}, {3, 1, 3, 1}} {
		if got := Keep(tc[0], tc[1], tc[2]); got != tc[3] || got+tc[2] <= tc[0] {
			t.Errorf("N=%d W=%d R=%d: %d must have it", tc[0], tc[1], tc[2], got)
		}
	}
}
