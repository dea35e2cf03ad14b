package gossip_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/grapevine-go/grapevine/gossip"
	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/ring"
)

// events keeps what a node's hook was told.
type events struct {
	mu   sync.Mutex
	list []gossip.Event
}

func (e *events) use(cfg *gossip.Config) {
	cfg.Hooks.Member = func(ev gossip.Event) {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.list = append(e.list, ev)
	}
}

// of gives the events of a member, updates left out: a boot's counter may have
// been known from the first, or not.
func (e *events) of(id peer.ID) (list []gossip.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, ev := range e.list {
		if ev.Member.ID == id && ev.Kind != gossip.Updated {
			list = append(list, ev)
		}
	}
	return list
}

// expect waits until the member's events are of these kinds.
func (e *events) expect(t *testing.T, id peer.ID, kinds ...gossip.EventKind) []gossip.Event {
	t.Helper()
	eventually(t, "event", func() bool { return len(e.of(id)) >= len(kinds) })
	list := e.of(id)
	var got []gossip.EventKind
	for _, ev := range list {
		got = append(got, ev.Kind)
	}
	if d := cmp.Diff(kinds, got); d != "" {
		t.Fatalf("events of %s: %s", id, d)
	}
	return list
}

func TestEventsOfLives(t *testing.T) {
	t.Parallel()
	told := new(events)
	a := start(t, config(t, 0, nil, told.use))
	seed := []*gossip.Node{a}
	b := start(t, config(t, 1, seed, func(c *gossip.Config) { c.Zone, c.Weight = "east", 7 }))
	joined := told.expect(t, "n1", gossip.Joined)[0].Member
	if joined.State != gossip.Alive || joined.Zone != "east" || joined.Weight != 7 || joined.Addr != b.Addr() || joined.Data != self(t, b).Data {
		t.Errorf("joined %+v", joined)
	}
	c := start(t, config(t, 2, seed))
	told.expect(t, "n2", gossip.Joined)
	ready(t, a, b, c, start(t, config(t, 3, seed))) // the last one confirms what is suspected

	if err := b.Leave(within(t)); err != nil {
		t.Fatal(err)
	}
	b.Close()
	if left := told.expect(t, "n1", gossip.Joined, gossip.Parted)[1].Member; left.State != gossip.Left {
		t.Errorf("left %+v", left)
	}
	if m := member(t, a, "n1"); m.State != gossip.Left || m.Status != ring.Left {
		t.Errorf("who left is %+v", m)
	}

	c.Close() // without a goodbye
	if failed := told.expect(t, "n2", gossip.Joined, gossip.Failure)[1].Member; failed.State != gossip.Failed {
		t.Errorf("failed %+v", failed)
	}
	if m := member(t, a, "n2"); m.State != gossip.Failed || m.Status != ring.Serving || !m.InRing {
		t.Errorf("who failed is %+v", m) // believed dead, and still an owner
	}

	start(t, config(t, 2, seed))
	if again := told.expect(t, "n2", gossip.Joined, gossip.Failure, gossip.Joined)[2].Member; again.Boot.Nonce == c.Status().Boot.Nonce {
		t.Errorf("came back as %+v", again)
	}
	eventually(t, "the new boot's number", func() bool { return member(t, a, "n2").Boot.Counter == 2 })
	if len(told.of("n0")) > 0 {
		t.Errorf("told of itself: %+v", told.of("n0"))
	}
}

// While there is no cluster nobody knows the counter of his boot; when there is
// one, that is an update.
func TestUpdateEvent(t *testing.T) {
	t.Parallel()
	seeds := ports(t, 2)
	told := make(chan gossip.Event, 16)
	started := make(chan *gossip.Node, 1)
	ctx := within(t)
	go func() {
		n, err := gossip.Start(ctx, config(t, 0, nil, func(c *gossip.Config) {
			c.Bind, c.Seeds = seeds[0], []string{seeds[1], ports(t, 1)[0]}
			c.Hooks.Member = func(e gossip.Event) { told <- e }
		}))
		if err != nil {
			t.Error(err)
		}
		started <- n
	}()
	other := make(chan *gossip.Node, 1)
	go func() {
		n, err := gossip.Start(ctx, config(t, 1, nil, func(c *gossip.Config) { c.Bind, c.Seeds = seeds[1], seeds[:1] }))
		if err != nil {
			t.Error(err)
		}
		other <- n
	}()
	if e := soon(t, "the other joins", told); e.Kind != gossip.Joined || e.Member.ID != "n1" || e.Member.InRing {
		t.Errorf("first %+v", e)
	}
	b := start(t, config(t, 2, nil)) // the cluster, which knows nobody yet
	if _, err := b.Join(ctx, seeds[0]); err != nil {
		t.Fatal(err)
	}
	nodes := []*gossip.Node{soon(t, "start", started), soon(t, "start", other), b}
	for _, n := range nodes {
		if n == nil {
			t.FailNow()
		}
		t.Cleanup(func() { n.Close() })
	}
	for {
		e := soon(t, "update", told)
		if e.Member.ID == "n1" && e.Kind == gossip.Updated {
			if e.Member.Boot.Counter == 0 || e.Member.State != gossip.Alive {
				t.Errorf("update %+v", e.Member)
			}
			break
		}
	}
	ready(t, nodes...)
}

func TestMembersAreValues(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 3, func(c *gossip.Config) { c.Zone = "zone-" + string(c.Name) })
	got := nodes[1].Members()
	if !slices.Equal(members(nodes[1]), names(nodes...)) {
		t.Errorf("members %v", members(nodes[1]))
	}
	for i, m := range got {
		n := nodes[i]
		if m.Zone != "zone-"+string(n.ID()) || m.Weight != 1 || m.Boot != n.Status().Boot || m.Addr != n.Addr() {
			t.Errorf("%s is %+v", n.ID(), m)
		}
		got[i] = gossip.Member{}
	}
	if d := cmp.Diff(names(nodes...), members(nodes[1])); d != "" {
		t.Error("changing what was given changed what is known:", d)
	}
	eventually(t, "round trips measured", func() bool {
		return member(t, nodes[0], "n1").RTT > 0 && member(t, nodes[0], "n2").RTT > 0
	})
}

// callAll calls everything that a node has, for hooks.
func callAll(t *testing.T, n *gossip.Node) {
	ctx := within(t)
	if err := n.WaitReady(ctx); err != nil {
		t.Errorf("WaitReady: %v", err)
	}
	table := open(t, n)
	if err := n.WaitReady(ctx); err != nil {
		t.Errorf("WaitReady: %v", err)
	}
	put(t, table, "key", "value")
	expect(t, table, "key", "value")
	// The others may still be filling what they have got with n's coming.
	eventually(t, "all owners of all keys are synced", func() bool { _, err := table.Len(ctx); return err == nil })
	if _, err := n.Join(ctx, n.Members()[0].Addr.String()); err != nil {
		t.Errorf("Join: %v", err)
	}
	n.Status()
	n.Tables()
	n.Forget("nobody")
}

func TestAnyCallFromMemberHook(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 2)
	hooked, done := make(chan *gossip.Node, 1), make(chan error, 1)
	once := sync.OnceFunc(func() {
		n := <-hooked
		callAll(t, n)
		done <- errors.Join(n.Leave(within(t)), n.Close(), n.Close())
	})
	n := start(t, config(t, 2, nodes, func(c *gossip.Config) { c.Hooks.Member = func(gossip.Event) { once() } }))
	hooked <- n
	if err := soon(t, "the hook ends", done); err != nil {
		t.Error(err)
	}
	soon(t, "closed", n.Done())
	n.Close()
	if err := n.Err(); !errors.Is(err, gossip.ErrClosed) {
		t.Error(err)
	}
}

// A hook that takes its time delays neither the cluster nor the node, and what
// it has missed is told as what became of it.
func TestSlowMemberHook(t *testing.T) {
	t.Parallel()
	inHook, goOn := make(chan gossip.Event), make(chan struct{})
	told := new(events)
	nodes := cluster(t, 1, told.use, func(c *gossip.Config) {
		keep := c.Hooks.Member
		c.Hooks.Member = func(e gossip.Event) {
			keep(e)
			if e.Member.ID == "n1" && e.Kind == gossip.Joined {
				inHook <- e
				<-goOn
			}
		}
	})
	for i := 1; i < 4; i++ {
		nodes = append(nodes, start(t, config(t, i, nodes)))
		if i == 1 {
			soon(t, "the hook begins", inHook)
		}
	}
	ready(t, nodes...)
	keys := fill(t, open(t, nodes[0]), 50)
	ready(t, nodes...)
	expectAll(t, open(t, nodes[0]), keys)
	guest := start(t, config(t, 4, nodes)) // comes and goes meanwhile
	ready(t, append(nodes, guest)...)
	if err := guest.Leave(within(t)); err != nil {
		t.Fatal(err)
	}
	guest.Close()
	eventually(t, "the guest's leaving is known", func() bool { return member(t, nodes[0], "n4").State == gossip.Left })
	if len(told.of("n2"))+len(told.of("n3")) > 0 {
		t.Error("told while the hook ran")
	}
	close(goOn)
	told.expect(t, "n1", gossip.Joined)
	told.expect(t, "n2", gossip.Joined)
	told.expect(t, "n3", gossip.Joined)
	if list := told.of("n4"); len(list) > 0 {
		t.Errorf("told of who came and went: %+v", list)
	}
}

func TestMemberHookPanics(t *testing.T) {
	t.Parallel()
	said, told := new(logs), new(events)
	nodes := cluster(t, 1, said.use, told.use, func(c *gossip.Config) {
		keep := c.Hooks.Member
		c.Hooks.Member = func(e gossip.Event) {
			keep(e)
			panic("the application's fault")
		}
	})
	nodes = append(nodes, start(t, config(t, 1, nodes)), start(t, config(t, 2, nodes)))
	ready(t, nodes...)
	told.expect(t, "n1", gossip.Joined)
	told.expect(t, "n2", gossip.Joined)
	said.expect(t, "level=ERROR", "hook panicked", "hook=Member", "the application's fault")
}

// Close returns although a hook never does, and no other hook begins.
func TestCloseDuringHook(t *testing.T) {
	t.Parallel()
	inHook, goOn := make(chan struct{}, 16), make(chan struct{})
	nodes := cluster(t, 1, func(c *gossip.Config) {
		c.Hooks.Member = func(gossip.Event) { inHook <- struct{}{}; <-goOn }
	})
	nodes = append(nodes, start(t, config(t, 1, nodes)), start(t, config(t, 2, nodes)))
	soon(t, "the hook begins", inHook)
	ready(t, nodes...)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	closed := make(chan struct{})
	go func() { nodes[0].Close(); close(closed) }()
	select {
	case <-closed:
	case <-ctx.Done():
		t.Error("Close waits for the hook")
	}
	close(goOn)
	select {
	case <-inHook:
		t.Error("a hook began after Close")
	case <-time.After(50 * time.Millisecond): // what did not begin leaves no trace to wait for
	}
}
