package crdt

import "fmt"

// The encodings of a causal state (docs/crdt.md draws them):
//
//	version 1 | tag 1 | count | site ...
//	site: actor 16 | intervals | live dots
//
// Version 1 writes the live dots as rows: distance from the number before,
// length of the payload, payload. Version 2 writes columns, and the length only
// once where all are equal.
const (
	causalOldest = 1
	causalNewest = 2
)

// AppendBinary appends the canonical encoding in the newest version.
func (c *causal) AppendBinary(dst []byte) []byte { return c.whole().append(dst, causalNewest) }

// AppendVersion appends the canonical encoding in the given version, for a
// cluster in which some members know no newer one. The error wraps
// [ErrVersion]: there is no such version.
func (c *causal) AppendVersion(dst []byte, version byte) ([]byte, error) {
	if version < causalOldest || version > causalNewest {
		return dst, fmt.Errorf("%w: version %d, %d to %d can be written", ErrVersion, version, causalOldest, causalNewest)
	}
	return c.whole().append(dst, version), nil
}

func (c *causal) append(dst []byte, version byte) []byte {
	dst = append(dst, version, c.rules.tag())
	dst = appendUvarint(dst, uint64(len(c.sites)))
	for _, s := range c.sites {
		dst = append(dst, s.actor[:]...)
		dst = s.seen.appendBinary(dst)
		dst = appendUvarint(dst, uint64(s.live.n))
		if version == 1 {
			dst = c.appendRows(dst, s)
		} else {
			dst = c.appendColumns(dst, s)
		}
	}
	return dst
}

func (c *causal) appendRows(dst []byte, s *site) []byte {
	least := uint64(1)
	for n, payload := range s.live.all() {
		dst = appendString(appendUvarint(dst, n-least), payload)
		least = n + 1
	}
	return dst
}

// appendColumns appends the distances, then one more than the common length of
// the payloads or 0 and each length, then the payloads.
func (c *causal) appendColumns(dst []byte, s *site) []byte {
	if s.live.n == 0 {
		return dst
	}
	dst = appendDistances(dst, s)
	common := -1
	for _, payload := range s.live.all() {
		if l := len(payload); common == -1 {
			common = l
		} else if common != l {
			common = -2
		}
	}
	dst = appendUvarint(dst, uint64(max(common+1, 0)))
	if common < 0 {
		for _, payload := range s.live.all() {
			dst = appendUvarint(dst, uint64(len(payload)))
		}
	}
	for _, payload := range s.live.all() {
		dst = append(dst, payload...)
	}
	return dst
}

// appendDistances appends how far each live number is from the one before.
func appendDistances(dst []byte, s *site) []byte {
	least := uint64(1)
	for n := range s.live.all() {
		dst = appendUvarint(dst, n-least)
		least = n + 1
	}
	return dst
}

// decode reads a state or delta of the type of c into d, which is empty. D's
// payloads refer to p.
func (c *causal) decode(p string, d *causal) error {
	r := reader{p: p}
	version, tag := r.byte(), r.byte()
	if version > causalNewest {
		return fmt.Errorf("%w: version %d, up to %d is known", ErrVersion, version, causalNewest)
	}
	if r.bad || version < causalOldest || tag != c.rules.tag() {
		return fmt.Errorf("%w: version %d, tag %d where %d is wanted", ErrCorrupt, version, tag, c.rules.tag())
	}
	d.decodeSites(&r, func(s *site) { d.decodeLive(&r, s, version, c.rules) })
	return r.end("causal state")
}

// decodeSites reads what was seen of each actor into d, which is empty, and has
// live read what is live of it.
func (d *causal) decodeSites(r *reader, live func(s *site)) {
	for range r.count(minClaim + 1) {
		a := r.actor()
		if n := len(d.sites); n > 0 && d.sites[n-1].actor.Compare(a) >= 0 {
			r.bad = true
		}
		if r.bad {
			break
		}
		s := d.intern(a)
		s.seen = r.spans(s.seen[:0])
		live(s)
	}
}

// distances reads live numbers, each as its distance from the one before.
type distances struct{ least uint64 }

func (d *distances) next(r *reader) uint64 {
	gap := r.uvarint()
	r.bad = r.bad || d.least > MaxDot || gap > MaxDot-d.least
	number := d.least + gap
	d.least = number + 1
	return number
}

func (d *causal) decodeLive(r *reader, s *site, version byte, rules rules) {
	n := r.count(int(3 - version)) // a row has two bytes at least, a column's part one
	take := func(number uint64, payload string) {
		if r.bad || !s.seen.contains(number) || !rules.valid(payload) {
			r.bad = true
			return
		}
		d.insert(s, number, payload)
	}
	at := distances{least: 1}
	if version == 1 {
		for i := 0; i < n && !r.bad; i++ {
			number := at.next(r)
			take(number, r.string())
		}
		return
	}
	var room [8]uint64
	numbers := room[:0]
	for i := 0; i < n && !r.bad; i++ {
		numbers = append(numbers, at.next(r))
	}
	lengths := r.lengths(n)
	for i, number := range numbers {
		take(number, r.take(lengths.at(i)))
	}
}

// lengths are those of a column: one for all, or each.
type lengths struct {
	common uint64
	each   []uint64
}

func (l lengths) at(i int) uint64 {
	if l.each == nil {
		return l.common
	}
	return l.each[i]
}

// lengths reads those of n payloads. Equal ones that are written one by one are
// not canonical.
func (r *reader) lengths(n int) (l lengths) {
	if n == 0 {
		return l
	}
	if l.common = r.uvarint(); l.common > 0 {
		l.common--
		return l
	}
	differ := false
	for i := 0; i < n && !r.bad; i++ {
		l.each = append(l.each, r.uvarint())
		differ = differ || l.each[i] != l.each[0]
	}
	if !differ {
		r.bad = true
	}
	if r.bad {
		l.each = make([]uint64, n)
	}
	return l
}
