package gossiptest

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/grapevine-go/grapevine/rumor"
)

// mean runs an epidemic over seeds and averages what came of it.
func mean(t *testing.T, e Epidemic, runs int) (m Spread) {
	t.Helper()
	for seed := range runs {
		s, err := e.Run(uint64(seed))
		if err != nil {
			t.Fatal(err)
		}
		if s.Invented != 0 {
			t.Fatalf("seed %d: %d bodies that nobody sent", seed, s.Invented)
		}
		m.Residue += s.Residue / float64(runs)
		m.Traffic += s.Traffic / float64(runs)
		m.Last += s.Last / float64(runs)
		m.Average += s.Average / float64(runs)
	}
	return m
}

// published skips a test that compares means of many runs with what papers say,
// where a run takes twenty times as long: in one thread there is no race to find.
func published(t *testing.T) {
	if underRace {
		t.Skip("the race detector makes too few runs of it affordable")
	}
}

// Demers et al. 1987, Tables 1 to 3: residue, traffic and t_last.
func TestDemers(t *testing.T) {
	published(t)
	const feedback, blind = true, false
	for _, c := range []struct {
		mode                   rumor.Mode
		feedback               bool
		stop                   rumor.Stop
		k                      int
		residue, traffic, last float64
	}{
		{rumor.Push, feedback, rumor.Counter, 1, 0.18, 1.7, 16.8},
		{rumor.Push, feedback, rumor.Counter, 2, 0.037, 3.3, 16.9},
		{rumor.Push, blind, rumor.Coin, 2, 0.20, 1.6, 33},
		{rumor.Push, blind, rumor.Coin, 3, 0.060, 2.8, 32},
		{rumor.Pull, feedback, rumor.Counter, 1, 0.031, 2.7, 17.6},
	} {
		e := Epidemic{Nodes: 1000, Cycles: true, Policy: rumor.Policy{Mode: c.mode, Fanout: 1, Feedback: c.feedback, Stop: c.stop, K: c.k}}
		m := mean(t, e, 200)
		for _, f := range []struct {
			name      string
			got, want float64
		}{{"residue", m.Residue, c.residue}, {"traffic", m.Traffic, c.traffic}, {"t_last", m.Last, c.last}} {
			if math.Abs(f.got/f.want-1) > 0.05 {
				t.Errorf("%v, feedback %t, %v, k=%d: %s %.4g, published %.4g", c.mode, c.feedback, c.stop, c.k, f.name, f.got, f.want)
			}
		}
	}
}

// Demers et al. section 1.4: with a connection limit of 1, pushing leaves less
// than e^-m; with hunting without end the contacts are a permutation and leave
// far less still.
func TestConnectionLimit(t *testing.T) {
	published(t)
	p := rumor.Policy{Mode: rumor.Push, Fanout: 1, Feedback: true, K: 3}
	lambda := func(limit, hunt int) float64 {
		p.ConnectionLimit, p.Hunt = limit, hunt
		m := mean(t, Epidemic{Nodes: 1000, Cycles: true, Policy: p}, 100)
		return -math.Log(m.Residue) / m.Traffic
	}
	free, limited, hunted := lambda(0, 0), lambda(1, 0), lambda(1, 1000)
	if math.Abs(free-1) > 0.02 {
		t.Errorf("without a limit the residue is e^-%.3fm", free)
	}
	if math.Abs(limited-1.33) > 0.05 {
		t.Errorf("with a limit of 1 the residue is e^-%.3fm, expected about 1.33", limited)
	}
	if hunted < limited {
		t.Errorf("hunting makes it worse: e^-%.3fm after e^-%.3fm", hunted, limited)
	}
}

// Pushing and pulling both, the smaller counter alone: less residue.
func TestMinimisation(t *testing.T) {
	published(t)
	p := rumor.Policy{Mode: rumor.PushPull, Fanout: 1, Feedback: true, K: 2}
	without := mean(t, Epidemic{Nodes: 1000, Cycles: true, Policy: p}, 100)
	p.Minimise = true
	with := mean(t, Epidemic{Nodes: 1000, Cycles: true, Policy: p}, 100)
	if with.Residue >= without.Residue {
		t.Errorf("residue %v with minimisation, %v without", with.Residue, without.Residue)
	}
}

// Karp et al. 2000: all are told in log3 n + O(log log n) cycles, by
// O(n log log n) transmissions.
func TestMedianCounter(t *testing.T) {
	published(t)
	p := rumor.Policy{Mode: rumor.PushPull, Fanout: 1, Stop: rumor.MedianCounter, K: 3}
	for _, n := range []int{1000, 10000} {
		m := mean(t, Epidemic{Nodes: n, Cycles: true, Policy: p}, 20)
		if m.Residue > 1e-4 || m.Last > math.Log(float64(n))/math.Log(3)+6 || m.Traffic > 12 {
			t.Errorf("%d nodes: residue %v, last after %v, traffic %v", n, m.Residue, m.Last, m.Traffic)
		}
	}
}

func lan(n int) Epidemic {
	return Epidemic{Nodes: n, Policy: rumor.DefaultPolicy(), Interval: 200 * time.Millisecond, MinDelay: time.Millisecond, MaxDelay: 5 * time.Millisecond}
}

// Structured targets tell everybody exactly K times.
func TestStructuredTellsAll(t *testing.T) {
	for seed := range uint64(20) {
		e := lan(500)
		e.Policy.Resend, e.Policy.Remind = 0, 0
		s, err := e.Run(seed)
		if err != nil {
			t.Fatal(err)
		}
		if s.Residue != 0 || s.Traffic != 4 || s.Last > 1.5 {
			t.Errorf("seed %d: residue %v, traffic %v, last after %v s", seed, s.Residue, s.Traffic, s.Last)
		}
	}
}

func TestEpidemicReplays(t *testing.T) {
	rough := lan(300)
	rough.Loss, rough.Dead, rough.Unknown = 0.2, 0.1, 0.05
	pull := rough
	pull.Policy = rumor.Policy{Mode: rumor.PushPull, Fanout: 1, Digest: true, K: 10, MaxAge: 20}
	cycles := Epidemic{Nodes: 300, Cycles: true, Policy: rumor.Policy{Mode: rumor.PushPull, Fanout: 1, Feedback: true, K: 2, ConnectionLimit: 1, Hunt: 2}}
	for _, e := range []Epidemic{rough, pull, cycles} {
		hashes := make(map[uint64]bool)
		for seed := range uint64(20) {
			a, err := e.Run(seed)
			if err != nil {
				t.Fatal(err)
			}
			if b, _ := e.Run(seed); a != b {
				t.Errorf("seed %d gave\n%+v\nand then\n%+v", seed, a, b)
			}
			hashes[a.Hash] = true
		}
		if len(hashes) != 20 {
			t.Errorf("20 seeds gave %d courses", len(hashes))
		}
	}
}

// Each knob has an effect.
func TestEpidemicKnobs(t *testing.T) {
	calm, err := lan(400).Run(1)
	if err != nil {
		t.Fatal(err)
	}
	run := func(change func(*Epidemic)) Spread {
		e := lan(400)
		change(&e)
		s, err := e.Run(1)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if s := run(func(e *Epidemic) { e.Loss = 0.2 }); s.Lost == 0 || s.Traffic <= calm.Traffic {
		t.Errorf("loss: %+v", s)
	}
	if s := run(func(e *Epidemic) { e.Dead = 0.1 }); s.Alive != 360 || s.Swallowed == 0 {
		t.Errorf("dead: %+v", s)
	}
	if s := run(func(e *Epidemic) { e.Twice = 0.2 }); s.Doubled == 0 || s.Duplicates <= calm.Duplicates || s.Traffic > calm.Traffic+0.1 {
		t.Errorf("twice: %+v", s)
	}
	if s := run(func(e *Epidemic) { e.Cut, e.CutFor = 0.25, time.Hour }); s.Barred == 0 || s.Reached > 300 || s.Reached < 280 {
		t.Errorf("cut: %+v", s)
	}
	if s := run(func(e *Epidemic) { e.Cut, e.CutFor = 0.25, 500*time.Millisecond }); s.Barred == 0 || s.Reached < 390 || s.T99 < 0.5 {
		t.Errorf("a cut that heals while the update is told: %+v", s)
	}
	pull := func(e *Epidemic) {
		e.Policy = rumor.Policy{Mode: rumor.PushPull, Fanout: 1, Digest: true, K: 30, MaxAge: 30}
		e.Joining, e.JoinAt = 0.3, 2*time.Second
	}
	if s := run(pull); s.T50 > 2 || s.T99 < 2 || s.Reached < 395 {
		t.Errorf("nodes that join and ask: %+v", s)
	}
	if s := run(func(e *Epidemic) { e.Joining, e.JoinAt = 0.3, time.Hour }); s.Reached > 320 {
		t.Errorf("nodes that never join: %+v", s)
	}
	if s := run(func(e *Epidemic) { e.MaxDelay = 150 * time.Millisecond }); s.Hash == calm.Hash || s.Reached < 399 {
		t.Errorf("messages that overtake each other: %+v", s)
	}
	if s := run(func(e *Epidemic) { e.Unknown = 0.2 }); s.Hash == calm.Hash || s.Reached < 390 {
		t.Errorf("unknown: %+v", s)
	}
	if s := run(func(e *Epidemic) { e.MinDelay, e.MaxDelay = time.Second, 2*time.Second }); s.T50 < calm.T50+1 {
		t.Errorf("delay: %+v", s)
	}
	if s := run(func(e *Epidemic) { e.Body = 1000 }); s.Bytes < 5*calm.Bytes {
		t.Errorf("body: %+v", s)
	}
	if s := run(func(e *Epidemic) { e.Limit = e.Interval }); s.Residue == 0 || !math.IsInf(s.T100, 1) {
		t.Errorf("limit: %+v", s)
	}
}

func TestEpidemicErrors(t *testing.T) {
	e := Epidemic{Nodes: 1, Loss: 2, Twice: 1, Cut: -1, JoinAt: -1, Dead: -1, Unknown: math.NaN(), MinDelay: -1, Body: -1, Interval: time.Hour}
	_, err := e.Run(1)
	if !errors.Is(err, ErrEpidemic) || !errors.Is(err, rumor.ErrPolicy) {
		t.Errorf("%v", err)
	}
}

// BenchmarkEpidemic spreads one update among 100,000 nodes.
func BenchmarkEpidemic(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := lan(100_000).Run(1); err != nil {
			b.Fatal(err)
		}
	}
}

// Plumtree: after some updates the eager links are a tree, which whoever writes
// uses; bodies that come in vain are below a tenth of those needed, and when
// three in ten nodes crash the names on the lazy links mend it.
func TestTree(t *testing.T) {
	e := Epidemic{Nodes: 500, Interval: 200 * time.Millisecond, MinDelay: time.Millisecond, MaxDelay: 5 * time.Millisecond,
		Policy: rumor.Policy{Mode: rumor.Push, Targets: rumor.Tree, Fanout: 1, K: 3}}
	for _, c := range []struct {
		name       string
		warm       int
		dead, loss float64
	}{{"new", 0, 0, 0}, {"steady", 20, 0, 0}, {"crash", 20, 0.3, 0}, {"loss", 20, 0, 0.05}} {
		e.Warm, e.Dead, e.Loss = c.warm, c.dead, c.loss
		redundancy, residue, last := 0.0, 0.0, 0.0
		const runs = 20
		for seed := range uint64(runs) {
			s, err := e.Run(seed)
			if err != nil {
				t.Fatal(err)
			}
			if s.Invented != 0 {
				t.Fatalf("%s, seed %d: %d bodies that nobody sent", c.name, seed, s.Invented)
			}
			redundancy, residue, last = redundancy+s.Redundancy/runs, residue+s.Residue/runs, max(last, s.Last)
		}
		t.Logf("%s: redundancy %.3f, residue %.2g, last after %.2f s", c.name, redundancy, residue, last)
		if c.warm > 0 && redundancy > 0.1+2*c.loss || c.warm == 0 && redundancy < 0.5 {
			t.Errorf("%s: redundancy %.3f", c.name, redundancy)
		}
		if residue > 0.002 {
			t.Errorf("%s: residue %v", c.name, residue)
		}
	}
}
