package gossip_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/grapevine-go/grapevine/gossip"
	"github.com/grapevine-go/grapevine/quorum"
	"github.com/grapevine-go/grapevine/ring"
)

// everywhere wants the keys at every one of their three owners, which are among
// the nodes.
func everywhere(t *testing.T, keys []string, nodes ...*gossip.Node) {
	t.Helper()
	ready(t, nodes...)
	settled(t, nodes...)
	before := nodes[0].Counts()["repairs"]
	expectAll(t, open(t, nodes[0]), keys, quorum.R(3))
	if after := nodes[0].Counts()["repairs"]; after != before {
		t.Errorf("%d repairs", after-before)
	}
	for _, key := range keys {
		owners := nodes[len(nodes)-1].Owners("sessions", key)
		for _, o := range owners {
			if !slices.Contains(names(nodes...), o) {
				t.Fatalf("%s is owned by %v", key, owners)
			}
		}
		if len(owners) != 3 {
			t.Fatalf("%s is owned by %v", key, owners)
		}
	}
}

func TestLeaveHandsOver(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 5)
	table := open(t, nodes[4])
	ready(t, nodes...)
	keys := fill(t, table, 300)
	put(t, table, "deleted", "value")
	if _, err := table.Delete(within(t), "deleted"); err != nil {
		t.Fatal(err)
	}
	for i := 4; i > 2; i-- { // one after the other, until three are left
		if err := nodes[i].Leave(within(t)); err != nil {
			t.Fatal(err)
		}
		expectAll(t, open(t, nodes[i]), keys[:20]) // it still asks the others
		put(t, open(t, nodes[i]), "late", string(nodes[i].ID()))
		if s := nodes[i].Status(); s.Serving || s.Ready {
			t.Errorf("status after Leave: %+v", s)
		}
		nodes[i].Close()
		eventually(t, "everybody knows", func() bool {
			return !slices.ContainsFunc(nodes[:i], func(n *gossip.Node) bool {
				m := member(t, n, nodes[i].ID())
				return m.Status != ring.Left || m.State != gossip.Left
			})
		})
		everywhere(t, keys, nodes[:i]...)
		expect(t, open(t, nodes[0]), "late", string(nodes[i].ID()))
		expect(t, open(t, nodes[0]), "deleted", "")
	}
}

func TestLeaveAndComeBack(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 4)
	table := open(t, nodes[0])
	ready(t, nodes...)
	keys := fill(t, table, 100)
	before := member(t, nodes[0], "n3").Boot
	if err := nodes[3].Leave(within(t)); err != nil {
		t.Fatal(err)
	}
	nodes[3].Close()
	nodes[3] = start(t, config(t, 3, nodes))
	everywhere(t, keys, nodes...)
	m := member(t, nodes[0], "n3")
	if m.Boot.Counter != before.Counter+1 || m.Boot.Nonce == before.Nonce || m.Status != ring.Serving || !m.State.Live() {
		t.Errorf("came back as %+v, was boot %v", m, before)
	}
}

// A node that leaves waits for those who take over; if it must not wait longer
// it is still a member that is leaving, and may try again.
func TestLeaveEndsWithContext(t *testing.T) {
	t.Parallel()
	faults := newLinks()
	nodes := cluster(t, 4, faults.use)
	table := open(t, nodes[0])
	ready(t, nodes...)
	keys := fill(t, table, 100)
	settled(t, nodes...)
	// Who takes over can ask nobody for what it lacks.
	for i, n := range nodes[:3] {
		faults.stall(t, n, slices.Delete(slices.Clone(nodes), i, i+1)...)
	}
	leaving := nodes[3]
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	err := leaving.Leave(ctx)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("leave: %v", err)
	}
	if !slices.ContainsFunc(nodes[:3], func(n *gossip.Node) bool { return strings.Contains(err.Error(), string(n.ID())) }) {
		t.Errorf("%q does not say who is waited for", err)
	}
	if m := self(t, leaving); m.Status != ring.Leaving || m.State != gossip.Alive {
		t.Errorf("still %+v", m)
	}
	faults.heal()
	if err := leaving.Leave(within(t)); err != nil {
		t.Fatal(err)
	}
	leaving.Close()
	everywhere(t, keys, nodes[:3]...)
}

func TestLeaveTwice(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 3)
	var g sync.WaitGroup
	for range 4 {
		g.Go(func() {
			if err := nodes[2].Leave(within(t)); err != nil {
				t.Error(err)
			}
		})
	}
	g.Wait()
	before := nodes[2].Status().RingVersion
	if err := nodes[2].Leave(within(t)); err != nil {
		t.Error("again:", err)
	}
	if after := nodes[2].Status().RingVersion; after != before {
		t.Error("leaving again changed the ring")
	}
	if m := self(t, nodes[2]); m.Status != ring.Left {
		t.Errorf("left as %+v", m)
	}
	nodes[2].Close()
	if err := nodes[2].Leave(within(t)); !errors.Is(err, gossip.ErrClosed) {
		t.Error("after Close:", err)
	}
}

// The last one has nobody to hand over to.
func TestLeaveAlone(t *testing.T) {
	t.Parallel()
	n := start(t, config(t, 0, nil))
	open(t, n)
	if err := n.Leave(within(t)); err != nil {
		t.Error(err)
	}
}

// A second node of one name takes its place: the first one stops.
func TestReplaced(t *testing.T) {
	t.Parallel()
	said := new(logs)
	nodes := cluster(t, 3, said.use)
	table := open(t, nodes[0])
	ready(t, nodes...)
	keys := fill(t, table, 50)
	old := nodes[2]
	oldTable := open(t, old)
	nodes[2] = start(t, config(t, 2, nodes))
	soon(t, "the old one stops", old.Done())
	if err := old.Err(); !errors.Is(err, gossip.ErrReplaced) || !strings.Contains(err.Error(), "n2") {
		t.Error(err)
	}
	said.expect(t, "level=ERROR", "node=n2", "replaced")
	_, putErr := oldTable.Put(within(t), "key", "value")
	for what, err := range map[string]error{"WaitReady": old.WaitReady(within(t)), "Leave": old.Leave(within(t)), "Put": putErr} {
		if !errors.Is(err, gossip.ErrReplaced) {
			t.Errorf("%s: %v", what, err)
		}
	}
	old.Close()
	if err := old.Err(); !errors.Is(err, gossip.ErrReplaced) {
		t.Error("after Close:", err)
	}
	ready(t, nodes...)
	everywhere(t, keys, nodes...)
	if b := nodes[2].Status().Boot; b.Counter != 2 {
		t.Errorf("boot %v", b)
	}
}

// Who takes the place of a node that runs warns of it. On a busy machine the
// other may be gone before it is asked whether it lives, and then the next one
// sees it.
func TestReplacingIsWarnedOf(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 3)
	for deadline := time.Now().Add(patience); ; {
		old, said := nodes[2], new(logs)
		nodes[2] = start(t, config(t, 2, nodes, said.use))
		soon(t, "the old one stops", old.Done())
		ready(t, nodes...)
		if len(said.lines("level=WARN", "another node of this name is running", "addr="+old.Addr().String())) == 1 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("never warned")
		}
	}
}

// A node whose seeds know nobody but another node of its own name begins no
// second cluster beside it, and says why it waits.
func TestNameTakenByTheOnlyMember(t *testing.T) {
	t.Parallel()
	said := new(logs)
	a := start(t, config(t, 0, nil))
	reason := "another node named n0 is running at " + a.Addr().String()
	for wait := 2 * time.Second; ; wait *= 2 { // it would begin one within 300 ms
		ctx, cancel := context.WithTimeout(t.Context(), wait)
		n, err := gossip.Start(ctx, config(t, 0, []*gossip.Node{a}, said.use))
		cancel()
		if n != nil || !errors.Is(err, context.DeadlineExceeded) || a.Err() != nil {
			t.Fatalf("Start: %v; the first one: %v", err, a.Err())
		}
		if strings.Contains(err.Error(), reason) {
			break
		}
		if wait > patience {
			t.Fatal(err)
		}
	}
	if lines := said.lines("level=WARN", "another node of this name is running", a.Addr().String()); len(lines) == 0 {
		t.Error("not warned")
	}
}

// A node that was restarted in time finds nobody of its name, and warns of
// nothing, although the others believe its last life alive.
func TestRestartIsNoRival(t *testing.T) {
	t.Parallel()
	said := new(logs)
	nodes := cluster(t, 3)
	nodes[2].Close()
	nodes[2] = start(t, config(t, 2, nodes, said.use))
	ready(t, nodes...)
	if lines := said.lines("name is running"); len(lines) > 0 {
		t.Errorf("warned: %q", lines)
	}
}

func TestForgotten(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 4)
	table := open(t, nodes[0])
	ready(t, nodes...)
	keys := fill(t, table, 100)
	settled(t, nodes...)
	if nodes[0].Forget("nobody") || nodes[0].Forget("n0") {
		t.Error("forgot who is not there, or itself")
	}
	if !nodes[0].Forget("n3") {
		t.Error("did not forget n3")
	}
	if nodes[0].Forget("n3") {
		t.Error("forgot n3 twice")
	}
	gone := nodes[3]
	soon(t, "the forgotten one stops", gone.Done())
	if err := gone.Err(); !errors.Is(err, gossip.ErrForgotten) || !strings.Contains(err.Error(), "n3") {
		t.Error(err)
	}
	gone.Close()
	if gone.Forget("n0") {
		t.Error("a closed node forgets")
	}
	eventually(t, "the others live on", func() bool { return nodes[0].Status().Alive == 3 })
	everywhere(t, keys, nodes[:3]...)
	if m := member(t, nodes[1], "n3"); m.Status != ring.Left {
		t.Errorf("n3 is %+v", m)
	}
	nodes[3] = start(t, config(t, 3, nodes)) // and may come back as a new one
	everywhere(t, keys, nodes...)
	if d := cmp.Diff(names(nodes...), members(nodes[3])); d != "" {
		t.Error(d)
	}
}
