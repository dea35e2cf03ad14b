package gossip_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/grapevine-go/grapevine/gossip"
	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/quorum"
	"github.com/grapevine-go/grapevine/quorum/session"
)

// TestHints: what an owner misses waits at the coordinator, and comes to it when
// it can be reached again.
func TestHints(t *testing.T) {
	t.Parallel()
	registry, faults := prometheus.NewPedanticRegistry(), newLinks()
	nodes := cluster(t, 3, faults.use, labelled(registry), func(c *gossip.Config) {
		c.SweepEvery, c.Timeout = time.Hour, 2*time.Second
	})
	table := open(t, nodes[0])
	open(t, nodes[2])
	ready(t, nodes...)
	nodes[0].PauseHints("")
	faults.stall(t, nodes[0], nodes[2])
	const n = 50
	for i := range n {
		put(t, table, fmt.Sprint("key-", i), "value")
	}
	eventually(t, "the hints wait", func() bool {
		h := nodes[0].Hints()
		return len(h) == 1 && h[0].Target == "n2" && h[0].Hints == n && h[0].Bytes > 0 && h[0].Paused
	})
	_, got := scrape(t, registry)
	if v := got[`grapevine_hints{node="n0",target="n2"}`]; v != fmt.Sprint(n) {
		t.Errorf("%q hints in the metrics", v)
	}
	faults.heal()
	nodes[0].ResumeHints("")
	eventually(t, "n2 has all", func() bool { return len(dump(t, nodes[2])) == n && len(nodes[0].Hints()) == 0 })
	_, got = scrape(t, registry)
	if v := got[`grapevine_hints_total{event="stored",node="n0"}`]; v != fmt.Sprint(n) {
		t.Errorf("%q hints stored in the metrics", v)
	}
	if v := got[`grapevine_hints_total{event="replayed",node="n0"}`]; v == "0" || v == "" {
		t.Errorf("%q hints replayed in the metrics", v)
	}
}

// TestCountHints: with two of three owners away a write to two is refused, unless
// hints may count; the receipt says how many did.
func TestCountHints(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 3, func(c *gossip.Config) { c.SweepEvery = time.Hour })
	table := open(t, nodes[0])
	sets, err := gossip.Ring(nodes[0], "sets", gossip.Sets[string](), quorum.NWR{N: 3, W: 2, R: 2})
	if err != nil {
		t.Fatal(err)
	}
	ready(t, nodes...)
	if r, err := table.Put(within(t), "key", "all are here", quorum.CountHints(), quorum.W(3)); err != nil || r.Hints != 0 || r.Acked != 3 {
		t.Errorf("with all owners: %+v, %v", r, err)
	}
	for _, n := range nodes[1:] {
		n.Close()
	}
	eventually(t, "two are down", func() bool { return nodes[0].Tables()[0].Alive == 1 })
	if _, err := table.Put(within(t), "key", "refused"); !errors.Is(err, quorum.ErrUnavailable) || gossip.Outcome(err) != quorum.NotApplied {
		t.Errorf("without hints: %v", err)
	}
	if r, err := table.Put(within(t), "key", "by a hint", quorum.CountHints()); err != nil || r.Acked != 1 || r.Hints != 1 {
		t.Errorf("with hints: %+v, %v", r, err)
	}
	if r, err := table.Delete(within(t), "gone", quorum.CountHints(), quorum.W(3)); err != nil || r.Acked != 1 || r.Hints != 2 {
		t.Errorf("a delete: %+v, %v", r, err)
	}
	if r, err := sets.Add(within(t), "tags", "a", quorum.CountHints(), quorum.W(3)); err != nil || r.Acked != 1 || r.Hints != 2 {
		t.Errorf("an element: %+v, %v", r, err)
	}
	expect(t, table, "key", "by a hint", quorum.R(1))
	kept := 0
	for _, h := range nodes[0].Hints() {
		kept += h.Hints
	}
	if kept < 5 {
		t.Errorf("%d hints are kept", kept)
	}
}

// TestFallbacks: two of a key's three owners are away, and one of the two other nodes
// stands for one of them: it brings it the value when it is back, although the
// coordinator is not there any more.
func TestFallbacks(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewPedanticRegistry()
	nodes := make(map[peer.ID]*gossip.Node)
	for _, n := range cluster(t, 5, labelled(registry), func(c *gossip.Config) { c.SweepEvery = time.Hour }) {
		nodes[n.ID()] = n
	}
	first := nodes["n0"]
	open(t, first)
	ready(t, slices.Collect(maps.Values(nodes))...)
	owners := first.Owners("sessions", "key")
	coordinator := nodes[owners[0]]
	for _, id := range owners[1:] {
		nodes[id].Close()
		delete(nodes, id)
	}
	table := open(t, coordinator)
	ready(t, slices.Collect(maps.Values(nodes))...)
	if r, err := table.Put(within(t), "key", "kept for another", quorum.CountHints()); err != nil || r.Acked != 1 || r.Fallbacks != 1 || r.Hints != 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	if err := errors.Join(table.PutMany(within(t), []gossip.Item[string]{{Key: "key", Value: "newer"}}, quorum.CountHints())...); err != nil {
		t.Fatal(err)
	}
	coordinator.Close()
	delete(nodes, coordinator.ID())
	var fallback, other *gossip.Node
	var back peer.ID
	for _, n := range nodes {
		if h := n.Hints(); len(h) == 1 && h[0].Hints == 1 {
			fallback, back = n, h[0].Target
		} else {
			other = n
		}
	}
	if fallback == nil || other == nil || !slices.Contains(owners[1:], back) {
		t.Fatalf("no other node keeps a hint: %v keeps it for %q", fallback, back)
	}
	_, got := scrape(t, registry)
	if v := got[fmt.Sprintf(`grapevine_hints_total{event="fallback",node="%s"}`, fallback.ID())]; v != "2" {
		t.Errorf("%q hints kept as a fallback in the metrics", v)
	}
	owner := start(t, config(t, int(back[1]-'0'), []*gossip.Node{other}, func(c *gossip.Config) { c.SweepEvery = time.Hour }))
	eventually(t, "the owner has the value", func() bool { return len(owner.Tables()) == 1 && len(dump(t, owner)) == 1 })
	eventually(t, "the fallback has forgotten it", func() bool { return len(fallback.Hints()) == 0 })
}

// TestCountHintsRefused: where hints cannot count, that is said before anything is
// sent.
func TestCountHintsRefused(t *testing.T) {
	t.Parallel()
	n := cluster(t, 1, func(c *gossip.Config) { c.HintBytes = -1 })[0]
	for name, put := range map[string]func(...quorum.Option) (quorum.Receipt, error){
		"no hints are kept":    func(o ...quorum.Option) (quorum.Receipt, error) { return open(t, n).Put(within(t), "key", "v", o...) },
		"every member is told": func(o ...quorum.Option) (quorum.Receipt, error) { return flags(t, n).Put(within(t), "key", "v", o...) },
	} {
		if _, err := put(quorum.CountHints()); !errors.Is(err, quorum.ErrLevel) || gossip.Outcome(err) != quorum.NotApplied {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, o := range map[string]quorum.Option{"zones": quorum.Zones(2), "a session": quorum.In(n.Session(session.ReadYourWrites))} {
		if _, err := (quorum.NWR{N: 3, W: 2, R: 2}).Resolve([]quorum.Option{quorum.CountHints(), o}); !errors.Is(err, quorum.ErrLevel) {
			t.Errorf("with %s: %v", name, err)
		}
	}
}
