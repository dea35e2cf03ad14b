package replica

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/internal/wire"
	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/quorum"
	"github.com/grapevine-go/grapevine/ring"
)

// What cannot be begun ends at once, and sends nothing.
func TestCallsThatDoNotBegin(t *testing.T) {
	h := newCluster(t, spec, Rules{}, "a", "b", "c")
	a := h.nodes["a"]
	for what, tc := range map[string]struct {
		o    *operation
		want error
	}{
		"put of a long key":    {a.put(strings.Repeat("k", wire.MaxKey+1), "value", 2), quorum.ErrTooLarge},
		"get of a long key":    {a.get(strings.Repeat("k", wire.MaxKey+1), 2), quorum.ErrTooLarge},
		"put of a large value": {a.put("key", strings.Repeat("v", a.cfg.MaxValue+257), 2), quorum.ErrTooLarge},
	} {
		if err := tc.o.Err(); !tc.o.Ended() || !errors.Is(err, tc.want) || len(tc.o.messages) > 0 {
			t.Errorf("%s: %v, %d messages", what, err, len(tc.o.messages))
		}
	}
	if len(a.holds()) > 0 {
		t.Errorf("it holds %d", len(a.holds()))
	}
	if err := a.put(strings.Repeat("k", wire.MaxKey), strings.Repeat("v", a.cfg.MaxValue), 3).run(); err != nil {
		t.Errorf("the largest that is allowed: %v", err)
	}
	var c Call
	c.Read(a.Replica, h.now, h.now.Add(time.Second), time.Hour, "no such table", "key", 2)
	if err := c.Err(); !errors.Is(err, ErrTableMismatch) || !strings.Contains(err.Error(), "no such table") {
		t.Errorf("a table that there is not: %v", err)
	}
}

// A write that meets something newer is stamped above it and sent once more;
// without that rule it is acknowledged, and nobody reads it.
func TestRestamp(t *testing.T) {
	for _, rules := range []Rules{{}, {NoRestamp: true}} {
		h := newCluster(t, spec, rules, "a", "b", "c")
		a := h.nodes["a"]
		fast := h.now.Add(500 * time.Millisecond) // a clock ahead, within the allowed skew
		newer := crdt.Put(crdt.Stamp{Time: crdt.TimeOf(fast), Actor: crdt.Actor{1}}, []byte("of a fast clock"), 0)
		for _, n := range h.all() {
			q := h.asking(wire.KindWrite, "key", 0)
			q.delta, q.Boots = newer.AppendBinary(nil), wire.MakeBoots([]uint64{n.cfg.Nonce})
			if got := n.status(q.encode()); got != wire.OK {
				t.Fatal(got)
			}
		}
		if err := a.put("key", "after it", 2).run(); err != nil {
			t.Fatal(err)
		}
		want, restamped := "after it", uint64(1)
		if rules.NoRestamp {
			want, restamped = "of a fast clock", 0
		}
		h.nodes["b"].reads("key", want, 2)
		if got := a.Stats().Restamped; got != restamped {
			t.Errorf("%+v: stamped again %d times", rules, got)
		}
	}
}

// A ring that changes again and again ends an operation: it has an end.
func TestUnsettled(t *testing.T) {
	h, key := coordinated(t, Rules{})
	d := h.nodes["d"]
	o := d.put(key, "value", 1)
	rounds := 0
	for ; !o.Ended(); rounds++ {
		if rounds > 100 || len(o.messages) == 0 {
			t.Fatalf("no end after %d rounds, %d messages", rounds, len(o.messages))
		}
		s := d.View().State.With(ring.Member{ID: "z", Boot: peer.Boot{Counter: uint64(rounds + 1), Nonce: 99}})
		head := wire.ReplyHeader{Status: wire.StaleRing, Ring: s.Version()}
		m := o.messages[0]
		o.messages = nil
		m.done(wire.AppendRefusal(nil, &head, s.AppendBinary(nil)), nil)
	}
	if err := o.Err(); !errors.Is(err, quorum.ErrUnsettled) || rounds != maxRestarts+1 {
		t.Errorf("after %d rounds: %v", rounds, err)
	}
}

// A refusal that claims a newer ring and brings none, or none that can be read,
// fails that owner alone.
func TestStaleWithGarbage(t *testing.T) {
	h := newCluster(t, spec, Rules{}, "a", "b", "c")
	a := h.nodes["a"]
	o := a.put("key", "value", 2)
	head := wire.ReplyHeader{Status: wire.StaleRing, Ring: 77}
	o.to("b").done(wire.AppendRefusal(nil, &head, []byte("garbage")), nil)
	if o.Ended() {
		t.Fatal(o.Err())
	}
	if err := o.run(); err != nil {
		t.Error(err)
	}
}

// Each refusal becomes the error that its caller can tell it by.
func TestRefusalErrors(t *testing.T) {
	h := newCluster(t, spec, Rules{}, "a", "b", "c")
	for status, want := range map[wire.Status]error{
		wire.Overloaded: quorum.ErrOverloaded, wire.TooLarge: quorum.ErrTooLarge, wire.Skew: crdt.ErrSkew,
		wire.TableMismatch: ErrTableMismatch, wire.NotOpen: quorum.ErrRefused, wire.StaleBoot: quorum.ErrRefused,
		wire.NotOwner: quorum.ErrRefused, wire.NotReady: quorum.ErrRefused, wire.Malformed: quorum.ErrRefused, wire.WrongCluster: quorum.ErrRefused,
	} {
		o := h.nodes["a"].put("key", "value", 3)
		head := wire.ReplyHeader{Status: status}
		o.to("b").done(wire.AppendRefusal(nil, &head, []byte("for this reason")), nil)
		if err := o.Err(); !o.Ended() || !errors.Is(err, want) || !strings.Contains(err.Error(), status.String()+": for this reason") {
			t.Errorf("%v: %v", status, err)
		}
	}
}

// A read is told of the state that its own node has, and the others answer
// "equal" to it; who has something else sends it, and is repaired by a join.
func TestReadAndRepair(t *testing.T) {
	h := newCluster(t, spec, Rules{}, "a", "b", "c")
	a, b := h.nodes["a"], h.nodes["b"]
	if err := a.put("key", "value", 3).run(); err != nil {
		t.Fatal(err)
	}
	o := a.get("key", 3)
	reply, _ := h.serve(o.messages[0])
	answer, err := wire.ParseReply(reply)
	if found, _, _ := answer.Found(); err != nil || found != wire.Equal {
		t.Errorf("found %v, %v", found, err)
	}
	if err := o.run(); err != nil || o.Behind() != 0 {
		t.Errorf("%v, behind %b", err, o.Behind())
	}

	b.lodge("key", "newer")
	o = a.get("key", 3)
	if err := o.run(); err != nil {
		t.Fatal(err)
	}
	c := o.Cell()
	if v, _ := c.Get(0); string(v) != "newer" {
		t.Errorf("read %q", v)
	}
	if n := o.Repair(o.Behind(), &a.out); n != 2 {
		t.Errorf("%d repaired", n)
	}
	h.deliver()
	for _, n := range h.all() {
		if n.holds()["key"] != "newer" {
			t.Errorf("%v holds %v", n, n.holds())
		}
	}
}

// A page lists keys without their values, from the asked hash to the end of its
// partition.
func TestReadPage(t *testing.T) {
	h := newCluster(t, parted(), Rules{}, "a", "b", "c")
	a := h.nodes["a"]
	in := 0
	for _, key := range keys(50) {
		a.write(key, strings.Repeat("v", 1000))
		if ring.Partition(ring.Hash(key), 8) == 3 {
			in++
		}
	}
	first, last := PartitionRange(3, 8)
	o := &operation{n: a}
	got := new(pages)
	o.queue(o.ReadPage(a.Replica, h.now, h.now.Add(time.Second), time.Hour, spec.Name, first, 1<<20, 2, got))
	if err := o.run(); err != nil || in == 0 {
		t.Fatal(err, in)
	}
	for _, page := range got.all {
		if len(page) > 200*in {
			t.Errorf("%d bytes for %d keys", len(page), in)
		}
		r, _ := wire.ParseReply(page)
		list, err := r.Entries()
		if err != nil || list.Len() != in || !list.Done {
			t.Errorf("%d of %d keys, done %t, %v", list.Len(), in, list.Done, err)
		}
		for e, ok := list.Entry(); ok; e, ok = list.Entry() {
			if hash := ring.HashBytes(e.Key); hash < first || hash > last {
				t.Errorf("%s is of another partition", e.Key)
			}
		}
	}
	if len(got.all) != 2 {
		t.Errorf("%d pages", len(got.all))
	}
}

// pages keeps the replies to a page request.
type pages struct {
	crdt.Packed
	all [][]byte
}

// JoinBinary keeps a reply.
func (p *pages) JoinBinary(reply []byte) (crdt.Joined, error) {
	p.all = append(p.all, append([]byte(nil), reply...))
	return crdt.Joined{}, nil
}
