package crdt

import (
	"cmp"
	"slices"
)

// What one state has and another lacks. A join is "absorb what is news", so
// this is where the lattice is decided:
//
//   - a live dot is news if the other has not seen it;
//   - a number that was seen is news if the other has not seen it, or holds the
//     dot live, which is not live here: it was removed.
//
// Both are compared number by number for each actor; where the states are long
// and alike the walk goes through arrays of numbers, a nanosecond each.

// news is how much of a state another lacks.
type news uint8

const (
	nothing news = iota
	some
	everything
)

// newsFor says how much of c the other lacks.
func (c *causal) newsFor(o *causal) news {
	if c.digest != nil && o.digest != nil && c.digest.key == o.digest.key && c.digest.sum == o.digest.sum {
		return nothing
	}
	none, all := true, true
	for _, s := range c.sites {
		var d tally
		d.compare(s, o.at(s.actor))
		none = none && d.fresh == 0 && d.gone == 0
		all = all && d.gained == s.live.n && d.fresh+d.gone == s.seen.count()
		if !none && !all {
			return some
		}
	}
	switch {
	case none:
		return nothing
	case all:
		return everything
	}
	return some
}

// difference writes to d, which is empty, what c has and o lacks.
func (c *causal) difference(o, d *causal) {
	for _, s := range c.sites {
		t := tally{keep: true}
		t.compare(s, o.at(s.actor))
		if t.fresh == 0 && t.gone == 0 {
			continue
		}
		into := d.intern(s.actor)
		if t.fresh > 0 && t.gone > 0 {
			slices.SortFunc(t.claims, func(a, b span) int { return cmp.Compare(a.lo, b.lo) })
		}
		for _, e := range t.claims { // each at the end
			into.seen.add(e.lo, e.hi)
		}
		for _, p := range t.gains {
			d.insert(into, p.key, p.val)
		}
	}
	d.settle()
}

// tally is what one site has and another lacks.
type tally struct {
	fresh  uint64 // numbers that the other has not seen
	gone   uint64 // numbers that the other holds live and this one has removed
	gained int    // live dots among the fresh
	keep   bool   // collect them, too
	claims []span
	gains  []pair[uint64, string]
}

func (t *tally) claim(lo, hi uint64) {
	if t.keep {
		t.claims = append(t.claims, span{lo, hi})
	}
}

func (t *tally) compare(s, o *site) {
	if o == nil {
		o = new(site)
	}
	if s.seen[0].lo > o.seen.last() && !t.keep { // a delta, nearly always
		t.fresh, t.gained = s.seen.count(), s.live.n
		return
	}
	s.seen.without(o.seen, func(lo, hi uint64) {
		t.fresh += hi - lo + 1
		t.claim(lo, hi)
		for live := s.live.from(lo); live.ok() && live.key() <= hi; live.next() {
			t.gained++
			if t.keep {
				t.gains = append(t.gains, live.block[0])
			}
		}
	})
	if o.live.n == 0 {
		return
	}
	for _, e := range s.seen {
		t.removals(e, s.live.from(e.lo), o.live.from(e.lo))
	}
}

// removals finds what is live there and only seen here, in the interval e.
func (t *tally) removals(e span, own, theirs cursor[uint64, string]) {
	for {
		skipEqual(&own, &theirs)
		if !theirs.ok() || theirs.key() > e.hi {
			return
		}
		n := theirs.key()
		for own.ok() && own.key() < n {
			own.next()
		}
		if !own.ok() || own.key() != n {
			t.gone++
			t.claim(n, n)
			theirs.next()
		}
	}
}
