package gossip_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/grapevine-go/grapevine/gossip"
	"github.com/grapevine-go/grapevine/quorum"
)

// Every key is readable at the other nodes while an owner is away and while it
// comes back empty, and what it is refilled with is what the others have.
func TestRestartEmptyUnderReaders(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 5)
	table := open(t, nodes[0])
	ready(t, nodes...)
	keys := fill(t, table, 500)
	settled(t, nodes...)
	before := nodes[4].Status().Boot
	owned := len(dump(t, nodes[4]))

	ctx := within(t)
	var back atomic.Bool
	var rounds [4]atomic.Int64
	var g sync.WaitGroup
	for i, n := range nodes[:4] {
		table := open(t, n)
		g.Go(func() {
			for !back.Load() && !t.Failed() {
				for j, r := range table.GetMany(ctx, keys) {
					if r.Err != nil || r.Value != valueOf(keys[j]) {
						t.Errorf("%s: %s is %q %v", n.ID(), keys[j], r.Value, r.Err)
						return
					}
				}
				rounds[i].Add(1)
			}
		})
	}
	running := func() {
		var from [4]int64
		for i := range rounds {
			from[i] = rounds[i].Load()
		}
		eventually(t, "readers read on", func() bool {
			for i := range rounds {
				if rounds[i].Load() < from[i]+2 && !t.Failed() {
					return false
				}
			}
			return true
		})
	}
	running()
	nodes[4].Close()
	running()
	nodes[4] = start(t, config(t, 4, nodes))
	running()
	ready(t, nodes...)
	running()
	back.Store(true)
	g.Wait()

	if b := nodes[4].Status().Boot; b.Counter != before.Counter+1 || b.Nonce == before.Nonce {
		t.Errorf("boot %v after %v", b, before)
	}
	settled(t, nodes...)
	counts := nodes[4].Counts()
	if got := len(dump(t, nodes[4])); got != owned || counts["filled"]+counts["swept"] < uint64(owned) {
		t.Errorf("owns %d keys of %d; %v", got, owned, counts)
	}
	expectAll(t, open(t, nodes[4]), keys, quorum.R(3))
	for _, n := range nodes {
		if v := n.Counts()["repairs"]; v > 0 { // what is unsynced is filled, not repaired
			t.Errorf("%s repaired %d", n.ID(), v)
		}
	}
}

// An owner that came back without its data joins writes, and does not count in
// reads, until it has exchanged with enough others: with N=3 and W=2, two.
func TestUnsyncedDoesNotCount(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 3)
	table := open(t, nodes[0])
	ready(t, nodes...)
	keys := fill(t, table, 100)
	settled(t, nodes...)
	nodes[2].Close()
	nodes[1].Close()
	nodes[1] = start(t, config(t, 1, nodes))
	empty := nodes[1]
	eventually(t, "it has all that the one living owner has", func() bool { return len(dump(t, empty)) == len(keys) })
	s := empty.Status()
	if s.Boot.Counter != 2 || !s.Serving || s.Synced || s.Ready || s.Unsynced["sessions"] != 256 {
		t.Fatalf("status %+v", s)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := empty.WaitReady(ctx); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "sessions:256") {
		t.Errorf("WaitReady: %v", err)
	}
	ctx = within(t)
	for _, n := range nodes[:2] {
		table := open(t, n)
		// Another reason may come first, while membership is not sure who lives.
		unsynced := func(what string, err error) bool {
			outcome(t, what+" at "+string(n.ID()), err, quorum.NotApplied, quorum.ErrUnavailable)
			return errors.Is(err, quorum.ErrUnsynced)
		}
		eventually(t, "reads meet who is unsynced", func() bool {
			_, _, getErr := table.Get(ctx, keys[0])
			_, _, scanErr := table.Scan(ctx, 0, 1)
			return unsynced("get", getErr) && unsynced("scan", scanErr)
		})
		eventually(t, "the one that is synced answers", func() bool {
			v, _, err := table.Get(ctx, keys[1], quorum.R(1))
			return err == nil && v == valueOf(keys[1])
		})
		eventually(t, "both join writes", func() bool {
			_, err := table.Put(ctx, keys[2], "written at "+string(n.ID()))
			return err == nil
		})
	}
	if empty.Counts()["unsynced_answers"] == 0 {
		t.Error("no answer was counted as unsynced")
	}
	nodes[2] = start(t, config(t, 2, nodes)) // empty too
	ready(t, nodes...)
	settled(t, nodes...)
	for _, n := range nodes {
		table := open(t, n)
		expectAll(t, table, slices.Concat(keys[:2], keys[3:]), quorum.R(3))
		expect(t, table, keys[2], "written at n1", quorum.R(3))
	}
}

// All owners are gone at once: that is a loss, and the cluster goes on.
func TestAllRestartEmpty(t *testing.T) {
	t.Parallel()
	nodes := startTogether(t, 3, func(*gossip.Config) {})
	ready(t, nodes...)
	keys := fill(t, open(t, nodes[0]), 20)
	ready(t, nodes...)
	for _, n := range nodes {
		n.Close()
	}
	nodes = startTogether(t, 3, func(*gossip.Config) {})
	table := open(t, nodes[0])
	ready(t, nodes...)
	for _, r := range table.GetMany(within(t), keys) {
		if r.Err != nil || r.Found {
			t.Fatalf("%+v", r)
		}
	}
	put(t, table, keys[0], "anew")
	expect(t, open(t, nodes[2]), keys[0], "anew")
}

// Nodes restart one after the other, as in a deployment: nothing is lost if each
// waits until it is ready.
func TestRollingRestart(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 3)
	table := open(t, nodes[0])
	ready(t, nodes...)
	keys := fill(t, table, 200)
	for range 2 {
		for i := range nodes {
			other := nodes[(i+1)%3]
			nodes[i].Close()
			nodes[i] = start(t, config(t, i, []*gossip.Node{other}))
			if err := nodes[i].WaitReady(within(t)); err != nil {
				t.Fatal(err)
			}
			expectAll(t, open(t, nodes[i]), keys)
		}
	}
	ready(t, nodes...)
	settled(t, nodes...)
	for _, n := range nodes {
		if b := n.Status().Boot; b.Counter != 3 {
			t.Errorf("%s is boot %v", n.ID(), b)
		}
	}
}
