package crdt

import "github.com/cespare/xxhash/v2"

// index finds the live dots of an element: a hash table of dots with open
// addressing. The element itself lies with the dot, so the table is small, and
// it grows without hashing anything again.
//
// Who chooses elements can choose them so that they collide. A probe that grows
// too long therefore moves everything into a map, whose hash has a secret.
type index struct {
	sites []*site // by site.id, from 1
	table []slot
	used  int               // slots taken, also by what was removed
	dots  int               // in the index
	len   int               // elements in the index
	safe  map[string][]slot // not nil: used instead of the table
}

// slot is a dot in an index. A free slot has no number; a slot whose dot was
// removed, which a probe must go past, has a number and no site.
type slot struct {
	hash uint32
	site uint32
	n    uint64
}

const maxProbe = 128

func hashOf(element string) uint32 { return uint32(xxhash.Sum64String(element) >> 32) }

// find calls visit with the slots of the element that has this hash, until it
// returns false, and returns the first slot where one more may be put: nil if
// that is too far.
func (x *index) find(skip int, hash uint32, element string, visit func(*slot) bool) (free *slot) {
	at := hash
	for i := range uint32(min(maxProbe, len(x.table))) {
		at = (at + i) & uint32(len(x.table)-1) // steps grow, so that clusters do not
		switch s := &x.table[at]; {
		case s.site == 0:
			if free == nil {
				free = s
			}
			if s.n == 0 {
				return free
			}
		case s.hash == hash && x.element(skip, s) == element && !visit(s):
			return free
		}
	}
	return free
}

func (x *index) element(skip int, s *slot) string {
	payload, _ := x.sites[s.site-1].live.get(s.n)
	return payload[skip:]
}

// each calls visit with the slots of the element.
func (x *index) each(skip int, element string, visit func(*slot) bool) {
	if x.safe == nil {
		x.find(skip, hashOf(element), element, visit)
		return
	}
	for i := range x.safe[element] {
		if !visit(&x.safe[element][i]) {
			return
		}
	}
}

// put adds the dot of a live element, which is in its site already.
func (x *index) put(skip int, element string, s *site, n uint64) {
	if s.id == 0 {
		x.sites = append(x.sites, s)
		s.id = uint32(len(x.sites))
	}
	if x.safe == nil && (x.used+1)*4 > len(x.table)*3 {
		x.grow(skip)
	}
	known := false
	if x.safe == nil {
		hash := hashOf(element)
		free := x.find(skip, hash, element, func(*slot) bool { known = true; return true })
		if free == nil {
			x.secure(skip)
		} else {
			if free.n == 0 {
				x.used++
			}
			*free = slot{hash, s.id, n}
		}
	}
	if x.safe != nil {
		known = len(x.safe[element]) > 0
		x.safe[element] = append(x.safe[element], slot{0, s.id, n})
	}
	x.dots++
	if !known {
		x.len++
	}
}

// remove forgets the dot of an element, which may have left its site.
func (x *index) remove(skip int, element string, s *site, n uint64) {
	x.dots--
	others := false
	if x.safe != nil {
		left := x.safe[element][:0]
		for _, e := range x.safe[element] {
			if e.site != s.id || e.n != n {
				left = append(left, e)
			}
		}
		if others = len(left) > 0; others {
			x.safe[element] = left
		} else {
			delete(x.safe, element)
		}
	} else {
		x.find(skip, hashOf(element), element, func(e *slot) bool {
			if e.site == s.id && e.n == n {
				e.site = 0
			} else {
				others = true
			}
			return true
		})
	}
	if !others {
		x.len--
	}
}

// grow makes a table that is at most half full.
func (x *index) grow(skip int) {
	size := uint32(32)
	for size < 2*uint32(x.dots+1) {
		size *= 2
	}
	table := make([]slot, size)
	for _, e := range x.table {
		if e.site == 0 {
			continue
		}
		at, i := e.hash&(size-1), uint32(0)
		for i < maxProbe && table[at].n != 0 {
			i++
			at = (at + i) & (size - 1)
		}
		if i == maxProbe {
			x.secure(skip)
			return
		}
		table[at] = e
	}
	x.table, x.used = table, x.dots
}

// secure moves the dots into the map.
func (x *index) secure(skip int) {
	x.safe = make(map[string][]slot, x.len)
	for _, s := range x.table {
		if s.site != 0 {
			e := x.element(skip, &s)
			x.safe[e] = append(x.safe[e], s)
		}
	}
	x.table = nil
}
