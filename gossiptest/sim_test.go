package gossiptest

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"
)

var (
	simSeeds = flag.Uint64("sim.seeds", 1000, "how many seeds TestSim runs")
	simFirst = flag.Uint64("sim.first", 0, "the first of them")
	simSeed  = flag.Int64("sim.seed", -1, "run this seed alone and, with -v, print its events")
)

// seeds returns how many seeds to run where n would be right.
func seeds(n uint64) uint64 {
	if underRace {
		return max(n/50, 1)
	}
	return n
}

// TestSim draws runs from seeds: all promises hold in each, and each replays to
// the same hash.
func TestSim(t *testing.T) {
	if *simSeed >= 0 {
		runOne(t, Draw(uint64(*simSeed)))
		return
	}
	const batches = 8
	n := seeds(*simSeeds)
	for b := range uint64(batches) {
		t.Run(fmt.Sprint(b), func(t *testing.T) {
			t.Parallel()
			for i := b; i < n; i += batches {
				twice(t, Draw(*simFirst+i))
			}
		})
	}
}

// twice carries out a run and replays it.
func twice(t *testing.T, run Run) *Report {
	seed := run.Seed
	r, again := Simulate(run), Simulate(run)
	same := r.Hash == again.Hash && r.Events == again.Events
	for _, v := range r.Violations {
		t.Errorf("seed %d: %v", seed, v)
	}
	if !same {
		t.Errorf("seed %d: %d events with hash %x, replayed %d with %x", seed, r.Events, r.Hash, again.Events, again.Hash)
	}
	if !same || len(r.Violations) > 0 {
		t.Logf("replay: go test ./gossiptest -run='^%s$' -sim.seed=%d -v", strings.Split(t.Name(), "/")[0], seed)
	}
	return r
}

// runOne carries out a run and tells everything.
func runOne(t *testing.T, run Run) {
	t.Logf("%+v", run)
	if testing.Verbose() {
		run.Trace = func(line string) { fmt.Println(line) }
	}
	r := Simulate(run)
	for _, o := range r.History.Ops {
		t.Log(o)
	}
	t.Logf("%d events, hash %x, agreed after %v; %+v %+v", r.Events, r.Hash, r.Took, r.Faults, r.Stats)
	for _, v := range r.Violations {
		t.Error(v)
	}
}

// TestSeedsDiffer: a hash that is always the same would replay as well.
func TestSeedsDiffer(t *testing.T) {
	seen := make(map[uint64]uint64)
	for seed := range uint64(5) {
		run := Draw(0)
		run.Seed, run.Active = seed, time.Second
		h := Simulate(run).Hash
		if other, ok := seen[h]; ok {
			t.Errorf("seeds %d and %d have the hash %x", other, seed, h)
		}
		seen[h] = seed
	}
}

// TestControls: with a safety rule switched off the checkers find what it
// prevents, in some seed; with it, they find nothing in the same seeds.
func TestControls(t *testing.T) {
	const ms = time.Millisecond
	empty := Run{Nodes: 3, Sweep: 8 * time.Second, Clients: 8, Keys: 30, Timeout: 2 * time.Second,
		Faults: Faults{Loss: .15, MinDelay: ms, MaxDelay: 300 * ms, Crash: 1500 * ms}}
	skewed := Run{Nodes: 5, Keys: 4, Clients: 2, Sweep: 30 * time.Second, Faults: Faults{MinDelay: ms, MaxDelay: 5 * ms, Skew: 250 * ms}}
	churn := Run{Nodes: 4, Spares: 3, Clients: 10, Keys: 16, Partitions: 16, Sweep: 8 * time.Second,
		Faults: Faults{MinDelay: ms, MaxDelay: 20 * ms, Churn: 500 * ms, Overlap: true, Partition: time.Minute}} // cuts at the changes alone
	lossy := Run{Nodes: 3, Keys: 30, Faults: Faults{Loss: .2, MinDelay: ms, MaxDelay: 20 * ms}}
	failing := Run{Nodes: 5, Keys: 3, Sweep: 30 * time.Second, Timeout: 300 * time.Millisecond, Blocking: true,
		Faults: Faults{Loss: .3, MinDelay: ms, MaxDelay: 20 * ms}}
	quiet := Run{Nodes: 3, Keys: 30, Sweep: 500 * time.Millisecond, Active: 4 * time.Second, Quiet: 10 * time.Second, Faults: Faults{MinDelay: ms, MaxDelay: 5 * ms}}
	again := Run{Workload: "counters", Keys: 20, Retry: true, Timeout: 300 * time.Millisecond, Faults: Faults{Loss: .15, Duplicate: .05, MinDelay: ms, MaxDelay: 20 * ms}}
	reborn := Run{Workload: "counters", Keys: 8, Nodes: 3, Faults: Faults{MinDelay: ms, MaxDelay: 300 * ms, Crash: 2 * time.Second}}
	rejoined := reborn
	rejoined.Workload = "sets"
	for _, c := range []struct {
		broken string
		run    Run
	}{{"no-window", again}, {"rebind", again}, {"unsynced-mints", reborn}, {"unsynced-mints", rejoined}, {"no-blocking", failing}, {"unsynced-counts", empty}, {"fill-from-one", empty}, {"no-restamp", skewed}, {"stale-root", lossy},
		{"drop-level", lossy}, {"fold-twice", quiet}} {
		t.Run(strings.TrimSuffix(c.broken+" "+c.run.Workload, " "), func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(200) {
				whole, broken := violations(c.run, seed, c.broken)
				for _, v := range whole {
					t.Errorf("seed %d, nothing switched off: %v", seed, v)
				}
				if len(broken) > 0 {
					t.Logf("seed %d: %v", seed, broken[0])
					return
				}
			}
			t.Error("nothing was noticed in 200 seeds")
		})
	}
	t.Run("no-barrier", func(t *testing.T) { // of changes at the same time one case is open: it is rare
		t.Parallel()
		const n = 40
		if seeds(n) < n {
			t.Skip("too few seeds to compare how often")
		}
		whole, broken := 0, 0
		for seed := range uint64(n) {
			a, b := violations(churn, seed, "no-barrier")
			whole, broken = whole+min(len(a), 1), broken+min(len(b), 1)
		}
		t.Logf("violations in %d seeds, with the rule in %d", broken, whole)
		if broken == 0 || broken < 2*whole {
			t.Error("the rule makes no difference")
		}
	})
}

// violations runs a seed with nothing switched off, and with a rule; without
// hints, which heal much of what a rule breaks.
func violations(run Run, seed uint64, rule string) (whole, broken []Violation) {
	run.Seed, run.NoHints = seed, true
	whole = Simulate(run).Violations
	run.Broken = rule
	return whole, Simulate(run).Violations
}

// TestSimQuiet: once all owners agree, whatever the faults were, comparisons go on
// and none differs. And where nothing is lost, nothing is ever repaired, whatever is
// written meanwhile.
func TestSimQuiet(t *testing.T) {
	t.Parallel()
	differ := uint64(0)
	for seed := range seeds(*simSeeds / 10) {
		run := Draw(*simFirst + seed)
		run.Quiet = 12 * run.Sweep
		for _, v := range Simulate(run).Violations {
			t.Errorf("seed %d: %v", *simFirst+seed, v)
		}
		run = Draw(*simFirst + seed)
		run.Spares, run.Faults, run.ReadRepair, run.Blocking = 0, Faults{MinDelay: run.Faults.MinDelay, MaxDelay: run.Faults.MaxDelay}, false, false
		run.Sweep, run.Timeout = max(run.Sweep, 2*time.Second), 2*time.Second
		s := Simulate(run).Stats
		if s.Swept > 0 {
			t.Errorf("seed %d: %d false repairs in %d comparisons", *simFirst+seed, s.Swept, s.DigestsEqual+s.DigestsDiffer)
		}
		differ += s.DigestsDiffer
	}
	if differ == 0 {
		t.Error("no comparison met a write that was on its way")
	}
}

// TestOverlap lets nodes join and leave without waiting for each other.
func TestOverlap(t *testing.T) {
	t.Parallel()
	changes := 0
	for seed := range seeds(100) {
		r := Simulate(Run{Seed: seed, Nodes: 4, Spares: 3, Keys: 16, Partitions: 16, Sweep: 8 * time.Second, Faults: Faults{
			Loss: .05, MinDelay: time.Millisecond, MaxDelay: 50 * time.Millisecond, Skew: 250 * time.Millisecond,
			Churn: time.Second, Overlap: true, Crash: 4 * time.Second, Pause: 4 * time.Second,
		}})
		for _, v := range r.Violations {
			t.Errorf("seed %d: %v", seed, v)
		}
		changes += r.Faults.Joins + r.Faults.Leaves
	}
	t.Logf("%d nodes joined or left", changes)
}

func BenchmarkSimulate(b *testing.B) {
	seed := uint64(0)
	b.ReportAllocs()
	for b.Loop() {
		Simulate(Draw(seed))
		seed++
	}
}
