package replica

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/internal/wire"
	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/ring"
)

// When a partition is complete: after exchanges with N−W+1 synced owners, or
// with all others. Of the owners a to e, a is filled; "b" was met synced, "b-"
// unsynced, and "x" is a boot that the ring state does not know.
func TestComplete(t *testing.T) {
	for _, tc := range []struct {
		n, w int
		met  string
		want bool
	}{
		{3, 2, "", false},
		{3, 2, "b", false},
		{3, 2, "b c", true},
		{3, 2, "b- c", true}, // all others
		{3, 2, "b- c-", true},
		{3, 2, "b x", false},
		{3, 2, "x x x", false},
		{3, 3, "b", true},
		{3, 3, "b-", false},
		{3, 3, "b- x", false},
		{3, 1, "b", false},
		{3, 1, "b c", true},
		{5, 3, "b c", false},
		{5, 3, "b c d-", false},
		{5, 3, "b c d", true},
		{5, 3, "b- c- d- e-", true},
		{5, 3, "b- c- d-", false},
		{5, 4, "b c", true},
		{5, 5, "d", true},
		{5, 1, "b c d", false},
		{1, 1, "", true}, // nobody else is an owner
	} {
		s := spec
		s.N, s.W = uint8(tc.n), uint8(tc.w)
		ids := []peer.ID{"a", "b", "c", "d", "e"}[:tc.n]
		h := newCluster(t, s, Rules{}, ids...)
		a := h.nodes["a"]
		f := new(fill)
		for _, who := range strings.Fields(tc.met) {
			id, unsynced := strings.CutSuffix(who, "-")
			nonce := uint64(999)
			if n := h.nodes[peer.ID(id)]; n != nil {
				nonce = n.cfg.Nonce
			}
			f.done = append(f.done, filled{nonce: nonce, synced: !unsynced})
		}
		if got := a.complete(a.View(), a.table(), 0, f); got != tc.want {
			t.Errorf("N=%d, W=%d, met %q: complete %t", tc.n, tc.w, tc.met, got)
		}
	}
}

// FillFromOne is the control: one exchange is taken for all.
func TestFillFromOne(t *testing.T) {
	h := newCluster(t, spec, Rules{FillFromOne: true}, "a", "b", "c")
	a := h.nodes["a"]
	if !a.complete(a.View(), a.table(), 0, &fill{done: []filled{{nonce: 999}}}) {
		t.Error("one exchange is not taken for all")
	}
}

// An unsynced node asks one owner after the other, those believed dead last,
// and none twice.
func TestCandidate(t *testing.T) {
	five := spec
	five.N, five.W = 5, 3
	h := newCluster(t, five, Rules{}, "a", "b", "c", "d", "e")
	a := h.nodes["a"]
	a.Verdict("b", h.nodes["b"].cfg.Nonce, false)
	a.Verdict("d", h.nodes["d"].cfg.Nonce, false)
	f := new(fill)
	var order []peer.ID
	for m, ok := f.candidate(a.View(), a.table(), 0); ok; m, ok = f.candidate(a.View(), a.table(), 0) {
		order = append(order, m.ID)
		f.done = append(f.done, filled{nonce: m.Boot.Nonce})
	}
	last := map[peer.ID]bool{}
	for _, id := range order[len(order)/2:] {
		last[id] = true
	}
	if len(order) != 4 || !last["b"] || !last["d"] {
		t.Errorf("asked %v", order)
	}
}

// More entries than a page lists or carries: all come, and what is known already
// does not come again.
func TestFillInPages(t *testing.T) {
	h := newCluster(t, spec, Rules{}, "a", "b", "c")
	a := h.nodes["a"]
	value := strings.Repeat("v", 200)
	all := keys(3 * maxKnown)
	for _, key := range all {
		a.write(key, value)
	}
	h.crash("c")
	c := h.join("c")
	pages, bytes := 0, 0
	h.seen = func(s sent) {
		if s.from == c && s.request().Kind == wire.KindPage {
			pages++
		}
	}
	h.until("c is filled", func() bool { return h.calm("a", "b", "c") })
	if got := len(c.holds()); got != len(all) || c.Stats().Filled != uint64(len(all)) {
		t.Errorf("it holds %d of %d, counted %d", got, len(all), c.Stats().Filled)
	}
	want, _ := a.table().Data.Digest(0)
	if got, _ := c.table().Data.Digest(0); got != want {
		t.Error("other digests")
	}
	if least := len(all) * len(value) / pageLimit; pages < least {
		t.Errorf("%d pages for %d and more", pages, least)
	}

	// Once more, with everything known.
	q := wire.Page{}
	h.seen = func(s sent) {
		if s.from == c && s.request().Kind == wire.KindPage {
			r := s.request()
			q, _ = r.Page()
			if q.Known.Len() > maxKnown {
				t.Errorf("%d listed", q.Known.Len())
			}
			bytes += len(h.nodes[s.to].Serve(h.now, s.msg, nil))
		}
	}
	c.table().Data.synced[0].Store(false)
	h.until("c is filled again", func() bool { return h.calm("a", "b", "c") })
	if bytes == 0 || bytes > 1<<10 {
		t.Errorf("%d bytes in answer to who knows everything", bytes)
	}
}

// exchanging has c, which has come back empty, ask a for its only page, and
// returns the request.
func exchanging(t *testing.T, s ring.Table) (h *hand, c *node, asked sent) {
	h = newCluster(t, s, Rules{}, "a", "b", "c")
	h.nodes["a"].write("key", "value")
	h.crash("c")
	c = h.join("c")
	h.hold = func(s sent) bool { return s.from == c && s.request().Kind == wire.KindPage }
	h.until("c asks for a page", func() bool { return len(h.held) > 0 })
	return h, c, h.held[0]
}

// answer makes a reply to a page request.
func (n *node) answer(next uint64, done bool, change func(h *wire.ReplyHeader), entries ...*asked) []byte {
	head := wire.ReplyHeader{Boot: n.View().Boot, Synced: true, Ring: n.View().version, Credit: 1}
	if change != nil {
		change(&head)
	}
	e := wire.BeginEntries(nil, &head)
	for _, q := range entries {
		p := crdt.NewPacked()
		if _, err := p.JoinBinary(q.delta); err != nil {
			n.h.t.Fatal(err)
		}
		e.Add([]byte(q.key), p)
	}
	return e.End(next, done)
}

// What of a page cannot be taken is passed over and counted, and does not keep
// the rest from coming.
func TestPageWithWhatCannotBeTaken(t *testing.T) {
	h, c, asked := exchanging(t, whole())
	b := h.nodes[asked.to]
	p := int(asked.request().Partition)
	key := func(mine bool) string {
		for i := 0; ; i++ {
			if k := fmt.Sprint("other-", i); (ring.Partition(ring.Hash(k), 8) == p) == mine {
				return k
			}
		}
	}
	good, late, foreign := h.asking(wire.KindWrite, key(true), 0), h.asking(wire.KindWrite, key(true)+"late", 0), h.asking(wire.KindWrite, key(false), 0)
	for i := 0; ring.Partition(ring.Hash(late.key), 8) != p; i++ {
		late = h.asking(wire.KindWrite, fmt.Sprint("late-", i), hardSkew+time.Hour)
	}
	before := c.Stats()
	h.hold, h.held = nil, nil
	asked.done(b.answer(0, true, nil, late, foreign, good), nil)
	if got := c.holds(); got[good.key] != "value" || len(got) != 1 {
		t.Errorf("it holds %v", got)
	}
	if s := c.Stats(); s.Refused-before.Refused != 2 || s.Filled-before.Filled != 1 {
		t.Errorf("%d passed over, %d taken", s.Refused-before.Refused, s.Filled-before.Filled)
	}
	if f := c.jobs.fills[spec.Name][p]; f == nil || len(f.done) != 1 {
		t.Errorf("the exchange does not count: %+v", f)
	}
}

// What does not end an exchange well: nothing counts, and it is begun anew after
// a while.
func TestExchangesThatFail(t *testing.T) {
	for name, answer := range map[string]func(b *node, q *wire.Request) ([]byte, error){
		"no answer": func(*node, *wire.Request) ([]byte, error) { return nil, errNoAnswer },
		"garbage":   func(*node, *wire.Request) ([]byte, error) { return []byte("garbage"), nil },
		"refused": func(b *node, _ *wire.Request) ([]byte, error) {
			h := wire.ReplyHeader{Status: wire.Overloaded, Ring: b.View().version}
			return wire.AppendRefusal(nil, &h, nil), nil
		},
		"it goes on before its beginning": func(b *node, q *wire.Request) ([]byte, error) {
			p, _ := q.Page()
			return b.answer(p.From, false, nil), nil
		},
		"it goes on behind its end": func(b *node, q *wire.Request) ([]byte, error) {
			return b.answer(^uint64(0), false, nil), nil
		},
		"no credit, and more to come": func(b *node, q *wire.Request) ([]byte, error) {
			p, _ := q.Page()
			return b.answer(p.From+1, false, func(h *wire.ReplyHeader) { h.Credit = 0 }), nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			h, c, asked := exchanging(t, whole())
			p := int(asked.request().Partition)
			asked.done(answer(h.nodes[asked.to], asked.request()))
			f := c.jobs.fills[spec.Name][p]
			if f == nil || f.busy || len(f.done) > 0 || c.table().Data.Synced(p) || f.after.Before(h.now.Add(retry)) {
				t.Fatalf("%+v", f)
			}
			others := h.held[1:]
			h.held = nil
			for h.now.Before(f.after.Add(-tick)) {
				h.step()
			}
			for _, s := range h.held {
				if int(s.request().Partition) == p {
					t.Error("asked again at once")
				}
			}
			for _, s := range append(others, h.held...) { // those of the other partitions
				h.pass1(s)
			}
			h.hold = nil
			h.deliver()
			h.until("c is filled", func() bool { return h.calm("a", "b", "c") })
			if c.jobs.busy != 0 {
				t.Errorf("%d are under way", c.jobs.busy)
			}
		})
	}
}

// One page of a replica that is not synced spoils the exchange, whichever it
// was.
func TestUnsyncedPageSpoils(t *testing.T) {
	for _, first := range []bool{true, false} {
		h, c, asked := exchanging(t, spec)
		h.hold = nil
		p, _ := asked.request().Page()
		b := h.nodes[asked.to]
		h.hold = func(s sent) bool { return s.from == c && s.request().Kind == wire.KindPage }
		h.held = nil
		asked.done(b.answer(p.From+1, false, func(r *wire.ReplyHeader) { r.Synced = !first }), nil)
		h.deliver()
		if len(h.held) != 1 || h.held[0].to != asked.to {
			t.Fatalf("it does not go on: %v", h.held)
		}
		h.held[0].done(b.answer(0, true, func(r *wire.ReplyHeader) { r.Synced = first }), nil)
		if f := c.jobs.fills[spec.Name][0]; len(f.done) != 1 || f.done[0].synced {
			t.Errorf("unsynced first %t: %+v", first, f)
		}
	}
}

// Whoever was met before it was synced is met again when another cannot be: in a
// rolling restart, it is the one that does for a node that is dead.
func TestFillMeetsAgain(t *testing.T) {
	five := spec
	five.N, five.W = 5, 3
	h := newCluster(t, five, Rules{}, "a", "b", "c", "d", "e")
	h.nodes["a"].write("key", "value")
	h.crash("b")
	h.lost = func(s sent) bool {
		return s.request().Kind == wire.KindPage && (s.from.cfg.ID == "b" || s.from.cfg.ID == "a" && s.to == "e")
	}
	b := h.join("b")
	h.crash("a")
	a := h.join("a")
	met := 0
	h.until("a has met all that it can", func() bool {
		if a.table() != nil && a.jobs.fills[spec.Name][0] != nil {
			met = max(met, len(a.jobs.fills[spec.Name][0].done))
		}
		return met == 3
	})
	h.lost = func(s sent) bool { return s.request().Kind == wire.KindPage && s.from == a && s.to == "e" }
	h.until("b is synced", func() bool { return b.table().Data.Synced(0) })
	h.crash("e")
	h.until("a is synced", func() bool { return a.table().Data.Synced(0) })
	if a.holds()["key"] != "value" {
		t.Errorf("it holds %v", a.holds())
	}
}

// Only so many exchanges are under way, however many partitions there are.
func TestFillsAreBounded(t *testing.T) {
	many := spec
	many.Partitions = 4 * maxFills
	h := newCluster(t, many, Rules{}, "a", "b", "c")
	h.crash("c")
	c := h.join("c")
	h.hold = func(s sent) bool { return s.from == c && s.request().Kind == wire.KindPage }
	h.pass(time.Minute)
	if len(h.held) != maxFills || c.jobs.busy != maxFills {
		t.Errorf("%d pages under way, counted %d", len(h.held), c.jobs.busy)
	}
	held := h.held
	h.held, h.hold = nil, nil
	for _, s := range held {
		h.pass1(s)
	}
	h.until("c is filled", func() bool { return h.calm("a", "b", "c") })
	if c.jobs.busy != 0 || len(c.jobs.fills) != 0 {
		t.Errorf("%d under way, %d tables to fill", c.jobs.busy, len(c.jobs.fills))
	}
}

// A fill from a second owner that has the same as the first lists nothing; from
// one that has something else it brings that.
func TestFillProbes(t *testing.T) {
	h := newCluster(t, spec, Rules{}, "a", "b", "c")
	all := keys(200)
	for _, key := range all {
		h.nodes["a"].put(key, "value", 3).run()
	}
	for _, extra := range []int{0, 1} {
		h.crash("c")
		for i := range extra {
			h.nodes["b"].lodge(fmt.Sprint("only at b ", i), "value")
		}
		listed, turns := 0, 0
		h.seen = func(s sent) {
			switch q := s.request(); {
			case s.from != h.nodes["c"]:
			case q.Kind == wire.KindPage:
				page, _ := q.Page()
				listed += page.Known.Len()
			case q.Kind == wire.KindSync && q.Class == classFill:
				turns++
			}
		}
		c := h.join("c")
		h.until("c is filled", func() bool { return c.table() != nil && len(c.Fills()) == 0 })
		if len(c.holds()) != len(all)+extra {
			t.Errorf("c has %d", len(c.holds()))
		}
		if listed > 0 || (turns == 0) != (extra == 0) {
			t.Errorf("%d entries were listed, %d turns, with %d that differ", listed, turns, extra)
		}
		for _, n := range h.all() {
			if n.accepted.count(true) > 0 {
				t.Errorf("%v: sessions of fills are left", n)
			}
		}
	}
}

// Sessions of fills are forgotten later than others, but are; and there are only so
// many of them.
func TestFillSessionsAreBounded(t *testing.T) {
	a := acceptor{sessions: make(map[wire.OpID]*accepted)}
	now := time.Unix(1000, 0)
	begin := func(i uint64) *accepted {
		return a.beginFill(now, &wire.Request{Header: wire.Header{Op: wire.OpID{Hi: 1, Lo: i}}})
	}
	for i := range uint64(maxFillSessions) {
		if begin(i) == nil {
			t.Fatalf("no room for session %d", i)
		}
	}
	if begin(maxFillSessions) != nil {
		t.Error("there is always room")
	}
	if a.busy(0) {
		t.Error("a fill keeps comparisons from their table")
	}
	for after, left := range map[time.Duration]int{time.Second: maxFillSessions, time.Minute: 0} {
		b := acceptor{sessions: maps.Clone(a.sessions)}
		b.expire(now.Add(after), now.Add(after-10*time.Second))
		if got := b.count(true); got != left {
			t.Errorf("%d are left after %v, want %d", got, after, left)
		}
	}
}
