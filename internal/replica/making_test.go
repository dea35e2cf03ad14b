package replica

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/internal/wire"
	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/quorum"
	"github.com/grapevine-go/grapevine/ring"
)

// counting boots nodes that serve, with a table of counters.
func counting(t testing.TB, ids ...peer.ID) *hand { return newHand(t).counting(ids...) }

func (h *hand) counting(ids ...peer.ID) *hand {
	h.t.Helper()
	for i, id := range ids {
		n := h.join(id)
		if i == 0 {
			n.form()
		}
	}
	h.until("all serve", func() bool { return h.calm(ids...) })
	s := spec
	s.Type = Causal(crdt.NewCounter).Name
	if err := h.nodes[ids[0]].Open(h.now, s, Causal(crdt.NewCounter), &h.nodes[ids[0]].out); err != nil {
		h.t.Fatal(err)
	}
	h.deliver()
	h.until("all know the table", func() bool { return h.calm(ids...) })
	return h
}

// count begins an increment.
func (n *node) count(key string, by int64, w quorum.Level) *operation {
	o := &operation{n: n}
	op := crdt.NewCounter().AddOp(by).AppendBinary(nil)
	o.queue(o.Make(n.Replica, n.h.now, n.h.now.Add(time.Second), spec.Name, key, op, w))
	return o
}

// counted is what a node itself holds.
func (n *node) counted(key string) int64 {
	c := crdt.NewCounter()
	state, found := n.table().Data.AppendState(nil, ring.Hash(key), []byte(key))
	if found {
		if _, err := c.JoinBinary(state); err != nil {
			n.h.t.Fatal(err)
		}
	}
	return c.Value()
}

// wanted is a request to make an increment by one, as a coordinator sends it.
type wanted struct {
	id      wire.OpID
	attempt uint32
	begun   crdt.Time
	tell    bool
}

// makes has a node serve such a request, and returns the status and the delta.
func (n *node) makes(key string, a wanted) (wire.Status, string) {
	n.h.t.Helper()
	hd := n.header(n.View(), wire.KindApply, classForeground, time.Second)
	hd.Table, hd.Op, hd.Boots = n.table().Hash, a.id, wire.MakeBoots([]uint64{n.cfg.Nonce})
	apply := wire.Apply{Op: crdt.NewCounter().AddOp(1).AppendBinary(nil), Begun: a.begun, Attempt: a.attempt, Tell: a.tell}
	r, err := wire.ParseReply(n.Serve(n.h.now, wire.AppendApply(nil, &hd, key, &apply), nil))
	if err != nil {
		n.h.t.Fatal(err)
	}
	if r.Status != wire.OK {
		return r.Status, ""
	}
	delta, err := r.Made()
	if err != nil {
		n.h.t.Fatal(err)
	}
	return r.Status, string(delta)
}

// TestMadeOnce: a request that comes again gives the same delta, and what was
// refused once, or told not to have been made, is not made by a copy.
func TestMadeOnce(t *testing.T) {
	h := counting(t, "a", "b", "c")
	a := h.nodes["a"]
	first := wanted{id: wire.OpID{Hi: 1, Lo: 1}, attempt: 1, begun: 1 << 40}
	_, delta := a.makes("key", first)
	for _, attempt := range []uint32{1, 2, 9} {
		again := first
		again.attempt = attempt
		if status, d := a.makes("key", again); status != wire.OK || d != delta {
			t.Errorf("attempt %d: %v, %x", attempt, status, d)
		}
	}
	if n := a.counted("key"); n != 1 {
		t.Errorf("%d", n)
	}
	told := wanted{id: wire.OpID{Hi: 1, Lo: 2}, attempt: 3, begun: 1 << 40, tell: true}
	if status, d := a.makes("key", told); status != wire.OK || d != "" {
		t.Errorf("%v, %x, of what was not made", status, d)
	}
	told.tell = false
	if status, _ := a.makes("key", told); status != wire.NotReady {
		t.Errorf("made after it was told not to be: %v", status)
	}
	told.attempt++
	if status, _ := a.makes("key", told); status != wire.OK {
		t.Errorf("a later attempt: %v", status)
	}
	if n := a.counted("key"); n != 2 {
		t.Errorf("%d", n)
	}
}

// TestMadeForgotten: when something was forgotten, what is as old is not made; what
// is younger is.
func TestMadeForgotten(t *testing.T) {
	h := counting(t, "a", "b", "c")
	a := h.nodes["a"]
	old := wanted{id: wire.OpID{Hi: 7, Lo: 1}, attempt: 1, begun: 1 << 40}
	a.makes("key", old)
	h.now = h.now.Add(madeFor + time.Second)
	for i := range uint64(40 * madeShards) { // something for each shard
		a.makes("other", wanted{id: wire.OpID{Hi: 8, Lo: i}, attempt: 1, begun: 1<<40 + 5})
	}
	if status, _ := a.makes("key", old); status != wire.Forgotten {
		t.Errorf("an old one: %v", status)
	}
	old.begun += 2 // of another operation with an id of that shard
	if status, _ := a.makes("key", old); status != wire.OK {
		t.Errorf("a younger one: %v", status)
	}
}

// TestMadeBounded: the memory of what was made has a bound.
func TestMadeBounded(t *testing.T) {
	var m made
	m.init()
	now := time.Now()
	for i := range uint64(1000) {
		id := wire.OpID{Hi: 3, Lo: i}
		m.of(id).keep(now, id, &wire.Apply{Begun: crdt.Time(i)}, make([]byte, 1<<20))
	}
	bytes := 0
	for i := range m.shards {
		s := &m.shards[i]
		if len(s.ops) != len(s.queue) || s.bytes > madeBytes+1<<20 {
			t.Errorf("shard %d: %d operations, %d in the queue, %d bytes", i, len(s.ops), len(s.queue), s.bytes)
		}
		bytes += s.bytes
	}
	if bytes > madeShards*madeBytes {
		t.Errorf("%d bytes", bytes)
	}
}

// TestMakerGone: who has not answered whether it made an operation is the only
// one that is asked again, and the outcome is unknown without it.
func TestMakerGone(t *testing.T) {
	h := counting(t, "a", "b", "c", "d")
	d, key := h.nodes["d"], "key"
	for _, n := range h.all() {
		if !n.View().owns(n.table(), 0) {
			d = n
		}
	}
	h.lost = func(s sent) bool { return s.request().Kind == wire.KindApply }
	o := d.count(key, 1, 2)
	err := o.run()
	var e *quorum.Error
	if !errors.As(err, &e) || e.Outcome != quorum.Unknown {
		t.Fatal(err)
	}
	op := e.Operation()
	if op.Boot == 0 || len(op.Delta) != 0 {
		t.Fatalf("%+v", op)
	}
	h.lost = nil
	asked := 0
	h.seen = func(s sent) {
		if q := s.request(); q.Kind == wire.KindApply {
			asked++
			if !q.Boots.Contains(op.Boot) {
				t.Errorf("%s was asked to make it", s.to)
			}
		}
	}
	for range 2 {
		again := &operation{n: d}
		again.queue(again.Retry(d.Replica, h.now, h.now.Add(time.Second), op, 2))
		if err := again.run(); err != nil {
			t.Fatal(err)
		}
	}
	if asked != 2 {
		t.Errorf("%d were asked", asked)
	}
	total := int64(0)
	for _, n := range h.all() {
		total = max(total, n.counted(key))
	}
	if total != 1 {
		t.Errorf("counted %d times", total)
	}
}

// TestUnsyncedDoesNotMake: who has not been filled refuses, and another owner
// makes the operation; a copy of the request that comes later changes nothing.
func TestUnsyncedDoesNotMake(t *testing.T) {
	h := counting(t, "a", "b", "c")
	h.crash("b")
	b := h.join("b")
	h.hold = func(s sent) bool { k := s.request().Kind; return k == wire.KindPage || k == wire.KindSync }
	h.until("b is known", func() bool {
		return b.View().Self >= 0 && b.table() != nil && b.View().Version() == h.nodes["a"].View().Version() && h.nodes["a"].View().Version() == h.nodes["c"].View().Version()
	})
	if b.table().Data.Synced(0) {
		t.Fatal("b is synced")
	}
	request := wanted{id: wire.OpID{Hi: 9, Lo: 9}, attempt: 1, begun: 1 << 40}
	if status, _ := b.makes("key", request); status != wire.Unsynced {
		t.Errorf("%v", status)
	}
	if err := b.count("key", 1, 2).run(); err != nil { // b coordinates, and asks itself first
		t.Fatal(err)
	}
	h.hold = nil
	for _, s := range h.held {
		h.pass1(s)
	}
	h.until("b is synced", func() bool { return h.calm("a", "b", "c") })
	if status, _ := b.makes("key", request); status != wire.NotReady {
		t.Errorf("a late copy: %v", status)
	}
	if got := fmt.Sprint(b.counted("key"), h.nodes["a"].counted("key")); got != "1 1" {
		t.Error(got)
	}
}

// TestInquiryOfGarbage: what no owner can have is no operation.
func TestInquiryOfGarbage(t *testing.T) {
	h := counting(t, "a")
	op := quorum.Operation{ID: wire.OpID{Hi: 1}, Table: spec.Name, Key: "key", Delta: []byte("garbage")}
	if _, err := h.nodes["a"].Inquire(h.now, op); !errors.Is(err, quorum.ErrOperation) {
		t.Error(err)
	}
}

// A retry that cannot begin says that it is as unknown as before what became of the
// operation, if an owner may have made it, and can be retried again.
func TestRetryThatCannotBegin(t *testing.T) {
	h := counting(t, "a", "b", "c")
	op := quorum.Operation{ID: wire.OpID{Hi: 1}, Table: "none", Key: "key", Make: []byte("op"), Boot: 7, Begun: 3, Attempt: 1}
	for _, boot := range []uint64{7, 0} {
		op.Boot = boot
		var c Call
		if send := c.Retry(h.nodes["a"].Replica, h.now, h.now.Add(time.Second), op, 2); send != 0 || !c.Ended() {
			t.Fatalf("it has begun: %b", send)
		}
		var e *quorum.Error
		if err := c.Err(); !errors.As(err, &e) || (e.Outcome == quorum.Unknown) != (boot != 0) || !cmp.Equal(e.Operation(), op) {
			t.Errorf("boot %d: %v", boot, err)
		}
	}
}
