package store

import (
	"encoding/binary"
	"fmt"
	"sync"
	"testing"

	"github.com/cespare/xxhash/v2"
	"go.uber.org/goleak"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/merkle"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func put(clock uint64, value string) []byte {
	c := crdt.Put(crdt.Stamp{Time: crdt.Time(clock), Actor: crdt.Actor{1}}, []byte(value), 0)
	return c.AppendBinary(nil)
}

func mustJoin(t testing.TB, table *Table, hash uint64, key string, delta []byte) {
	t.Helper()
	if _, err := table.Join(hash, []byte(key), delta); err != nil {
		t.Fatal(err)
	}
}

// TestSwappedStates: two keys that exchanged their states are a difference.
func TestSwappedStates(t *testing.T) {
	a, b := NewTable(1, testKey, crdt.NewPacked), NewTable(1, testKey, crdt.NewPacked)
	for _, w := range []struct {
		table *Table
		hash  uint64
		value string
	}{{a, 1, "x"}, {a, 2, "y"}, {b, 1, "y"}, {b, 2, "x"}} {
		mustJoin(t, w.table, w.hash, fmt.Sprint(w.hash), put(1, w.value))
	}
	da, _ := a.Digest(0)
	if db, _ := b.Digest(0); da == db {
		t.Error("swapped states give equal digests")
	}
}

// TestFingerprintKey: digests of one key say nothing about those of another.
func TestFingerprintKey(t *testing.T) {
	a, b := NewTable(1, testKey, crdt.NewPacked), NewTable(1, crdt.Key{7}, crdt.NewPacked)
	mustJoin(t, a, 1, "k", put(1, "x"))
	mustJoin(t, b, 1, "k", put(1, "x"))
	da, _ := a.Digest(0)
	db, _ := b.Digest(0)
	if da == db {
		t.Error("the key of the fingerprints does not matter")
	}
	b.Rekey(testKey)
	if db, _ = b.Digest(0); da != db {
		t.Error("rekeyed, the digests still differ")
	}
}

// TestEdges: the first and the last hash of each partition lie in it.
func TestEdges(t *testing.T) {
	for bits := 0; bits <= 16; bits += 4 {
		n := 1 << bits
		table := NewTable(n, testKey, crdt.NewPacked)
		m := machine{parts: n}
		for _, p := range []int{0, n / 2, n - 1} {
			first, last := m.span(p)
			before, _ := table.Digest(p)
			mustJoin(t, table, first, "first", put(1, "x"))
			mustJoin(t, table, last, "last", put(1, "x"))
			if _, c := table.Digest(p); c.Live != 2 && n > 1 {
				t.Errorf("partition %d of %d holds %+v (digest before: %x)", p, n, c, before)
			}
		}
	}
}

func TestNewTablePanics(t *testing.T) {
	for _, n := range []int{-1, 0, 3, 1<<16 + 1, 1 << 17} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("a table of %d partitions", n)
				}
			}()
			NewTable(n, testKey, crdt.NewPacked)
		}()
	}
}

func TestReasons(t *testing.T) {
	for r, want := range map[Reason]string{0: "none", Unowned: "unowned", Collected: "collected", Evicted: "evicted", 77: "evicted"} {
		if r.String() != want {
			t.Errorf("reason %d is %q", uint8(r), r)
		}
	}
}

// hashOf is the hash of the i-th key of the concurrent tests: the top bits
// spread over the partitions.
func hashOf(i int) uint64 {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(i))
	return xxhash.Sum64(b[:])
}

// TestConcurrent has writers, readers, droppers and pages at one table, for the
// race detector; whatever the order was, the digests are those of a table that
// got the same by itself.
func TestConcurrent(t *testing.T) {
	const keys, rounds, parts = 200, 40, 4
	table := NewTable(parts, testKey, crdt.NewPacked)
	var writers, others sync.WaitGroup
	stop := make(chan struct{})
	for w := range 4 {
		writers.Go(func() {
			for round := range rounds {
				for i := w; i < keys; i += 2 { // two writers a key
					key := fmt.Sprint(i)
					mustJoin(t, table, hashOf(i), key, put(uint64(1+round), fmt.Sprintf("%s in %d", key, round)))
				}
			}
		})
	}
	others.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			for p := range parts {
				pageAll(t, table, p)
			}
		}
	})
	others.Go(func() {
		for i := 0; ; i = (i + 1) % keys {
			select {
			case <-stop:
				return
			default:
			}
			key := []byte(fmt.Sprint(i))
			if s, ok := table.AppendState(nil, hashOf(i), key); ok {
				if c, err := crdt.DecodeCell(s); err != nil || len(c.Value.Bytes) == 0 {
					t.Errorf("%x: %v", s, err)
				}
			}
			table.Drop(hashOf(i), key, crdt.Fingerprint{1}, Evicted) // never that version
			table.Counts()
		}
	})
	writers.Wait()
	close(stop)
	others.Wait()

	alone := NewTable(parts, testKey, crdt.NewPacked)
	for i := range keys {
		mustJoin(t, alone, hashOf(i), fmt.Sprint(i), put(rounds, fmt.Sprintf("%d in %d", i, rounds-1)))
	}
	for p := range parts {
		got, counts := table.Digest(p)
		if want, c := alone.Digest(p); got != want || counts.Live != c.Live {
			t.Errorf("partition %d: %+v, alone %+v", p, counts, c)
		}
	}
}

// pageAll goes through a partition in pages of seven. While others write, every
// entry is whole and the digest of a page's moment is the sum of its entries.
func pageAll(t *testing.T, table *Table, p int) {
	first, last := (&machine{parts: table.Partitions()}).span(p)
	for from, done := first, false; !done; {
		n := 0
		from, done = table.Page(p, from, last, func(e Entry) bool {
			if f := merkle.Bind(testKey, e.Hash, e.State.Fingerprint(testKey)); f != e.Fingerprint {
				t.Errorf("an entry changed while it was visited")
			}
			n++
			return n < 7
		})
	}
}

// TestPageIsOneMoment: a page that visits a whole partition sees it as it is at
// one moment, though others write: the entries add up to the digest.
func TestPageIsOneMoment(t *testing.T) {
	table := NewTable(1, testKey, crdt.NewPacked)
	var g sync.WaitGroup
	g.Go(func() {
		for i := range 3000 {
			mustJoin(t, table, hashOf(i%50), fmt.Sprint(i%50), put(uint64(i), "x"))
		}
	})
	for range 300 {
		var sum crdt.Fingerprint
		var inside crdt.Fingerprint
		table.Page(0, 0, ^uint64(0), func(e Entry) bool {
			sum = sum.Add(e.Fingerprint)
			inside = table.parts[0].tree.Root() // under the lock that the page holds
			return true
		})
		if sum != inside {
			t.Fatal("the entries of a page are not of one moment")
		}
	}
	g.Wait()
}
