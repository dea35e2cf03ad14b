package antientropy

import "math/bits"

// A sorted list of n numbers below 2^width, evenly spread, is worth little more
// than log2(2^width/n) + 1.5 bits a number as Rice codes of the distances: the
// upper part of a distance in unary, the lower k bits as they are (Rice and
// Plaunt 1971).

// riceBits is the k for n numbers of the given width.
func riceBits(n, width int) int { return max(width-bits.Len(uint(n)), 0) }

// bitWriter appends bits to bytes, the lowest first.
type bitWriter struct {
	dst  []byte
	word uint64
	n    int // bits in word, fewer than 8 between calls
}

func (w *bitWriter) put(v uint64, n int) {
	for n > 0 {
		take := min(n, 32)
		w.word |= v & (1<<take - 1) << w.n
		w.n, v, n = w.n+take, v>>take, n-take
		for ; w.n >= 8; w.n -= 8 {
			w.dst = append(w.dst, byte(w.word))
			w.word >>= 8
		}
	}
}

// rice appends a number.
func (w *bitWriter) rice(v uint64, k int) {
	for q := v >> k; q > 0; q-- {
		w.put(1, 1)
	}
	w.put(0, 1)
	w.put(v, k)
}

// end fills the last byte with ones, which no number begins or ends with.
func (w *bitWriter) end() []byte {
	if w.n > 0 {
		w.put(1<<8-1, 8-w.n)
	}
	return w.dst
}

// bitReader reads what a bitWriter wrote.
type bitReader struct {
	p   []byte
	pos int // in bits
}

// bit returns the next bit; past the end there are ones.
func (r *bitReader) bit() uint64 {
	if r.pos>>3 >= len(r.p) {
		r.pos++
		return 1
	}
	b := uint64(r.p[r.pos>>3]) >> (r.pos & 7) & 1
	r.pos++
	return b
}

// rice reads a number; false if there is none any more.
func (r *bitReader) rice(k int) (v uint64, ok bool) {
	for ; r.bit() == 1; v++ {
		if r.pos > 8*len(r.p) {
			return 0, false
		}
	}
	if r.pos+k > 8*len(r.p) {
		return 0, false
	}
	low := uint64(0)
	for i := range k {
		low |= r.bit() << i
	}
	return v<<k | low, true
}
