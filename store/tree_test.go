package store

import (
	"encoding/binary"
	"fmt"
	"iter"
	"testing"

	"github.com/cespare/xxhash/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/merkle"
)

// source reads a table's partition as anybody may.
type source struct{ t *Table }

func (s source) Entries(from, to uint64) iter.Seq2[uint64, crdt.Fingerprint] {
	return func(yield func(uint64, crdt.Fingerprint) bool) {
		more := true
		s.t.Page(int(from>>s.t.shift), from, to, func(e Entry) bool {
			more = more && yield(e.Hash, e.Fingerprint)
			return more
		})
	}
}

// check compares each partition's tree with one that is built from the data.
func check(t *testing.T, table *Table) {
	t.Helper()
	for p := range table.parts {
		var got, want merkle.View
		table.Snapshot(p, &got)
		n := table.node(p)
		built := merkle.Build(n, got.Len(), source{table})
		built.Snapshot(&want)
		if got.Len() != want.Len() {
			t.Fatalf("partition %d: %d entries in the tree, %d in the data", p, got.Len(), want.Len())
		}
		for bits := n.Bits; int(bits) <= min(got.Depth(), want.Depth()); bits++ {
			for i := range uint64(1) << (bits - n.Bits) {
				at := merkle.Node{First: n.First | i<<(64-bits), Bits: bits}
				if d := cmp.Diff(want.Sum(at), got.Sum(at)); d != "" {
					t.Fatalf("partition %d, %d bits, %d: %s", p, bits, i, d)
				}
			}
		}
	}
}

// TestTree: the trees follow whatever happens to a table, and grow and shrink
// with it.
func TestTree(t *testing.T) {
	table := NewTable(4, testKey, crdt.NewPacked)
	const n = 20_000
	name := func(i int) ([]byte, uint64) {
		key := fmt.Appendf(nil, "key-%d", i)
		return key, xxhash.Sum64(key)
	}
	for i := range n {
		key, hash := name(i)
		mustJoin(t, table, hash, string(key), put(1, "x"))
	}
	check(t, table)
	var v merkle.View
	if table.Snapshot(0, &v); v.Depth() < 8 {
		t.Errorf("%d entries in a tree of %d bits", v.Len(), v.Depth())
	}
	for i := range n {
		key, hash := name(i)
		if i%3 == 0 {
			mustJoin(t, table, hash, string(key), put(2, "y"))
		}
	}
	table.Rekey(crdt.Key{9})
	check(t, table)
	for i := range n - 100 {
		key, hash := name(i)
		if !table.Drop(hash, key, table.Fingerprint(hash, key), Unowned) {
			t.Fatal("not dropped")
		}
	}
	check(t, table)
	if table.Snapshot(0, &v); v.Depth() > 5 {
		t.Errorf("%d entries in a tree of %d bits", v.Len(), v.Depth())
	}
	for i := n - 100; i < n; i++ {
		key, hash := name(i)
		table.Drop(hash, key, table.Fingerprint(hash, key), Unowned)
	}
	for p := range table.parts {
		if f, c := table.Digest(p); !f.IsZero() || c != (Counts{}) {
			t.Errorf("empty, and digest %x, %+v", f, c)
		}
	}
}

// TestScrub finds what has changed in memory without a join, and heals the tree:
// its digest says then that the data is not as it was.
func TestScrub(t *testing.T) {
	table := NewTable(1, testKey, crdt.NewPacked)
	for i := range uint64(1000) {
		key := binary.BigEndian.AppendUint64(nil, i)
		mustJoin(t, table, xxhash.Sum64(key), string(key), put(1, "a value"))
	}
	if n := table.Scrub(0); n != 0 {
		t.Fatalf("%d wrong in a table that is right", n)
	}
	right, _ := table.Digest(0)
	p := &table.parts[0]
	p.tree.Update(1<<40, crdt.Fingerprint{}, crdt.Fingerprint{1}) // as if folded twice
	if n := table.Scrub(0); n == 0 {
		t.Error("a wrong tree was not noticed")
	}
	if got, _ := table.Digest(0); got != right {
		t.Error("the tree is still wrong")
	}
	for i := range p.entries.s {
		if e := p.entries.s[i].entry; e != nil {
			e.bytes[e.keySize+10] ^= 4 // in the stamp
			break
		}
	}
	if n := table.Scrub(0); n < 2 { // the entry, and its leaf
		t.Errorf("%d wrong", n)
	}
	if got, _ := table.Digest(0); got == right {
		t.Error("the tree does not tell of an entry that has changed")
	}
}

// TestSnapshotStays: a snapshot does not follow the writes after it.
func TestSnapshotStays(t *testing.T) {
	table := NewTable(1, testKey, crdt.NewPacked)
	mustJoin(t, table, 7, "a", put(1, "x"))
	var v merkle.View
	table.Snapshot(0, &v)
	before := v.Sum(merkle.Node{})
	mustJoin(t, table, 9, "b", put(1, "x"))
	if now, _ := table.Digest(0); v.Sum(merkle.Node{}) != before || now == before {
		t.Error("the snapshot has changed, or the digest has not")
	}
}

func BenchmarkSnapshot(b *testing.B) {
	table, _ := filled(b)
	views := make([]merkle.View, table.Partitions())
	b.ReportAllocs()
	for b.Loop() {
		for p := range views {
			table.Snapshot(p, &views[p])
		}
	}
}

// TestPrints lists what Page visits, however little room there is, and never
// divides a hash.
func TestPrints(t *testing.T) {
	table := NewTable(2, testKey, crdt.NewPacked)
	for i := range uint64(100) {
		mustJoin(t, table, i/3<<56, fmt.Sprint(i), put(i+1, "x"))
	}
	for _, room := range []int{0, 1, 2, 7, 1000} {
		for p := range table.parts {
			var want, got []Print
			first := uint64(p) << table.shift
			last := first + 20<<56
			table.Page(p, first+1<<56, last, func(e Entry) bool {
				want = append(want, Print{e.Hash, e.Fingerprint})
				return true
			})
			for at, done := first+1<<56, false; !done; {
				var some []Print
				if some, at, done = table.Prints(p, at, last, make([]Print, 0, room)); len(some) > 0 && !done && some[len(some)-1].Hash == at {
					t.Fatalf("hash %x is divided", at)
				}
				got = append(got, some...)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("room for %d: %s", room, d)
			}
		}
	}
}
