package store

import (
	"bytes"
	"cmp"
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/merkle"
)

var testKey = crdt.Key{1, 2, 3}

// name is a key with the hash that a test chose for it.
type name struct {
	hash uint64
	key  string
}

func (n name) compare(o name) int {
	return cmp.Or(cmp.Compare(n.hash, o.hash), cmp.Compare(n.key, o.key))
}

// twin is what a table does, in the plainest form: a map, and everything
// computed anew from it.
type twin struct {
	key    crdt.Key
	states map[name]*crdt.Cell
}

func (w *twin) join(n name, delta []byte) (crdt.Joined, error) {
	s := w.states[n]
	if s == nil {
		s = new(crdt.Cell)
	}
	j, err := s.JoinBinary(delta)
	if j.Changed {
		w.states[n] = s
	}
	return j, err
}

// names returns the keys with from <= hash <= to, by hash and key.
func (w *twin) names(from, to uint64) (names []name) {
	for n := range w.states {
		if from <= n.hash && n.hash <= to {
			names = append(names, n)
		}
	}
	slices.SortFunc(names, name.compare)
	return names
}

func (w *twin) digest(from, to uint64) (sum crdt.Fingerprint, live, dead int) {
	for _, n := range w.names(from, to) {
		s := w.states[n]
		sum = sum.Add(merkle.Bind(w.key, n.hash, s.Fingerprint(w.key)))
		if s.Tombstone() {
			dead++
		} else {
			live++
		}
	}
	return sum, live, dead
}

// machine drives a table and its twin side by side.
type machine struct {
	table *Table
	twin  twin
	parts int
}

// span returns the first and the last hash of a partition.
func (m *machine) span(p int) (first, last uint64) {
	width := ^uint64(0)/uint64(m.parts) + 1 // 0, for 2^64, if there is one
	return uint64(p) * width, uint64(p)*width + width - 1
}

// Few hashes, in all partitions, with several keys each.
var names = rapid.Custom(func(t *rapid.T) name {
	return name{hash: rapid.Uint64Range(0, 15).Draw(t, "hash")<<60 | rapid.Uint64Range(0, 1).Draw(t, "low"), key: rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(t, "key")}
})

var deltas = rapid.Custom(func(t *rapid.T) []byte {
	stamp := func(label string) crdt.Stamp {
		return crdt.Stamp{Time: crdt.Time(rapid.Uint64Range(1, 6).Draw(t, label)), Actor: crdt.Actor{1}}
	}
	c := crdt.Cell{}
	switch rapid.IntRange(0, 5).Draw(t, "kind") {
	case 0: // bottom
	case 1:
		c = crdt.Delete(stamp("time"))
	case 2:
		c = crdt.Expire(stamp("time"), stamp("of"), rapid.Int64Range(0, 9).Draw(t, "at"))
	default:
		c = crdt.Put(stamp("time"), make([]byte, rapid.IntRange(0, 40).Draw(t, "size")), rapid.Int64Range(0, 2).Draw(t, "at"))
	}
	return c.AppendBinary(nil)
})

func (m *machine) join(t *rapid.T) {
	n, delta := names.Draw(t, "name"), deltas.Draw(t, "delta")
	kept := bytes.Clone(delta)
	got, err := m.table.Join(n.hash, []byte(n.key), kept)
	clear(kept) // the table must not have kept it
	want, wantErr := m.twin.join(n, delta)
	if got != want || (err != nil) != (wantErr != nil) {
		t.Fatalf("join %v: %+v, %v; the twin %+v, %v", n, got, err, want, wantErr)
	}
}

func (m *machine) corrupt(t *rapid.T) {
	n := names.Draw(t, "name")
	bad := rapid.SampledFrom([][]byte{nil, {1}, {1, 0xff}, {1, 1, 0}}).Draw(t, "bytes")
	if _, err := m.table.Join(n.hash, []byte(n.key), bad); !errors.Is(err, crdt.ErrCorrupt) {
		t.Fatalf("%x: %v", bad, err)
	}
	if _, err := m.table.Join(n.hash, []byte(n.key), []byte{99, 0}); !errors.Is(err, crdt.ErrVersion) {
		t.Fatalf("a newer version: %v", err)
	}
}

func (m *machine) drop(t *rapid.T) {
	n := names.Draw(t, "name")
	version := m.table.Fingerprint(n.hash, []byte(n.key))
	if m.table.Drop(n.hash, []byte(n.key), crdt.Fingerprint{9, 9}, Collected) {
		t.Fatal("dropped another version")
	}
	if got, want := m.table.Drop(n.hash, []byte(n.key), version, Collected), m.twin.states[n] != nil; got != want {
		t.Fatalf("drop %v: %t", n, got)
	}
	delete(m.twin.states, n)
}

func (m *machine) rekey(t *rapid.T) {
	m.twin.key = crdt.Key{byte(rapid.IntRange(0, 9).Draw(t, "key"))}
	m.table.Rekey(m.twin.key)
}

// page goes through a range in pages, each ended where the test wants.
func (m *machine) page(t *rapid.T) {
	p := rapid.IntRange(0, m.parts-1).Draw(t, "partition")
	first, last := m.span(p)
	from, to := m.bound(t, first, last), m.bound(t, first, last)
	from, to = min(from, to), max(from, to)
	perPage := rapid.IntRange(1, 5).Draw(t, "per page")
	var seen []name
	for at, done := from, false; !done; {
		at, done = m.onePage(t, p, at, to, perPage, &seen)
	}
	if !slices.IsSortedFunc(seen, func(a, b name) int { return cmp.Compare(a.hash, b.hash) }) {
		t.Fatalf("not in the order of the hash: %v", seen)
	}
	slices.SortFunc(seen, name.compare)
	if want := m.twin.names(from, to); !slices.Equal(seen, want) {
		t.Fatalf("%v, not %v", seen, want)
	}
}

// bound draws an end of a range: any hash, or one that is there.
func (m *machine) bound(t *rapid.T, first, last uint64) uint64 {
	if there := m.twin.names(first, last); len(there) > 0 && rapid.Bool().Draw(t, "there") {
		return rapid.SampledFrom(there).Draw(t, "bound").hash
	}
	return rapid.Uint64Range(first, last).Draw(t, "bound")
}

// onePage visits at least perPage entries, if there are so many.
func (m *machine) onePage(t *rapid.T, p int, from, to uint64, perPage int, seen *[]name) (next uint64, done bool) {
	begun := len(*seen)
	next, done = m.table.Page(p, from, to, func(e Entry) bool {
		n := name{e.Hash, string(e.Key)}
		if w := m.twin.states[n]; w == nil || e.Fingerprint != merkle.Bind(m.twin.key, n.hash, w.Fingerprint(m.twin.key)) {
			t.Fatalf("%v with another fingerprint than the twin's", n)
		}
		if visited := len(*seen) - begun; visited >= perPage && e.Hash != (*seen)[len(*seen)-1].hash {
			t.Fatalf("went on after the page's end, with %v", n)
		}
		*seen = append(*seen, n)
		return len(*seen)-begun < perPage
	})
	switch {
	case done:
	case len(*seen) == begun:
		t.Fatal("a page without an entry is not the last")
	case next <= (*seen)[len(*seen)-1].hash:
		t.Fatalf("a hash is divided: on from %x after %v", next, (*seen)[len(*seen)-1])
	}
	return next, done
}

// check compares everything that can be asked.
func (m *machine) check(t *rapid.T) {
	var sum Counts
	for p := range m.parts {
		first, last := m.span(p)
		digest, live, dead := m.twin.digest(first, last)
		got, counts := m.table.Digest(p)
		if got != digest || counts.Live != live || counts.Dead != dead {
			t.Fatalf("partition %d: %x %+v; the twin %x, %d live, %d dead", p, got, counts, digest, live, dead)
		}
		size := 0
		m.table.Page(p, first, last, func(e Entry) bool {
			size += entrySize + len(e.Key) + e.State.Size()
			return true
		})
		if counts.Bytes != size {
			t.Fatalf("partition %d takes %d bytes, its entries %d", p, counts.Bytes, size)
		}
		sum.add(counts)
	}
	if got := m.table.Counts(); got != sum {
		t.Fatalf("%+v, not %+v", got, sum)
	}
	for n, s := range m.twin.states {
		if got := m.table.Fingerprint(n.hash, []byte(n.key)); got != s.Fingerprint(m.twin.key) {
			t.Fatalf("%v has another fingerprint", n)
		}
	}
	n := names.Draw(t, "asked")
	state, found := m.table.AppendState([]byte("before"), n.hash, []byte(n.key))
	want := []byte("before")
	w := m.twin.states[n]
	if w != nil {
		want = w.AppendBinary(want)
	}
	if found != (w != nil) || !bytes.Equal(state, want) {
		t.Fatalf("%v: %x, %t; the twin %x", n, state, found, want)
	}
}

// TestTwin does anything in any order to a table and to its twin.
func TestTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &machine{parts: 1 << rapid.IntRange(0, 4).Draw(t, "partitions")}
		m.twin = twin{key: testKey, states: make(map[name]*crdt.Cell)}
		m.table = NewTable(m.parts, testKey, crdt.NewPacked)
		if m.table.Partitions() != m.parts {
			t.Fatal(m.table.Partitions())
		}
		t.Repeat(map[string]func(*rapid.T){
			"join": m.join, "join again": m.join, "join more": m.join, "corrupt": m.corrupt, "drop": m.drop, "rekey": m.rekey, "page": m.page, "": m.check,
		})
	})
}

// TestDigestIgnoresOrder joins the same deltas in two orders, some of them
// twice: partitions with equal data have equal digests.
func TestDigestIgnoresOrder(t *testing.T) {
	type write struct {
		name
		delta []byte
	}
	rapid.Check(t, func(t *rapid.T) {
		writes := rapid.SliceOf(rapid.Custom(func(t *rapid.T) write {
			return write{names.Draw(t, "name"), deltas.Draw(t, "delta")}
		})).Draw(t, "writes")
		a, b := NewTable(4, testKey, crdt.NewPacked), NewTable(4, testKey, crdt.NewPacked)
		for _, w := range writes {
			_, _ = a.Join(w.hash, []byte(w.key), w.delta)
		}
		for _, w := range rapid.Permutation(slices.Concat(writes, writes)).Draw(t, "order") {
			_, _ = b.Join(w.hash, []byte(w.key), w.delta)
		}
		for p := range 4 {
			da, ca := a.Digest(p)
			db, cb := b.Digest(p)
			if da != db || ca.Live != cb.Live || ca.Dead != cb.Dead {
				t.Fatalf("partition %d: %x %+v and %x %+v", p, da, ca, db, cb)
			}
		}
	})
}
