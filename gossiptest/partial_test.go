package gossiptest

import (
	"testing"
	"time"
)

// TestPartialQuorums: with R+W <= N reads are stale now and then, and the checker
// sees it; in the same seeds, with R+W > N, they are not.
func TestPartialQuorums(t *testing.T) {
	const ms = time.Millisecond
	for _, levels := range []struct{ w, r, freshW, freshR int }{{1, 1, 2, 2}, {1, 2, 2, 2}, {2, 1, 3, 1}} {
		run := Run{Nodes: 5, W: levels.w, R: levels.r, Keys: 3, Sweep: 30 * time.Second, NoHints: true,
			Faults: Faults{Loss: .05, MinDelay: ms, MaxDelay: 50 * ms}}
		fresh := run
		fresh.W, fresh.R = levels.freshW, levels.freshR
		stale := 0
		for seed := uint64(0); seed < 50 && stale == 0; seed++ {
			run.Seed, fresh.Seed = seed, seed
			for _, v := range Check(&Simulate(run).History, nil) { // the run itself does not ask for what is not promised
				if v.Invariant == "freshness" {
					stale++
				}
			}
			for _, v := range Simulate(fresh).Violations {
				t.Errorf("seed %d, W=%d R=%d: %v", seed, fresh.W, fresh.R, v)
			}
		}
		if stale == 0 {
			t.Errorf("W=%d R=%d: no stale read in 50 seeds", levels.w, levels.r)
		}
	}
}
