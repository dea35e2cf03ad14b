package merkle

import (
	"encoding/binary"
	"iter"
	"math/bits"

	"github.com/grapevine-go/grapevine/crdt"
)

// Node is a range of key hashes: those that begin with the first Bits bits of
// First. The zero Node is the whole space.
type Node struct {
	First uint64 // the least hash; all but its first Bits bits are zero
	Bits  uint8  // 0 to 64
}

// Last is the greatest hash of the range.
func (n Node) Last() uint64 { return n.First | ^uint64(0)>>n.Bits }

// child is the i-th of the 2^k parts of the range.
func (n Node) child(i int, k uint8) Node {
	return Node{n.First | uint64(i)<<(64-n.Bits-k), n.Bits + k}
}

// index is the node's place among all of its size.
func (n Node) index() uint64 { return n.First >> (64 - n.Bits) }

// Source gives the entries that trees are built from. Fingerprints are those of
// a key's state bound to its hash under the cluster's key, so that two keys that
// swapped their states do not cancel out; none is zero.
type Source interface {
	// Entries yields the entries with from <= hash <= to in the order of the
	// hash. Entries of the same hash may come in any order.
	Entries(from, to uint64) iter.Seq2[uint64, crdt.Fingerprint]
}

// Sums is what a [Diff] needs to know of a tree. A [View] has it.
type Sums interface {
	// Sum is the sum of the entries in the node's range; n.Bits is at most
	// Depth.
	Sum(n Node) crdt.Fingerprint
	// Depth is the number of bits up to which sums are known, 0 to MaxDepth.
	Depth() int
}

// sum is a crdt.Fingerprint as two numbers.
type sum struct{ lo, hi uint64 }

func toSum(f crdt.Fingerprint) sum {
	return sum{binary.LittleEndian.Uint64(f[:8]), binary.LittleEndian.Uint64(f[8:])}
}

func (s sum) fingerprint() (f crdt.Fingerprint) {
	binary.LittleEndian.PutUint64(f[:8], s.lo)
	binary.LittleEndian.PutUint64(f[8:], s.hi)
	return f
}

func (s *sum) add(o sum) { s.lo += o.lo; s.hi += o.hi }

func (s sum) minus(o sum) sum { return sum{s.lo - o.lo, s.hi - o.hi} }

// Bind makes an entry's fingerprint from that of its key's state and the key's
// hash. It is quick, because the state's fingerprint is a keyed hash already:
// two multiplications, each of a half of it with the key's hash, of which no
// factor is known to who does not know the key.
func Bind(k crdt.Key, hash uint64, state crdt.Fingerprint) crdt.Fingerprint {
	f, key := toSum(state), toSum(crdt.Fingerprint(k))
	hi1, lo1 := bits.Mul64(f.lo^key.lo, hash^key.hi^0x9e3779b97f4a7c15)
	hi2, lo2 := bits.Mul64(f.hi^key.hi, bits.RotateLeft64(hash, 32)^key.lo^0xc2b2ae3d27d4eb4f)
	return sum{hi1 ^ lo2, hi2 ^ lo1 | 1}.fingerprint() // never zero, which is no entry
}
