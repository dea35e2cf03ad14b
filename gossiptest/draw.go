package gossiptest

import (
	"math"
	"math/rand/v2"
	"time"
)

// Draw draws a run from a seed: the size of the cluster, which faults there
// are, and how strong they are, log-uniformly, so that mild and harsh ones are
// equally likely. All of the library's promises hold in every run that it
// draws.
func Draw(seed uint64) Run {
	d := drawer{rand.New(rand.NewPCG(seed, 0x64726177))}
	run := Run{
		Seed: seed, Keys: 1 + d.IntN(16), Clients: 2 + d.IntN(8), Partitions: 1 << d.IntN(6), ReadRepair: d.maybe(),
		Active: 12 * time.Second, Timeout: d.duration(300*time.Millisecond, 2*time.Second), Sweep: d.duration(500*time.Millisecond, 8*time.Second),
	}
	// With R+W > N a read meets every write, with W > N/2 a write every other.
	levels := [][3]int{{3, 2, 2}, {3, 2, 2}, {3, 2, 2}, {3, 3, 1}, {3, 2, 3}, {2, 2, 1}, {5, 3, 3}}
	level := levels[d.IntN(len(levels))]
	run.N, run.W, run.R = level[0], level[1], level[2]
	run.Nodes = run.N + d.IntN(4)
	run.Faults = d.faults()
	if run.Faults.Churn > 0 {
		run.Spares = 1 + d.IntN(3)
	}
	run.Blocking, run.Sessions = d.maybe(), d.maybe()
	run.Workload = [...]string{"registers", "registers", "sets", "counters"}[d.IntN(4)]
	run.Retry = d.maybe()
	run.Compare = d.maybe()
	return run
}

func (d drawer) faults() (f Faults) {
	f.MinDelay = d.duration(100*time.Microsecond, 2*time.Millisecond)
	f.MaxDelay = d.duration(2*time.Millisecond, 200*time.Millisecond)
	if d.maybe() {
		f.Loss = d.log(.01, .2)
	}
	if d.maybe() {
		f.Duplicate = d.log(.01, .2)
	}
	if d.maybe() {
		f.Straggle = d.log(.001, .05)
	}
	if d.maybe() {
		f.Skew = d.duration(time.Millisecond, 250*time.Millisecond)
	}
	if d.maybe() {
		f.Crash = d.duration(time.Second, 8*time.Second)
	}
	if d.maybe() {
		f.Pause = d.duration(time.Second, 8*time.Second)
	}
	if d.maybe() {
		f.Partition = d.duration(time.Second, 8*time.Second)
		f.Asymmetric = d.maybe()
	}
	if d.maybe() {
		f.Churn = d.duration(500*time.Millisecond, 8*time.Second)
	}
	return f
}

// drawer draws from a source of its own, so that a run's course and its
// description do not depend on each other.
type drawer struct{ *rand.Rand }

func (d drawer) maybe() bool { return d.IntN(2) == 0 }

// log draws from [low, high), each order of magnitude alike.
func (d drawer) log(low, high float64) float64 {
	return low * math.Exp(d.Float64()*math.Log(high/low))
}

func (d drawer) duration(low, high time.Duration) time.Duration {
	return time.Duration(d.log(float64(low), float64(high)))
}
