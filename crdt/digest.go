package crdt

import "encoding/binary"

// digest is the fingerprint of a state that is kept up to date: the sum of the
// keyed hashes of its parts. Each part's hash begins with a byte for its kind,
// so that no part is taken for one of another kind.
type digest struct {
	key Key
	sum Fingerprint
	buf []byte // scratch
}

// Kinds of parts.
const (
	partSeen  = 's' // an interval of the causal context
	partLive  = 'l' // a live dot and its payload
	partEntry = 'e' // a key and its value
)

// toggle adds a part that appears to the sum, or takes one out that goes. A nil
// digest is one that nobody asked for.
func (g *digest) toggle(appears bool, part []byte) {
	f := g.key.Sum(part)
	if appears {
		g.sum = g.sum.Add(f)
	} else {
		g.sum = g.sum.Sub(f)
	}
	if g.buf = part[:0]; cap(part) > 1<<12 {
		g.buf = nil
	}
}

func (g *digest) seen(appears bool, a Actor, s span) {
	if g == nil {
		return
	}
	p := append(append(g.buf[:0], partSeen), a[:]...)
	p = binary.BigEndian.AppendUint64(p, s.lo)
	g.toggle(appears, binary.BigEndian.AppendUint64(p, s.hi))
}

func (g *digest) live(appears bool, a Actor, n uint64, payload string) {
	if g == nil {
		return
	}
	p := append(append(g.buf[:0], partLive), a[:]...)
	p = binary.BigEndian.AppendUint64(p, n)
	g.toggle(appears, append(p, payload...))
}
