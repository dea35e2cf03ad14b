package antientropy

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/grapevine-go/grapevine/merkle"
)

// Kinds of frames. A frame is a byte of kind and a body; docs/antientropy.md
// draws them.
const (
	frameHello  = 'H' // strategy, depth, salt, root
	frameEqual  = '=' // nothing
	frameRanges = 'N' // k, 2^k digests of two bytes
	frameDomain = 'D' // length, depth, ranges, ranges left to the descent, samples
	frameCoded  = 'C' // symbols, in order
	frameMore   = 'M' // symbols wanted in all, length
	frameLacked = 'R' // elements that the other side lacks
	frameCheck  = 'F' // sum of what both have in common
	frameGiveUp = 'X' // nothing: the descent does the rest
	frameTree   = 'T' // a message of merkle.Diff
	frameList   = 'L' // 1 if it is the last, entries: hashes and halves of fingerprints
	frameWant   = 'W' // hashes of a list that are lacked
	frameSum    = 'S' // sum of what both have, as far as is known
	framePeeled = 'E' // nothing: the sums are equal
	frameGoOn   = '+' // nothing: there is more to say, or more may be said
)

const (
	// MaxFrame is the greatest length of a frame in bytes.
	MaxFrame = 1 << 16

	frameGoal  = MaxFrame - 4096 // where frames are cut
	turnGoal   = 4 << 20         // bytes of a turn, about
	maxSymbols = 1 << 20         // symbols of a session
	rangeBits  = 8               // of the ranges that Hybrid looks at
)

func corrupt(kind byte, what string) error {
	return fmt.Errorf("%w: %q: %s", ErrCorrupt, kind, what)
}

// reader takes a body apart; after a fault it gives zeros.
type reader struct {
	p   []byte
	bad bool
}

func (r *reader) take(n int) []byte {
	if r.bad || n < 0 || n > len(r.p) {
		r.bad = true
		return nil
	}
	p := r.p[:n]
	r.p = r.p[n:]
	return p
}

func (r *reader) byte() byte {
	if p := r.take(1); p != nil {
		return p[0]
	}
	return 0
}

func (r *reader) uint64() uint64 {
	if p := r.take(8); p != nil {
		return binary.LittleEndian.Uint64(p)
	}
	return 0
}

// number reads a varint that is at most limit.
func (r *reader) number(limit uint64) int {
	n, width := binary.Uvarint(r.p)
	if width <= 0 || n > limit {
		r.bad = true
		return 0
	}
	r.take(width)
	return int(n)
}

func (r *reader) end() bool { return !r.bad && len(r.p) == 0 }

// ranges is a set of the 2^k parts of the hash space.
type ranges struct {
	k   uint8
	has []bool
}

func newRanges(k uint8) ranges { return ranges{k, make([]bool, 1<<k)} }

func (s ranges) node(i int) merkle.Node {
	if s.k == 0 {
		return merkle.Node{}
	}
	return merkle.Node{First: uint64(i) << (64 - s.k), Bits: s.k}
}

func (s ranges) all() (nodes []merkle.Node) {
	for i, has := range s.has {
		if has {
			nodes = append(nodes, s.node(i))
		}
	}
	return nodes
}

// append appends how many ranges there are, then each, or as bits if there are
// more than that takes.
func (s ranges) append(dst []byte) []byte {
	nodes := s.all()
	dst = binary.AppendUvarint(dst, uint64(len(nodes)))
	if len(nodes) <= len(s.has)/8 {
		for i, has := range s.has {
			if has {
				dst = append(dst, byte(i))
			}
		}
		return dst
	}
	mask := make([]byte, (len(s.has)+7)/8)
	for i, has := range s.has {
		if has {
			mask[i/8] |= 1 << (i % 8)
		}
	}
	return append(dst, mask...)
}

func (r *reader) ranges(k uint8) ranges {
	s := newRanges(k)
	n := r.number(uint64(len(s.has)))
	if n <= len(s.has)/8 {
		for _, i := range r.take(n) {
			if int(i) >= len(s.has) {
				r.bad = true
				return s
			}
			s.has[i] = true
		}
		return s
	}
	for i, b := range r.take((len(s.has) + 7) / 8) {
		for j := range 8 {
			if b>>j&1 == 1 && i*8+j < len(s.has) {
				s.has[i*8+j] = true
			}
		}
	}
	return s
}

// appendElements makes frames of elements without their last bits: sorted, the
// first as it is, the others as Rice codes of the distance from the one before.
func appendElements(frames [][]byte, elements []element, spare int) [][]byte {
	slices.Sort(elements)
	k := riceBits(len(elements), elementBits-spare)
	for len(elements) > 0 {
		last := elements[0] >> spare
		w := bitWriter{dst: binary.AppendUvarint([]byte{frameLacked, byte(spare), byte(k)}, uint64(last))}
		for elements = elements[1:]; len(elements) > 0 && len(w.dst) < frameGoal; elements = elements[1:] {
			w.rice(uint64(elements[0]>>spare-last), k)
			last = elements[0] >> spare
		}
		frames = append(frames, w.end())
	}
	return frames
}

// elements reads what a frame of appendElements holds, but the spared bits.
func (r *reader) elements(spare int) (all []element) {
	k := int(r.byte())
	if r.bad || k > elementBits {
		r.bad = true
		return nil
	}
	most := uint64(1) << (elementBits - spare)
	last := uint64(r.number(most - 1))
	if r.bad {
		return nil
	}
	all = append(all, element(last))
	for b := (bitReader{p: r.take(len(r.p))}); ; {
		distance, ok := b.rice(k)
		if !ok {
			return all
		}
		if last += distance; last >= most || distance >= most {
			r.bad = true
			return nil
		}
		all = append(all, element(last))
	}
}

// appendSymbols makes frames of symbols.
func appendSymbols(frames [][]byte, symbols []symbol) [][]byte {
	for len(symbols) > 0 {
		n := min(len(symbols), frameGoal/symbolSize)
		frame := append(make([]byte, 0, 1+n*symbolSize), frameCoded)
		for _, s := range symbols[:n] {
			frame = s.append(frame)
		}
		frames, symbols = append(frames, frame), symbols[n:]
	}
	return frames
}

// Symbols counts the coded symbols in a frame, for measurements.
func Symbols(frame []byte) int {
	if len(frame) == 0 || frame[0] != frameCoded {
		return 0
	}
	return (len(frame) - 1) / symbolSize
}
