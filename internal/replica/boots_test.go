package replica

import (
	"errors"
	"testing"

	"github.com/grapevine-go/grapevine/internal/wire"
	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/ring"
)

// A node that has heard of nothing claims nothing and refuses.
func TestNotReady(t *testing.T) {
	h := newHand(t)
	a, b := h.join("a"), h.join("b")
	h.pass(10 * retry)
	if a.Learned() || a.View().Self >= 0 || !a.View().Boot.IsZero() && a.View().Boot.Counter != 0 {
		t.Errorf("%v has a place in a ring that nobody began", a)
	}
	if err := a.Open(h.now, spec, Register("bytes"), &a.out); !errors.Is(err, ErrNotReady) {
		t.Errorf("open: %v", err)
	}
	if err := a.put("key", "value", 2).run(); !errors.Is(err, ErrNotReady) {
		t.Errorf("put: %v", err)
	}
	hd := b.header(b.View(), wire.KindRead, classForeground, timeout)
	if s := a.status(wire.AppendRead(nil, &hd, "key")); s != wire.NotReady {
		t.Errorf("a read is answered %v", s)
	}
	if !a.Alone() || b.Alone() {
		t.Errorf("who may begin a cluster: a %t, b %t; want the first by id", a.Alone(), b.Alone())
	}
	b.form() // nevertheless
	h.until("a has learned", a.Learned)
	if a.Alone() {
		t.Error("alone in a cluster")
	}
}

// Alone is only who has heard of each live node that it knows of no cluster.
func TestAloneUntilSomebodyDoesNotSay(t *testing.T) {
	h := newHand(t)
	a := h.join("a")
	if !a.Alone() {
		t.Error("a is alone before it knows anybody")
	}
	h.join("b")
	if a.Alone() {
		t.Error("a is alone, although b has not said anything")
	}
	h.lost = func(s sent) bool { return s.to == "b" }
	h.pass(10 * retry)
	if a.Alone() {
		t.Error("a is alone, although b does not answer")
	}
	h.lost = nil
	h.until("b has said that it knows nothing", a.Alone)
	h.crash("b")
	h.join("b")
	if a.Alone() {
		t.Error("what b has said in an earlier life counts")
	}
}

func TestFirstBoots(t *testing.T) {
	h := newHand(t)
	a := h.join("a")
	a.form()
	b := h.join("b")
	h.until("b serves", func() bool { return h.calm("a", "b") })
	for _, n := range []*node{a, b} {
		want := peer.Boot{Counter: 1, Nonce: n.cfg.Nonce}
		if n.View().Boot != want || a.member(n.cfg.ID).Boot != want {
			t.Errorf("%v is known as %v", n, a.member(n.cfg.ID).Boot)
		}
	}
	a.form() // once more changes nothing
	if a.View().Boot.Counter != 1 || a.View().Version() != b.View().Version() {
		t.Error("formed twice")
	}
}

// A restart takes the counter after the last that the cluster remembers, keeps
// its place, and begins unsynced.
func TestRestart(t *testing.T) {
	h := newCluster(t, spec, Rules{}, "a", "b", "c")
	h.nodes["a"].write("key", "value")
	actor := h.nodes["c"].Stamp(h.now).Actor
	for counter := uint64(2); counter < 5; counter++ {
		h.crash("c")
		c := h.join("c")
		h.until("c knows its boot", c.Learned)
		if got := (peer.Boot{Counter: counter, Nonce: c.cfg.Nonce}); c.View().Boot != got {
			t.Errorf("boot %v, want %v", c.View().Boot, got)
		}
		if s, _ := c.View().Status(); s != ring.Serving {
			t.Errorf("after a restart it is %v", s)
		}
		if c.table().Data.Synced(0) {
			t.Error("synced with empty memory")
		}
		if again := c.Stamp(h.now).Actor; again == actor {
			t.Error("two lives stamp under one name")
		}
		h.until("c is filled", func() bool { return h.calm("a", "b", "c") })
		if c.holds()["key"] != "value" {
			t.Errorf("filled with %v", c.holds())
		}
	}
}

// Of two live boots of one name the later stays; the earlier ends, and refuses
// whatever it is asked for.
func TestReplaced(t *testing.T) {
	h := newCluster(t, spec, Rules{}, "a", "b", "c")
	old := h.nodes["c"]
	under := old.put("key", "late", 2)
	h.join("c") // the old one has no name any more: it is asked by hand
	h.until("a knows the new boot", func() bool { return h.calm("a", "b", "c") })
	if err := old.Adopt(h.now, h.nodes["a"].View().State.AppendBinary(nil), &old.out); err != nil || !errors.Is(old.Err(), ErrReplaced) {
		t.Fatalf("%v, ended %v", err, old.Err())
	}
	if err := h.nodes["c"].Err(); err != nil {
		t.Errorf("the later boot ended: %v", err)
	}
	if err := old.put("key", "value", 2).run(); !errors.Is(err, ErrReplaced) {
		t.Errorf("put: %v", err)
	}
	a := h.nodes["a"]
	for _, kind := range []wire.Kind{wire.KindRead, wire.KindRing} {
		hd := a.header(a.View(), kind, classForeground, timeout)
		msg := wire.AppendRead(nil, &hd, "key")
		if kind == wire.KindRing {
			msg = wire.AppendRing(nil, &hd, nil)
		}
		if s := old.status(msg); s != wire.NotReady {
			t.Errorf("%v: %v", kind, s)
		}
	}
	old.out = Effects{}
	if old.Tick(h.now.Add(timeout), &old.out); len(old.out.Sends) > 0 {
		t.Errorf("it goes on to send %d messages", len(old.out.Sends))
	}
	if err := under.run(); !errors.Is(err, ErrReplaced) { // the owners know a newer ring
		t.Errorf("the write that was under way: %v", err)
	}
}

// A node that began a cluster by itself, with the table, meets another that
// remembers an earlier boot of its name: it does not count before it is filled,
// whichever of two first boots is the greater.
func TestBlindBoot(t *testing.T) {
	for name, nonce := range map[string]uint64{"greater": 1000, "smaller": 1} {
		t.Run(name, func(t *testing.T) {
			h := newHand(t)
			h.boots = 10
			h.found(spec, "a", "b", "c")
			a := h.nodes["a"]
			a.write("key", "value")
			h.crash("c")
			h.boots = nonce - 1
			c := h.boot("c")
			c.form()
			h.open(c, spec)
			h.until("c is synced by itself", func() bool { return len(c.Fills()) == 0 })
			for _, id := range []peer.ID{"a", "b"} {
				c.Verdict(id, h.nodes[id].cfg.Nonce, true)
				h.nodes[id].Verdict("c", nonce, true)
			}
			h.until("c is filled", func() bool {
				if len(c.View().State.Members()) > 1 && c.table().Data.Synced(0) && c.holds()["key"] != "value" {
					t.Fatal("it counts without what was acknowledged")
				}
				return h.calm("a", "b", "c")
			})
			if c.Err() != nil || a.member("c").Boot != c.View().Boot || c.View().Boot.Nonce != nonce {
				t.Errorf("%v, ended %v; known as %v", c, c.Err(), a.member("c").Boot)
			}
			// The boot is not blind any more: a later one replaces it.
			h.boots = 2000
			h.join("c")
			h.until("a knows the new boot", func() bool { return a.member("c").Boot.Nonce == 2001 })
			if _ = c.Adopt(h.now, a.View().State.AppendBinary(nil), &c.out); !errors.Is(c.Err(), ErrReplaced) {
				t.Errorf("ended %v", c.Err())
			}
		})
	}
}

// Two nodes that each began a cluster become one cluster; a name that the other
// does not know stays as it is.
func TestBlindBootsMeet(t *testing.T) {
	h := newHand(t)
	a, b := h.boot("a"), h.boot("b")
	a.form()
	b.form()
	a.Verdict("b", b.cfg.Nonce, true)
	b.Verdict("a", a.cfg.Nonce, true)
	h.until("one cluster", func() bool { return h.calm("a", "b") && len(a.View().State.Members()) == 2 })
	if a.View().Boot.Counter != 1 || b.View().Boot.Counter != 1 || a.Err() != nil || b.Err() != nil {
		t.Errorf("%v %v, %v %v", a, b, a.Err(), b.Err())
	}
}

// A member that is forgotten although it lives ends; what is started under its
// name later joins anew.
func TestForgotten(t *testing.T) {
	h := newCluster(t, spec, Rules{}, "a", "b", "c", "d")
	a, c := h.nodes["a"], h.nodes["c"]
	if a.Forget(h.now, "nobody", &a.out) {
		t.Error("forgot nobody")
	}
	if !a.Forget(h.now, "c", &a.out) {
		t.Error("no such member")
	}
	if a.Forget(h.now, "c", &a.out) {
		t.Error("forgot it twice")
	}
	h.deliver()
	if !errors.Is(c.Err(), ErrForgotten) {
		t.Errorf("it goes on: %v", c.Err())
	}
	if err := c.put("key", "value", 2).run(); !errors.Is(err, ErrForgotten) {
		t.Errorf("put: %v", err)
	}
	for _, kind := range []wire.Kind{wire.KindRead, wire.KindPage, wire.KindRing} {
		q := h.asking(kind, "key", 0)
		q.Boots = wire.MakeBoots([]uint64{c.cfg.Nonce})
		if got := c.status(q.encode()); got != wire.NotReady {
			t.Errorf("it answers a %v: %v", kind, got)
		}
	}
	h.crash("c")
	h.until("the others go on", func() bool { return h.calm("a", "b", "d") })
	a.write("key", "value")

	c = h.join("c")
	h.until("c knows its boot", c.Learned)
	if s, _ := c.View().Status(); s != ring.Joining || c.View().Boot.Counter != 2 {
		t.Errorf("back as %v, %v", c, s)
	}
	h.until("c serves", func() bool { return h.calm("a", "b", "c", "d") })
	c.reads("key", "value", 3)
}

// One that left by itself is not told that it was forgotten.
func TestLeftIsNotForgotten(t *testing.T) {
	h := newCluster(t, spec, Rules{}, "a", "b", "c", "d")
	d := h.nodes["d"]
	d.leave()
	other := spec
	other.Name = "other"
	h.open(h.nodes["a"], other) // everybody hears of it, and with it that d has left
	h.until("d has heard", func() bool { return d.Err() != nil || d.View().Table("other") != nil })
	if d.Err() != nil {
		t.Error(d.Err())
	}
	if h.nodes["a"].Forget(h.now, "d", &h.nodes["a"].out) {
		t.Error("forgot one that left")
	}
}

// leave hands over and leaves.
func (n *node) leave() {
	n.h.t.Helper()
	n.SetStatus(n.h.now, ring.Leaving, &n.out)
	n.h.deliver()
	n.h.until("handed over", func() bool { return len(n.HandedOver()) == 0 })
	n.SetStatus(n.h.now, ring.Left, &n.out)
	n.h.deliver()
}
