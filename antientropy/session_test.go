package antientropy

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/merkle"
)

var strategies = []Strategy{Hybrid, Rateless, Merkle, Full, Checksum, PeelBack}

func check(t *testing.T, strategy Strategy, seed uint64, a, b map[uint64]uint64) outcome {
	t.Helper()
	x, y, o := reconcile(t, strategy, seed, newReplica(a), newReplica(b))
	if diff := cmp.Diff(lackedBy(a, b), x.Found()); diff != "" {
		t.Errorf("%v, seed %d: starter (-want +got):\n%s", strategy, seed, diff)
	}
	if diff := cmp.Diff(lackedBy(b, a), y.Found()); diff != "" {
		t.Errorf("%v, seed %d: the other (-want +got):\n%s", strategy, seed, diff)
	}
	return o
}

// Exactly the true difference is found, by every strategy, at every size.
func TestFindsTheDifference(t *testing.T) {
	for _, strategy := range strategies {
		for _, d := range []int{0, 1, 2, 10, 100, 1000, 10_000, 20_000} {
			t.Run(fmt.Sprint(strategy, d), func(t *testing.T) {
				for seed := range uint64(3) {
					a, b := scatter(rand.New(rand.NewPCG(seed, uint64(d))), 20_000, d)
					o := check(t, strategy, seed, a, b)
					if seed == 0 {
						t.Logf("%d turns, %d bytes", o.turns, o.bytes)
					}
				}
			})
		}
	}
}

// The same for anything that a generator comes up with: small sets, empty ones,
// clusters of differences.
func TestFindsAnyDifference(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
		a, b := scatter(r, rapid.IntRange(0, 3000).Draw(rt, "keys"), rapid.IntRange(0, 50).Draw(rt, "differ"))
		lost := rapid.Uint64().Draw(rt, "from")
		width := uint64(1) << rapid.IntRange(40, 63).Draw(rt, "width")
		for h := range a {
			if h-lost < width { // one side has nothing here
				delete(a, h)
			} else if h-lost < 2*width { // and here everything is new
				a[h] = 7
			}
		}
		check(t, rapid.SampledFrom(strategies).Draw(rt, "strategy"), r.Uint64(), a, b)
	})
}

// Writes during a session do not confuse it: what differed before and after is
// found.
func TestWritesMeanwhile(t *testing.T) {
	for _, strategy := range strategies {
		a, b := scatter(rand.New(rand.NewPCG(1, 2)), 5000, 50)
		x, y := newReplica(a), newReplica(b)
		for i := range 40 { // the trees know nothing of these
			x.versions[i*100]++
			y.versions[i*90+1]++
		}
		s, o, _ := reconcile(t, strategy, 1, x, y)
		for i, found := range [][]uint64{s.Found(), o.Found()} {
			want := [][]uint64{lackedBy(a, b), lackedBy(b, a)}[i]
			for _, h := range want {
				if _, ok := slices.BinarySearch(found, h); !ok {
					t.Errorf("%v: side %d did not find %x", strategy, i, h)
				}
			}
		}
	}
}

func TestErrors(t *testing.T) {
	r := newReplica(map[uint64]uint64{1: 1})
	if _, _, err := Start(Config{Strategy: PeelBack + 1}, r); !errors.Is(err, ErrConfig) {
		t.Errorf("Start: %v", err)
	}
	for _, frames := range [][][]byte{{nil}, {make([]byte, MaxFrame+1)}, {{frameHello}}, {make([]byte, 36)}} {
		s := Accept(r)
		if _, err := s.Step(frames); !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrUnexpected) {
			t.Errorf("%x: %v", frames[0][:min(len(frames[0]), 4)], err)
		}
	}
	s, _, _ := Start(Config{}, r)
	if _, err := s.Step(nil); !errors.Is(err, ErrUnexpected) {
		t.Errorf("an empty turn: %v", err)
	}
	for _, want := range strategies {
		if got, err := ParseStrategy(want.String()); got != want || err != nil {
			t.Errorf("ParseStrategy(%v): %v, %v", want, got, err)
		}
	}
}

// The default keeps its bounds: round trips, bytes a difference, and never much
// more than listing everything.
func TestHybridBounds(t *testing.T) {
	const n, runs = 20_000, 20
	for _, d := range []int{0, 1, 10, 100, 1000, 8000, n} {
		bytes, full := 0, 0
		for seed := range uint64(runs) {
			a, b := scatter(rand.New(rand.NewPCG(seed, uint64(d))), n, d)
			x, y := newReplica(a), newReplica(b)
			_, _, o := reconcile(t, Hybrid, seed, x, y)
			if most := map[bool]int{true: 3, false: 5}[d <= 10]; o.turns > most {
				t.Errorf("%d differ, seed %d: %d round trips, at most %d", d, seed, o.turns, most)
			}
			bytes += o.bytes / runs
			_, _, o = reconcile(t, Full, seed, x, y)
			full += o.bytes / runs
		}
		t.Logf("%d differ: %d bytes, full exchange %d", d, bytes, full)
		if d == 0 && bytes > 64 || bytes > 32*d+1024 || d > 0 && bytes > full*12/10 {
			t.Errorf("%d differ: %d bytes, full exchange %d", d, bytes, full)
		}
	}
}

// What has just changed on both sides is found for the price of listing it, and
// of what else has changed in the window.
func TestWhatIsNewIsCheap(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	a, b := scatter(r, 20_000, 0)
	changed := 0
	for h := range a {
		if r.IntN(200) == 0 {
			[]map[uint64]uint64{a, b}[changed%2][h] = 2
			changed++
		}
	}
	for strategy, turns := range map[Strategy]int{Checksum: 2, PeelBack: 6} {
		o := check(t, strategy, 1, a, b)
		list := 2*changed + 2*20_000/256 // each of both, as long as the window at the most
		if strategy == Checksum {
			list = 2 * 20_000 / 8
		}
		if most := list*peeledSize + changed*8 + 200; o.turns > turns || o.bytes > most {
			t.Errorf("%v: %d turns, %d bytes; at most %d and %d", strategy, o.turns, o.bytes, turns, most)
		}
	}
}

// orderless is a source that does not know what changed last.
type orderless struct{ Source }

func TestWithoutRecency(t *testing.T) {
	r := newReplica(map[uint64]uint64{1: 1})
	for _, strategy := range []Strategy{Checksum, PeelBack} {
		if _, _, err := Start(Config{Strategy: strategy}, orderless{r}); !errors.Is(err, ErrConfig) {
			t.Errorf("%v begins: %v", strategy, err)
		}
		_, hello, _ := Start(Config{Strategy: strategy}, newReplica(nil))
		if _, err := Accept(orderless{r}).Step(hello); !errors.Is(err, ErrUnexpected) {
			t.Errorf("%v is taken: %v", strategy, err)
		}
	}
}

// broken are replicas whose tree is not that of their data.
type broken struct {
	*replica
	sums merkle.Sums
}

func (b broken) Sum(n merkle.Node) crdt.Fingerprint { return b.sums.Sum(n) }
func (b broken) Depth() int                         { return b.sums.Depth() }

// sums makes sums of a function.
type sums struct {
	merkle.Sums
	sum func(merkle.Node) crdt.Fingerprint
}

func (s sums) Sum(n merkle.Node) crdt.Fingerprint { return s.sum(n) }

// TestControls: with a rule broken the difference that is found is not the true
// one, or takes far more than it should; so the tests above test something.
func TestControls(t *testing.T) {
	a, b := scatter(rand.New(rand.NewPCG(5, 5)), 5000, 50)
	x, y := newReplica(a), newReplica(b)
	turned := func(s *Session, want []uint64) bool { return !slices.Equal(s.Found(), want) }

	_, _, fine := reconcile(t, Hybrid, 1, x, y)
	stale := broken{y, sums{y, func(n merkle.Node) crdt.Fingerprint { // the root of before
		if n.Bits == 0 {
			return x.Sum(n)
		}
		return y.Sum(n)
	}}}
	if s, _, _ := reconcile(t, Hybrid, 1, x, stale); !turned(s, lackedBy(a, b)) {
		t.Error("a stale root is not noticed")
	}
	twice := broken{y, sums{y, func(n merkle.Node) crdt.Fingerprint { // each entry is folded in twice
		return y.Sum(n).Add(y.Sum(n))
	}}}
	if _, _, o := reconcile(t, Hybrid, 1, x, twice); o.bytes < 4*fine.bytes {
		t.Errorf("entries that are folded twice: %d bytes, %d without", o.bytes, fine.bytes)
	}
	level := broken{y, sums{y, func(n merkle.Node) crdt.Fingerprint { // one level looks equal
		if n.Bits == 4 {
			return x.Sum(n)
		}
		return y.Sum(n)
	}}}
	if s, _, _ := reconcile(t, Merkle, 1, x, level); !turned(s, lackedBy(a, b)) {
		t.Error("a level that is passed over is not noticed")
	}
}
