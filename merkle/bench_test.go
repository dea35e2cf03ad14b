package merkle

import (
	"iter"
	"slices"
	"testing"

	"github.com/grapevine-go/grapevine/crdt"
)

const million = 1_000_000

// filled is a store of entries whose states' fingerprints are known, as a state
// keeps its own; what is hashed in reading is the binding to the key's hash.
type filled []uint64

func newFilled() filled {
	f := make(filled, million)
	for i := range f {
		f[i] = scattered(uint64(i))
	}
	slices.Sort(f)
	return f
}

func (f filled) Entries(from, to uint64) iter.Seq2[uint64, crdt.Fingerprint] {
	first, _ := slices.BinarySearch(f, from)
	return func(yield func(uint64, crdt.Fingerprint) bool) {
		for _, h := range f[first:] {
			if h > to || !yield(h, version(h, 1)) {
				return
			}
		}
	}
}

// An update of scattered keys from state to state, with both bindings that it needs.
func BenchmarkUpdate(b *testing.B) {
	tree := Build(Node{}, million, newFilled())
	b.ReportAllocs()
	for i := uint64(0); b.Loop(); i++ {
		h := scattered(i % million)
		tree.Update(h, version(h, 1), version(h, 2))
	}
	b.ReportMetric(float64(16*len(tree.all))/million, "B/key")
}

// The same without hashing: what the tree itself takes.
func BenchmarkUpdateHashed(b *testing.B) {
	tree := Build(Node{}, million, newFilled())
	old, new := version(1, 1), version(1, 2)
	b.ReportAllocs()
	for i := uint64(0); b.Loop(); i++ {
		tree.Update(scattered(i%million), old, new)
	}
}

func BenchmarkBuild(b *testing.B) {
	src := newFilled()
	b.ReportAllocs()
	for b.Loop() {
		Build(Node{}, million, src)
	}
}

func BenchmarkSnapshot(b *testing.B) {
	tree := Build(Node{}, million, newFilled())
	var v View
	b.ReportAllocs()
	for b.Loop() {
		tree.Snapshot(&v)
	}
}

// An update with the keyed hash of a register's new and old encoding, of 60
// bytes each, as a store that keeps no fingerprints pays it.
func BenchmarkUpdateWithStateHash(b *testing.B) {
	tree := Build(Node{}, million, newFilled())
	var enc [60]byte
	b.ReportAllocs()
	for i := uint64(0); b.Loop(); i++ {
		h := scattered(i % million)
		old := key.Sum(enc[:])
		enc[0]++
		tree.Update(h, Bind(key, h, old), Bind(key, h, key.Sum(enc[:])))
	}
}
