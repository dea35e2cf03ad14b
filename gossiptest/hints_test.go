package gossiptest

import (
	"testing"
	"time"
)

// TestHintsHaveAnEffect: where nodes are cut off, hints bring most of what
// comparisons had to find without them, and promise as much as before.
func TestHintsHaveAnEffect(t *testing.T) {
	run := Run{Nodes: 5, Keys: 40, Active: 20 * time.Second, Sweep: 2 * time.Second,
		Faults: Faults{MaxDelay: 20 * time.Millisecond, Loss: 0.02, Partition: 6 * time.Second}}
	var with, without uint64
	for seed := range uint64(6) {
		run.Seed = seed + 1
		for _, run.NoHints = range []bool{false, true} {
			rep := Simulate(run)
			for _, v := range rep.Violations {
				t.Errorf("seed %d, no hints %t: %v", run.Seed, run.NoHints, v)
			}
			if run.NoHints {
				without += rep.Stats.Swept
			} else {
				with += rep.Stats.Swept
			}
		}
	}
	t.Logf("comparisons brought %d entries with hints, %d without", with, without)
	if with >= without {
		t.Error("hints have no effect")
	}
}
