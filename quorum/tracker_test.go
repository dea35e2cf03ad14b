package quorum

import "testing"

// plainTracker is the twin: it keeps what was recorded of each target and
// computes everything from it by trying.
type plainTracker struct {
	need    int
	current []bool
	next    []bool
	answer  []byte // 0: none, 'g', 'b'
}

func newPlain(need, n int, current, next uint32) *plainTracker {
	p := &plainTracker{need: need, answer: make([]byte, n)}
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

// verdict looks for a way to end well among all that may still come.
func (p *plainTracker) verdict() Verdict {
	good := func(i int) bool { return p.answer[i] == 'g' }
	if p.least(good) >= p.need {
		return Done
	}
	for coming := range 1 << len(p.answer) {
		if p.least(func(i int) bool { return good(i) || p.answer[i] == 0 && coming>>i&1 == 1 }) >= p.need {
			return More
		}
	}
	return Impossible
}

// wants lets all that were asked answer, and looks whether a group of the
// target's still lacks something.
func (p *plainTracker) wants(target int, asked uint32) bool {
	came := func(i int) bool { return p.answer[i] == 'g' || p.answer[i] == 0 && asked>>i&1 == 1 }
	return p.current[target] && p.counted(p.current, came) < p.need || p.next[target] && p.counted(p.next, came) < p.need
}

// TestTrackerExhaustively compares the tracker with its twin in all cases of up
// to four targets: all groups, all needs, and every sequence of answers, each
// target answering at most once; with up to three, also when one that has
// answered changes its answer.
func TestTrackerExhaustively(t *testing.T) {
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

// explore compares here, and after each answer that may come next.
func explore(t *testing.T, fast Tracker, slow *plainTracker) (cases int) {
	agree(t, &fast, slow)
	for i, was := range slow.answer {
		f := fast
		switch {
		case was == 0:
			for _, answer := range []byte("gb") {
				f = fast
				record(&f, slow, i, answer)
				cases += 1 + explore(t, f, slow)
			}
		case len(slow.answer) <= 3:
			record(&f, slow, i, 'g'+'b'-was)
			agree(t, &f, slow)
		}
		slow.answer[i] = was
	}
	return cases
}

func record(fast *Tracker, slow *plainTracker, i int, answer byte) {
	slow.answer[i] = answer
	if answer == 'g' {
		fast.Good(i)
	} else {
		fast.Bad(i)
	}
}

func agree(t *testing.T, fast *Tracker, slow *plainTracker) {
	if got, want := fast.Verdict(), slow.verdict(); got != want {
		t.Fatalf("%+v: verdict %d, not %d of %+v", fast, got, want, slow)
	}
	if got, want := fast.Count(), slow.least(func(i int) bool { return slow.answer[i] == 'g' }); got != want {
		t.Fatalf("%+v: counts %d, not %d of %+v", fast, got, want, slow)
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
