package crdt

import "iter"

// Causal is what all causal types have in common: states that keep a causal
// context, so that what was removed leaves nothing behind but the knowledge that
// it was seen. It is embedded in them; S is the pointer to the type.
//
// A mutation is made at one replica, under a [Mint] that is never used twice,
// and gives a delta, which is a small state of the same type. The replica must
// hold all that its actor ever did to the value: the delta claims the numbers
// since the actor's last dot here, and would otherwise kill what was forgotten.
// Deltas may be lost, repeated and reordered; a gap is healed by joining the
// missing delta, or any state that holds it.
//
// A nil state stands for nothing, as it does where nothing changed: a join of it
// does nothing.
//
// States are not safe for concurrent use.
type Causal[S value[S]] struct{ causal }

// value is a pointer to a causal type.
type value[S any] interface {
	comparable
	Mutable
	rules
	core() *causal
	empty() S // another value of the type, with nothing in it
}

// fresh returns an empty value. The rules of a typed state are the state itself.
func (c *Causal[S]) fresh() S { return c.rules.(S).empty() }

// Join joins d, which may be a delta or a whole state, and returns what changed:
// nil if that is nothing, d itself if all of it was news, or else the part that
// was. What is returned must not be changed.
func (c *Causal[S]) Join(d S) S {
	var changed S
	if c.owner != nil || d == changed {
		return changed
	}
	if d.core().owner != nil {
		w := c.fresh()
		w.core().absorb(d.core().whole())
		d = w
	}
	switch from := d.core(); from.newsFor(&c.causal) {
	case everything:
		changed = d
		c.absorb(from)
	case some:
		changed = c.fresh()
		from.difference(&c.causal, changed.core())
		c.absorb(changed.core())
	}
	return changed
}

// Difference returns what this state has and o lacks, as a delta; nil if that
// is nothing. A join of it has the same effect on o as a join of the whole
// state.
func (c *Causal[S]) Difference(o S) S {
	own, theirs := c.whole(), new(causal)
	if o != *new(S) {
		theirs = o.core().whole()
	}
	if own.newsFor(theirs) == nothing {
		return *new(S)
	}
	d := c.fresh()
	own.difference(theirs, d.core())
	return d
}

// Apply makes the operation at this replica. It returns the delta, and the dots
// that the operation saw and removed (of one that carries what somebody else
// saw, those). On an error, which wraps [ErrMint], [ErrOperation], [ErrPart] or
// an error of the type, nothing changed.
func (c *Causal[S]) Apply(m Mint, op Op) (delta S, saw Context, err error) {
	delta = c.fresh()
	if saw, err = c.mutate(m, op, delta.core()); err != nil {
		return *new(S), Context{}, err
	}
	return delta, saw, nil
}

// Reset removes all that this replica sees and keeps the context, which is the
// tombstone: what others did meanwhile stays. The errors are those of Apply.
func (c *Causal[S]) Reset(m Mint) (delta S, saw Context, err error) {
	return c.Apply(m, Op{Kind: OpReset})
}

// Parts decomposes the state (Enes et al., "Efficient Synchronization of
// State-based CRDTs", 2019): their join is the state, and none is
// below the join of the others. A live dot is a part of its own; removed
// numbers that follow each other are one part, as nothing tells them apart.
func (c *Causal[S]) Parts() iter.Seq[S] {
	return func(yield func(S) bool) {
		for _, s := range c.whole().sites {
			for _, e := range s.parts() {
				part := c.fresh()
				into := part.core().intern(s.actor)
				into.seen.add(e.lo, e.hi)
				if payload, ok := s.live.get(e.lo); ok {
					part.core().insert(into, e.lo, payload)
				}
				if !yield(part) {
					return
				}
			}
		}
	}
}

// parts are the intervals of seen, cut so that each live number is alone.
func (s *site) parts() []span {
	var p []span
	for _, e := range s.seen {
		for live := s.live.from(e.lo); live.ok() && live.block[0].key <= e.hi; live.next() {
			n := live.block[0].key
			if e.lo < n {
				p = append(p, span{e.lo, n - 1})
			}
			p = append(p, span{n, n})
			e.lo = n + 1
		}
		if e.lo <= e.hi {
			p = append(p, e)
		}
	}
	return p
}

// Clone returns a copy that shares nothing with the state that changes.
func (c *Causal[S]) Clone() S {
	s := c.fresh()
	s.core().absorb(c.whole())
	return s
}
