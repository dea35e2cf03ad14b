package gossip_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/grapevine-go/grapevine/gossip"
	"github.com/grapevine-go/grapevine/ring"
)

func TestFirstWithoutSeeds(t *testing.T) {
	t.Parallel()
	a := start(t, config(t, 0, nil))
	s := a.Status()
	if s.ID != "n0" || s.Boot.Counter != 1 || s.Boot.Nonce == 0 || !s.Ready || s.Alive != 1 || len(s.Unsynced) != 0 {
		t.Errorf("status %+v", s)
	}
	m := self(t, a)
	if m.State != gossip.Alive || !m.InRing || m.Status != ring.Serving || m.Boot != s.Boot || m.Weight != 1 {
		t.Errorf("member %+v", m)
	}
	if err := a.WaitReady(within(t)); err != nil {
		t.Error(err)
	}
}

func TestUnreachableSeeds(t *testing.T) {
	t.Parallel()
	seeds := ports(t, 2)
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	n, err := gossip.Start(ctx, config(t, 0, nil, func(c *gossip.Config) { c.Seeds = seeds }))
	if n != nil || !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, syscall.ECONNREFUSED) && !strings.Contains(err.Error(), "connection refused") {
		t.Fatalf("%v", err)
	}
	for _, want := range append(seeds, "n0") {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not name %s", err, want)
		}
	}
}

// A seed that has not begun a cluster either does not do; the error says so.
func TestSeedWithoutCluster(t *testing.T) {
	t.Parallel()
	seeds := ports(t, 3) // nobody is ever at the last one
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	var g sync.WaitGroup
	for i := range 2 {
		g.Go(func() {
			n, err := gossip.Start(ctx, config(t, i, nil, func(c *gossip.Config) { c.Bind, c.Seeds = seeds[i], seeds }))
			if n != nil || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), seeds[2]) {
				t.Errorf("n%d: %v", i, err)
			}
		})
	}
	g.Wait()
}

// startTogether starts nodes at the same time with all of them as seeds.
func startTogether(t *testing.T, count int, change func(*gossip.Config)) []*gossip.Node {
	t.Helper()
	nodes := make([]*gossip.Node, count)
	errs := make([]error, count)
	seeds := ports(t, count)
	ctx := within(t)
	var g sync.WaitGroup
	for i := range count {
		g.Go(func() {
			nodes[i], errs[i] = gossip.Start(ctx, config(t, i, nil, change, func(c *gossip.Config) { c.Bind, c.Seeds = seeds[i], seeds }))
		})
	}
	g.Wait()
	for _, n := range nodes {
		if n != nil {
			t.Cleanup(func() { n.Close() })
		}
	}
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	return nodes
}

func TestFiveStartTogether(t *testing.T) {
	t.Parallel()
	said := new(logs)
	nodes := startTogether(t, 5, said.use)
	ready(t, nodes...)
	if began := said.lines("began a cluster"); len(began) != 1 || !strings.Contains(began[0], "node=n0") {
		t.Errorf("clusters begun: %q", began)
	}
	for _, n := range nodes {
		var known []gossip.Member
		for _, m := range n.Members() {
			if !m.InRing || !m.State.Live() || m.Boot.Counter != 1 {
				t.Errorf("%s knows %+v", n.ID(), m)
			}
			known = append(known, m)
		}
		if len(known) != 5 {
			t.Errorf("%s knows %d members", n.ID(), len(known))
		}
	}
	keys := fill(t, open(t, nodes[3]), 50)
	ready(t, nodes...)
	expectAll(t, open(t, nodes[1]), keys)
}

// Nobody begins a cluster while a seed is missing: it may be the only one that
// remembers the old one.
func TestMissingSeedIsWaitedFor(t *testing.T) {
	t.Parallel()
	seeds := ports(t, 3)
	seeded := func(i int, own []string, said *logs) gossip.Config {
		return config(t, i, nil, said.use, func(c *gossip.Config) { c.Bind, c.Seeds = seeds[i], own })
	}
	said := new(logs)
	nodes := make([]*gossip.Node, 3)
	ctx := within(t)
	var g sync.WaitGroup
	for i := range 2 {
		g.Go(func() {
			var err error
			if nodes[i], err = gossip.Start(ctx, seeded(i, seeds, said)); err != nil {
				t.Error(err)
			}
		})
	}
	said.expect(t, "node=n0", "waiting for a cluster", seeds[2])
	said.expect(t, "node=n1", "waiting for a cluster", seeds[2])
	said.expect(t, "node=n0", "member join", "member=n1") // they have met, and wait all the same
	if began := said.lines("began a cluster"); len(began) > 0 {
		t.Errorf("begun: %q", began)
	}
	nodes[2] = start(t, seeded(2, nil, said))
	g.Wait()
	for _, n := range nodes[:2] {
		if n == nil {
			t.FailNow()
		}
		t.Cleanup(func() { n.Close() })
	}
	ready(t, nodes...)
	if began := said.lines("began a cluster"); len(began) != 1 || !strings.Contains(began[0], "node=n2") {
		t.Errorf("begun: %q", began)
	}
}

// A node that began a cluster of its own and is joined with another one later
// takes its place there.
func TestClustersBegunApartBecomeOne(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 3)
	keys := fill(t, open(t, nodes[0]), 50)
	lone := start(t, config(t, 3, nil))
	if n, err := lone.Join(within(t), nodes[1].Addr().String()); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	all := append(nodes, lone)
	ready(t, all...)
	if d := cmp.Diff(names(all...), members(lone)); d != "" {
		t.Error(d)
	}
	for _, n := range all {
		expectAll(t, open(t, n), keys)
	}
	settled(t, all...)
}

func TestJoin(t *testing.T) {
	t.Parallel()
	a, nowhere := start(t, config(t, 0, nil)), ports(t, 1)[0]
	if n, err := a.Join(within(t), nowhere); n != 0 || err == nil || !strings.Contains(err.Error(), nowhere) {
		t.Errorf("nobody there: %d %v", n, err)
	}
	if n, err := a.Join(within(t), "no port:x"); n != 0 || err == nil {
		t.Errorf("no address: %d %v", n, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if n, err := a.Join(ctx, nowhere); n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %d %v", n, err)
	}
	if len(a.Members()) != 1 {
		t.Errorf("members %v", a.Members())
	}
}
