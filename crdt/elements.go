package crdt

import "iter"

// elements finds the live dots of a set's element. A small set is searched; a
// larger one has an index.
type elements struct {
	skip  uint8 // bytes of a payload before the element
	index *index
}

// maxFlat is the size up to which a search is as quick as an index, and takes
// no memory.
const maxFlat = 16

// at returns the dots of the element.
func (x *elements) at(c *causal, element string) (l dots) {
	if x.index != nil {
		x.index.each(int(x.skip), element, func(s *slot) bool {
			l.add(Dot{x.index.sites[s.site-1].actor, s.n})
			return true
		})
		return l
	}
	for d, payload := range c.all() {
		if payload[x.skip:] == element {
			l.add(d)
		}
	}
	return l
}

func (x *elements) gained(c *causal, s *site, n uint64, payload string) {
	if x.index != nil {
		x.index.put(int(x.skip), payload[x.skip:], s, n)
		return
	}
	if c.live <= maxFlat {
		return
	}
	x.index = new(index)
	for _, s := range c.sites {
		for n, payload := range s.live.all() {
			x.index.put(int(x.skip), payload[x.skip:], s, n)
		}
	}
}

func (x *elements) lost(s *site, n uint64, payload string) {
	if x.index != nil {
		x.index.remove(int(x.skip), payload[x.skip:], s, n)
	}
}

// len counts the elements.
func (x *elements) len(c *causal) (n int) {
	if x.index != nil {
		return x.index.len
	}
	for range x.all(c) {
		n++
	}
	return n
}

// size is about how many bytes of memory the index takes.
func (x *elements) size() int {
	if x.index == nil {
		return 0
	}
	return 16*len(x.index.table) + 80*len(x.index.safe)
}

// all yields each element once, at the payload of its least dot, in the order
// of these: by actor and number.
func (x *elements) all(c *causal) iter.Seq[string] {
	return func(yield func(string) bool) {
		single := x.index != nil && x.index.len == x.index.dots
		for d, payload := range c.all() {
			element := payload[x.skip:]
			if !single {
				if l := x.at(c, element); l.least() != d {
					continue
				}
			}
			if !yield(element) {
				return
			}
		}
	}
}

// dots are some dots, without an allocation for one.
type dots struct {
	one  Dot
	more []Dot
}

func (l *dots) add(d Dot) {
	if l.one.IsZero() {
		l.one = d
	} else {
		l.more = append(l.more, d)
	}
}

func (l *dots) all() iter.Seq[Dot] {
	return func(yield func(Dot) bool) {
		if l.one.IsZero() || !yield(l.one) {
			return
		}
		for _, d := range l.more {
			if !yield(d) {
				return
			}
		}
	}
}

func (l *dots) least() (d Dot) {
	d = l.one
	for _, e := range l.more {
		if e.Compare(d) < 0 {
			d = e
		}
	}
	return d
}

// context returns the context of the dots alone.
func (l *dots) context() (x Context) {
	for d := range l.all() {
		x.claim(d.Actor, d.N, d.N)
	}
	return x
}
