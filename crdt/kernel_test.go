package crdt

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// The parts of the kernel, each beside a naive twin.

// numbers is the twin of spans.
type numbers map[uint64]bool

func (n numbers) spans() (s spans) {
	for _, i := range slices.Sorted(maps.Keys(n)) {
		if l := len(s); l > 0 && s[l-1].hi+1 == i {
			s[l-1].hi = i
		} else {
			s = append(s, span{i, i})
		}
	}
	return s
}

var ranges = draw(func(t *rapid.T) span {
	lo := rapid.Uint64Range(1, 40).Draw(t, "lo")
	return span{lo, lo + rapid.Uint64Range(0, 5).Draw(t, "more")}
})

func drawSpans(t *rapid.T) (spans, numbers) {
	var s spans
	n := make(numbers)
	for _, r := range rapid.SliceOfN(ranges, 0, 8).Draw(t, "ranges") {
		s.add(r.lo, r.hi)
		for i := r.lo; i <= r.hi; i++ {
			n[i] = true
		}
	}
	return s, n
}

func TestSpansAgainstTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, n := drawSpans(t)
		o, m := drawSpans(t)
		if want := n.spans(); !slices.Equal(s, want) {
			t.Fatalf("%v, the twin says %v", s, want)
		}
		for i := range uint64(50) {
			if s.contains(i) != n[i] {
				t.Fatalf("%v contains %d: %t", s, i, !n[i])
			}
		}
		r := ranges.Draw(t, "range")
		all := true
		for i := r.lo; i <= r.hi; i++ {
			all = all && n[i]
		}
		if s.covers(r.lo, r.hi) != all {
			t.Fatalf("%v covers %v: %t", s, r, !all)
		}
		if s.count() != uint64(len(n)) || s.last() != slices.Max(append(slices.Collect(maps.Keys(n)), 0)) {
			t.Fatalf("%v: %d numbers, the last %d", s, s.count(), s.last())
		}
		both := maps.Clone(n)
		maps.Copy(both, m)
		if got := s.union(o); !slices.Equal(got, both.spans()) {
			t.Fatalf("%v and %v are %v", s, o, got)
		}
		var left spans
		s.without(o, func(lo, hi uint64) { left = append(left, span{lo, hi}) })
		maps.DeleteFunc(n, func(i uint64, _ bool) bool { return m[i] })
		if want := n.spans(); !slices.Equal(left, want) {
			t.Fatalf("%v without %v is %v, not %v", s, o, left, want)
		}
	})
}

// valid says what is wrong with a sorted map.
func (s *sorted[K, V]) valid() error {
	n := 0
	var last *K
	for i, block := range s.blocks {
		if len(block) == 0 || len(block) > s.blockSize() {
			return fmt.Errorf("block %d has %d pairs", i, len(block))
		}
		for _, p := range block {
			if last != nil && p.key <= *last {
				return fmt.Errorf("%v after %v", p.key, *last)
			}
			last = &p.key
			n++
		}
	}
	if n != s.n {
		return fmt.Errorf("%d pairs, counted %d", n, s.n)
	}
	return nil
}

// TestSortedAgainstTwin puts and removes runs, so that blocks fill, split and
// merge.
func TestSortedAgainstTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s sorted[uint64, int]
		twin := make(map[uint64]int)
		step := 0
		run := func(t *rapid.T, do func(k uint64)) {
			from, n := rapid.Uint64Range(0, 600).Draw(t, "from"), rapid.Uint64Range(1, 300).Draw(t, "n")
			by := rapid.SampledFrom([]uint64{1, 2, 7}).Draw(t, "by")
			if rapid.Bool().Draw(t, "down") {
				from, by = from+n*by, -by
			}
			for k := from; n > 0; n, k = n-1, k+by {
				do(k)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				run(t, func(k uint64) { step++; s.put(k, step); twin[k] = step })
			},
			"remove": func(t *rapid.T) {
				run(t, func(k uint64) {
					v, ok := s.remove(k)
					if w, known := twin[k]; known != ok || v != w {
						t.Fatalf("removed %d %t, the twin %d %t", v, ok, w, known)
					}
					delete(twin, k)
				})
			},
			"": func(t *rapid.T) {
				if err := s.valid(); err != nil {
					t.Fatal(err)
				}
				if got := maps.Collect(s.all()); !maps.Equal(got, twin) {
					t.Fatal(cmp.Diff(got, twin))
				}
				keys := slices.Sorted(maps.Keys(twin))
				k := rapid.Uint64Range(0, 1000).Draw(t, "key")
				v, ok := s.get(k)
				if w, known := twin[k]; v != w || ok != known {
					t.Fatalf("got %d %t, the twin has %d %t", v, ok, w, known)
				}
				i, _ := slices.BinarySearch(keys, k)
				for c := s.from(k); c.ok(); c.next() {
					if c.key() != keys[i] {
						t.Fatalf("cursor at %d, not %d", c.key(), keys[i])
					}
					i++
				}
				if i != len(keys) || s.last() != slices.Max(append(keys, 0)) {
					t.Fatalf("the cursor ended after %d of %d, the last is %d", i, len(keys), s.last())
				}
			},
		})
	})
}

func TestSkipEqual(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var a, b sorted[uint64, int]
		n := rapid.Uint64Range(0, 500).Draw(t, "common")
		for k := range n {
			a.put(k, 0)
		}
		for k := n; k > 0; k-- { // other blocks
			b.put(k-1, 0)
		}
		for range rapid.IntRange(0, 3).Draw(t, "more") {
			a.put(n+rapid.Uint64Range(0, 5).Draw(t, "in a"), 0)
			b.put(n+rapid.Uint64Range(0, 5).Draw(t, "in b"), 0)
		}
		x, y := a.first(), b.first()
		skipEqual(&x, &y)
		if x.ok() && y.ok() && x.key() == y.key() {
			t.Fatalf("stopped at %d in both", x.key())
		}
		if x.ok() && x.key() < n || y.ok() && y.key() < n {
			t.Fatal("stopped in what is common")
		}
	})
}

// naiveSet is the twin of a Set: the textbook's sets of pairs and of dots.
type naiveSet struct {
	live map[Dot]string
	seen map[Dot]bool
}

func newNaiveSet() *naiveSet { return &naiveSet{map[Dot]string{}, map[Dot]bool{}} }

func (s *naiveSet) join(o *naiveSet) {
	for d := range s.live {
		if _, ok := o.live[d]; !ok && o.seen[d] {
			delete(s.live, d)
		}
	}
	for d, e := range o.live {
		if !s.seen[d] {
			s.live[d] = e
		}
	}
	maps.Copy(s.seen, o.seen)
}

func (s *naiveSet) update(d Dot, e string, add bool) {
	maps.DeleteFunc(s.live, func(_ Dot, o string) bool { return o == e })
	s.seen[d] = true
	if add {
		s.live[d] = e
	}
}

func (s *naiveSet) elements() []string {
	return slices.Compact(slices.Sorted(maps.Values(s.live)))
}

// TestSetAgainstTwin drives sets beyond their flat size, over several blocks and
// index tables, with whole-state joins among three replicas.
func TestSetAgainstTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var sets [3]*Set[string]
		var twins [3]*naiveSet
		for i := range sets {
			sets[i], twins[i] = NewSet[string](), newNaiveSet()
		}
		n := uint64(0)
		universe := rapid.SampledFrom([]int{5, 40, 2000}).Draw(t, "universe")
		for range rapid.IntRange(1, 12).Draw(t, "rounds") {
			r := rapid.IntRange(0, 2).Draw(t, "replica")
			from, add := rapid.IntRange(0, universe).Draw(t, "from"), rapid.IntRange(0, 3).Draw(t, "remove") > 0
			for i := range rapid.IntRange(1, 200).Draw(t, "length") {
				e := fmt.Sprint((from + i*3) % universe)
				n++
				m := mint(byte(r+1), n)
				var err error
				if add {
					_, err = sets[r].Add(m, e)
				} else {
					_, _, err = sets[r].Remove(m, e)
				}
				if err != nil {
					t.Fatal(err)
				}
				twins[r].update(m.Dot, e, add)
			}
			o := rapid.IntRange(0, 2).Draw(t, "other")
			sets[r].Join(sets[o])
			twins[r].join(twins[o])
			want := twins[r].elements()
			if got := slices.Sorted(sets[r].All()); !slices.Equal(got, want) || sets[r].Len() != len(want) {
				t.Fatalf("%d elements %v, the twin has %v", sets[r].Len(), got, want)
			}
			for i := range universe {
				e := fmt.Sprint(i)
				if _, in := slices.BinarySearch(want, e); sets[r].Contains(e) != in {
					t.Fatalf("contains %q: %t", e, !in)
				}
			}
		}
	})
}

// TestIndexUnderAttack adds elements that were chosen to fall on one place of
// the hash table.
func TestIndexUnderAttack(t *testing.T) {
	s := NewSet[string]()
	var chosen []string
	for i := 0; len(chosen) < 2*maxProbe; i++ {
		if e := fmt.Sprint("x", i); hashOf(e)%4096 == 7 {
			chosen = append(chosen, e)
		}
	}
	for i, e := range chosen {
		if _, err := s.Add(mint(1, uint64(i+1)), e); err != nil {
			t.Fatal(err)
		}
	}
	if s.elements.index.safe == nil {
		t.Fatal("the table took the attack")
	}
	concurrent := NewSet[string]()
	concurrent.Add(mint(2, 1), chosen[0])
	s.Join(concurrent)
	for i, e := range chosen {
		if !s.Contains(e) || s.Len() != len(chosen)-i {
			t.Fatalf("%q: %t, %d of %d", e, s.Contains(e), s.Len(), len(chosen)-i)
		}
		s.Remove(mint(1, uint64(len(chosen)+i+1)), e)
	}
	if s.Len() != 0 || len(s.elements.index.safe) != 0 {
		t.Fatalf("%d left", s.Len())
	}
}

// TestHyperLogLogAgainstTwin counts what a map counts exactly, within three
// standard errors, alone and joined.
func TestHyperLogLogAgainstTwin(t *testing.T) {
	a, b := NewHyperLogLog[int](), NewHyperLogLog[int]()
	twin := make(map[int]bool)
	next := 10
	for i := range 100_000 {
		h := a
		if i%2 == 1 {
			h = b
		}
		e := i * i % 150_001 // with repetitions
		must(h.Add(mint(1, uint64(i+1)), e))
		if twin[e] = true; len(twin) != next {
			continue
		}
		next *= 3
		joined := a.Clone()
		joined.Join(b)
		if got, off := joined.Count(), float64(joined.Count())/float64(len(twin))-1; off > 0.025 || off < -0.025 {
			t.Errorf("%d distinct elements, not %d: %+.1f %%", got, len(twin), 100*off)
		}
		decoded := NewHyperLogLog[int]()
		if _, err := decoded.JoinBinary(joined.AppendBinary(nil)); err != nil || decoded.Count() != joined.Count() {
			t.Fatalf("%d decoded from %d: %v", decoded.Count(), joined.Count(), err)
		}
	}
	if next < 50_000 {
		t.Errorf("the last count was at %d", next)
	}
	a.Join(b)
	if p := a.AppendBinary(nil); a.entries.n < hllRegisters/2 || len(p) != 2+2+hllDense {
		t.Errorf("%d registers in %d bytes", a.entries.n, len(p))
	}
}

// TestPartsAgainstTwin: each live dot is a part, and each run of removed ones.
func TestPartsAgainstTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, twin := drawKernel(t)
		want := make(map[string]bool)
		run := ContextOf()
		flush := func() {
			if !run.IsEmpty() {
				want[run.String()+" []"] = true
			}
			run = ContextOf()
		}
		for _, d := range slices.SortedFunc(maps.Keys(twin.seen), Dot.Compare) {
			if e, live := twin.live[d]; live {
				flush()
				want[ContextOf(d).String()+" ["+e+"]"] = true
				continue
			}
			if !run.Contains(Dot{d.Actor, d.N - 1}) {
				flush()
			}
			run.Add(d)
		}
		flush()
		got := make(map[string]bool)
		for p := range s.Parts() {
			got[p.Context().String()+" "+fmt.Sprint(slices.Collect(p.All()))] = true
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	})
}
