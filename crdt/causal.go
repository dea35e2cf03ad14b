package crdt

import (
	"fmt"
	"iter"
	"slices"
)

// causal is the state of every causal type: which dots were seen, and what the
// live ones of them assert. A dot that was seen and is not live was removed;
// nothing else is kept of it. That is the whole state: the dot kernel of
// Almeida et al. ("Delta State Replicated Data Types", 2018), of which the optimized OR-set of Bieniusa et al. (2012) is the first case.
//
// The types differ in what a payload says, in what an operation adds and
// removes (plan), and in the indexes that they keep for their readers.
type causal struct {
	rules  rules
	sites  []*site // by actor
	live   int     // live dots
	size   int     // bytes of their payloads
	digest *digest // nil until a fingerprint is asked for
	owner  *causal // the map that this is a value of and that keeps the context; nil for a whole

	// Room for the first site, so that a delta is one allocation.
	room struct {
		site  site
		sites [1]*site
		seen  [1]span
		block [1][]pair[uint64, string]
		pair  [1]pair[uint64, string]
	}
}

// site is what is known of an actor.
//
// Invariants: seen is not empty (but in a part of a map); every live number is
// in seen.
type site struct {
	actor Actor
	id    uint32 // in an index
	seen  spans
	live  sorted[uint64, string] // payload by number of the dot
}

// rules are what a type adds to the kernel.
type rules interface {
	// tag tells the encodings of types apart.
	tag() byte
	// plan says what an operation does to the state that it is made at.
	plan(m Mint, op Op) (change, error)
	// valid reports whether a payload that was decoded is one of the type.
	valid(payload string) bool
	// gained is called after a dot became live, lost after one was removed, and
	// settled when a change is complete. A restless type wants to know of every
	// change to the context, too.
	gained(s *site, n uint64, payload string)
	lost(s *site, n uint64, payload string)
	settled()
	restless() bool
	// needs reports whether the value would be another without the knowledge of
	// what was seen of an actor that has nothing live.
	needs(a Actor) bool
}

// change is what an operation does: assert a payload under its dot, if it
// asserts anything, and remove what it saw.
type change struct {
	asserts bool
	payload string
	lost    dots
}

func (c *causal) core() *causal { return c }

// few is up to how many sites or intervals are handled one by one. There are
// fewer nearly always, but nothing may take time in proportion to the square of
// what a message holds.
const few = 8

// at returns the actor's site, nil if there is none.
func (c *causal) at(a Actor) *site {
	if len(c.sites) > few {
		if i, ok := c.find(a); ok {
			return c.sites[i]
		}
		return nil
	}
	for _, s := range c.sites {
		if s.actor == a {
			return s
		}
	}
	return nil
}

func (c *causal) find(a Actor) (int, bool) {
	return slices.BinarySearchFunc(c.sites, a, func(s *site, a Actor) int { return s.actor.Compare(a) })
}

// intern returns the actor's site and makes it if there is none.
func (c *causal) intern(a Actor) *site {
	if c.sites == nil {
		s := c.begin(a, 0, 0)
		s.seen = s.seen[:0]
		return s
	}
	if s := c.at(a); s != nil {
		return s
	}
	s := &site{actor: a}
	i, _ := c.find(a)
	c.sites = slices.Insert(c.sites, i, s)
	return s
}

// adopt makes the sites that d has and c lacks, if they may be many.
func (c *causal) adopt(d *causal) {
	if len(d.sites) <= few {
		return
	}
	var fresh []*site
	for _, s := range d.sites {
		if c.at(s.actor) == nil {
			fresh = append(fresh, &site{actor: s.actor})
		}
	}
	c.sites = append(c.sites, fresh...)
	slices.SortFunc(c.sites, func(a, b *site) int { return a.actor.Compare(b.actor) })
}

// all yields the live dots, by actor and number, with their payloads. The state
// must not change meanwhile.
func (c *causal) all() iter.Seq2[Dot, string] {
	return func(yield func(Dot, string) bool) {
		for _, s := range c.sites {
			for n, payload := range s.live.all() {
				if !yield(Dot{s.actor, n}, payload) {
					return
				}
			}
		}
	}
}

// insert makes a dot live.
func (c *causal) insert(s *site, n uint64, payload string) {
	if s == &c.room.site && s.live.blocks == nil {
		c.room.pair[0] = pair[uint64, string]{n, payload}
		c.room.block[0] = c.room.pair[:]
		s.live.blocks, s.live.n = c.room.block[:], 1
	} else {
		s.live.put(n, payload)
	}
	c.live++
	c.size += len(payload)
	c.digest.live(true, s.actor, n, payload)
	if c.rules != nil {
		c.rules.gained(s, n, payload)
	}
}

// erase removes a live dot.
func (c *causal) erase(s *site, n uint64) {
	payload, _ := s.live.remove(n)
	c.live--
	c.size -= len(payload)
	c.digest.live(false, s.actor, n, payload)
	if c.rules != nil {
		c.rules.lost(s, n, payload)
	}
}

// claim adds lo..hi to what was seen of the actor.
func (c *causal) claim(s *site, lo, hi uint64) {
	i, j := s.seen.touching(lo, hi)
	if c.digest == nil {
		s.seen.merge(i, j, lo, hi)
		return
	}
	if i < j && s.seen[i].lo <= lo && hi <= s.seen[i].hi {
		return
	}
	for _, e := range s.seen[i:j] {
		c.digest.seen(false, s.actor, e)
	}
	s.seen.merge(i, j, lo, hi)
	c.digest.seen(true, s.actor, s.seen[i])
}

// claimAll adds intervals to what was seen of the actor.
func (c *causal) claimAll(s *site, more spans) {
	if len(more) <= few {
		for _, e := range more {
			c.claim(s, e.lo, e.hi)
		}
		return
	}
	old := s.seen
	s.seen = old.union(more)
	if c.digest == nil {
		return
	}
	for _, e := range s.seen {
		n := 0
		for n < len(old) && old[n].hi <= e.hi {
			n++
		}
		if n != 1 || old[0] != e {
			for _, o := range old[:n] {
				c.digest.seen(false, s.actor, o)
			}
			c.digest.seen(true, s.actor, e)
		}
		old = old[n:]
	}
}

// absorb joins d, all of which is news: its claims of what c holds live are
// removals.
func (c *causal) absorb(d *causal) {
	c.adopt(d)
	for _, from := range d.sites {
		s := c.intern(from.actor)
		for _, e := range from.seen {
			if e.lo <= s.live.last() {
				c.eraseWithin(s, e, from)
			}
		}
		c.claimAll(s, from.seen)
		for _, block := range from.live.blocks {
			for _, p := range block {
				c.insert(s, p.key, p.val)
			}
		}
	}
	c.settle()
}

// eraseWithin removes the live dots in the interval e, but for those that are
// live in from.
func (c *causal) eraseWithin(s *site, e span, from *site) {
	var buf [16]uint64
	gone := buf[:0]
	for own := s.live.from(e.lo); own.ok() && own.key() <= e.hi; own.next() {
		if _, ok := from.live.get(own.key()); !ok {
			gone = append(gone, own.key())
		}
	}
	for _, n := range gone {
		c.erase(s, n)
	}
}

func (c *causal) settle() {
	if c.rules != nil {
		c.rules.settled()
	}
}

// mutate makes the operation here and writes its delta to d, which is empty. It
// returns the dots that the operation saw and removed.
func (c *causal) mutate(m Mint, op Op, d *causal) (saw Context, err error) {
	if c.owner != nil {
		return saw, ErrPart
	}
	seen := op.seen()
	var ch change
	if op.Kind == OpReset {
		ch.lost = c.liveDots()
	} else if ch, err = c.rules.plan(m, op); err != nil {
		return saw, err
	}
	if seen != nil {
		saw = *seen
	} else {
		saw = ch.lost.context()
	}
	if op.Kind == OpReset && seen == nil {
		all := c.Context() // what was removed before does no harm, and folds
		seen = &all
	}
	return saw, c.commit(m, ch, seen, d)
}

// commit makes a change under a mint: its delta, in d, asserts what the change
// does and claims what was seen, or else what the change replaces here, and the
// actor's numbers since its last dot.
func (c *causal) commit(m Mint, ch change, seen *Context, d *causal) error {
	if c.owner != nil {
		return ErrPart
	}
	var last uint64
	if s := c.at(m.Actor); s != nil {
		last = s.seen.last()
	}
	if m.N <= last || m.N > MaxDot {
		return fmt.Errorf("%w: dot %v where %d is the last and %d the limit", ErrMint, m.Dot, last, uint64(MaxDot))
	}
	if seen != nil && seen.Last(m.Actor) >= m.N {
		return fmt.Errorf("%w: it saw %d of the actor whose %d it is", ErrOperation, seen.Last(m.Actor), m.N)
	}
	own := d.begin(m.Actor, last+1, m.N)
	if seen != nil {
		for _, e := range seen.claims {
			d.claimAll(d.intern(e.actor), e.seen)
		}
	} else {
		for e := range ch.lost.all() {
			d.claim(d.intern(e.Actor), e.N, e.N)
		}
	}
	if ch.asserts {
		d.insert(own, m.N, ch.payload)
	}
	c.absorb(d)
	return nil
}

// begin makes the first site of an empty state.
func (c *causal) begin(a Actor, lo, hi uint64) *site {
	r := &c.room
	r.site.actor, r.sites[0], r.seen[0] = a, &r.site, span{lo, hi}
	c.sites, r.site.seen = r.sites[:], r.seen[:]
	return &r.site
}

// whole returns c, or for a part of a map a state of its own that has seen
// exactly what is live in it.
func (c *causal) whole() *causal {
	if c.owner == nil {
		return c
	}
	w := &causal{rules: c.rules}
	for d, payload := range c.all() {
		s := w.intern(d.Actor)
		w.claim(s, d.N, d.N)
		s.live.put(d.N, payload)
		w.live, w.size = w.live+1, w.size+len(payload)
	}
	return w
}

// liveDots returns the live dots.
func (c *causal) liveDots() (l dots) {
	for d := range c.all() {
		l.add(d)
	}
	return l
}

// The types that keep no index have nothing to do, and need nothing.
func (c *causal) gained(*site, uint64, string) {}
func (c *causal) lost(*site, uint64, string)   {}
func (c *causal) settled()                     {}
func (c *causal) restless() bool               { return false }
func (c *causal) needs(Actor) bool             { return false }

// hasSeen reports whether the dot was seen, in a value of a map by the map.
func (c *causal) hasSeen(d Dot) bool {
	for c.owner != nil {
		c = c.owner
	}
	s := c.at(d.Actor)
	return s != nil && s.seen.contains(d.N)
}
