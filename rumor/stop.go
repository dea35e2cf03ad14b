package rumor

// done is the state of a median counter that tells no more; the states above K
// are those of Karp's C, one for each of its cycles.
func (p *Policy) done() int16 { return int16(2*p.K + 1) }

// first is 1 for one of the K copies that everybody can expect, and 0 for one
// that makes up for those.
func (it *item) first(order int16) int32 {
	if order < it.K {
		return 1
	}
	return 0
}

// enter sets the state of a rumor that was just heard from a node in the given
// state (Karp et al., section 2): hearing it from the spreading makes it spread,
// hearing it from the fading alone lets it fade.
func (it *item) enter(p *Policy, theirs int16) {
	if p.Stop != MedianCounter {
		return
	}
	if theirs <= int16(p.K) {
		it.count = 1
	} else if it.count == 0 {
		it.count = int16(p.K) + 1
	}
}

// met takes note of a contact with a node that knew the rumor; theirs is its
// counter, or -1 if it has lost interest.
func (it *item) met(p *Policy, theirs int16) {
	if p.Stop == MedianCounter {
		if theirs >= it.count {
			it.more++
		} else if theirs >= 0 {
			it.less++
		}
		if theirs > int16(p.K) && it.count <= int16(p.K) {
			it.fades = true
		}
		return
	}
	if !p.Minimise || theirs < 0 || it.count <= theirs {
		it.useless++
	}
}

// quiet reports whether the rumor is not told now: it is too new, or only
// waits.
func (it *item) quiet(p *Policy) bool {
	return it.fresh || !p.Feedback && p.Stop == Counter && !p.Digest && it.contacts >= it.K
}

// endCycle lets the stop rule judge each rumor.
func (c *Core) endCycle() {
	p := &c.cfg.Policy
	kept := 0
	for i := range c.hot {
		it := &c.hot[i]
		it.age += min(1, 1<<15-1-it.age)
		lost := p.MaxAge > 0 && int(it.age) > p.MaxAge
		if !lost && (!it.fresh || p.Targets != Random) {
			lost = c.loses(it)
		}
		it.fresh, it.useful, it.fades = false, false, false
		it.useless, it.recent, it.less, it.more = 0, 0, 0, 0
		if lost {
			c.bytes -= len(it.Key) + len(it.Body)
			continue
		}
		if kept != i {
			c.hot[kept] = *it
		}
		kept++
	}
	clear(c.hot[kept:])
	c.hot = c.hot[:kept]
}

// loses applies the stop rule to the cycle that ends.
func (c *Core) loses(it *item) bool {
	p := &c.cfg.Policy
	switch {
	case p.Targets == Structured:
		return c.settle(it)
	case p.Targets == Tree:
		return it.settled
	case p.Stop == MedianCounter:
		return it.median(p)
	case p.Stop == Coin:
		draws := it.useless
		if !p.Feedback {
			draws = it.recent
		}
		for range draws {
			if c.cfg.Rand.IntN(p.K) == 0 {
				return true
			}
		}
		return false
	case !p.Feedback:
		return int(it.contacts) >= p.K
	}
	// Demers, the note to Table 3: one need resets the counter, and a cycle of
	// nothing but needless contacts counts once, however many they were.
	if it.useful {
		it.count = 0
	} else if it.useless > 0 {
		it.count++
	}
	return int(it.count) >= p.K
}

// median moves the median counter: up when more partners were not behind than
// were, and in the fading states with each cycle.
func (it *item) median(p *Policy) bool {
	switch {
	case it.count > int16(p.K):
		it.count++
	case it.fades:
		it.count = int16(p.K) + 1
	case it.more > it.less:
		it.count++
	}
	return it.count >= p.done()
}
