package pbs

import (
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/grapevine-go/grapevine/quorum"
)

func predict(t testing.TB, m Model, n, w, r, trials int) *Prediction {
	t.Helper()
	p, err := Predict(m, quorum.NWR{N: n, W: quorum.Level(w), R: quorum.Level(r)}, trials, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestExponential has two figures of the paper's section 5.3: the others take a
// millisecond on average, the write four times less or ten times more.
func TestExponential(t *testing.T) {
	one := exponential(1)
	for _, tc := range []struct{ rate, fresh, visible float64 }{{4, .94, 1}, {.1, .41, 65}} {
		p := predict(t, Model{W: exponential(tc.rate), A: one, R: one, S: one}, 3, 1, 1, 200_000)
		if got := p.Fresh(0); math.Abs(got-tc.fresh) > .015 {
			t.Errorf("rate %v: %.3f fresh at once, published %.2f", tc.rate, got, tc.fresh)
		}
		if got := float64(p.Visible(.999)) / ms; math.Abs(got/tc.visible-1) > .1 {
			t.Errorf("rate %v: visible after %.2f ms, published %v", tc.rate, got, tc.visible)
		}
	}
}

// delays are of all sorts, so that ties and zeros occur.
var delays = rapid.Custom(func(t *rapid.T) Delay {
	samples := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) time.Duration {
		return time.Duration(rapid.IntRange(0, 5).Draw(t, "delay"))
	}), 1, 4).Draw(t, "samples")
	return Measured(samples)
})

// TestLaws: overlapping quorums are always fresh; waiting never makes a read
// staler, and Visible inverts Fresh; more acknowledgements take longer.
func TestLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := Model{W: delays.Draw(t, "W"), A: delays.Draw(t, "A"), R: delays.Draw(t, "R"), S: delays.Draw(t, "S"),
			Far: time.Duration(rapid.IntRange(0, 3).Draw(t, "far")), Few: rapid.Bool().Draw(t, "few")}
		n := rapid.IntRange(1, 5).Draw(t, "n")
		q := quorum.NWR{N: n, W: quorum.Level(rapid.IntRange(1, n).Draw(t, "w")), R: quorum.Level(rapid.IntRange(1, n).Draw(t, "r"))}
		seed := rapid.Uint64().Draw(t, "seed")
		run := func(q quorum.NWR) *Prediction {
			p, err := Predict(m, q, 50, rand.New(rand.NewPCG(seed, 0)))
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		p := run(q)
		if q.Fresh() && p.Fresh(0) != 1 {
			t.Errorf("%v: %v fresh at once", q, p.Fresh(0))
		}
		last := 0.0
		for after := range 40 * time.Nanosecond {
			f := p.Fresh(after)
			if f < last {
				t.Errorf("%v: staler after %v", q, after)
			}
			if f > 0 && p.Visible(f) > after {
				t.Errorf("%v: %v of reads are fresh after %v, and visible after %v", q, f, after, p.Visible(f))
			}
			last = f
		}
		if last != 1 {
			t.Errorf("%v: never fresh", q)
		}
		for _, share := range []float64{0, .5, .999, 1} {
			if all := run(quorum.NWR{N: n, W: quorum.Level(n), R: quorum.Level(n)}); p.Write(share) > all.Write(share) || p.Read(share) > all.Read(share) {
				t.Errorf("%v takes longer than all", q)
			}
		}
	})
}

// TestStaler: the chances of section 3.1, and the same drawn at random.
func TestStaler(t *testing.T) {
	for k, want := range []float64{1, 2. / 3, 4. / 9, 8. / 27} {
		if got := Staler(quorum.NWR{N: 3, W: 1, R: 1}, k); math.Abs(got-want) > 1e-12 {
			t.Errorf("k=%d: %v, not %v", k, got, want)
		}
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	for n := 1; n <= 5; n++ {
		for w := 1; w <= n; w++ {
			for r := 1; r <= n; r++ {
				missed := 0
				const trials = 20_000
				for range trials {
					met := false
					for _, i := range rnd.Perm(n)[:r] {
						met = met || i < w
					}
					if !met {
						missed++
					}
				}
				got := Staler(quorum.NWR{N: n, W: quorum.Level(w), R: quorum.Level(r)}, 1)
				if math.Abs(got-float64(missed)/trials) > .02 {
					t.Errorf("N=%d W=%d R=%d: %.3f, drawn %.3f", n, w, r, got, float64(missed)/trials)
				}
			}
		}
	}
}

func TestPredictErrors(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	if _, err := Predict(LinkedInSSD, quorum.NWR{N: 3, W: 4, R: 1}, 1, rnd); !errors.Is(err, quorum.ErrLevel) {
		t.Error(err)
	}
	for _, trials := range []int{-1, 0, MaxTrials + 1} {
		if _, err := Predict(LinkedInSSD, quorum.NWR{N: 3, W: 1, R: 1}, trials, rnd); err == nil {
			t.Errorf("%d trials", trials)
		}
	}
}

// TestHugeDelays: sums of the longest delays do not overflow.
func TestHugeDelays(t *testing.T) {
	huge := Pareto(time.Hour, .01)
	p := predict(t, Model{W: huge, A: huge, R: huge, S: huge}, 3, 2, 1, 1000)
	if p.Write(0) < time.Hour || p.Read(0) < time.Hour || p.Visible(1) < 0 {
		t.Errorf("%v, %v, %v", p.Write(0), p.Read(0), p.Visible(1))
	}
}

func BenchmarkPredict(b *testing.B) {
	b.ReportAllocs()
	rnd := rand.New(rand.NewPCG(1, 2))
	for b.Loop() {
		if _, err := Predict(LinkedInDisk, quorum.NWR{N: 3, W: 1, R: 1}, 1000, rnd); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/trial")
}

// TestNothingPredicted: the zero choice, which is the advice where there is none,
// can be looked at.
func TestNothingPredicted(t *testing.T) {
	best, ok := Advise(nil, Goal{Fresh: .999})
	if ok || best.Meets(Goal{Fresh: .999}) || !strings.Contains(best.String(), "nothing is predicted") {
		t.Errorf("%v, %t", best, ok)
	}
}
