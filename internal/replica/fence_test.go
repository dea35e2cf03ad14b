package replica

import (
	"testing"
	"time"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/internal/wire"
	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/quorum"
	"github.com/grapevine-go/grapevine/ring"
)

// What the fence is for, as one history. Node d coordinates a write of W = 2 at
// the owners a, b and c.
//
//	d ──x──▶ a              joined, acknowledged
//	         a dies, comes back empty, and is filled by b and c, which have not
//	         got x yet; d does not hear of it
//	d ──x──▶ b              addressed to the life of a that has ended
//
// If b acknowledged, the write would have its two acknowledgements, and of the
// owners b alone would hold it: a and c are synced, answer a read with R = 2,
// and know nothing of x.
func overtaken(t *testing.T, rules Rules) (h *hand, key string, o *operation) {
	h, key = coordinated(t, rules)
	o = h.nodes["d"].put(key, "x", 2)
	h.pass1(o.to("a"))
	h.crash("a")
	deaf := func(s sent) bool { return s.to == "d" || s.from == h.nodes["d"] }
	h.lost = deaf
	a := h.join("a")
	h.until("a is filled with the partition", func() bool {
		t := a.table()
		return t != nil && t.Data.Synced(ring.Partition(ring.Hash(key), t.Layout.Partitions()))
	})
	h.lost = nil
	h.pass1(o.to("b"))
	return h, key, o
}

// coordinated is a cluster with a key of which d is no owner.
func coordinated(t *testing.T, rules Rules) (h *hand, key string) {
	eight := spec
	eight.Partitions = 8
	h = newCluster(t, eight, rules, "a", "b", "c", "d")
	return h, h.keyOf("d", false)
}

// With the fence b refuses, and the write goes to the owners as they are now.
func TestFence(t *testing.T) {
	h, key, o := overtaken(t, Rules{})
	if o.Ended() || h.nodes["b"].Stats().StaleRequests == 0 || len(h.nodes["b"].holds()) > 0 {
		t.Fatalf("b took a write that was addressed to an earlier life of a: %v, %v", o.Err(), h.nodes["b"].holds())
	}
	old := o.to("c") // of the first round
	if err := o.run(); err != nil {
		t.Fatal(err)
	}
	h.pass1(old)
	for _, r := range []peer.ID{"a", "b", "c"} {
		if h.nodes[r].holds()[key] != "x" {
			t.Errorf("%s holds %v", r, h.nodes[r].holds())
		}
	}
	if o.Op.Acked() < 2 {
		t.Errorf("%d acknowledged", o.Op.Acked())
	}
	h.crash("b")
	h.nodes["c"].reads(key, "x", 2)
}

// Without it, the write is acknowledged and lost.
func TestNoFence(t *testing.T) {
	h, key, o := overtaken(t, Rules{NoFence: true})
	if !o.Ended() || o.Err() != nil || o.Op.Outcome() != quorum.Applied {
		t.Fatalf("it was not acknowledged: %v", o.Err())
	}
	h.crash("b")
	h.nodes["c"].reads(key, "", 2)
}

// A page is fenced as well: whoever asks for it under an older ring does not
// get what counts under a newer one, nor does an older life of the asked.
func TestPageOfAnotherRing(t *testing.T) {
	h := newCluster(t, spec, Rules{}, "a", "b", "c")
	q := h.asking(wire.KindPage, "key", 0)
	h.crash("c")
	h.join("c")
	h.until("c is filled", func() bool { return h.calm("a", "b", "c") })
	if got := h.nodes["a"].status(q.encode()); got != wire.StaleRing {
		t.Errorf("a page asked for under the ring of before: %v", got)
	}
}

// meddling is a register that lets something happen while it is joined into.
type meddling struct {
	crdt.Packed
	meanwhile *func()
}

// JoinBinary joins, and lets it happen.
func (m *meddling) JoinBinary(delta []byte) (crdt.Joined, error) {
	j, err := m.Packed.JoinBinary(delta)
	if f := *m.meanwhile; f != nil {
		*m.meanwhile = nil
		f()
	}
	return j, err
}

// A ring that changes while an owner joins a write: the join stays, and is not
// acknowledged, for a page of the newer ring may have missed it.
func TestRingMovesDuringAJoin(t *testing.T) {
	for _, rules := range []Rules{{}, {NoFence: true}} {
		h := newCluster(t, ring.Table{Name: "other", Type: "register(bytes)", Codec: 1, N: 1, W: 1, Partitions: 1}, rules, "a", "b", "c")
		var meanwhile func()
		s, typ := own()
		typ.New = func() crdt.State { return &meddling{meanwhile: &meanwhile} }
		for _, n := range h.all() {
			if err := n.Open(h.now, s, typ, &n.out); err != nil {
				t.Fatal(err)
			}
			h.deliver()
		}
		h.until("all are synced", func() bool { return h.calm("a", "b", "c") })
		a, b := h.nodes["a"], h.nodes["b"]
		moved := a.View().State.With(ring.Member{ID: "z", Boot: peer.Boot{Counter: 1, Nonce: 99}})
		meanwhile = func() {
			if err := b.Adopt(h.now, moved.AppendBinary(nil), &b.out); err != nil {
				t.Error(err)
			}
		}
		o := a.put("key", "value", 2) // joined at a itself, which lets b hear of z
		if meanwhile != nil {
			t.Fatal("nothing happened meanwhile")
		}
		meanwhile = func() { _ = a.Adopt(h.now, moved.AppendBinary(nil), &a.out) }
		q := h.asking(wire.KindWrite, "other key", 0)
		q.Ring = a.View().version
		want := wire.Moved
		if rules.NoFence {
			want = wire.OK
		}
		if got := a.status(q.encode()); got != want {
			t.Errorf("%+v: %v, want %v", rules, got, want)
		}
		if a.holds()["other key"] != "value" {
			t.Errorf("%+v: it was not joined: %v", rules, a.holds())
		}
		_ = o.run()
	}
}

// A write that was joined where the ring moved meanwhile, and then goes nowhere,
// may be there: its outcome is unknown.
func TestMovedIsUnknown(t *testing.T) {
	h, key := coordinated(t, Rules{})
	d := h.nodes["d"]
	o := d.put(key, "x", 2)
	reply := wire.ReplyHeader{Status: wire.Moved, Boot: h.nodes["a"].View().Boot, Ring: 1}
	o.to("a").done(wire.AppendRefusal(nil, &reply, d.View().State.AppendBinary(nil)), nil)
	h.now = h.now.Add(time.Minute)
	o.messages = nil
	o.Op.Tick(h.now)
	if !o.Ended() || o.Op.Outcome() != quorum.Unknown {
		t.Errorf("ended %t, %v: %v", o.Ended(), o.Op.Outcome(), o.Err())
	}

	o = d.put(key, "y", 2) // where each refuses, nothing may be there
	for _, id := range []peer.ID{"a", "b", "c"} {
		refusal := wire.ReplyHeader{Status: wire.Overloaded, Boot: h.nodes[id].View().Boot, Ring: d.View().version}
		o.to(id).done(wire.AppendRefusal(nil, &refusal, []byte("no room")), nil)
	}
	if !o.Ended() || o.Op.Outcome() != quorum.NotApplied {
		t.Errorf("ended %t, %v: %v", o.Ended(), o.Op.Outcome(), o.Err())
	}
}
