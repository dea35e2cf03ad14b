package replica

import (
	"math/bits"
	"sync/atomic"
)

// recent remembers which keys of a table were written a short while ago, by the
// time of their arrival here: what a comparison finds of those may well be on
// its way to the other side. It is a set of hashes in two generations, of which
// each is one window long: an arrival is recent for one to two windows.
//
// A set is a bit array without false negatives. A key that is taken for recent
// because it shares a bit with another waits for the next comparison, that is
// all. Marking takes no lock.
type recent struct {
	now, last atomic.Pointer[bitset]
}

type bitset struct {
	words []atomic.Uint64
	mask  uint64
	count atomic.Int64
}

// The sizes of a set in bits. It has eight bits for each arrival of the window
// before, so that about one key in five is taken for recent that is not, at
// the most.
const (
	leastRecent = 1 << 12
	mostRecent  = 1 << 23
)

func newBitset(arrivals int) *bitset {
	size := min(max(8*arrivals, leastRecent), mostRecent)
	size = 1 << bits.Len(uint(size-1))
	return &bitset{words: make([]atomic.Uint64, size/64), mask: uint64(size - 1)}
}

func (r *recent) init() {
	r.now.Store(newBitset(0))
	r.last.Store(newBitset(0))
}

// mark remembers an arrival.
func (r *recent) mark(hash uint64) {
	s := r.now.Load()
	i := s.place(hash)
	if bit := uint64(1) << (i % 64); s.words[i/64].Load()&bit == 0 {
		s.words[i/64].Or(bit)
		s.count.Add(1)
	}
}

// place is the bit of a hash. It is taken from all of the hash: a partition's
// hashes begin alike.
func (s *bitset) place(hash uint64) uint64 {
	return hash * 0x9e3779b97f4a7c15 >> 20 & s.mask
}

func (s *bitset) has(hash uint64) bool {
	i := s.place(hash)
	return s.words[i/64].Load()>>(i%64)&1 != 0
}

// has reports whether a key of that hash has arrived in this window or the last.
func (r *recent) has(hash uint64) bool {
	return r.now.Load().has(hash) || r.last.Load().has(hash)
}

// turn begins a window.
func (r *recent) turn() {
	now := r.now.Load()
	n := int(now.count.Load())
	if n == 0 && r.last.Load().count.Load() == 0 {
		return
	}
	r.last.Store(now)
	r.now.Store(newBitset(n))
}
