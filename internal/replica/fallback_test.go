package replica

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/internal/wire"
	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/quorum"
	"github.com/grapevine-go/grapevine/quorum/hint"
	"github.com/grapevine-go/grapevine/ring"
)

// sloppy starts five nodes of which three own the only partition; it returns the
// owners and the two others.
func sloppy(t *testing.T, cfg hint.Config) (h *hand, owners, others []*node) {
	t.Helper()
	h = hinting(t, cfg, spec, "a", "b", "c", "d", "e")
	for _, n := range h.all() {
		if n.View().owns(n.table(), 0) {
			owners = append(owners, n)
		} else {
			others = append(others, n)
		}
	}
	if len(owners) != 3 || len(others) != 2 {
		t.Fatalf("%d owners, %d others", len(owners), len(others))
	}
	return h, owners, others
}

// away makes a node believe that others are dead, or alive again.
func (n *node) away(away bool, others ...*node) {
	for _, o := range others {
		n.Verdict(o.cfg.ID, o.cfg.Nonce, !away)
	}
}

// sloppily begins a write whose hints count.
func (n *node) sloppily(key, value string, w int) *operation {
	o := &operation{n: n}
	o.Wish.Hints = true
	c := crdt.Put(n.Stamp(n.h.now), []byte(value), 0)
	o.queue(o.Write(n.Replica, n.h.now, n.h.now.Add(time.Second), spec.Name, key, c.AppendBinary(nil), quorum.Level(w)))
	return o
}

// counted runs a write and wants so many owners, fallbacks and hints to count.
func (o *operation) counted(acked, fallbacks, hints int) {
	o.n.h.t.Helper()
	err := o.run()
	o.Handoff(o.n.h.now)
	if got, want := [3]int{o.Op.Acked(), o.Op.Fallbacks(), o.Op.Hints()}, [3]int{acked, fallbacks, hints}; err != nil || got != want {
		o.n.h.t.Fatalf("%v owners, fallbacks and hints, not %v: %v", got, want, err)
	}
}

// keeps counts the hints that a node keeps for another.
func (n *node) keeps(to *node) (hints int) {
	list, _ := n.Hints()
	for _, x := range list {
		if x.Target == to.cfg.ID {
			hints += x.Hints
		}
	}
	return hints
}

// TestFallback: two of three owners are away, and the write is at two nodes all the
// same; the fallback brings it to the owner when that is back, without the
// coordinator.
func TestFallback(t *testing.T) {
	h, owners, others := sloppy(t, plenty)
	for _, n := range append(others, owners[0]) {
		n.away(true, owners[1:]...)
	}
	h.lost = func(s sent) bool { k := s.request().Kind; return k == wire.KindDigest || k == wire.KindSync } // nothing is found by comparing
	for _, key := range keys(20) {
		owners[0].sloppily(key, "value", 2).counted(1, 1, 0)
	}
	if n := others[0].keeps(owners[1]) + others[1].keeps(owners[1]); n != 20 || owners[0].keeps(owners[1]) != 0 {
		t.Errorf("fallbacks keep %d, the coordinator %d", n, owners[0].keeps(owners[1]))
	}
	_, s0 := others[0].Hints()
	_, s1 := others[1].Hints()
	if s0.Fallback+s1.Fallback != 20 || s0.Counted+s1.Counted != 0 {
		t.Errorf("%+v and %+v", s0, s1)
	}
	h.crash(owners[0].cfg.ID)
	for _, n := range others {
		n.away(false, owners[1:]...)
	}
	h.until("the owner has what the fallbacks kept", func() bool { return len(owners[1].holds()) == 20 })
	h.until("the fallbacks have forgotten it", func() bool { return others[0].keeps(owners[1])+others[1].keeps(owners[1]) == 0 })
}

// TestFallbacksRunOut: as many as there are count, one for each owner, and then
// hints of the coordinator's.
func TestFallbacksRunOut(t *testing.T) {
	_, owners, others := sloppy(t, plenty)
	owners[0].away(true, owners[1:]...)
	owners[0].sloppily("key", "value", 3).counted(1, 2, 0)
	owners[0].away(true, others[0])
	owners[0].sloppily("key", "newer", 3).counted(1, 1, 1)
	owners[0].away(true, others[1])
	owners[0].sloppily("key", "newest", 3).counted(1, 0, 2)
	// Who is no owner coordinates: it is no fallback of its own.
	others[0].away(true, owners...)
	others[0].sloppily("key", "elsewhere", 2).counted(0, 1, 1)
}

// TestFallbackHasNoRoom: nothing that it keeps is dropped for what it is asked to
// keep, and the next fallback or a hint stands in.
func TestFallbackHasNoRoom(t *testing.T) {
	_, owners, others := sloppy(t, hint.Config{MaxBytes: 300, MaxAge: time.Hour})
	owners[0].away(true, owners[1:]...)
	byOthers, byHint := 0, 0
	for _, key := range keys(20) {
		o := owners[0].sloppily(key, "value", 2)
		if err := o.run(); err != nil {
			t.Fatal(err)
		}
		byOthers, byHint = byOthers+o.Op.Fallbacks(), byHint+o.Op.Hints()
	}
	if byOthers == 0 || byHint == 0 || byOthers+byHint != 20 {
		t.Errorf("%d by fallbacks, %d by hints", byOthers, byHint)
	}
	for _, n := range others {
		if _, s := n.Hints(); s.Dropped[hint.Room] > 0 || s.Fallback != s.Stored || n.keeps(owners[1]) == 0 {
			t.Errorf("%s: %+v, keeps %d", n.cfg.ID, s, n.keeps(owners[1]))
		}
	}
	if n := others[0].keeps(owners[1]) + others[1].keeps(owners[1]); n != byOthers {
		t.Errorf("%d counted, %d are kept", byOthers, n)
	}
}

// TestFallbackMayKeepIt: one that does not answer makes the outcome unknown, one
// that refuses does not.
func TestFallbackMayKeepIt(t *testing.T) {
	h, owners, others := sloppy(t, hint.Config{MaxBytes: 50, MaxAge: time.Hour}) // no hint has room
	others[0].away(true, owners...)
	for name, outcome := range map[string]quorum.Outcome{"it refuses": quorum.NotApplied, "it is silent": quorum.Unknown} {
		h.lost = func(s sent) bool { return outcome == quorum.Unknown && s.request().Kind == wire.KindHint }
		o := others[0].sloppily("key", "a value with which a hint is too large", 1)
		if err := o.run(); err == nil || o.Op.Outcome() != outcome {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestFallbackMakesNothing: an operation is made at an owner, and its delta alone goes
// to a fallback.
func TestFallbackMakesNothing(t *testing.T) {
	h := newHand(t)
	h.hints = plenty
	h.counting("a", "b", "c", "d", "e")
	owner, other := func() (owner, other *node) {
		for _, n := range h.all() {
			if n.View().owns(n.table(), 0) {
				owner = n
			} else {
				other = n
			}
		}
		return owner, other
	}()
	for _, n := range h.all() {
		owns := n.View().owns(n.table(), 0)
		owner.away(owns && n != owner, n)
		other.away(owns, n)
	}
	asked := make(map[wire.Kind]int)
	h.seen = func(s sent) { asked[s.request().Kind]++ }
	count := func(n *node) *operation {
		o := &operation{n: n}
		o.Wish.Hints = true
		o.queue(o.Make(n.Replica, h.now, h.now.Add(time.Second), spec.Name, "key", crdt.NewCounter().AddOp(7).AppendBinary(nil), 2))
		return o
	}
	count(owner).counted(1, 1, 0)
	if asked[wire.KindHint] != 1 || asked[wire.KindApply] > 0 || owner.counted("key") != 7 {
		t.Errorf("asked %v, counted %d", asked, owner.counted("key"))
	}
	if o := count(other); o.run() == nil || o.Op.Outcome() != quorum.NotApplied || asked[wire.KindHint] != 1 {
		t.Errorf("without an owner: %v, asked %v", o.Err(), asked)
	}
}

// TestFallbackRefuses: what is not as it should be is not kept.
func TestFallbackRefuses(t *testing.T) {
	h, owners, others := sloppy(t, plenty)
	from, to := owners[0], others[0]
	delta := func(ahead time.Duration) []byte {
		c := crdt.Put(crdt.Stamp{Time: crdt.TimeOf(h.now.Add(ahead)), Actor: crdt.Actor{1}}, []byte("value"), 0)
		return c.AppendBinary(nil)
	}
	type request struct {
		wire.Header
		delta []byte
		owner uint64
	}
	for _, tc := range []struct {
		name  string
		at    *node
		spoil func(q *request)
		want  wire.Status
	}{
		{"as it should be", to, func(*request) {}, wire.OK},
		{"another cluster", to, func(q *request) { q.Cluster++ }, wire.WrongCluster},
		{"another ring", to, func(q *request) { q.Ring++ }, wire.StaleRing},
		{"no such table", to, func(q *request) { q.Table++ }, wire.TableMismatch},
		{"no such partition", to, func(q *request) { q.Partition++ }, wire.Malformed},
		{"another life", to, func(q *request) { q.Boots = wire.MakeBoots([]uint64{7777}) }, wire.StaleBoot},
		{"nobody to stand for", to, func(q *request) { q.owner = 7777 }, wire.Malformed},
		{"no owner to stand for", to, func(q *request) { q.owner = others[1].cfg.Nonce }, wire.Malformed},
		{"an owner", owners[1], func(q *request) { q.Boots = wire.MakeBoots([]uint64{owners[1].cfg.Nonce}) }, wire.Malformed},
		{"garbage for a value", to, func(q *request) { q.delta = []byte("garbage") }, wire.Malformed},
		{"more than a day ahead", to, func(q *request) { q.delta = delta(hardSkew + 2*time.Millisecond) }, wire.Skew},
	} {
		q := request{from.header(from.View(), wire.KindHint, classForeground, timeout), delta(0), owners[2].cfg.Nonce}
		q.Table, q.Boots = from.table().Hash, wire.MakeBoots([]uint64{to.cfg.Nonce})
		tc.spoil(&q)
		_, before := tc.at.Hints()
		if got := tc.at.status(wire.AppendHint(nil, &q.Header, "key", q.delta, q.owner)); got != tc.want {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
		if _, after := tc.at.Hints(); (before == after) != (tc.want != wire.OK) {
			t.Errorf("%s: %+v, and then %+v", tc.name, before, after)
		}
	}
	silent := hinting(t, hint.Config{}, spec, "a", "b", "c", "d", "e")
	for _, n := range silent.all() { // nobody keeps hints there
		for _, owner := range silent.all() {
			q := n.header(n.View(), wire.KindHint, classForeground, timeout)
			q.Table, q.Boots = n.table().Hash, wire.MakeBoots([]uint64{n.cfg.Nonce})
			if got := n.status(wire.AppendHint(nil, &q, "key", delta(0), owner.cfg.Nonce)); got == wire.OK {
				t.Errorf("%s keeps a hint for %s", n.cfg.ID, owner.cfg.ID)
			}
		}
	}
}

// TestFallbacks: they are live, no owners, not this node, each once and never more
// than an operation addresses; the same at all nodes, but for who asks.
func TestFallbacks(t *testing.T) {
	s := spec
	s.Partitions = 16
	h := newCluster(t, s, Rules{}, "a", "b", "c", "d", "e", "f")
	a := h.nodes["a"]
	a.away(true, h.nodes["f"])
	first := make(map[peer.ID]bool)
	for p := range 16 {
		lists := make(map[peer.ID][]peer.ID)
		for _, n := range h.all() {
			owners := n.View().targets(nil, n.table(), p)
			targets := n.View().fallbacks(owners, n.table(), p)
			seen := make(map[peer.ID]bool)
			for i, x := range targets {
				if seen[x.ID] || i >= len(owners) && (x.ID == n.cfg.ID || x.Current || x.Next || x.Down || n == a && x.ID == "f") {
					t.Errorf("partition %d at %s: %+v", p, n.cfg.ID, x)
				}
				seen[x.ID] = true
				if i >= len(owners) {
					lists[n.cfg.ID] = append(lists[n.cfg.ID], x.ID)
				}
			}
		}
		without := func(list []peer.ID, ids ...peer.ID) []peer.ID {
			return slices.DeleteFunc(slices.Clone(list), func(id peer.ID) bool { return slices.Contains(ids, id) })
		}
		for _, n := range h.all() {
			for _, o := range h.all() {
				if d := cmp.Diff(without(lists[n.cfg.ID], o.cfg.ID, "f", n.cfg.ID), without(lists[o.cfg.ID], o.cfg.ID, "f", n.cfg.ID)); d != "" {
					t.Errorf("partition %d: %s and %s differ: %s", p, n.cfg.ID, o.cfg.ID, d)
				}
			}
			if want := 3; n != a && n.View().owns(n.table(), p) && len(lists[n.cfg.ID]) != want {
				t.Errorf("partition %d at %s: %v", p, n.cfg.ID, lists[n.cfg.ID])
			}
		}
		first[lists["b"][0]] = true
	}
	if len(first) < 3 {
		t.Errorf("all partitions have the same first fallback: %v", first)
	}
	full := slices.Repeat([]quorum.Target{{Member: 7777}}, quorum.MaxTargets-1)
	if n := len(a.View().fallbacks(full, a.table(), 0)); n != quorum.MaxTargets {
		t.Errorf("%d targets", n)
	}
}

// TestFallbacksLeaving: who leaves takes no hints any more.
func TestFallbacksLeaving(t *testing.T) {
	h, owners, others := sloppy(t, plenty)
	others[0].SetStatus(h.now, ring.Leaving, &others[0].out)
	h.deliver()
	h.until("they know", func() bool { return owners[0].member(others[0].cfg.ID).Status == ring.Leaving })
	v := owners[0].View()
	for _, x := range v.fallbacks(v.targets(nil, owners[0].table(), 0), owners[0].table(), 0) {
		if x.ID == others[0].cfg.ID {
			t.Errorf("%+v", x)
		}
	}
}
