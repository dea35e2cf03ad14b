package gossip_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/grapevine-go/grapevine/gossip"
	"github.com/grapevine-go/grapevine/quorum"
)

// TestHotKeyIsFresh: reads of a hot key that share others' reads never miss a
// write that ended before they began, and never go back.
func TestHotKeyIsFresh(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 3)
	var tables []*gossip.RegisterTable[string]
	for _, n := range nodes {
		tables = append(tables, open(t, n))
	}
	ready(t, nodes...)
	ctx := within(t)
	put(t, tables[0], "hot", "0")
	var written atomic.Int64 // the last that has ended
	var done atomic.Bool
	var readers sync.WaitGroup
	for i := range 64 {
		readers.Go(func() {
			for !done.Load() {
				least := written.Load()
				v, found, err := tables[i%2].Get(ctx, "hot")
				if n, bad := strconv.ParseInt(v, 10, 64); err != nil || !found || bad != nil || n < least {
					t.Errorf("%q after %d was written: %v", v, least, err)
					return
				}
			}
		})
	}
	for i := range int64(300) {
		put(t, tables[2], "hot", strconv.FormatInt(i+1, 10))
		written.Store(i + 1)
	}
	done.Store(true)
	readers.Wait()
	if gossip.SharedReads(tables[0]) == 0 {
		t.Error("no read was shared")
	}
}

// TestHotKeyWaiting: who waits for others' reads ends with its own context, and
// takes over where another has given up.
func TestHotKeyWaiting(t *testing.T) {
	t.Parallel()
	_, _, table := stalled(t, func(c *gossip.Config) { c.Timeout = time.Hour })
	var all sync.WaitGroup
	contexts := make([]context.CancelFunc, 32)
	ended := make([]atomic.Bool, len(contexts))
	var begun sync.WaitGroup
	for i := range contexts {
		ctx, cancel := context.WithCancel(t.Context())
		waits := &waitedFor{Context: ctx, begun: make(chan struct{})}
		contexts[i] = cancel
		begun.Add(1)
		go func() { <-waits.begun; begun.Done() }()
		all.Go(func() {
			_, _, err := table.Get(waits, "key")
			ended[i].Store(true)
			if !errors.Is(err, context.Canceled) || gossip.Outcome(err) != quorum.NotApplied {
				t.Errorf("%d: %v", i, err)
			}
		})
	}
	begun.Wait()
	for i := range ended {
		if ended[i].Load() {
			t.Errorf("%d has ended before anybody gave up", i)
		}
	}
	for _, cancel := range contexts {
		cancel()
	}
	all.Wait()
	if n := gossip.HotKeys(table); n != 0 {
		t.Errorf("%d keys are still read", n)
	}
}

// BenchmarkHotKey measures 64 callers that read one key, and 64 that read a key
// each.
func BenchmarkHotKey(b *testing.B) {
	nodes := cluster(b, 3)
	table := open(b, nodes[0])
	ready(b, nodes...)
	ctx := context.Background()
	for _, keys := range []int{1, 64} {
		b.Run(strconv.Itoa(keys)+"keys", func(b *testing.B) {
			var next atomic.Int64
			b.ReportAllocs()
			b.SetParallelism(32)
			b.RunParallel(func(pb *testing.PB) {
				key := strconv.FormatInt(next.Add(1)%int64(keys), 10)
				for pb.Next() {
					if _, _, err := table.Get(ctx, key); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}
