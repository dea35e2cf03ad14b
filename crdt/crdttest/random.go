package crdttest

import "pgregory.net/rapid"

// maxEvents keeps a history within a Set.
const maxEvents = 24

// random draws a history: operations, deliveries of deltas in any order and
// number, exchanges of whole states. In the end everybody receives everything.
func random[S Lattice[S]](t *rapid.T, g Generator[S]) *Violation {
	c := newChecker(g)
	h := &history[S]{}
	var at [replicas]S
	var has [replicas]Set
	for i := range at {
		at[i] = g.New()
		if i > 0 {
			at[i].Fingerprint(key) // kept up to date from the beginning; at 0, from later on
		}
	}
	seen := []string{encode(g.New())}
	for range rapid.IntRange(1, 2*maxEvents).Draw(t, "steps") {
		r := rapid.IntRange(0, replicas-1).Draw(t, "replica")
		switch rapid.SampledFrom([]string{"operation", "operation", "delivery", "delivery", "exchange"}).Draw(t, "step") {
		case "operation":
			op := rapid.IntRange(0, len(g.Ops)-1).Draw(t, "operation")
			if n := len(h.events); n < maxEvents && h.act(&c, at[r], op, r, has[r], h.mint(r, has[r], rapid.Uint64Range(1, 3).Draw(t, "gap"))) {
				has[r] |= 1 << n
			}
		case "delivery":
			if n := len(h.deltas); n > 0 {
				i := rapid.IntRange(0, n-1).Draw(t, "delta")
				at[r].Join(h.deltas[i])
				has[r] |= 1 << i
			}
		case "exchange":
			o := rapid.IntRange(0, replicas-1).Draw(t, "with")
			if o != r {
				at[r].Join(at[o])
				has[r] |= has[o]
			}
		}
		h.untouched(&c)
		seen = append(seen, c.note(at[r]))
		if c.Spec != nil {
			h.spec(&c, c.View(at[r]), has[r])
		}
	}
	x, y, z := rapid.SampledFrom(seen).Draw(t, "x"), rapid.SampledFrom(seen).Draw(t, "y"), rapid.SampledFrom(seen).Draw(t, "z")
	c.pair(x, y)
	c.triple(x, y, z)
	for i := range h.encoded {
		for j := range i {
			c.commute(h.encoded[i], h.encoded[j])
		}
		if i > 1 {
			c.triple(h.encoded[i-2], h.encoded[i-1], h.encoded[i])
		}
	}
	finish(t, &c, h, at[:])
	return c.found
}

// finish delivers everything to everybody, each in an order of its own, and to
// one more who was not there.
func finish[S Lattice[S]](t *rapid.T, c *checker[S], h *history[S], at []S) {
	if len(h.deltas) == 0 {
		return
	}
	late := c.New()
	order := make([]int, len(h.deltas))
	for i := range order {
		order[i] = i
	}
	for _, s := range append(at, late) {
		for _, i := range rapid.Permutation(order).Draw(t, "order") {
			s.Join(h.deltas[i])
		}
		if c.Spec != nil {
			h.spec(c, c.View(s), 1<<len(h.deltas)-1)
		}
	}
	want := c.note(late)
	for i, s := range at {
		c.require(c.note(s) == want, Convergence, "replica %d of %v", i, h.story(c))
	}
	h.untouched(c)
}
