package quorum

import (
	"math/bits"
	"testing"
)

// plainTracker is the twin: it keeps what was recorded of each target and
// computes everything from it by trying.
type plainTracker struct {
	needs   [2]int
	current []bool
	next    []bool
	answer  []byte // 0: none, 'g', 'b', or a hint: 'h', or 'f' at a fallback
	spread  int    // zones that are needed
	zones   []uint8
}

func newPlain(need, n int, current, next uint32) *plainTracker {
	p := &plainTracker{needs: [2]int{need, need}, answer: make([]byte, n), zones: make([]uint8, n)}
	for i := range n {
		p.current = append(p.current, current>>i&1 == 1)
		p.next = append(p.next, next>>i&1 == 1)
	}
	return p
}

// counted is how many targets of a group are accepted.
func (p *plainTracker) counted(group []bool, accept func(i int) bool) (n int) {
	for i, in := range group {
		if in && accept(i) {
			n++
		}
	}
	return n
}

func (p *plainTracker) least(accept func(i int) bool) int {
	return min(p.counted(p.current, accept), p.counted(p.next, accept))
}

// enough reports whether those accepted would do, in both groups.
func (p *plainTracker) enough(accept func(i int) bool) bool {
	for g, group := range [][]bool{p.current, p.next} {
		zones := make(map[uint8]bool)
		for i, in := range group {
			if in && accept(i) {
				zones[p.zones[i]] = true
			}
		}
		if p.counted(group, accept) < p.needs[g] || len(zones) < p.spread {
			return false
		}
	}
	return true
}

// verdict looks for a way to end well among all that may still come.
func (p *plainTracker) verdict() Verdict {
	good := func(i int) bool { return p.answer[i] != 0 && p.answer[i] != 'b' }
	if p.enough(good) {
		return Done
	}
	for coming := range 1 << len(p.answer) {
		if p.enough(func(i int) bool { return good(i) || p.answer[i] == 0 && coming>>i&1 == 1 }) {
			return More
		}
	}
	return Impossible
}

// wants lets all that were asked answer, and looks whether a group of the
// target's still lacks something.
func (p *plainTracker) wants(target int, asked uint32) bool {
	came := func(i int) bool {
		return p.answer[i] != 'b' && (p.answer[i] != 0 || asked>>i&1 == 1)
	}
	return p.current[target] && p.counted(p.current, came) < p.needs[0] || p.next[target] && p.counted(p.next, came) < p.needs[1]
}

// short tries all sets of bad targets, and returns how many the smallest has with
// which enough may still come; 0 if there is none, or none is needed.
func (p *plainTracker) short(out uint32) (least int) {
	for set := range uint32(1) << len(p.answer) {
		n, allowed := 0, set&out == 0
		for i, a := range p.answer {
			if set>>i&1 == 1 {
				n++
				allowed = allowed && a == 'b'
			}
		}
		if allowed && p.enough(func(i int) bool { return p.answer[i] != 'b' || set>>i&1 == 1 }) {
			if n == 0 {
				return 0
			}
			if least == 0 || n < least {
				least = n
			}
		}
	}
	return least
}

// TestTrackerExhaustively compares the tracker with its twin in all cases of up
// to four targets: all groups, all needs, and every sequence of answers, each
// target answering at most once; with up to three, also when a hint counts, and
// when one that has answered changes its answer or is waited for again.
func TestTrackerExhaustively(t *testing.T) {
	if underRace {
		t.Skip("one goroutine")
	}
	cases := 0
	for n := 1; n <= 4; n++ {
		all := uint32(1)<<n - 1
		for current := range all + 1 {
			for next := range all + 1 {
				if current|next != all {
					continue // a target is an owner in one of them
				}
				for need := 0; need <= n+1; need++ {
					fast, slow := NewTracker(need, current, next), newPlain(need, n, current, next)
					cases += explore(t, fast, slow)
				}
			}
		}
	}
	t.Logf("%d situations", cases)
}

// TestTrackerZones does so with all zones of up to four targets and all numbers
// of zones that may be wanted.
func TestTrackerZones(t *testing.T) {
	if underRace {
		t.Skip("one goroutine")
	}
	cases := 0
	for n := 1; n <= 4; n++ {
		all := uint32(1)<<n - 1
		for zoned := range 1 << (2 * n) { // two bits a target
			if !canonical(zoned, n) {
				continue
			}
			for _, groups := range [][2]uint32{{all, all}, {all &^ 1, all}, {all, all >> 1}} {
				for need := 0; need <= n; need++ {
					for spread := 2; spread <= n+1; spread++ {
						fast, slow := NewTracker(need, groups[0], groups[1]), newPlain(need, n, groups[0], groups[1])
						targets := make([]Target, n)
						for i := range targets {
							targets[i].Zone = uint8(zoned >> (2 * i) & 3)
							slow.zones[i] = targets[i].Zone
						}
						fast.spreadOver(spread, targets)
						slow.spread = spread
						cases += explore(t, fast, slow)
					}
				}
			}
		}
	}
	t.Logf("%d situations", cases)
}

// canonical reports whether zones are numbered in the order of the targets: what
// they are called makes no difference.
func canonical(zoned, n int) bool {
	next := 0
	for i := range n {
		z := zoned >> (2 * i) & 3
		if z > next {
			return false
		}
		next = max(next, z+1)
	}
	return true
}

// TestTrackerOfLevels: which targets count towards a level, and how many of them
// are needed, in all cases of up to four targets.
func TestTrackerOfLevels(t *testing.T) {
	for n := 1; n <= 4; n++ {
		for kinds := range 1 << (3 * n) { // current, next, local
			targets := make([]Target, n)
			for i := range targets {
				k := kinds >> (3 * i)
				targets[i] = Target{Current: k&1 == 1, Next: k&2 == 2, Local: k&4 == 4}
			}
			for _, l := range []Level{1, 2, 3, LocalOne, LocalQuorum} {
				got := trackerOf(l, targets)
				for g := range got.groups {
					owners, local := 0, 0
					for i, x := range targets {
						owner := g == 0 && x.Current || g == 1 && x.Next
						counts := owner && (x.Local || !l.local())
						if got.groups[g]>>i&1 == 1 != counts {
							t.Fatalf("%v of %+v: target %d in group %d: %t", l, targets, i, g, !counts)
						}
						if owner {
							owners++
						}
						if owner && x.Local {
							local++
						}
					}
					want := map[Level]int{LocalOne: 1, LocalQuorum: local/2 + 1}[l]
					if l > 0 {
						want = int(l)
					}
					if got.need[g] != want {
						t.Fatalf("%v of %+v: %d needed of %d owners, %d of them local", l, targets, got.need[g], owners, local)
					}
				}
			}
		}
	}
}

// explore compares here, and after each answer that may come next.
func explore(t *testing.T, fast Tracker, slow *plainTracker) (cases int) {
	agree(t, &fast, slow)
	for i, was := range slow.answer {
		f := fast
		switch {
		case was == 0:
			answers := "gbhf"
			if len(slow.answer) > 3 {
				answers = "gb"
			}
			for _, answer := range []byte(answers) {
				f = fast
				record(&f, slow, i, answer)
				cases += 1 + explore(t, f, slow)
			}
		case len(slow.answer) <= 3:
			for _, answer := range []byte("gbhf\x00") {
				f = fast
				record(&f, slow, i, answer)
				agree(t, &f, slow)
			}
		}
		slow.answer[i] = was
	}
	return cases
}

func record(fast *Tracker, slow *plainTracker, i int, answer byte) {
	slow.answer[i] = answer
	switch answer {
	case 'g':
		fast.Good(i)
	case 'b':
		fast.Bad(i)
	case 'h':
		fast.Hinted(i)
	case 'f':
		fast.Stood(i)
	case 0:
		fast.Reopen(i)
	}
}

func agree(t *testing.T, fast *Tracker, slow *plainTracker) {
	if got, want := fast.Verdict(), slow.verdict(); got != want {
		t.Fatalf("%+v: verdict %d, not %d of %+v", fast, got, want, slow)
	}
	if got, want := fast.Count(), slow.least(func(i int) bool { return slow.answer[i] == 'g' }); got != want {
		t.Fatalf("%+v: counts %d, not %d of %+v", fast, got, want, slow)
	}
	counts := make(map[byte]int)
	for _, a := range slow.answer {
		counts[a]++
	}
	if fast.Hints() != counts['h'] || fast.Fallbacks() != counts['f'] {
		t.Fatalf("%+v: %d hints, %d fallbacks of %+v", fast, fast.Hints(), fast.Fallbacks(), slow)
	}
	if slow.spread == 0 { // hints and zones do not go together
		for out := range uint32(1) << len(slow.answer) {
			set := fast.Short(out)
			if got, want := bits.OnesCount32(set), slow.short(out); got != want || set&out != 0 {
				t.Fatalf("%+v without %b: short of %b, not of %d of %+v", fast, out, set, want, slow)
			}
		}
	}
	for i := range slow.answer {
		if fast.Open(i) != (slow.answer[i] == 0) {
			t.Fatalf("%+v: target %d open: %t", fast, i, fast.Open(i))
		}
	}
	for asked := range uint32(1) << len(slow.answer) {
		for i := range slow.answer {
			if got, want := fast.Wants(i, asked), slow.wants(i, asked); got != want {
				t.Fatalf("%+v, asked %b: wants %d: %t, not %t of %+v", fast, asked, i, got, want, slow)
			}
		}
	}
}

// TestZeroTracker needs nothing.
func TestZeroTracker(t *testing.T) {
	var z Tracker
	if z.Verdict() != Done || z.Count() != 0 || z.Wants(0, 0) {
		t.Errorf("%+v", z)
	}
}

func BenchmarkTracker(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		t := NewTracker(2, 0b0111, 0b1110)
		for i := range 4 {
			if t.Good(i); t.Verdict() == Done {
				break
			}
		}
	}
}
