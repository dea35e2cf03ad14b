package gossiptest

import (
	"fmt"
	"reflect"
	"testing"
	"time"
)

// TestFaultsHaveEffect: each knob does what it says, seen in what it alone can
// cause; without it that does not happen.
func TestFaultsHaveEffect(t *testing.T) {
	const ms = time.Millisecond
	calm := Run{Seed: 7, Spares: 2, Clients: 1, Active: 8 * time.Second, Faults: Faults{MinDelay: ms, MaxDelay: 5 * ms}}
	knobs := map[string]struct {
		turn   func(r *Run)
		effect func(r *Report) int
	}{
		"Loss":       {func(r *Run) { r.Faults.Loss = .1 }, func(r *Report) int { return r.Faults.Lost }},
		"Duplicate":  {func(r *Run) { r.Faults.Duplicate = .1 }, func(r *Report) int { return r.Faults.Duplicated }},
		"Straggle":   {func(r *Run) { r.Faults.Straggle = .1 }, func(r *Report) int { return r.Faults.Straggled }},
		"MinDelay":   {func(r *Run) { r.Faults.MinDelay, r.Faults.MaxDelay = 40*ms, 50*ms }, slow},
		"MaxDelay":   {func(r *Run) { r.Faults.MaxDelay = 200 * ms }, slow},
		"Skew":       {func(r *Run) { r.Faults.Skew = 250 * ms }, func(r *Report) int { return int(r.Stats.Restamped) }},
		"Crash":      {func(r *Run) { r.Faults.Crash = 2 * time.Second }, func(r *Report) int { return r.Faults.Crashes * r.Faults.Restarts }},
		"Pause":      {func(r *Run) { r.Faults.Pause = 2 * time.Second }, func(r *Report) int { return r.Faults.Pauses }},
		"Partition":  {func(r *Run) { r.Faults.Partition = 2 * time.Second }, func(r *Report) int { return r.Faults.Parts * r.Faults.Cut }},
		"Asymmetric": {func(r *Run) { r.Faults.Partition, r.Faults.Asymmetric = 500*ms, true }, func(r *Report) int { return r.Faults.OneWay }},
		"Churn":      {func(r *Run) { r.Faults.Churn = time.Second }, func(r *Report) int { return r.Faults.Joins * r.Faults.Leaves }},
		"Overlap": {func(r *Run) { r.Faults.Churn, r.Faults.Overlap = 200*ms, true }, func(r *Report) int {
			return over(r.Faults.Joins+r.Faults.Leaves, changesInTurn(calm))
		}},
	}
	for i := range reflect.TypeFor[Faults]().NumField() {
		name := reflect.TypeFor[Faults]().Field(i).Name
		k, ok := knobs[name]
		if !ok {
			t.Errorf("nobody tests that %s has an effect", name)
			continue
		}
		run := calm
		k.turn(&run)
		without, with := 0, 0
		for seed := range uint64(4) { // one alone may not draw what the knob is about
			calm.Seed, run.Seed = seed, seed
			a, b := Simulate(calm), Simulate(run)
			without, with = without+k.effect(a), with+k.effect(b)
			for _, v := range append(a.Violations, b.Violations...) {
				t.Errorf("%s, seed %d: %v", name, seed, v)
			}
		}
		if without != 0 || with == 0 {
			t.Errorf("%s: effect %d without it, %d with it", name, without, with)
		}
	}
}

// over is how far n is above a level that is reached without the fault.
func over(n, level int) int { return max(n-level, 0) }

// slow counts operations that took longer than messages of 5 ms can cause.
func slow(r *Report) (n int) {
	for _, o := range r.History.Ops {
		if o.Outcome == Applied && o.Return-o.Invoke > 60*time.Millisecond {
			n++
		}
	}
	return n
}

// changesInTurn is how many nodes come and go if each waits for the one before.
func changesInTurn(run Run) int {
	run.Faults.Churn = 200 * time.Millisecond
	r := Simulate(run)
	return r.Faults.Joins + r.Faults.Leaves
}

// TestRunHasEffect: so do the other settings.
func TestRunHasEffect(t *testing.T) {
	lossy := Run{Seed: 3, Active: 8 * time.Second, Faults: Faults{Loss: .2, MinDelay: time.Millisecond, MaxDelay: 20 * time.Millisecond}}
	repairing := lossy
	repairing.ReadRepair = true
	if a, b := Simulate(lossy).Stats.Repairs, Simulate(repairing).Stats.Repairs; a != 0 || b == 0 {
		t.Errorf("%d repairs without ReadRepair, %d with it", a, b)
	}
	blocking := lossy
	blocking.Blocking = true
	if a, b := Simulate(lossy).Stats.Mended, Simulate(blocking).Stats.Mended; a != 0 || b == 0 {
		t.Errorf("%d owners repaired before reads returned, %d with Blocking", a, b)
	}
	sessions := lossy
	sessions.Sessions = true
	if a, b := Simulate(lossy).Sessions, Simulate(sessions).Sessions; a != (SessionCounts{}) || b.Begun < 6 || b.Resumed == 0 {
		t.Errorf("%+v without Sessions, %+v with it", a, b)
	}
	busy := lossy
	busy.Clients = 20
	if a, b := len(Simulate(lossy).History.Ops), len(Simulate(busy).History.Ops); b < 2*a {
		t.Errorf("%d operations of 6 clients, %d of 20", a, b)
	}
	one := lossy
	one.Keys = 1
	keys := make(map[string]bool)
	for _, o := range Simulate(one).History.Ops {
		keys[o.Key] = true
	}
	if len(keys) != 1 {
		t.Errorf("%d keys", len(keys))
	}
	crashing := lossy
	crashing.Keys, crashing.Faults.Crash = 30, 2*time.Second
	comparing := crashing
	comparing.Compare = true
	if a, b := Simulate(crashing).Stats.FillSessions, Simulate(comparing).Stats.FillSessions; a != 0 || b == 0 {
		t.Errorf("%d fills by sessions, %d where fills compare whatever they have", a, b)
	}
	slowSweep := lossy
	slowSweep.Sweep = 20 * time.Second
	if a, b := Simulate(lossy).Stats.DigestsDiffer, Simulate(slowSweep).Stats.DigestsDiffer; a <= b {
		t.Errorf("%d differing digests, %d with fewer sweeps", a, b)
	}
}

// TestDrawHasAll: every fault is drawn, and left out, in some seed.
func TestDrawHasAll(t *testing.T) {
	const without = " (none)"
	seen := make(map[string]bool)
	for seed := range uint64(200) {
		run := Draw(seed)
		if run.R+run.W <= run.N || 2*run.W <= run.N || run.Nodes < run.N {
			t.Fatalf("seed %d: %+v promises no freshness", seed, run)
		}
		v := reflect.ValueOf(run.Faults)
		for i := range v.NumField() {
			name := v.Type().Field(i).Name
			if v.Field(i).IsZero() {
				name += without
			}
			seen[name] = true
		}
	}
	for i := range reflect.TypeFor[Faults]().NumField() {
		name := reflect.TypeFor[Faults]().Field(i).Name
		always := name == "MinDelay" || name == "MaxDelay"
		never := name == "Overlap" // one case of it is open
		if seen[name] == never || seen[name+without] == always {
			t.Errorf("%s is drawn: %t; left out: %t", name, seen[name], seen[name+without])
		}
	}
}

// TestFormsAlways: clusters of all sizes form, also with clocks that disagree.
func TestFormsAlways(t *testing.T) {
	for nodes := 1; nodes <= 9; nodes++ {
		c := newCluster(Run{Seed: uint64(nodes), Nodes: nodes, Faults: Faults{Skew: time.Second}}.withDefaults())
		if !c.form() {
			t.Errorf("%d nodes: %v", nodes, c.Nodes)
		}
		if got := fmt.Sprint(c.Nodes[0]); got != "n0 (life 1)" {
			t.Error(got)
		}
	}
}
