package gossip_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/gossip"
	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/quorum"
	"github.com/grapevine-go/grapevine/quorum/session"
)

// keyed gives the nodes a key, so that they open each other's tokens.
func keyed(c *gossip.Config) { c.Keys = [][]byte{[]byte("0123456789abcdef")} }

// registries are the metrics of nodes, by name.
type registries map[peer.ID]*prometheus.Registry

func (r registries) use(c *gossip.Config) {
	r[c.Name] = prometheus.NewRegistry()
	c.Registerer = r[c.Name]
}

// count returns a counter without labels.
func (r registries) count(t *testing.T, n *gossip.Node, name string) float64 {
	t.Helper()
	families, err := r[n.ID()].Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	t.Errorf("no metric %s", name)
	return 0
}

// resume goes on with a session at another node.
func resume(t *testing.T, n *gossip.Node, s *session.Session) *session.Session {
	t.Helper()
	again, err := n.Resume(s.Token())
	if err != nil {
		t.Fatal(err)
	}
	return again
}

// A client that has read something is not shown less by an owner that lacks it.
func TestSessionAcrossNodes(t *testing.T) {
	t.Parallel()
	metrics := registries{}
	nodes := lagging(t, keyed, metrics.use)
	s := nodes[0].Session(session.MonotonicReads)
	expect(t, open(t, nodes[0]), "key", "new", quorum.In(s), quorum.Repair(quorum.RepairOff))
	behind := open(t, nodes[2])
	expect(t, behind, "key", "old", quorum.R(1), quorum.Repair(quorum.RepairOff)) // it asks itself
	expect(t, behind, "mark", "old", quorum.R(1), quorum.Repair(quorum.RepairOff), quorum.In(resume(t, nodes[2], s)))
	expect(t, behind, "key", "new", quorum.R(1), quorum.Repair(quorum.RepairOff), quorum.In(resume(t, nodes[2], s)))
	for _, r := range behind.GetMany(within(t), []string{"key"}, quorum.R(1), quorum.In(resume(t, nodes[2], s))) {
		if r.Value != "new" || r.Err != nil {
			t.Errorf("%+v", r)
		}
	}
	if n := metrics.count(t, nodes[2], "grapevine_sessions_waited_total"); n < 1 {
		t.Errorf("%v waited", n)
	}
	if n := metrics.count(t, nodes[2], "grapevine_sessions_lost_total"); n != 0 {
		t.Errorf("%v lost", n)
	}
}

// A write that was lost with its owner is missed by its session, and by no other
// read.
func TestSessionLost(t *testing.T) {
	t.Parallel()
	faults, metrics := newLinks(), registries{}
	nodes := cluster(t, 3, faults.use, keyed, metrics.use, func(c *gossip.Config) { c.SweepEvery, c.HintBytes = time.Hour, -1 })
	one := quorum.NWR{N: 3, W: 1, R: 1}
	var tables []*gossip.RegisterTable[string]
	for _, n := range nodes {
		table, err := gossip.Ring(n, "loose", gossip.Registers[string](), one)
		if err != nil {
			t.Fatal(err)
		}
		tables = append(tables, table)
	}
	ready(t, nodes...)
	put(t, tables[2], "key", "old", quorum.W(3))
	faults.stall(t, nodes[2], nodes[0], nodes[1])
	s := nodes[2].Session(session.ReadYourWrites)
	put(t, tables[2], "key", "new", quorum.In(s))
	nodes[2].Close()
	expect(t, tables[0], "key", "old")
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	v, found, err := tables[0].Get(ctx, "key", quorum.In(resume(t, nodes[0], s)))
	if !errors.Is(err, quorum.ErrSessionLost) || found || v != "" {
		t.Errorf("%q, %t, %v", v, found, err)
	}
	if n := metrics.count(t, nodes[0], "grapevine_sessions_lost_total"); n != 1 {
		t.Errorf("%v lost", n)
	}
	put(t, tables[0], "key", "newer") // that does as well
	expect(t, tables[0], "key", "newer", quorum.In(resume(t, nodes[0], s)))
}

// A write in a session is newer than what the session has seen, whatever the
// clock of the node says.
func TestSessionOrdersWrites(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 2, keyed)
	table, err := gossip.Ring(nodes[0], "pairs", gossip.Registers[string](), quorum.NWR{N: 2, W: 1, R: 1})
	if err != nil {
		t.Fatal(err)
	}
	ready(t, nodes...)
	sealer := session.NewSealer(clusterName(t), []byte("0123456789abcdef"))
	ahead := session.New(session.All, sealer)
	fast := crdt.Stamp{Time: crdt.TimeOf(time.Now().Add(900 * time.Millisecond))} // of a clock that is ahead, as far as may be
	ahead.Wrote(session.Table{ID: 1}, 1, session.Version{Value: fast}, true)
	put(t, table, "key", "value", quorum.In(resume(t, nodes[0], ahead)))
	if e, err := table.Entry(within(t), "key"); err != nil || e.Stamp.Compare(fast) <= 0 {
		t.Errorf("%v is not above %v: %v", e.Stamp, fast, err)
	}
	far := session.New(session.All, sealer)
	far.Wrote(session.Table{ID: 1}, 1, session.Version{Value: crdt.Stamp{Time: crdt.TimeOf(time.Now().Add(time.Hour))}}, true)
	if _, err := nodes[0].Resume(far.Token()); !errors.Is(err, session.ErrToken) || !errors.Is(err, crdt.ErrSkew) {
		t.Errorf("a clock an hour ahead: %v", err)
	}
}

// Expiries and deletes are writes like others.
func TestSessionExpire(t *testing.T) {
	t.Parallel()
	nodes := lagging(t, keyed)
	s := nodes[0].Session(session.All)
	off := quorum.Repair(quorum.RepairOff)
	if found, err := open(t, nodes[0]).Expire(within(t), "key", time.Now().Add(time.Hour), quorum.In(s), off); !found || err != nil {
		t.Fatal(found, err)
	}
	e, err := open(t, nodes[2]).Entry(within(t), "key", quorum.R(1), quorum.In(resume(t, nodes[2], s)), off)
	if err != nil || e.Value != "new" || e.ExpiresAt.IsZero() {
		t.Errorf("%+v, %v", e, err)
	}
	if _, err := open(t, nodes[0]).Delete(within(t), "mark", quorum.In(s)); err != nil {
		t.Fatal(err)
	}
	if _, found, err := open(t, nodes[2]).Get(within(t), "mark", quorum.R(1), quorum.In(resume(t, nodes[2], s)), off); found || err != nil {
		t.Errorf("found after its delete: %t, %v", found, err)
	}
}

// A read of a table that every member holds waits for the rumor.
func TestSessionEverywhere(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 2, keyed)
	var tables []*gossip.RegisterTable[string]
	for _, n := range nodes {
		table, err := gossip.Everywhere(n, "flags", gossip.Registers[string]())
		if err != nil {
			t.Fatal(err)
		}
		tables = append(tables, table)
	}
	ready(t, nodes...)
	for _, value := range []string{"a", "b", "c", "d"} {
		s := nodes[0].Session(session.ReadYourWrites)
		put(t, tables[0], "flag", value, quorum.In(s))
		expect(t, tables[1], "flag", value, quorum.In(resume(t, nodes[1], s)))
	}
	s := nodes[0].Session(session.ReadYourWrites)
	var err error
	for i := 0; err == nil && i < 100; i++ {
		_, err = tables[0].Put(within(t), string(rune('a'+i)), "value", quorum.In(s))
	}
	if !errors.Is(err, session.ErrFull) || !errors.Is(err, quorum.ErrNotApplied) {
		t.Errorf("a session without an end: %v", err)
	}
}

// What is no token, and what is no operation on keys, is refused.
func TestSessionRefusals(t *testing.T) {
	t.Parallel()
	n := cluster(t, 1)[0]
	table, err := gossip.Ring(n, "single", gossip.Registers[string](), quorum.NWR{N: 1, W: 1, R: 1})
	if err != nil {
		t.Fatal(err)
	}
	ready(t, n)
	for _, token := range []string{"", "?", "AAAA"} {
		if _, err := n.Resume(token); !errors.Is(err, session.ErrToken) {
			t.Errorf("%q: %v", token, err)
		}
	}
	if _, err := n.Resume(n.Session(session.All).Token()); err != nil {
		t.Errorf("its own, without Keys: %v", err)
	}
	if _, _, err := table.Scan(within(t), 0, 10, quorum.In(n.Session(session.All))); !errors.Is(err, quorum.ErrLevel) {
		t.Errorf("a scan: %v", err)
	}
}

// What an owner has made has no version that a session could hold: so many
// owners are asked that one of those which have it is among them.
func TestSessionOfCounters(t *testing.T) {
	t.Parallel()
	faults := newLinks()
	nodes := cluster(t, 3, faults.use, keyed, func(c *gossip.Config) { c.SweepEvery, c.HintBytes = time.Hour, -1 })
	likes := openKind(t, nodes, "likes", gossip.Counters())
	ctx := within(t)
	one, off := quorum.R(1), quorum.Repair(quorum.RepairOff)
	add := func(s *session.Session) {
		t.Helper()
		r, err := likes[0].Add(ctx, "page", 1, quorum.In(s))
		applied(t, r, err)
	}
	want := func(n int64, opts ...quorum.Option) {
		t.Helper()
		if got, err := likes[2].Get(ctx, "page", append(opts, off)...); got != n || err != nil {
			t.Errorf("%d, %v, want %d", got, err, n)
		}
	}
	writer, reader := nodes[0].Session(session.ReadYourWrites), nodes[0].Session(session.MonotonicReads)
	faults.stall(t, nodes[0], nodes[2])
	faults.stall(t, nodes[1], nodes[2])
	add(writer)
	if got, err := likes[0].Get(ctx, "page", quorum.In(reader), off); got != 1 || err != nil {
		t.Fatal(got, err)
	}
	faults.heal()
	want(0, one) // it asks itself
	want(1, one, quorum.In(resume(t, nodes[2], writer)))
	want(1, one, quorum.In(resume(t, nodes[2], reader)))
	everywhere, err := gossip.Everywhere(nodes[0], "tags", gossip.Sets[string]())
	if err != nil {
		t.Fatal(err)
	}
	ready(t, nodes...)
	_, err = everywhere.Add(ctx, "page", "tag", quorum.In(writer))
	if _, readErr := everywhere.Get(ctx, "page", quorum.In(reader)); !errors.Is(err, session.ErrFull) || !errors.Is(readErr, session.ErrFull) {
		t.Errorf("sets that every member holds: %v, %v", err, readErr)
	}
}
