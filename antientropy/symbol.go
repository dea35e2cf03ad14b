package antientropy

import (
	"encoding/binary"
	"math"
	"math/bits"

	"github.com/grapevine-go/grapevine/crdt"
)

// An element is what coded symbols are made of: an entry in 48 bits. The upper
// half is the beginning of the key's hash, which says where to look the entry
// up; the lower half is a salted hash of the fingerprint. The versions that two
// replicas have of a key are two elements.
type element uint64

const (
	elementBits = 48
	placeBits   = 24 // of the key's hash
)

// salt keys a session's hashes.
type salt struct{ a, b uint64 }

func newSalt(s [16]byte) salt {
	return salt{mix(binary.LittleEndian.Uint64(s[:8])), mix(binary.LittleEndian.Uint64(s[8:]) + 1)}
}

// mix spreads each bit over all (the finalizer of splitmix64, Steele et al. 2014).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// digest is a salted hash of a fingerprint, or of a sum of them.
func (s salt) digest(f crdt.Fingerprint) uint64 {
	hi, lo := bits.Mul64(binary.LittleEndian.Uint64(f[:8])^s.a, binary.LittleEndian.Uint64(f[8:])^s.b)
	return mix(hi ^ lo)
}

func (s salt) element(hash uint64, f crdt.Fingerprint) element {
	return element(hash>>(64-placeBits)<<(elementBits-placeBits) | s.digest(f)>>(64-elementBits+placeBits))
}

// symbol is a cell of the code: the elements that are in it, added up by
// exclusive or, the hashes of them likewise, and how many they are. On the wire
// it takes 9 bytes; the count goes modulo 256, because only the difference of
// two sides' counts is ever looked at, and only for being one.
type symbol struct {
	sum   uint64
	check uint32 // 16 bits of it count
	count int32
}

const symbolSize = elementBits/8 + 2 + 1

func (s *symbol) subtract(o symbol) {
	s.sum ^= o.sum
	s.check = (s.check ^ o.check) & 0xffff
	s.count = int32(int8(s.count - o.count))
}

func (s symbol) isZero() bool { return s == symbol{} }

func (s symbol) append(dst []byte) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(s.sum))
	dst = binary.LittleEndian.AppendUint16(dst, uint16(s.sum>>32))
	dst = binary.LittleEndian.AppendUint16(dst, uint16(s.check))
	return append(dst, byte(s.count))
}

func readSymbol(p []byte) symbol {
	return symbol{
		sum:   uint64(binary.LittleEndian.Uint32(p)) | uint64(binary.LittleEndian.Uint16(p[4:]))<<32,
		check: uint32(binary.LittleEndian.Uint16(p[6:])),
		count: int32(int8(p[8])),
	}
}

// A walk visits the symbols that an element is in: symbol i with a chance of
// 1/(1+i/2) (the paper's section 4.2), so that a prefix of the symbols of any
// length is a code for about as many differences. From i the next is
//
//	ceil((i+1.5)/sqrt(u) - 1.5)    for u uniform in (0, 1]
//
// With u in 4096 steps the factor is looked up, and nothing is rounded
// differently on another processor.
type walk struct{ state, at uint64 }

const (
	walkBits = 12
	scale    = 16
)

var factors = func() (t [1 << walkBits]uint64) {
	for i := range t {
		u := (float64(i) + 0.5) / float64(len(t))
		t[i] = uint64(math.Ceil(float64(1<<scale) / math.Sqrt(u)))
	}
	return t
}()

func (s salt) walk(e element) walk { return walk{state: mix(uint64(e) ^ s.b)} }

// next goes to the next symbol.
func (w *walk) next() {
	w.state = w.state*6364136223846793005 + 1442695040888963407
	w.at = ((2*w.at+3)*factors[w.state>>(64-walkBits)] + 1<<(scale+1) - 1 - 3<<scale) >> (scale + 1)
}

func (s salt) check(e element) uint32 { return uint32(mix(uint64(e)^s.a) >> 48) }

// add puts an element into the symbols from the given one on (or takes it out,
// with sign -1).
func (s salt) add(symbols []symbol, from int, e element, sign int32) {
	check, end := s.check(e), uint64(from+len(symbols))
	w := s.walk(e)
	for ; w.at < uint64(from); w.next() {
	}
	for ; w.at < end; w.next() {
		c := &symbols[w.at-uint64(from)]
		c.sum ^= uint64(e)
		c.check ^= check
		c.count += sign
	}
}

// has reports whether the walk of an element meets the symbol.
func (s salt) has(e element, at int) bool {
	w := s.walk(e)
	for w.at < uint64(at) {
		w.next()
	}
	return w.at == uint64(at)
}
