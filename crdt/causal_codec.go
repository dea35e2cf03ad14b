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
	least, common := uint64(1), -1
	for n, payload := range s.live.all() {
		dst = appendUvarint(dst, n-least)
		least = n + 1
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
	for range r.count(minClaim + 1) {
		a := r.actor()
		if n := len(d.sites); n > 0 && d.sites[n-1].actor.Compare(a) >= 0 {
			r.bad = true
		}
		if r.bad {
			break
		}
		s := d.intern(a)
		s.seen = r.spans()
		d.decodeLive(&r, s, version, c.rules)
	}
	return r.end("causal state")
}

func (d *causal) decodeLive(r *reader, s *site, version byte, rules rules) {
	n := r.count(int(3 - version)) // a row has two bytes at least, a column's part one
	if n == 0 {
		return
	}
	numbers, lengths := make([]uint64, n), make([]uint64, n)
	payloads := make([]string, n)
	least := uint64(1)
	for i := range numbers {
		gap := r.uvarint()
		if least > MaxDot || gap > MaxDot-least {
			r.bad = true
			return
		}
		numbers[i] = least + gap
		least += gap + 1
		if version == 1 {
			payloads[i] = r.string()
		}
	}
	if version > 1 {
		r.columns(lengths, payloads)
	}
	for i, number := range numbers {
		if r.bad || !s.seen.contains(number) || !rules.valid(payloads[i]) {
			r.bad = true
			return
		}
		d.insert(s, number, payloads[i])
	}
}

// columns reads lengths and payloads. Equal lengths written one by one are not
// canonical.
func (r *reader) columns(lengths []uint64, payloads []string) {
	common, differ := r.uvarint(), false
	for i := range lengths {
		if lengths[i] = common - 1; common == 0 {
			lengths[i] = r.uvarint()
		}
		differ = differ || lengths[i] != lengths[0]
	}
	r.bad = r.bad || common == 0 && !differ
	for i := range payloads {
		payloads[i] = r.take(lengths[i])
	}
}
