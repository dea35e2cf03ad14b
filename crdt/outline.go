package crdt

import "fmt"

// The outline of a causal state: its dots without what they assert. That is all of
// a state that another needs in order to say what it lacks.
//
//	version 0 | tag 1 | count | site ...
//	site: actor 16 | intervals | count | distance from the live dot before ...
//
// No state is of version 0, so that no outline is taken for one.
const outlineVersion = 0

// AppendOutline appends the state's outline; see [Mutable].
func (c *causal) AppendOutline(dst []byte) []byte {
	w := c.whole()
	dst = append(dst, outlineVersion, w.rules.tag())
	dst = appendUvarint(dst, uint64(len(w.sites)))
	for _, s := range w.sites {
		dst = append(dst, s.actor[:]...)
		dst = s.seen.appendBinary(dst)
		dst = appendUvarint(dst, uint64(s.live.n))
		dst = appendDistances(dst, s)
	}
	return dst
}

// decodeOutline reads an outline of the type of c into o, which is empty: a state
// whose live dots assert nothing.
func (c *causal) decodeOutline(p string, o *causal) error {
	r := reader{p: p}
	if version, tag := r.byte(), r.byte(); version != outlineVersion || tag != c.rules.tag() {
		return fmt.Errorf("%w: outline of version %d, tag %d where %d is wanted", ErrCorrupt, version, tag, c.rules.tag())
	}
	o.decodeSites(&r, func(s *site) {
		numbers := distances{least: 1}
		for n := r.count(1); n > 0 && !r.bad; n-- {
			number := numbers.next(&r)
			if r.bad = r.bad || !s.seen.contains(number); !r.bad {
				o.insert(s, number, "")
			}
		}
	})
	return r.end("outline of a causal state")
}
