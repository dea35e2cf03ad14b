package replica

import (
	"testing"
	"time"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/internal/wire"
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
	if got := sent20[wire.KindDigest]; got < 2*intervals || got > 4*intervals { // three nodes; intervals vary by half
		t.Errorf("%d digests in %d intervals", got, intervals)
	}
	if sent20[wire.KindPage]+sent20[wire.KindWrite] > 0 || after.DigestsDiffer != before.DigestsDiffer || after.Swept != before.Swept {
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
		if n.jobs.per.pulls != 0 || len(n.jobs.pulls) != 0 {
			t.Errorf("%v: %d pulls under way, %d waiting", n, n.jobs.per.pulls, len(n.jobs.pulls))
		}
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

// Only so many pulls are under way, and what waits is bounded by the partitions.
func TestPullsAreBounded(t *testing.T) {
	many := spec
	many.Partitions = 64
	h := newCluster(t, many, Rules{}, "a", "b", "c")
	a, c := h.nodes["a"], h.nodes["c"]
	for _, key := range keys(1000) {
		a.lodge(key, "value")
	}
	h.hold = func(s sent) bool { return s.from == c && s.request().Kind == wire.KindPage }
	h.pass(5 * time.Minute)
	if len(h.held) != maxPulls || c.jobs.per.pulls != maxPulls {
		t.Errorf("%d pages under way, counted %d", len(h.held), c.jobs.per.pulls)
	}
	if n := len(c.jobs.pulls); n == 0 || n > 64 {
		t.Errorf("%d pulls wait", n)
	}
	held := h.held
	h.held, h.hold = nil, nil
	for _, s := range held {
		h.pass1(s)
	}
	h.until("c has all", func() bool { return len(c.holds()) == 1000 })
	h.pass(time.Minute)
	if c.jobs.per.pulls != 0 || len(c.jobs.pulls) != 0 {
		t.Errorf("%d pulls under way, %d waiting", c.jobs.per.pulls, len(c.jobs.pulls))
	}
}

// Pulls that fail leave no trace, and the next sweep finds the rest.
func TestPullsThatFail(t *testing.T) {
	h := newCluster(t, spec, Rules{}, "a", "b", "c")
	a, c := h.nodes["a"], h.nodes["c"]
	a.lodge("key", "value")
	failed := 0
	h.lost = func(s sent) bool {
		lose := s.request().Kind == wire.KindPage && s.from == c
		if lose {
			failed++
		}
		return lose
	}
	h.until("pulls have failed", func() bool { return failed > 2 })
	h.lost = nil
	h.until("c has it", func() bool { return c.holds()["key"] == "value" })
	if c.jobs.per.pulls != 0 {
		t.Errorf("%d pulls under way", c.jobs.per.pulls)
	}
}
