package replica

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/grapevine-go/grapevine/antientropy"
	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/internal/wire"
	"github.com/grapevine-go/grapevine/merkle"
)

// lodge joins a value at this node alone, as if only it had been reached.
func (n *node) lodge(key, value string) {
	n.h.t.Helper()
	q := n.h.asking(wire.KindWrite, key, 0)
	c := crdt.Put(n.Stamp(n.h.now), []byte(value), 0)
	q.Ring, q.Table, q.delta = n.View().version, n.table().Hash, c.AppendBinary(nil)
	q.Boots = wire.MakeBoots([]uint64{n.cfg.Nonce})
	if got := n.status(q.encode()); got != wire.OK {
		n.h.t.Fatalf("at %v: %v", n, got)
	}
}

// Replicas that agree exchange one digest each in an interval, and nothing else.
func TestQuietSweep(t *testing.T) {
	h := newCluster(t, parted(), Rules{}, "a", "b", "c")
	for _, key := range keys(20) {
		h.nodes["a"].put(key, "value", 3).run()
	}
	h.pass(20 * time.Second)
	sent20 := make(map[wire.Kind]int)
	var before, after Stats
	for _, n := range h.all() {
		before.Add(n.Stats())
	}
	h.seen = func(s sent) { sent20[s.request().Kind]++ }
	const intervals = 60
	h.pass(intervals * 10 * time.Second)
	for _, n := range h.all() {
		after.Add(n.Stats())
	}
	if got := sent20[wire.KindDigest]; got < 2*intervals/sweepCalm || got > 4*intervals/sweepCalm { // three nodes; intervals vary by half
		t.Errorf("%d digests in %d intervals", got, intervals)
	}
	if sent20[wire.KindPage]+sent20[wire.KindSync]+sent20[wire.KindTransfer]+sent20[wire.KindWrite] > 0 || after.DigestsDiffer != before.DigestsDiffer || after.Swept != before.Swept {
		t.Errorf("a quiet cluster exchanged %v", sent20)
	}
	if got := after.DigestsEqual - before.DigestsEqual; int(got) != sent20[wire.KindDigest] {
		t.Errorf("%d of %d were equal", got, sent20[wire.KindDigest])
	}
}

// What one owner alone has comes to the others, whoever asks whom.
func TestSweep(t *testing.T) {
	h := newCluster(t, parted(), Rules{}, "a", "b", "c")
	all := keys(20)
	for i, key := range all {
		h.all()[i%3].lodge(key, "value")
	}
	for _, n := range h.all() {
		n.lodge("contested", "value of "+string(n.cfg.ID))
	}
	h.until("all have all", func() bool {
		for _, n := range h.all() {
			if len(n.holds()) != len(all)+1 || n.holds()["contested"] != h.nodes["a"].holds()["contested"] {
				return false
			}
		}
		return true
	})
	var s Stats
	for _, n := range h.all() {
		s.Add(n.Stats())
	}
	h.pass(time.Minute)
	for _, n := range h.all() {
		n.idle()
	}
	if s.DigestsDiffer == 0 || s.Swept < uint64(2*len(all)+2) {
		t.Errorf("%d digests differed, %d swept", s.DigestsDiffer, s.Swept)
	}
}

// The dead are not compared with.
func TestSweepOfTheLiving(t *testing.T) {
	h := newCluster(t, spec, Rules{}, "a", "b", "c")
	h.crash("b")
	asked := 0
	h.hold = func(s sent) bool {
		asked++
		if s.to == "b" {
			t.Errorf("%v asks b", s.request().Kind)
		}
		return false
	}
	h.pass(2 * time.Minute)
	if asked == 0 {
		t.Error("nobody asked anybody")
	}
}

// idle checks that nothing is left of comparisons that have ended.
func (n *node) idle() {
	n.h.t.Helper()
	for _, d := range n.sweeps.rounds {
		if d.doing != folding {
			n.h.t.Errorf("%v: a round with %s goes on", n, d.to.ID)
		}
	}
	if len(n.accepted.sessions) > 0 || len(n.jobs.arrived) > 0 || len(n.Divergences()) > 0 {
		n.h.t.Errorf("%v: %d sessions, %d answers, %v", n, len(n.accepted.sessions), len(n.jobs.arrived), n.Divergences())
	}
}

// A large difference in both directions takes several pages, and no entry goes
// where it is already.
func TestSweepInPages(t *testing.T) {
	h := newCluster(t, spec, Rules{}, "a", "b", "c")
	a, c := h.nodes["a"], h.nodes["c"]
	all := keys(600)
	value := strings.Repeat("v", 2000)
	for i, key := range all {
		h.nodes["b"].lodge(key, value)
		[]*node{a, c}[i%2].lodge(key, value)
	}
	entries := make(map[string]int)
	transfers := 0
	left := make(map[int]bool) // how many keys differed, seen at each transfer
	stages, last := make(map[string]bool), Progress{}
	h.seen = func(s sent) {
		if d := a.Divergences(); len(d) > 0 && s.from == a && s.request().Kind == wire.KindTransfer {
			left[d[0].Keys] = true
		}
		for _, p := range a.Progress() {
			stages[p.Doing] = true
			if p.Share < 0 || p.Share > 1 || p.Keys < 0 || p.Doing == last.Doing && p.Peer == last.Peer && p.Share < last.Share {
				t.Errorf("progress %+v after %+v", p, last)
			}
			last = p
		}
		if q := s.request(); q.Kind == wire.KindTransfer {
			transfers++
			list, _ := q.Transfer()
			for e, ok := list.Entry(); ok; e, ok = list.Entry() {
				entries[string(s.to)+string(e.Key)]++
			}
		}
	}
	h.pass(5 * time.Second) // what was just written is left alone at first
	h.until("all have all", func() bool {
		for _, n := range h.all() {
			if _, counts := n.table().Data.Digest(0); counts.Live != len(all) {
				return false
			}
		}
		return true
	})
	for key, n := range entries {
		if n > 2 { // two members may send the same at one time
			t.Errorf("%s was sent %d times", key, n)
		}
	}
	if len(left) < 3 {
		t.Errorf("the divergence was only ever one of %v", left)
	}
	if len(stages) != len(doings) {
		t.Errorf("stages seen: %v", stages)
	}
	if transfers < 8 {
		t.Errorf("only %d transfers for pages of %d bytes", transfers, pageLimit)
	}
	h.pass(time.Minute)
	for _, n := range h.all() {
		n.idle()
	}
}

// Messages of a round that are lost are sent again; one that stays without an
// answer ends it, and a later one finds the rest.
func TestSweepsThatFail(t *testing.T) {
	for _, kind := range []wire.Kind{wire.KindDigest, wire.KindSync, wire.KindTransfer} {
		h := newCluster(t, spec, Rules{}, "a", "b", "c")
		for i, key := range keys(30) {
			h.all()[i%3].lodge(key, "value")
		}
		failed := 0
		h.lost = func(s sent) bool {
			lose := s.request().Kind == kind && s.from == h.nodes["a"]
			if lose {
				failed++
			}
			return lose
		}
		h.until("messages have failed", func() bool { return failed >= maxTries })
		h.lost = nil
		h.until("all have all", func() bool {
			for _, n := range h.all() {
				if len(n.holds()) != 30 {
					return false
				}
			}
			return true
		})
		h.pass(2 * time.Minute)
		for _, n := range h.all() {
			n.idle()
		}
	}
}

// A turn or a transfer that arrives twice changes nothing.
func TestTurnsTwice(t *testing.T) {
	h := newCluster(t, spec, Rules{}, "a", "b", "c")
	for i, key := range keys(30) {
		h.all()[i%3].lodge(key, "value")
	}
	again := 0
	h.seen = func(s sent) {
		if k := s.request().Kind; k == wire.KindSync || k == wire.KindTransfer {
			again++
			h.nodes[s.to].Serve(h.now, s.msg, nil)
		}
	}
	h.until("all have all", func() bool {
		for _, n := range h.all() {
			if len(n.holds()) != 30 {
				return false
			}
		}
		return true
	})
	if again < 4 {
		t.Errorf("%d turns", again)
	}
}

// A node takes part in one session about a table and no more; whoever is turned
// away asks somebody else. Sessions that nobody goes on with are forgotten.
func TestSessionsAreBounded(t *testing.T) {
	h := newCluster(t, spec, Rules{}, "a", "b", "c")
	h.pass(time.Second) // nobody is filling itself any more
	a := h.nodes["a"]
	a.lodge("key", "value")
	helloOf := func(from, op uint64) []byte {
		head := a.header(a.View(), wire.KindSync, classSync, time.Second)
		head.Table, head.Op, head.Boot = a.table().Hash, wire.OpID{Hi: from, Lo: op}, h.nodes["b"].View().Boot
		_, frames, err := antientropy.Start(antientropy.Config{}, &source{data: h.nodes["b"].table().Data, Forest: make(merkle.Forest, 1), shared: make([]bool, 1)})
		if err != nil {
			t.Fatal(err)
		}
		return wire.AppendSync(nil, &head, 0, frames)
	}
	hello := func(op uint64) []byte { return helloOf(77, op) }
	if got := a.status(hello(0)); got != wire.OK {
		t.Fatalf("a session: %v", got)
	}
	for _, begun := range a.accepted.sessions {
		begun.ring++ // as if under another ring state: it is given up
	}
	if got := a.status(hello(1)); got != wire.OK || len(a.accepted.sessions) != 1 {
		t.Errorf("in place of one that was given up: %v, %d sessions", got, len(a.accepted.sessions))
	}
	if got := a.status(hello(0)); got != wire.OK || len(a.accepted.sessions) != 1 {
		t.Errorf("in place of one of the same node: %v, %d sessions", got, len(a.accepted.sessions))
	}
	if got := a.status(helloOf(78, 0)); got != wire.Overloaded {
		t.Errorf("of another node, about the same table: %v", got)
	}
	if got := a.status(hello(0)); got != wire.OK {
		t.Errorf("a turn again: %v", got)
	}
	h.until("they are forgotten", func() bool { return len(a.accepted.sessions) == 0 })
	h.until("the others have it", func() bool { return h.nodes["b"].holds()["key"] != "" && h.nodes["c"].holds()["key"] != "" })
}

// What was written a short while ago is left to arrive by itself, and brought
// when it does not.
func TestSweepHoldsBack(t *testing.T) {
	h := newCluster(t, spec, Rules{}, "a", "b", "c")
	a, b := h.nodes["a"], h.nodes["b"]
	h.pass(20 * time.Second)
	for _, key := range keys(5) {
		a.lodge(key, "value")
	}
	a.jobs.hurryTo("b") // compares at once
	h.pass(100 * time.Millisecond)
	if n := len(b.holds()); n != 0 || len(a.Divergences()) != 1 || a.Divergences()[0].Keys != 5 {
		t.Errorf("b has %d; a knows of %v", n, a.Divergences())
	}
	h.pass(2*longestWindow + 6*time.Second)
	if n := len(b.holds()); n != 5 {
		t.Errorf("b has %d", n)
	}
	h.until("nothing differs", func() bool { return len(a.Divergences()) == 0 })
}

// A budget bounds what a fill and a comparison move.
func TestSyncRate(t *testing.T) {
	h := newCluster(t, spec, Rules{}, "a", "b", "c")
	value := strings.Repeat("v", 2000)
	for _, key := range keys(1000) {
		h.nodes["a"].lodge(key, value)
		h.nodes["b"].lodge(key, value)
	}
	h.crash("c")
	h.rate = 500_000
	c := h.join("c")
	h.until("c has learned", func() bool { return c.table() != nil })
	begun := h.now
	h.until("c has all", func() bool { return len(c.holds()) == 1000 })
	if took := h.now.Sub(begun); took < 2*time.Second || took > 8*time.Second { // 2 MB, and one second's worth is there at first
		t.Errorf("2 MB at 0.5 MB a second took %v", took)
	}
}

// A scrub goes over all partitions of all tables, again and again.
func TestScrub(t *testing.T) {
	h := newCluster(t, parted(), Rules{}, "a", "b", "c")
	a := h.nodes["a"]
	for _, key := range keys(100) {
		a.lodge(key, "value")
	}
	partitions := uint64(a.table().Data.Partitions())
	for h.now = h.now.Add(time.Minute); a.Stats().Scrubbed < 2*partitions; h.now = h.now.Add(scrubPass / time.Duration(partitions)) {
		a.Synchronize(h.now, &a.out)
	}
	if s := a.Stats(); s.ScrubWrong != 0 {
		t.Errorf("%d wrong", s.ScrubWrong)
	}
	var s scrubber
	one, other := newView(a.Replica, a.View().State).compared()[0], new(Table)
	*other = *one
	other.Spec.Name = one.Spec.Name + "2"
	var order []string
	for range 2*one.Data.Partitions() + 1 {
		turn := s.turn([]*Table{one, other})
		order = append(order, fmt.Sprint(turn.Spec.Name, s.partition))
		s.partition++
	}
	if len(slices.Compact(slices.Sorted(slices.Values(order)))) != len(order)-1 || order[0] != order[len(order)-1] {
		t.Errorf("partitions in the order %v", order)
	}
	if (&scrubber{}).turn(nil) != nil {
		t.Error("a table of none")
	}
}
