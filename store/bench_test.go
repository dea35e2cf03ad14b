package store

import (
	"runtime"
	"sync"
	"testing"

	"github.com/cespare/xxhash/v2"
	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/merkle"
)

const benchKeys = 1_000_000

// benchKey is 16 bytes.
func benchKey(dst []byte, i int) []byte {
	dst = append(dst, "key:000000000000"...)
	for at := len(dst) - 1; i > 0; at, i = at-1, i/10 {
		dst[at] += byte(i % 10)
	}
	return dst
}

// filled returns a table of a million keys with values of 100 bytes, and what an
// entry takes in memory over its key and value.
func filled(b *testing.B) (table *Table, perEntry float64) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	table = NewTable(256, testKey, crdt.NewPacked)
	var key, delta []byte
	value := make([]byte, 100)
	for i := range benchKeys {
		key = benchKey(key[:0], i)
		c := crdt.Put(crdt.Stamp{Time: 1, Actor: crdt.Actor{1}}, value, 0)
		delta = c.AppendBinary(delta[:0])
		if _, err := table.Join(xxhash.Sum64(key), key, delta); err != nil {
			b.Fatal(err)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	return table, float64(after.HeapAlloc-before.HeapAlloc)/benchKeys - float64(len(key)+len(value))
}

// shuffle visits the keys in an order that no cache foresees.
func shuffle(i int) int { return i * 7_368_787 % benchKeys }

// BenchmarkTable measures a table of a million keys: overwriting a value of 100
// bytes, reading it, and a page of 256 KiB.
func BenchmarkTable(b *testing.B) {
	table, perEntry := filled(b)
	b.Run("overwrite", func(b *testing.B) {
		var key, delta []byte
		value := make([]byte, 100)
		i := 0
		b.ReportAllocs()
		for b.Loop() {
			i++
			key = benchKey(key[:0], shuffle(i))
			c := crdt.Put(crdt.Stamp{Time: crdt.Time(2 + i), Actor: crdt.Actor{1}}, value, 0)
			delta = c.AppendBinary(delta[:0])
			if j, err := table.Join(xxhash.Sum64(key), key, delta); err != nil || !j.Changed {
				b.Fatal(j, err)
			}
		}
		b.ReportMetric(perEntry, "overhead-B/entry")
	})
	b.Run("get", func(b *testing.B) {
		var key, state []byte
		i, ok := 0, false
		b.ReportAllocs()
		for b.Loop() {
			i++
			key = benchKey(key[:0], shuffle(i))
			if state, ok = table.AppendState(state[:0], xxhash.Sum64(key), key); !ok {
				b.Fatal("lost a key")
			}
		}
	})
	b.Run("get-parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			var key, state []byte
			for i := 0; pb.Next(); i++ {
				key = benchKey(key[:0], shuffle(i))
				state, _ = table.AppendState(state[:0], xxhash.Sum64(key), key)
			}
		})
	})
	b.Run("page", func(b *testing.B) {
		var page []byte
		b.ReportAllocs()
		for b.Loop() {
			page = page[:0]
			table.Page(7, 7<<56, 8<<56-1, func(e Entry) bool {
				page = e.State.AppendBinary(append(page, e.Key...))
				return len(page) < 256<<10
			})
		}
		b.SetBytes(int64(len(page)))
	})
}

// BenchmarkTrees measures the hash trees of a table of a million keys: building all
// of them from what the store holds, and copying them while somebody writes.
func BenchmarkTrees(b *testing.B) {
	table, _ := filled(b)
	b.Run("build", func(b *testing.B) {
		for b.Loop() {
			for i := range table.parts {
				p := &table.parts[i]
				merkle.Build(table.node(i), p.tree.Len(), &p.entries)
			}
		}
	})
	b.Run("snapshot-while-writing", func(b *testing.B) {
		stop, writes := make(chan struct{}), 0
		var writer sync.WaitGroup
		writer.Go(func() {
			var key, delta []byte
			value := make([]byte, 100)
			for {
				select {
				case <-stop:
					return
				default:
				}
				writes++
				key = benchKey(key[:0], shuffle(writes))
				c := crdt.Put(crdt.Stamp{Time: crdt.Time(2 + writes), Actor: crdt.Actor{2}}, value, 0)
				delta = c.AppendBinary(delta[:0])
				if _, err := table.Join(xxhash.Sum64(key), key, delta); err != nil {
					b.Error(err)
					return
				}
			}
		})
		views := make(merkle.Forest, table.Partitions())
		for b.Loop() {
			for p := range views {
				table.Snapshot(p, &views[p])
			}
		}
		close(stop)
		writer.Wait()
		b.ReportMetric(float64(writes)/b.Elapsed().Seconds(), "writes/s")
	})
}

// TestOverwriteAllocatesNothing where the new state fits the old one's place.
func TestOverwriteAllocatesNothing(t *testing.T) {
	table := NewTable(16, testKey, crdt.NewPacked)
	key, value := []byte("user:42"), make([]byte, 100)
	var delta []byte
	clock := crdt.Time(1)
	if n := testing.AllocsPerRun(100, func() {
		clock++
		c := crdt.Put(crdt.Stamp{Time: clock, Actor: crdt.Actor{1}}, value, 0)
		delta = c.AppendBinary(delta[:0])
		if j, err := table.Join(xxhash.Sum64(key), key, delta); err != nil || !j.Changed {
			t.Error(j, err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	state := make([]byte, 0, 256)
	if n := testing.AllocsPerRun(100, func() {
		if _, ok := table.AppendState(state, xxhash.Sum64(key), key); !ok {
			t.Error("lost")
		}
	}); n != 0 {
		t.Errorf("%v allocations of a read", n)
	}
}
