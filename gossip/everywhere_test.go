package gossip_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/grapevine-go/grapevine/gossip"
	"github.com/grapevine-go/grapevine/internal/fault"
	"github.com/grapevine-go/grapevine/quorum"
	"github.com/grapevine-go/grapevine/ring"
)

// flags opens a table that every member holds.
func flags(t testing.TB, n *gossip.Node) *gossip.RegisterTable[string] {
	t.Helper()
	table, err := gossip.Everywhere(n, "flags", gossip.Registers[string]())
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// holds waits until a node reads a value.
func holds(t testing.TB, table *gossip.RegisterTable[string], key, want string) {
	t.Helper()
	eventually(t, key+" is "+want, func() bool {
		value, found, err := table.Get(t.Context(), key)
		if err != nil && !errors.Is(err, gossip.ErrNotReady) {
			t.Fatal(err)
		}
		return value == want && found == (want != "")
	})
}

func TestEverywhere(t *testing.T) {
	t.Parallel()
	// Nothing is compared meanwhile: rumors tell everybody.
	nodes := cluster(t, 5, func(c *gossip.Config) { c.SweepEvery = time.Hour })
	var tables []*gossip.RegisterTable[string]
	for _, n := range nodes {
		tables = append(tables, flags(t, n))
	}
	ready(t, nodes...)
	for i, table := range tables {
		if _, err := table.Put(t.Context(), fmt.Sprint("flag-", i), "on"); err != nil {
			t.Fatal(err)
		}
		if value, found, err := table.Get(t.Context(), fmt.Sprint("flag-", i)); value != "on" || !found || err != nil {
			t.Errorf("a write is not read where it was made: %q, %t, %v", value, found, err)
		}
	}
	for _, table := range tables {
		for i := range tables {
			holds(t, table, fmt.Sprint("flag-", i), "on")
		}
	}
	if _, err := tables[1].Delete(t.Context(), "flag-0"); err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		holds(t, table, "flag-0", "")
	}
	keys, _, err := tables[2].Scan(t.Context(), 0, 100)
	if slices.Sort(keys); err != nil || !slices.Equal(keys, []string{"flag-1", "flag-2", "flag-3", "flag-4"}) {
		t.Errorf("scan: %v, %v", keys, err)
	}
	if owners := nodes[0].Owners("flags", "flag-0"); len(owners) != 5 {
		t.Errorf("owners are %v", owners)
	}

	// Who comes later is filled before it is ready.
	late := start(t, config(t, 5, nodes))
	table := flags(t, late)
	if err := late.WaitReady(within(t)); err != nil {
		t.Fatal(err)
	}
	if value, found, err := table.Get(t.Context(), "flag-3"); value != "on" || !found || err != nil {
		t.Errorf("a newcomer that is ready reads %q, %t, %v", value, found, err)
	}
}

// TestEverywhereLossy: five nodes that lose a fifth of what they tell each other
// hold the same in the end.
func TestEverywhereLossy(t *testing.T) {
	t.Parallel()
	ctx := fault.WithLoss(within(t), func() bool { return rand.IntN(5) == 0 })
	var nodes []*gossip.Node
	for i := range 5 {
		n, err := gossip.Start(ctx, config(t, i, nodes, func(c *gossip.Config) { c.SweepEvery = time.Second }))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { n.Close() })
		nodes = append(nodes, n)
	}
	var tables []*gossip.RegisterTable[string]
	for _, n := range nodes {
		tables = append(tables, flags(t, n))
	}
	ready(t, nodes...)
	for i := range 50 {
		if _, err := tables[i%5].Put(t.Context(), fmt.Sprint("flag-", i%20), fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	for _, table := range tables[1:] {
		for i := range 20 {
			key := fmt.Sprint("flag-", i)
			eventually(t, key+" is the same at two nodes", func() bool {
				a, err := tables[0].Entry(t.Context(), key)
				if err != nil {
					t.Fatal(err)
				}
				b, err := table.Entry(t.Context(), key)
				if err != nil {
					t.Fatal(err)
				}
				return a.Found && a.Stamp == b.Stamp && a.Value == b.Value
			})
		}
	}
}

// TestEverywhereLarge: a value that fits no message is announced and asked for,
// by each member once or so, and the largest are left to the comparison.
func TestEverywhereLarge(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewPedanticRegistry()
	nodes := cluster(t, 4, labelled(registry), func(c *gossip.Config) {
		if c.Name != "n3" {
			c.SweepEvery = time.Hour
		} else {
			c.SweepEvery = time.Second
		}
	})
	writer := flags(t, nodes[0])
	ready(t, nodes...)
	large := strings.Repeat("v", 1<<20)
	if _, err := writer.Put(t.Context(), "large", large); err != nil {
		t.Fatal(err)
	}
	for _, n := range nodes {
		holds(t, flags(t, n), "large", large)
	}
	eventually(t, "nothing is told any more", func() bool {
		_, got := scrape(t, registry)
		return got[`grapevine_rumors_hot{node="n0"}`] == "0"
	})
	_, got := scrape(t, registry)
	if v := got[`grapevine_rumors_total{event="announced",node="n0"}`]; v == "0" || v == "" {
		t.Errorf("%s announced", v)
	}
	huge := strings.Repeat("v", 9<<20)
	if _, err := writer.Put(t.Context(), "huge", huge); err != nil {
		t.Fatal(err)
	}
	holds(t, flags(t, nodes[3]), "huge", huge) // compares every second
	if _, got := scrape(t, registry); got[`grapevine_rumors_total{event="overflow",node="n0"}`] != "1" {
		t.Errorf("%s overflowed", got[`grapevine_rumors_total{event="overflow",node="n0"}`])
	}
}

// TestLeaveTellsFirst: what was written just before a node leaves is not lost
// with it.
func TestLeaveTellsFirst(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 4, func(c *gossip.Config) { c.SweepEvery = time.Hour })
	leaver, reader := flags(t, nodes[3]), flags(t, nodes[0])
	ready(t, nodes...)
	for i := range 20 {
		if _, err := leaver.Put(t.Context(), fmt.Sprint("flag-", i), "on"); err != nil {
			t.Fatal(err)
		}
	}
	if err := nodes[3].Leave(within(t)); err != nil {
		t.Fatal(err)
	}
	nodes[3].Close()
	for i := range 20 {
		holds(t, reader, fmt.Sprint("flag-", i), "on")
	}
}

// TestRumorMetrics: each receipt is counted, as news or not, and how long the
// news took.
func TestRumorMetrics(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewPedanticRegistry()
	nodes := cluster(t, 3, labelled(registry), func(c *gossip.Config) { c.SweepEvery = time.Hour })
	writer := flags(t, nodes[0])
	ready(t, nodes...)
	reader := flags(t, nodes[1])
	for i := range 5 {
		if _, err := writer.Put(t.Context(), fmt.Sprint("flag-", i), "on"); err != nil {
			t.Fatal(err)
		}
		holds(t, reader, fmt.Sprint("flag-", i), "on")
	}
	eventually(t, "five updates came by rumor and nothing is hot any more", func() bool {
		_, got := scrape(t, registry)
		return got[`grapevine_rumors_total{event="useful",node="n1"}`] == "5" && got[`grapevine_rumors_hot{node="n1"}`] == "0"
	})
	text, got := scrape(t, registry)
	for name, want := range map[string]string{
		`grapevine_rumors_hot_bytes{node="n1"}`:                                 "0",
		`grapevine_propagation_seconds_count{node="n1"}`:                        "5",
		`grapevine_propagation_seconds_bucket{node="n1",le="+Inf"}`:             "5",
		`grapevine_rumors_total{event="overflow",node="n1"}`:                    "0",
		`grapevine_rumors_total{event="useful",node="n0"}`:                      "0",
		`grapevine_operations_total{node="n1",op="read",outcome="not applied"}`: "0",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %s", name, got[name], want)
		}
	}
	for _, name := range []string{`grapevine_rumors_bytes_total{node="n0"}`, `grapevine_rumors_total{event="sent",node="n0"}`, `grapevine_rumors_total{event="duplicate",node="n1"}`} {
		if v := got[name]; v == "" || v == "0" {
			t.Errorf("%s is %q", name, v)
		}
	}
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
}

func TestEverywhereErrors(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 2)
	table := flags(t, nodes[0])
	ready(t, nodes...)
	if _, err := gossip.Everywhere(nodes[1], "flags", gossip.Registers[bool]()); !errors.Is(err, gossip.ErrTableMismatch) {
		t.Errorf("another type: %v", err)
	}
	if _, err := gossip.Ring(nodes[1], "flags", gossip.Registers[string](), three); !errors.Is(err, gossip.ErrTableMismatch) {
		t.Errorf("another placement: %v", err)
	}
	if _, err := gossip.Everywhere(nodes[0], "", gossip.Registers[string]()); !errors.Is(err, ring.ErrTable) {
		t.Errorf("no name: %v", err)
	}
	if _, _, err := table.Get(t.Context(), "flag", quorum.R(2)); !errors.Is(err, quorum.ErrLevel) {
		t.Errorf("R=2: %v", err)
	}
	if _, err := table.Put(t.Context(), "", "on"); !errors.Is(err, gossip.ErrKey) {
		t.Errorf("no key: %v", err)
	}
	ringTable := open(t, nodes[0])
	if _, err := ringTable.WaitPropagated(t.Context(), "key", 0); !errors.Is(err, gossip.ErrNotEverywhere) {
		t.Errorf("WaitPropagated on a ring table: %v", err)
	}
	for c := range ringTable.Watch(t.Context(), "") {
		if !errors.Is(c.Err, gossip.ErrNotEverywhere) {
			t.Errorf("watch of a ring table: %+v", c)
		}
	}
	nodes[0].Close()
	if _, _, err := table.Get(t.Context(), "flag"); !errors.Is(err, gossip.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
	if _, err := gossip.Everywhere(nodes[0], "more", gossip.Registers[string]()); !errors.Is(err, gossip.ErrClosed) {
		t.Errorf("open on a closed node: %v", err)
	}
}

func TestWaitPropagated(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 4)
	table := flags(t, nodes[0])
	ready(t, nodes...)
	if _, err := table.WaitPropagated(t.Context(), "flag", 0); !errors.Is(err, gossip.ErrNotReady) {
		t.Errorf("never written: %v", err)
	}
	if _, err := table.Put(t.Context(), "flag", "on"); err != nil {
		t.Fatal(err)
	}
	if _, err := table.WaitPropagated(t.Context(), "flag", 5); !errors.Is(err, quorum.ErrLevel) {
		t.Errorf("5 of 4: %v", err)
	}
	p, err := table.WaitPropagated(within(t), "flag", 0)
	if err != nil || p.Have != 4 || len(p.Missing) != 0 || p.Messages < 3 {
		t.Errorf("%+v, %v", p, err)
	}
	for _, n := range nodes[1:] { // and now it is so
		if value, found, err := flags(t, n).Get(t.Context(), "flag"); value != "on" || !found || err != nil {
			t.Errorf("%s reads %q, %t, %v", n.ID(), value, found, err)
		}
	}
	if p, err := table.WaitPropagated(t.Context(), "flag", 1); err != nil || p.Have != 1 || p.Messages != 0 {
		t.Errorf("one member is this one: %+v, %v", p, err)
	}

	// A member that is gone is waited for, until the context ends.
	nodes[3].Close()
	if _, err := table.Put(t.Context(), "flag", "off"); err != nil {
		t.Fatal(err)
	}
	if p, err := table.WaitPropagated(within(t), "flag", 3); err != nil || p.Have != 3 {
		t.Errorf("three of four: %+v, %v", p, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	p, err = table.WaitPropagated(ctx, "flag", 0)
	if !errors.Is(err, context.DeadlineExceeded) || !slices.Contains(p.Missing, nodes[3].ID()) {
		t.Errorf("all, with one gone: %+v, %v", p, err)
	}
}

func TestWatch(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 2)
	writer := flags(t, nodes[0])
	ready(t, nodes...)
	reader := flags(t, nodes[1])
	for _, key := range []string{"new-a", "old-a"} {
		if _, err := writer.Put(t.Context(), key, "1"); err != nil {
			t.Fatal(err)
		}
	}
	holds(t, reader, "new-a", "1")
	ctx, cancel := context.WithCancel(within(t))
	changes := make(chan gossip.Change[string], 100)
	go func() {
		defer close(changes)
		for c := range reader.Watch(ctx, "new-") {
			changes <- c
		}
	}()
	if c := soon(t, "resync", changes); !c.Resync || c.Key != "" || c.Err != nil {
		t.Fatalf("a watch begins with %+v", c)
	}
	if c := soon(t, "what is there", changes); c.Key != "new-a" || c.Value != "1" || !c.Found {
		t.Errorf("%+v", c)
	}
	if _, err := writer.Put(t.Context(), "old-b", "1"); err != nil {
		t.Fatal(err)
	}
	if _, err := writer.Put(t.Context(), "new-b", "1"); err != nil {
		t.Fatal(err)
	}
	if c := soon(t, "a change", changes); c.Key != "new-b" || c.Value != "1" || c.Resync {
		t.Errorf("%+v", c)
	}
	if _, err := writer.Delete(t.Context(), "new-a"); err != nil {
		t.Fatal(err)
	}
	if c := soon(t, "a deletion", changes); c.Key != "new-a" || c.Found || c.Err != nil {
		t.Errorf("%+v", c)
	}
	cancel()
	if c := soon(t, "the end", changes); !errors.Is(c.Err, context.Canceled) || c.Key != "" {
		t.Errorf("%+v", c)
	}
	if _, open := <-changes; open {
		t.Error("something came after the end")
	}
}

// TestWatchSlow: a reader that does not keep up is told to begin anew, and then
// everything: nothing is lost without a word.
func TestWatchSlow(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 1)
	table := flags(t, nodes[0])
	const keys = 3000
	begun, resyncs := false, 0
	seen := make(map[string]string)
	for c := range table.Watch(within(t), "") {
		if c.Err != nil {
			t.Fatal(c.Err)
		}
		if c.Resync {
			resyncs++
			clear(seen)
		} else {
			seen[c.Key] = c.Value
		}
		if !begun { // the reader is slow from here on
			begun = true
			for i := range keys {
				for _, value := range []string{"first", "last"} {
					if _, err := table.Put(t.Context(), fmt.Sprint(i), value); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		if len(seen) == keys && resyncs == 2 {
			break
		}
	}
	for key, value := range seen {
		if value != "last" {
			t.Errorf("%s is %q", key, value)
		}
	}
}

// BenchmarkEverywhereGet reads what the node itself holds.
func BenchmarkEverywhereGet(b *testing.B) {
	table, err := gossip.Everywhere(cluster(b, 1)[0], "flags", gossip.Registers[bool]())
	if err != nil {
		b.Fatal(err)
	}
	if _, err := table.Put(b.Context(), "new-checkout", true); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if on, _, err := table.Get(b.Context(), "new-checkout"); !on || err != nil {
			b.Fatal(on, err)
		}
	}
}

// BenchmarkEverywherePut writes at one node of three.
func BenchmarkEverywherePut(b *testing.B) {
	nodes := cluster(b, 3)
	table := flags(b, nodes[0])
	ready(b, nodes...)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := table.Put(b.Context(), fmt.Sprint("flag-", i%100), "on"); err != nil {
			b.Fatal(err)
		}
	}
}
