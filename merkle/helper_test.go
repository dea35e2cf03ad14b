package merkle

import (
	"iter"
	"maps"
	"slices"
	"testing"

	"github.com/grapevine-go/grapevine/crdt"
)

var key = crdt.Key{1, 2, 3}

func version(hash, n uint64) crdt.Fingerprint {
	return Bind(key, hash, stateOf(n))
}

// data is the dumb twin: a map, which sums by going through all of it.
type data map[uint64]crdt.Fingerprint

func (d data) Entries(from, to uint64) iter.Seq2[uint64, crdt.Fingerprint] {
	hashes := slices.Sorted(maps.Keys(d))
	return func(yield func(uint64, crdt.Fingerprint) bool) {
		first, _ := slices.BinarySearch(hashes, from)
		for _, h := range hashes[first:] {
			if h > to || !yield(h, d[h]) {
				return
			}
		}
	}
}

func (d data) sum(n Node) (total sum) {
	for h, f := range d {
		if h >= n.First && h <= n.Last() {
			total.add(toSum(f))
		}
	}
	return total
}

func (d data) lackedBy(o data) (hashes []uint64) {
	for h, f := range d {
		if o[h] != f {
			hashes = append(hashes, h)
		}
	}
	slices.Sort(hashes)
	return hashes
}

// matches compares every sum of a tree with the twin's.
func (d data) matches(t *testing.T, v *View) {
	t.Helper()
	if v.Len() != len(d) {
		t.Fatalf("%d entries, want %d", v.Len(), len(d))
	}
	for bits := v.part.Bits; int(bits) <= v.Depth(); bits++ {
		for i := range 1 << (bits - v.part.Bits) {
			n := v.part.child(i, bits-v.part.Bits)
			if got, want := toSum(v.Sum(n)), d.sum(n); got != want {
				t.Fatalf("sum of %v: %v, want %v (depth %d)", n, got, want, v.Depth())
			}
		}
	}
}

func view(t *Tree) *View {
	v := new(View)
	t.Snapshot(v)
	return v
}

// stateOf is the fingerprint of a state, which a store has hashed already.
func stateOf(n uint64) crdt.Fingerprint {
	return sum{n * 0xff51afd7ed558ccd, ^n * 0xc4ceb9fe1a85ec53}.fingerprint()
}
