package gossiptest

import (
	"strings"
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

// TestCountedHints: where a hint counts as one of W, at a fallback or at the
// coordinator, although it is promised that W owners have a write, writes that ended
// well are lost, and the checkers see it. Where it is known to count, less is
// promised and holds; and where hints do not count, all holds in the same seeds.
func TestCountedHints(t *testing.T) {
	const ms = time.Millisecond
	for _, workload := range []string{"registers", "sets", "counters"} {
		t.Run(workload, func(t *testing.T) {
			t.Parallel()
			run := Run{Nodes: 4, Keys: 40, Sweep: time.Minute, Timeout: 300 * ms, Workload: workload,
				Faults: Faults{MinDelay: ms, MaxDelay: 20 * ms, Crash: time.Second, Partition: 2 * time.Second}}
			known, broken := run, run
			known.CountHints = true
			broken.Broken = "hints-count"
			fallbacks, hints, lost := 0, 0, false
			for seed := range uint64(200) {
				for name, run := range map[string]Run{"they do not": run, "that is known": known} {
					run.Seed = seed
					rep := Simulate(run)
					for _, v := range rep.Violations {
						t.Errorf("seed %d, hints count, %s: %v", seed, name, v)
					}
					fallbacks, hints = fallbacks+rep.Faults.Fallbacks, hints+rep.Faults.Hints
				}
				broken.Seed = seed
				for _, v := range Simulate(broken).Violations {
					if !lost && (strings.HasPrefix(v.Invariant, "lost") || v.Invariant == "count") {
						t.Logf("seed %d: %v", seed, v)
						lost = true
					}
				}
				if lost && seed >= seeds(20) {
					break
				}
			}
			t.Logf("%d fallbacks and %d hints counted", fallbacks, hints)
			if !lost || fallbacks == 0 || hints == 0 {
				t.Errorf("something was lost in 200 seeds: %t", lost)
			}
		})
	}
}
