package replica

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/grapevine-go/grapevine/internal/wire"
	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/ring"
)

// parted is a table of which a fourth node will own a part.
func parted() ring.Table {
	s := spec
	s.Partitions = 8
	return s
}

// A node joins a cluster with data: whichever node reads meanwhile, no key is
// ever missing, no write is lost, and in the end it has what it owns.
func TestJoinWithData(t *testing.T) {
	h := newCluster(t, parted(), Rules{}, "a", "b", "c")
	all := keys(40)
	for _, key := range all {
		h.nodes["a"].write(key, "old")
	}
	d := h.join("d")
	statuses := make(map[ring.Status]bool)
	written := make(map[string]bool)
	for step := 0; !h.calm("a", "b", "c", "d"); step++ {
		if step == 1000 {
			t.Fatal("d does not come to serve")
		}
		h.step()
		if s, ok := d.View().Status(); ok {
			statuses[s] = true
		}
		for i, n := range h.all() {
			if n == d && d.View().Self < 0 {
				continue
			}
			key := all[(step*7+i)%len(all)]
			n.reads(key, map[bool]string{false: "old", true: "new"}[written[key]], 2)
			key = all[(step*3+i)%len(all)]
			n.write(key, "new")
			written[key] = true
		}
	}
	if !statuses[ring.Joining] || !statuses[ring.Serving] {
		t.Errorf("it was %v", statuses)
	}
	owns := 0
	for _, key := range all {
		p := ring.Partition(ring.Hash(key), 8)
		want := map[bool]string{false: "old", true: "new"}[written[key]]
		if d.View().owns(d.table(), p) {
			if owns++; d.holds()[key] != want {
				t.Errorf("d holds %s: %q, want %q", key, d.holds()[key], want)
			}
		}
		d.reads(key, want, 3)
	}
	if owns == 0 {
		t.Error("d owns nothing")
	}
}

// A joining node does not count before it is filled, and is no owner of the
// current placement.
func TestJoiningIsNotCurrent(t *testing.T) {
	h := newCluster(t, parted(), Rules{}, "a", "b", "c")
	h.hold = func(s sent) bool { return s.from.cfg.ID == "d" && s.request().Kind == wire.KindPage }
	d := h.join("d")
	h.pass(time.Minute)
	if s, _ := d.View().Status(); s != ring.Joining || len(d.Fills()) == 0 {
		t.Fatalf("%v, with %v unsynced", s, d.Fills())
	}
	layout := d.table().Layout
	for p := range layout.Partitions() {
		if slices.Contains(layout.Current(p), uint16(d.View().Self)) {
			t.Errorf("owner of partition %d", p)
		}
	}
	held := h.held
	h.held, h.hold = nil, nil
	for _, s := range held {
		h.pass1(s)
	}
	h.until("d serves", func() bool { return h.calm("a", "b", "c", "d") })
}

// Nobody ends a change of owners before each member has acknowledged its
// beginning: one that is cut off holds it up until it is heard or forgotten.
// Without that rule it is not waited for.
func TestBarrier(t *testing.T) {
	for _, rules := range []Rules{{}, {NoBarrier: true}} {
		for _, end := range []string{"heard", "forgotten"} {
			h := newCluster(t, parted(), rules, "a", "b", "c", "e", "f")
			h.lost = func(s sent) bool { return s.to == "f" || s.from.cfg.ID == "f" }
			d := h.join("d")
			h.until("d is filled", func() bool { return d.Learned() && len(d.Fills()) == 0 })
			h.pass(time.Minute)
			s, _ := d.View().Status()
			if waits := s == ring.Joining; waits == rules.NoBarrier {
				t.Errorf("%+v: %v", rules, s)
			}
			if rules.NoBarrier {
				continue
			}
			if got := d.HandedOver(); !slices.Equal(got, []peer.ID{"f"}) {
				t.Errorf("waits for %v", got)
			}
			if end == "heard" {
				h.lost = nil
			} else {
				h.nodes["a"].Forget(h.now, "f", &h.nodes["a"].out)
				h.deliver()
			}
			h.until("d serves", func() bool { return h.calm("a", "b", "c", "e", "d") })
		}
	}
}

// Whoever leaves waits until those who take over are filled; then it has left,
// owns nothing, and everything is where it belongs.
func TestLeave(t *testing.T) {
	h := newCluster(t, parted(), Rules{}, "a", "b", "c", "d")
	d := h.nodes["d"]
	all := keys(40)
	for _, key := range all {
		h.nodes["a"].write(key, "value")
	}
	h.hold = func(s sent) bool { return s.request().Kind == wire.KindPage }
	d.SetStatus(h.now, ring.Leaving, &d.out)
	h.deliver()
	h.pass(time.Minute)
	if len(d.HandedOver()) == 0 {
		t.Fatal("handed over, and nobody got anything")
	}
	for _, key := range all { // a leaving node is an owner still
		d.reads(key, "value", 2)
	}
	d.write("meanwhile", "value")
	held := h.held
	h.held, h.hold = nil, nil
	for _, s := range held {
		h.pass1(s)
	}
	h.until("handed over", func() bool { return len(d.HandedOver()) == 0 })
	d.SetStatus(h.now, ring.Left, &d.out)
	h.deliver()
	h.crash("d")
	h.until("calm", func() bool { return h.calm("a", "b", "c") })
	for _, key := range append(all, "meanwhile") {
		for _, n := range h.all() {
			if n.holds()[key] != "value" {
				t.Errorf("%v has not got %s", n, key)
			}
		}
	}
	if d.View().owns(d.table(), 0) || len(d.Fills()) > 0 {
		t.Error("an owner after it has left")
	}
}

// What a member says of another ring than the present one does not count as
// taken over, nor does what it says while it is unsynced.
func TestHandReplies(t *testing.T) {
	h := newCluster(t, parted(), Rules{}, "a", "b", "c", "d")
	d := h.nodes["d"]
	h.hold = func(s sent) bool { return s.from == d && s.request().Kind == wire.KindDigest }
	d.SetStatus(h.now, ring.Leaving, &d.out)
	h.deliver()
	h.until("d asks who took over", func() bool { return len(h.held) >= 3 })
	asked := h.held[0]
	to := h.nodes[asked.to]
	digests := func(synced bool, version uint64) []byte {
		head := wire.ReplyHeader{Boot: to.View().Boot, Ring: version}
		return wire.AppendDigests(nil, &head, &wire.Digests{List: []wire.PartitionDigest{{Synced: synced, Digest: make([]byte, 16)}}})
	}
	waitsFor := func() bool { return slices.Contains(d.HandedOver(), asked.to) }
	for i, reply := range [][]byte{digests(false, d.View().version), digests(true, d.View().version+1), []byte("garbage")} {
		asked.done(reply, nil)
		if !waitsFor() {
			t.Fatalf("reply %d counts as taken over", i)
		}
		h.held = nil
		h.until("d asks again", func() bool {
			i := slices.IndexFunc(h.held, func(s sent) bool { return s.to == asked.to })
			if i >= 0 {
				asked = h.held[i]
			}
			return i >= 0
		})
	}
	asked.done(digests(true, d.View().version), nil)
	if waitsFor() {
		t.Error("it took over, and is waited for")
	}
}

// While there is no table nobody is waited for: that is how a cluster begins.
func TestNobodyWaitsWithoutTables(t *testing.T) {
	h := newHand(t)
	h.join("a").form()
	for i := range 5 {
		id := peer.ID(fmt.Sprint(i))
		h.join(id)
		h.until("it serves", func() bool { return h.calm("a", id) })
		h.nodes["a"].Verdict(id, h.nodes[id].cfg.Nonce, false)
		delete(h.nodes, id) // dead, and not forgotten
	}
}
