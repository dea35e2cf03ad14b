package crdt

import "slices"

// span is the numbers from lo to hi, both included.
type span struct{ lo, hi uint64 }

// spans is a set of numbers: rising, disjoint and not adjacent, so that equal
// sets have one form.
type spans []span

// touching returns the range [i, j) of the spans that overlap lo..hi or are
// adjacent to it; empty, it is where a span lo..hi belongs.
func (s spans) touching(lo, hi uint64) (i, j int) {
	if n := len(s); n > 0 && s[n-1].lo <= lo { // at the end, nearly always
		i = n - 1
		if s[i].hi+1 < lo {
			i++
		}
		return i, n
	}
	i, _ = slices.BinarySearchFunc(s, lo, func(e span, lo uint64) int {
		if e.hi+1 < lo {
			return -1
		}
		return 1
	})
	for j = i; j < len(s) && s[j].lo <= hi+1; j++ {
	}
	return i, j
}

// merge puts lo..hi in the place of s[i:j], which touch it.
func (s *spans) merge(i, j int, lo, hi uint64) {
	if i == j {
		*s = slices.Insert(*s, i, span{lo, hi})
		return
	}
	(*s)[i] = span{min(lo, (*s)[i].lo), max(hi, (*s)[j-1].hi)}
	*s = slices.Delete(*s, i+1, j)
}

// add adds lo..hi.
func (s *spans) add(lo, hi uint64) {
	i, j := s.touching(lo, hi)
	s.merge(i, j, lo, hi)
}

// union returns the numbers of both, in a walk through them.
func (s spans) union(o spans) spans {
	all := make(spans, 0, len(s)+len(o))
	for len(s)+len(o) > 0 {
		if len(s) == 0 || len(o) > 0 && o[0].lo < s[0].lo {
			s, o = o, s
		}
		if n := len(all); n > 0 && s[0].lo <= all[n-1].hi+1 {
			all[n-1].hi = max(all[n-1].hi, s[0].hi)
		} else {
			all = append(all, s[0])
		}
		s = s[1:]
	}
	if 2*len(all) < cap(all) {
		return slices.Clone(all)
	}
	return all
}

func (s spans) contains(n uint64) bool { return s.covers(n, n) }

// covers reports whether all of lo..hi is in s.
func (s spans) covers(lo, hi uint64) bool {
	i, _ := slices.BinarySearchFunc(s, lo, func(e span, lo uint64) int {
		if e.hi < lo {
			return -1
		}
		return 1
	})
	return i < len(s) && s[i].lo <= lo && hi <= s[i].hi
}

// last is the highest number; 0 if there is none.
func (s spans) last() uint64 {
	if len(s) == 0 {
		return 0
	}
	return s[len(s)-1].hi
}

// count is how many numbers are in s.
func (s spans) count() (n uint64) {
	for _, e := range s {
		n += e.hi - e.lo + 1
	}
	return n
}

// without calls yield with the numbers that are in s and not in o.
func (s spans) without(o spans, yield func(lo, hi uint64)) {
	for _, e := range s {
		lo := e.lo
		i, _ := slices.BinarySearchFunc(o, lo, func(e span, lo uint64) int {
			if e.hi < lo {
				return -1
			}
			return 1
		})
		for ; i < len(o) && o[i].lo <= e.hi && lo <= e.hi; i++ {
			if lo < o[i].lo {
				yield(lo, o[i].lo-1)
			}
			lo = o[i].hi + 1
		}
		if lo <= e.hi {
			yield(lo, e.hi)
		}
	}
}
