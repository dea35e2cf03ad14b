package replica

import (
	"fmt"
	"testing"
	"time"

	"github.com/grapevine-go/grapevine/internal/wire"
	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/ring"
)

// crowd is n members that a hears of and that never answer.
func crowd(t *testing.T, n int) (h *hand, a *node) {
	h = newHand(t)
	a = h.join("a")
	a.form()
	s := a.View().State
	for i := range n {
		id := peer.ID(fmt.Sprint("m", i))
		boot := peer.Boot{Counter: 1, Nonce: uint64(1000 + i)}
		s = s.With(ring.Member{ID: id, Boot: boot, Status: ring.Serving})
		a.Verdict(id, boot.Nonce, true)
	}
	h.hold = func(sent) bool { return true }
	if err := a.Adopt(h.now, s.AppendBinary(nil), &a.out); err != nil {
		t.Fatal(err)
	}
	h.deliver()
	return h, a
}

// Members that hang, for however long, are not asked more and more.
func TestHangingMembers(t *testing.T) {
	const members, tables = 10, 40
	h, a := crowd(t, members)
	for i := range tables {
		s := spec
		s.Name, s.Partitions = fmt.Sprint("table-", i), 32 // a owns some
		h.open(a, s)
	}
	a.SetStatus(h.now, ring.Leaving, &a.out) // asks each of them about each table
	for _, table := range a.View().byName {  // as soon as it is filled itself
		for p := range table.Data.synced {
			table.Data.synced[p].Store(true)
		}
	}
	clear(a.jobs.fills)
	h.deliver()
	h.held = nil // of the earlier ring states
	before := len(a.jobs.open)
	h.pass(5 * time.Minute)
	hands := 0
	for _, b := range a.jobs.open {
		if b.kind == handJob {
			hands++
		}
	}
	if hands == 0 || hands > members*maxHands*maxSame {
		t.Errorf("%d questions for who took over", hands)
	}
	after := len(a.jobs.open)
	// Of the present ring state: it is carried, asked for, swept and handed over.
	limit := members*(2*maxSame+maxHands*maxSame) + tables*members*maxSame + maxFills
	if after-before > limit || after > before+len(h.held) {
		t.Errorf("%d exchanges under way, %d before; %d messages", after, before, len(h.held))
	}
	h.pass(5 * time.Minute)
	if more := len(a.jobs.open) - after; more > tables*members {
		t.Errorf("%d more in the next five minutes", more)
	}
	for _, s := range h.held {
		s.done(nil, errNoAnswer)
	}
	if len(a.jobs.same) > len(a.jobs.open) {
		t.Errorf("%d are remembered of %d under way", len(a.jobs.same), len(a.jobs.open))
	}
}

// Refusals of a member that is behind, of whatever number of operations, have
// the ring state sent to it a few times.
func TestManyStaleRefusals(t *testing.T) {
	h := newCluster(t, spec, Rules{}, "a", "b", "c")
	a := h.nodes["a"]
	older := a.View().State
	newer := older.With(ring.Member{ID: "z", Boot: peer.Boot{Counter: 1, Nonce: 99}})
	if err := a.Adopt(h.now, newer.AppendBinary(nil), &a.out); err != nil {
		t.Fatal(err)
	}
	h.hold = func(s sent) bool { return s.request().Kind == wire.KindRing }
	open := len(a.jobs.open)
	for i := range 100 {
		o := a.put(fmt.Sprint("key-", i), "value", 2)
		for _, id := range []peer.ID{"b", "c"} {
			head := wire.ReplyHeader{Status: wire.StaleRing, Ring: older.Version()}
			o.to(id).done(wire.AppendRefusal(nil, &head, older.AppendBinary(nil)), nil)
		}
		a.carry()
	}
	if got := len(a.jobs.open) - open; got == 0 || got > 2*maxSame {
		t.Errorf("%d exchanges under way", got)
	}
}

// What serving gives rise to waits for the next tick, up to a bound; what is
// over it is not under way either.
func TestQueueIsBounded(t *testing.T) {
	h, a := crowd(t, maxQueue+200)
	h.held = nil
	a.Tick(h.now, &a.out)
	a.out = Effects{}
	open := len(a.jobs.open)
	s := a.View().State.With(ring.Member{ID: "a", Boot: peer.Boot{Counter: 1, Nonce: a.cfg.Nonce}, Rev: 9, Status: ring.Leaving})
	hd := a.header(a.View(), wire.KindRing, classControl, timeout)
	for range 2 {
		if got := a.status(wire.AppendRing(nil, &hd, s.AppendBinary(nil))); got != wire.OK {
			t.Fatal(got)
		}
		s = s.With(ring.Member{ID: "a", Boot: peer.Boot{Counter: 1, Nonce: a.cfg.Nonce}, Rev: 10, Status: ring.Serving})
	}
	if got := len(a.jobs.queue); got != maxQueue {
		t.Errorf("%d wait", got)
	}
	if got := len(a.jobs.open) - open; got != maxQueue {
		t.Errorf("%d are under way, of %d that wait", got, maxQueue)
	}
	if a.Tick(h.now, &a.out); len(a.out.Sends) < maxQueue || len(a.jobs.queue) != 0 {
		t.Errorf("%d sent, %d wait", len(a.out.Sends), len(a.jobs.queue))
	}
}

// Repairs stand back where much is under way.
func TestRepairsAreBounded(t *testing.T) {
	h := newCluster(t, spec, Rules{}, "a", "b", "c")
	a := h.nodes["a"]
	a.lodge("key", "value")
	for len(a.jobs.open) < maxRepairs-1 {
		a.jobs.expect(job{})
	}
	o := a.get("key", 3)
	if err := o.run(); err != nil {
		t.Fatal(err)
	}
	if n := o.Repair(o.Behind(), &a.out); n != 1 || len(a.out.Sends) != 1 {
		t.Errorf("%d repaired, room for one", n)
	}
	if n := o.Repair(o.Behind(), &a.out); n != 0 {
		t.Errorf("%d repaired, room for none", n)
	}
	h.deliver()
	if got := len(a.jobs.open); got != maxRepairs-1 {
		t.Errorf("%d under way after the repair", got)
	}
	if a.Stats().Repairs != 1 {
		t.Errorf("counted %d", a.Stats().Repairs)
	}
}
