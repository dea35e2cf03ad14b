package crdt

import (
	"fmt"
	"iter"
	"slices"
	"strings"
)

// Context is a causal context: a set of dots that were seen. It is a version
// vector with exceptions: for each actor the intervals of numbers that were
// seen, which is a single one when nothing is missing (Malkhi and Terry,
// "Concise Version Vectors in WinFS", 2005). Seen is more than received: where
// numbers between two dots of an actor belong to other keys, the later delta
// claims them, and so the intervals fold.
//
// The zero Context is empty. Copies of a Context share nothing that a method
// changes. A Context is not safe for concurrent change.
type Context struct {
	claims []claim // by actor
}

// claim is what was seen of an actor: at least one number.
type claim struct {
	actor Actor
	seen  spans
}

// Order is how two contexts, or two dotted versions, lie to each other.
type Order uint8

// The orders.
const (
	Equal      Order = iota
	Before           // all that the first has seen, the second has seen, and more
	After            // the other way round
	Concurrent       // each has seen what the other has not
)

// String names the order.
func (o Order) String() string {
	return [...]string{"equal", "before", "after", "concurrent"}[min(o, Concurrent)]
}

// OrderOf gives the order from the two halves of it.
func orderOf(below, above bool) Order {
	switch {
	case below && above:
		return Equal
	case below:
		return Before
	case above:
		return After
	}
	return Concurrent
}

// ContextOf returns the context of the dots alone.
func ContextOf(dots ...Dot) Context {
	var c Context
	for _, d := range dots {
		if d.N > 0 && d.N <= MaxDot {
			c.claim(d.Actor, d.N, d.N)
		}
	}
	return c
}

func (c Context) find(a Actor) (int, bool) {
	return slices.BinarySearchFunc(c.claims, a, func(e claim, a Actor) int { return e.actor.Compare(a) })
}

func (c Context) seen(a Actor) spans {
	if i, ok := c.find(a); ok {
		return c.claims[i].seen
	}
	return nil
}

// IsEmpty reports whether nothing was seen.
func (c Context) IsEmpty() bool { return len(c.claims) == 0 }

// Contains reports whether the dot was seen.
func (c Context) Contains(d Dot) bool { return c.seen(d.Actor).contains(d.N) }

// Last returns the highest number seen of the actor, 0 if there is none.
func (c Context) Last(a Actor) uint64 { return c.seen(a).last() }

// Vector returns the actor's entry in the version vector: the number up to
// which nothing is missing.
func (c Context) Vector(a Actor) uint64 {
	if s := c.seen(a); len(s) > 0 && s[0].lo == 1 {
		return s[0].hi
	}
	return 0
}

// Add adds a dot; the zero Dot, and one above [MaxDot], are left out.
func (c *Context) Add(d Dot) { c.AddRange(d.Actor, d.N, d.N) }

// AddRange adds the actor's numbers from lo to hi, both included, if they are
// in order and between 1 and [MaxDot].
func (c *Context) AddRange(a Actor, lo, hi uint64) {
	if lo == 0 || hi < lo || hi > MaxDot {
		return
	}
	*c = c.clone()
	c.claim(a, lo, hi)
}

// clone returns a context that shares nothing with c.
func (c Context) clone() Context {
	own := slices.Clone(c.claims)
	for i := range own {
		own[i].seen = slices.Clone(own[i].seen)
	}
	return Context{own}
}

// claim adds lo..hi in place: only for a context that nobody shares.
func (c *Context) claim(a Actor, lo, hi uint64) {
	i, ok := c.find(a)
	if !ok {
		c.claims = slices.Insert(c.claims, i, claim{actor: a})
	}
	c.claims[i].seen.add(lo, hi)
}

// Join adds all that o has seen and reports whether that was news.
func (c *Context) Join(o Context) bool {
	if o.Without(*c).IsEmpty() {
		return false
	}
	own, theirs := c.claims, o.claims
	all := make([]claim, 0, len(own)+len(theirs))
	for len(own)+len(theirs) > 0 {
		if len(own) == 0 || len(theirs) > 0 && theirs[0].actor.Compare(own[0].actor) < 0 {
			own, theirs = theirs, own
		}
		if n := len(all); n > 0 && all[n-1].actor == own[0].actor {
			all[n-1].seen = all[n-1].seen.union(own[0].seen)
		} else {
			all = append(all, own[0])
		}
		own = own[1:]
	}
	c.claims = all
	return true
}

// Without returns what c has seen and o has not.
func (c Context) Without(o Context) Context {
	var r Context
	for _, e := range c.claims {
		var left spans
		e.seen.without(o.seen(e.actor), func(lo, hi uint64) { left = append(left, span{lo, hi}) })
		if left != nil {
			r.claims = append(r.claims, claim{e.actor, left})
		}
	}
	return r
}

// Compare returns how c lies to o.
func (c Context) Compare(o Context) Order {
	return orderOf(c.Without(o).IsEmpty(), o.Without(c).IsEmpty())
}

// Ranges yields what was seen as intervals, both ends included, by actor and
// rising.
func (c Context) Ranges() iter.Seq2[Actor, [2]uint64] {
	return func(yield func(Actor, [2]uint64) bool) {
		for _, e := range c.claims {
			for _, s := range e.seen {
				if !yield(e.actor, [2]uint64{s.lo, s.hi}) {
					return
				}
			}
		}
	}
}

// String gives the intervals, "0a000000:1-7,9".
func (c Context) String() string {
	var b strings.Builder
	for i, e := range c.claims {
		if i > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "%x:", e.actor[:4])
		for j, s := range e.seen {
			if j > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, "%d", s.lo)
			if s.hi > s.lo {
				fmt.Fprintf(&b, "-%d", s.hi)
			}
		}
	}
	return b.String()
}

// AppendBinary appends the canonical encoding, which docs/crdt.md draws.
func (c Context) AppendBinary(dst []byte) []byte {
	dst = appendUvarint(dst, uint64(len(c.claims)))
	for _, e := range c.claims {
		dst = append(dst, e.actor[:]...)
		dst = e.seen.appendBinary(dst)
	}
	return dst
}

// DecodeContext decodes a context. Only canonical encodings are accepted; the
// error wraps [ErrCorrupt].
func DecodeContext(p []byte) (Context, error) {
	r := reader{p: string(p)}
	c := r.context()
	return c, r.end("context")
}

func (r *reader) context() Context {
	var c Context
	for range r.count(minClaim) {
		a := r.actor()
		if n := len(c.claims); n > 0 && c.claims[n-1].actor.Compare(a) >= 0 {
			r.bad = true
		}
		if r.bad {
			return Context{}
		}
		c.claims = append(c.claims, claim{a, r.spans(nil)})
	}
	return c
}
