package replica

import (
	"errors"
	"testing"
	"time"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/internal/wire"
	"github.com/grapevine-go/grapevine/quorum"
	"github.com/grapevine-go/grapevine/quorum/session"
)

// blocked begins a read that repairs before it returns.
func (n *node) blocked(key string, r int) *operation {
	o := &operation{n: n}
	o.Wish.Block = true
	o.queue(o.Read(n.Replica, n.h.now, n.h.now.Add(time.Second), time.Hour, spec.Name, key, quorum.Level(r)))
	return o
}

// minority is a cluster in which a write that failed has reached one owner.
func minority(t *testing.T, rules Rules) *hand {
	h := newCluster(t, spec, rules, "a", "b", "c")
	h.nodes["a"].write("key", "old")
	h.lost = func(s sent) bool { return s.from == h.nodes["b"] }
	if err := h.nodes["b"].put("key", "new", 2).run(); !errors.Is(err, quorum.ErrUnknown) {
		t.Fatal(err)
	}
	h.lost = nil
	return h
}

// Once a read has shown what a minority has, no read shows less; with the rule
// switched off the next one does.
func TestBlockingReads(t *testing.T) {
	for _, rules := range []Rules{{}, {NoBlocking: true}} {
		h := minority(t, rules)
		b := h.nodes["b"]
		if err := b.blocked("key", 2).run(); err != nil {
			t.Fatal(err)
		}
		h.lost = func(s sent) bool { return s.to == "b" } // b is out of reach
		want := "new"
		if rules.NoBlocking {
			want = "old"
		}
		h.nodes["a"].reads("key", want, 2)
	}
}

// A tombstone is brought to the others as well.
func TestBlockingTombstone(t *testing.T) {
	h := newCluster(t, spec, Rules{}, "a", "b", "c")
	b := h.nodes["b"]
	b.write("key", "old")
	h.lost = func(s sent) bool { return s.from == b }
	o := &operation{n: b}
	c := crdt.Delete(b.Stamp(h.now))
	o.queue(o.Write(b.Replica, h.now, h.now.Add(time.Second), spec.Name, "key", c.AppendBinary(nil), 2))
	if err := o.run(); !errors.Is(err, quorum.ErrUnknown) {
		t.Fatal(err)
	}
	h.lost = nil
	if err := b.blocked("key", 2).run(); err != nil {
		t.Fatal(err)
	}
	h.lost = func(s sent) bool { return s.to == "b" }
	h.nodes["a"].reads("key", "", 2)
}

// What cannot be brought to enough owners is not returned.
func TestUnrepaired(t *testing.T) {
	h := minority(t, Rules{})
	h.lost = func(s sent) bool { return s.request().Kind == wire.KindWrite }
	o := h.nodes["b"].blocked("key", 2)
	err := o.run()
	var told *quorum.Error
	if !errors.Is(err, quorum.ErrUnrepaired) || !errors.As(err, &told) || told.Acked != 1 || told.Needed != 2 {
		t.Errorf("%v", err)
	}
}

// A read that finds all alike allocates nothing for being one that would have
// repaired, or that is held against a session.
func TestDemandAllocatesNothing(t *testing.T) {
	h := newCluster(t, spec, Rules{}, "a", "b", "c")
	a := h.nodes["a"]
	a.write("key", "value")
	h.deliver()
	var c Call
	seen := session.Version{}
	replies := [2][]byte{make([]byte, 0, 1<<10), make([]byte, 0, 1<<10)}
	read := func(w Wish) func() {
		return func() {
			c.Wish = w
			send := c.Read(a.Replica, h.now, h.now.Add(time.Second), time.Hour, spec.Name, "key", 2)
			for i := range 3 {
				if send&(1<<i) != 0 {
					to := h.nodes[c.Op.Targets[i].ID]
					replies[0] = to.Serve(h.now, c.Msg(h.now, i), replies[0][:0])
					c.Reply(h.now, c.Token(i), replies[0], nil, false, nil)
				}
			}
			if c.Err() != nil || !c.Ended() {
				t.Fatal(c.Err(), c.Op.Phase)
			}
		}
	}
	plain := testing.AllocsPerRun(100, read(Wish{}))
	seen = session.VersionOf(c.Cell())
	for what, w := range map[string]Wish{"blocking": {Block: true}, "session": {Floor: seen}, "both": {Block: true, Floor: seen, Wide: true}} {
		if n := testing.AllocsPerRun(100, read(w)); n != plain {
			t.Errorf("%s: %v allocations, %v without", what, n, plain)
		}
	}
	t.Logf("%v allocations", plain)
}

// BenchmarkRead measures a read of two owners that have the same, as it is and
// with what may be asked of it.
func BenchmarkRead(b *testing.B) {
	h := newCluster(b, spec, Rules{}, "a", "b", "c")
	a := h.nodes["a"]
	a.write("key", "value")
	h.deliver()
	o := a.get("key", 2)
	if err := o.run(); err != nil {
		b.Fatal(err)
	}
	for _, w := range []struct {
		name string
		wish Wish
	}{{"plain", Wish{}}, {"blocking", Wish{Block: true}}, {"session", Wish{Floor: session.VersionOf(o.Cell())}}} {
		b.Run(w.name, func(b *testing.B) {
			var c Call
			reply := make([]byte, 0, 1<<10)
			b.ReportAllocs()
			for b.Loop() {
				c.Wish = w.wish
				send := c.Read(a.Replica, h.now, h.now.Add(time.Second), time.Hour, spec.Name, "key", 2)
				for i := range 3 {
					if send&(1<<i) != 0 {
						reply = h.nodes[c.Op.Targets[i].ID].Serve(h.now, c.Msg(h.now, i), reply[:0])
						c.Reply(h.now, c.Token(i), reply, nil, false, nil)
					}
				}
				if !c.Ended() || c.Err() != nil {
					b.Fatal(c.Err())
				}
			}
		})
	}
}
