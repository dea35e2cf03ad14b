package gossip_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/grapevine-go/grapevine/gossip"
	"github.com/grapevine-go/grapevine/quorum"
)

// everywhereKind opens a table that every member holds on all nodes.
func everywhereKind[H any](t testing.TB, nodes []*gossip.Node, name string, kind gossip.Kind[H]) (tables []H) {
	t.Helper()
	for _, n := range nodes {
		h, err := gossip.Everywhere(n, name, kind)
		if err != nil {
			t.Fatal(err)
		}
		tables = append(tables, h)
	}
	ready(t, nodes...)
	return tables
}

// TestWatchSets: a watch of sets tells what they hold after each change, whoever
// made it, and of what was emptied that it is not found.
func TestWatchSets(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 2)
	groups := everywhereKind(t, nodes, "groups", gossip.Sets[string]())
	ctx, cancel := context.WithCancel(within(t))
	if _, err := groups[0].Add(ctx, "new-a", "x"); err != nil {
		t.Fatal(err)
	}
	if p, err := groups[0].WaitPropagated(ctx, "new-a", 0); err != nil || p.Have != 2 {
		t.Fatalf("%+v, %v", p, err)
	}
	changes := make(chan gossip.Change[[]string], 100)
	go func() {
		defer close(changes)
		for c := range groups[1].Watch(ctx, "new-") {
			told := gossip.Change[[]string]{Key: c.Key, Resync: c.Resync, Err: c.Err}
			if told.Found = c.Found; c.Value != nil {
				told.Value = slices.Sorted(c.Value.All())
			}
			changes <- told
		}
	}()
	if c := soon(t, "resync", changes); !c.Resync || c.Err != nil {
		t.Fatalf("a watch begins with %+v", c)
	}
	change := func(at int, do func(gossip.SetTable[string]) (quorum.Receipt, error)) {
		t.Helper()
		if _, err := do(groups[at]); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(key string, elems ...string) {
		t.Helper()
		if c := soon(t, key, changes); c.Key != key || c.Err != nil || c.Found != (len(elems) > 0) || !slices.Equal(c.Value, elems) {
			t.Fatalf("%+v, want %s with %q", c, key, elems)
		}
	}
	expect("new-a", "x")
	for at := range groups { // another node's, and this one's own
		change(at, func(g gossip.SetTable[string]) (quorum.Receipt, error) { return g.Add(ctx, "old", "x") })
		key := fmt.Sprint("new-", at)
		change(at, func(g gossip.SetTable[string]) (quorum.Receipt, error) { return g.Add(ctx, key, "y") })
		expect(key, "y")
		change(1, func(g gossip.SetTable[string]) (quorum.Receipt, error) { return g.Add(ctx, key, "z") })
		expect(key, "y", "z")
		change(1, func(g gossip.SetTable[string]) (quorum.Receipt, error) { return g.Delete(ctx, key) })
		expect(key)
	}
	cancel()
	if c := soon(t, "the end", changes); !errors.Is(c.Err, context.Canceled) || c.Key != "" {
		t.Errorf("%+v", c)
	}
}

// TestWatchCounters: a reader that does not keep up with counters begins anew, and
// is told the last of each.
func TestWatchCounters(t *testing.T) {
	t.Parallel()
	visits := everywhereKind(t, cluster(t, 1), "visits", gossip.Counters())[0]
	const keys = 1100 // more than wait for a reader
	begun, resyncs := false, 0
	seen := make(map[string]int64)
	for c := range visits.Watch(within(t), "") {
		if c.Err != nil {
			t.Fatal(c.Err)
		}
		if c.Resync {
			resyncs++
			clear(seen)
		} else {
			seen[c.Key] = c.Value
		}
		if !begun {
			begun = true
			for i := range 2 * keys {
				if _, err := visits.Add(t.Context(), fmt.Sprint(i%keys), 1); err != nil {
					t.Fatal(err)
				}
			}
		}
		if len(seen) == keys && resyncs == 2 {
			break
		}
	}
	for key, n := range seen {
		if n != 2 {
			t.Errorf("%s is %d", key, n)
		}
	}
	ringTable := openKind(t, cluster(t, 1), "ring", gossip.Counters())[0]
	for c := range ringTable.Watch(t.Context(), "") {
		if !errors.Is(c.Err, gossip.ErrNotEverywhere) {
			t.Errorf("watch of a ring table: %+v", c)
		}
	}
}
