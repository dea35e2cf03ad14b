package crdt

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// The parts that encodings are made of; docs/crdt.md draws them. Numbers are
// unsigned varints in their shortest form. Every decoder takes the whole input
// and accepts only what the encoder writes, so that one state has one encoding;
// it checks each count against the bytes that are left before it makes room.

const (
	minSpan  = 2                // bytes of an interval
	minClaim = 16 + 1 + minSpan // bytes of an actor and its intervals
)

func appendUvarint(dst []byte, n uint64) []byte { return binary.AppendUvarint(dst, n) }

func appendString(dst []byte, s string) []byte {
	return append(appendUvarint(dst, uint64(len(s))), s...)
}

// appendBinary appends the number of intervals, then each as the distance from
// the least place where it could begin, and its length less one.
func (s spans) appendBinary(dst []byte) []byte {
	dst = appendUvarint(dst, uint64(len(s)))
	least := uint64(1)
	for _, e := range s {
		dst = appendUvarint(appendUvarint(dst, e.lo-least), e.hi-e.lo)
		least = e.hi + 2
	}
	return dst
}

// reader takes an encoding apart. After a fault it is bad and gives zeros, so
// that a decoder asks once, at the end or before it relies on what it read.
type reader struct {
	p   string
	bad bool
}

// end says whether all went well and nothing is left over.
func (r *reader) end(what string) error {
	if r.bad || r.p != "" {
		return fmt.Errorf("%w: %s", ErrCorrupt, what)
	}
	return nil
}

func (r *reader) take(n uint64) string {
	if r.bad || n > uint64(len(r.p)) {
		r.bad = true
		return ""
	}
	s := r.p[:n]
	r.p = r.p[n:]
	return s
}

func (r *reader) byte() byte {
	if s := r.take(1); s != "" {
		return s[0]
	}
	return 0
}

func (r *reader) actor() (a Actor) {
	copy(a[:], r.take(uint64(len(a))))
	return a
}

func (r *reader) uvarint() uint64 {
	var n uint64
	for i := range len(r.p) {
		b := r.p[i]
		if i == 9 && b > 1 || i > 0 && b == 0 { // too large, or not the shortest form
			break
		}
		n |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			r.p = r.p[i+1:]
			return n
		}
	}
	r.bad = true
	return 0
}

// count reads how many things of at least size bytes follow.
func (r *reader) count(size int) int {
	n := r.uvarint()
	if n > uint64(len(r.p)/size) {
		r.bad = true
		return 0
	}
	return int(n)
}

func (r *reader) string() string { return r.take(r.uvarint()) }

// spans reads at least one interval into s, which is empty.
func (r *reader) spans(s spans) spans {
	n := r.count(minSpan)
	if n == 0 {
		r.bad = true
		return nil
	}
	s = slices.Grow(s, n)
	least := uint64(1)
	for range n {
		gap, length := r.uvarint(), r.uvarint()
		if least > MaxDot || gap > MaxDot-least || length > MaxDot-least-gap {
			r.bad = true
			return nil
		}
		lo := least + gap
		s = append(s, span{lo, lo + length})
		least = lo + length + 2
	}
	return s
}
