package gossip_test

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/grapevine-go/grapevine/gossip"
	"github.com/grapevine-go/grapevine/quorum"
)

// scan reads all pages, each at another node, and returns the keys as often as
// they came.
func scan(t *testing.T, limit int, tables ...*gossip.RegisterTable[string]) map[string]int {
	t.Helper()
	seen := make(map[string]int)
	ctx := within(t)
	cursor := uint64(0)
	for page := 0; ; page++ {
		keys, next, err := tables[page%len(tables)].Scan(ctx, cursor, limit)
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range keys {
			seen[k]++
		}
		if next == 0 {
			return seen
		}
		if next <= cursor {
			t.Fatalf("cursor %d after %d", next, cursor)
		}
		cursor = next
	}
}

func TestScan(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 5)
	var tables []*gossip.RegisterTable[string]
	for _, n := range nodes {
		tables = append(tables, open(t, n, gossip.Partitions(32)))
	}
	ready(t, nodes...)
	if got := scan(t, 10, tables...); len(got) > 0 {
		t.Errorf("empty table has %v", got)
	}
	keys := fill(t, tables[0], 700)
	for i, err := range tables[1].DeleteMany(within(t), keys[600:]) {
		if err != nil {
			t.Fatal(keys[600+i], err)
		}
	}
	slices.Sort(keys[:600])
	for _, limit := range []int{math.MinInt, 7, 600, math.MaxInt} {
		seen := scan(t, limit, tables...)
		var got []string
		for k, times := range seen {
			got = append(got, k)
			if times != 1 { // nothing comes or goes
				t.Errorf("limit %d: %s came %d times", limit, k, times)
			}
		}
		slices.Sort(got)
		if d := cmp.Diff(keys[:600], got); d != "" {
			t.Errorf("limit %d: %s", limit, d)
		}
	}
	for _, table := range tables {
		if n, err := table.Len(within(t), quorum.R(3)); n != 600 || err != nil {
			t.Errorf("Len %d %v", n, err)
		}
	}
	// A cursor that nobody gave out is a hash like any other.
	if _, _, err := tables[0].Scan(within(t), math.MaxUint64, 10); err != nil {
		t.Error(err)
	}
}

// Many keys of one partition do not fit one page of an owner.
func TestScanLargePartition(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 3)
	table := open(t, nodes[0], gossip.Partitions(1))
	ready(t, nodes...)
	keys := fill(t, table, 10_000)
	for _, limit := range []int{3000, math.MaxInt} {
		if seen := scan(t, limit, table); len(seen) != len(keys) {
			t.Errorf("limit %d: %d of %d keys", limit, len(seen), len(keys))
		}
	}
	if n, err := table.Len(within(t)); n != len(keys) || err != nil {
		t.Errorf("Len %d %v", n, err)
	}
}

// Every key that is there throughout is returned while others come and go,
// change and expire.
func TestScanWhileKeysComeAndGo(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 5)
	var tables []*gossip.RegisterTable[string]
	for _, n := range nodes {
		tables = append(tables, open(t, n, gossip.Partitions(32)))
	}
	ready(t, nodes...)
	stay := fill(t, tables[0], 500)
	ctx := within(t)
	var scanned atomic.Bool
	var rounds atomic.Int64
	var g sync.WaitGroup
	for w := range 3 {
		g.Go(func() {
			for i := 0; !scanned.Load(); i++ {
				guest := fmt.Sprint("guest-", w, "-", i%50)
				_, err := tables[w].Put(ctx, guest, "value")
				if err == nil {
					_, err = tables[w].Put(ctx, stay[i%len(stay)], fmt.Sprint("again ", i))
				}
				if err == nil {
					_, err = tables[w].Delete(ctx, guest)
				}
				if err != nil {
					t.Error(err)
					return
				}
				rounds.Add(1)
			}
		})
	}
	eventually(t, "writers run", func() bool { return rounds.Load() > 10 })
	for range 3 {
		seen := scan(t, 20, tables...)
		for _, key := range stay {
			if seen[key] == 0 {
				t.Errorf("%s was there and did not come", key)
			}
		}
	}
	scanned.Store(true)
	g.Wait()
	if n, err := tables[4].Len(ctx); n != len(stay) || err != nil {
		t.Errorf("Len %d %v", n, err)
	}
}
