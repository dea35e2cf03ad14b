package replica

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/grapevine-go/grapevine/internal/wire"
	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/quorum"
	"github.com/grapevine-go/grapevine/ring"
)

// The built-in type is served wherever the catalog has come to, also where no
// program has opened the table.
func TestOpen(t *testing.T) {
	h := newCluster(t, spec, Rules{}, "a", "b", "c")
	a, b := h.nodes["a"], h.nodes["b"]
	b.write("key", "value")
	before := b.View()
	h.open(b, spec)
	if b.View().Version() != before.Version() || b.table().Data != before.Table(spec.Name).Data {
		t.Error("to open what is known changed the catalog, or the data")
	}
	if !b.table().Spec.Same(spec) || b.table().Spec.Key != a.table().Spec.Key || b.table().Spec.Key == spec.Key {
		t.Errorf("known as %+v", b.table().Spec)
	}
	if !b.table().Data.Synced(0) {
		t.Error("not synced any more")
	}
}

func TestOpenRefused(t *testing.T) {
	h := newCluster(t, spec, Rules{}, "a", "b")
	b := h.nodes["b"]
	view := b.View()
	for field, change := range map[string]func(s *ring.Table){
		"Type": func(s *ring.Table) { s.Type = "register(json)" }, "Codec": func(s *ring.Table) { s.Codec = 2 },
		"N": func(s *ring.Table) { s.N = 5 }, "W": func(s *ring.Table) { s.W = 1 },
		"Partitions": func(s *ring.Table) { s.Partitions = 2 },
		"Kind":       func(s *ring.Table) { s.Kind, s.N, s.W = ring.Everywhere, 0, 0 },
	} {
		wanted := spec
		change(&wanted)
		err := b.Open(h.now, wanted, Register("bytes"), &b.out)
		if !errors.Is(err, ErrTableMismatch) || !strings.Contains(err.Error(), wanted.String()) || !strings.Contains(err.Error(), spec.String()) {
			t.Errorf("other %s: %v", field, err)
		}
	}
	invalid := spec
	invalid.Name, invalid.N = "", 0
	if err := b.Open(h.now, invalid, Register("bytes"), &b.out); !errors.Is(err, ring.ErrTable) || !strings.Contains(err.Error(), "Name") || !strings.Contains(err.Error(), "N:") {
		t.Errorf("invalid: %v", err)
	}
	if b.View() != view || len(b.out.Sends) > 0 {
		t.Error("what was refused changed something")
	}
}

// twoCreations has a table created at a, and a moment later at b, while neither
// hears of the other's.
func twoCreations(t *testing.T, first, second ring.Table) *hand {
	h := newHand(t)
	for i, id := range []peer.ID{"a", "b", "c"} {
		if n := h.join(id); i == 0 {
			n.form()
		}
	}
	h.until("all serve", func() bool { return h.calm("a", "b", "c") })
	h.lost = func(sent) bool { return true }
	h.open(h.nodes["a"], first)
	h.pass(time.Second)
	h.open(h.nodes["b"], second)
	h.pass(2 * timeout)
	h.lost = nil
	return h
}

// Of two concurrent creations the earlier wins, everywhere; operations on the
// later one's terms end, and change nothing.
func TestConcurrentCreation(t *testing.T) {
	other := spec
	other.Partitions, other.W = 8, 3
	h := twoCreations(t, spec, other)
	b := h.nodes["b"]
	o := b.put("key", "value", 3)
	h.until("one catalog", func() bool { return h.calm("a", "b", "c") && h.nodes["c"].table() != nil })
	for _, n := range h.all() {
		if known := n.table().Spec; !known.Same(spec) || Matches(known, spec) != nil || !errors.Is(Matches(known, other), ErrTableMismatch) {
			t.Errorf("%v has %v", n, known)
		}
		if n.table().Data.Partitions() != 1 || len(n.holds()) > 0 {
			t.Errorf("%v keeps %v", n, n.holds())
		}
	}
	if err := o.run(); err == nil {
		t.Error("a write under the later creation was acknowledged")
	}
	b.write("key", "again")
	h.nodes["c"].reads("key", "again", 3)
	// Nothing of the later creation's eight partitions is left to wait for.
	if n := b.jobs.fills[spec.Name]; len(n) > 0 {
		t.Errorf("%d partitions are still to be filled", len(n))
	}
	h.join("d")
	h.until("d serves", func() bool { return h.calm("a", "b", "c", "d") })
	b.leave()
}

// The same creation twice is one table: the later one's data is kept, under the
// digests of the earlier.
func TestConcurrentCreationOfTheSame(t *testing.T) {
	h := twoCreations(t, spec, spec)
	b := h.nodes["b"]
	if err := b.put("key", "value", 1).run(); err == nil {
		t.Log("written by one") // acknowledged or not, b has it
	}
	data := b.table().Data
	h.until("one catalog", func() bool { return h.calm("a", "b", "c") && h.nodes["c"].table() != nil })
	if b.table().Data != data || b.holds()["key"] != "value" {
		t.Errorf("it keeps %v", b.holds())
	}
	h.until("all have it", func() bool { return h.nodes["a"].holds()["key"] == "value" && h.nodes["c"].holds()["key"] == "value" })
	want, _ := h.nodes["a"].table().Data.Digest(0)
	if got, _ := b.table().Data.Digest(0); got != want {
		t.Error("equal data, other digests")
	}
}

// A creation that wins may be of another kind, while pages and digests of the
// later one are under way.
func TestCreationOfAnotherKindWins(t *testing.T) {
	everywhere := spec
	everywhere.Kind, everywhere.N, everywhere.W = ring.Everywhere, 0, 0
	many := spec
	many.Partitions = 64
	h := newHand(t)
	for i, id := range []peer.ID{"a", "b", "c"} {
		if n := h.join(id); i == 0 {
			n.form()
		}
	}
	h.until("all serve", func() bool { return h.calm("a", "b", "c") })
	b, c := h.nodes["b"], h.nodes["c"]
	h.open(b, many)
	h.until("b and c have it", func() bool { return h.calm("b", "c") && c.table() != nil })
	for _, key := range keys(200) {
		_ = b.put(key, "value", 1).run() // at b and c
	}
	h.crash("c")
	c = h.join("c")
	h.hold = func(s sent) bool { return s.from == c && s.request().Kind != wire.KindRing }
	h.pass(time.Minute)
	kinds := make(map[wire.Kind]int)
	var answers []func()
	for _, s := range h.held {
		kinds[s.request().Kind]++
		reply, err := h.serve(s)
		answers = append(answers, func() { s.done(reply, err) })
	}
	if kinds[wire.KindPage] == 0 || kinds[wire.KindDigest] == 0 {
		t.Fatalf("under way: %v", kinds)
	}
	h.held, h.hold = nil, nil
	a := h.nodes["a"]
	earlier := everywhere
	earlier.Created, earlier.Key = b.table().Spec.Created, b.table().Spec.Key
	earlier.Created.Time--
	for _, n := range []*node{a, b, c} {
		if err := n.Adopt(h.now, n.View().State.WithTable(earlier).AppendBinary(nil), &n.out); err != nil {
			t.Fatal(err)
		}
	}
	for _, answer := range answers {
		answer()
	}
	h.deliver()
	h.pass(time.Minute)
	if c.table().Spec.Kind != ring.Everywhere || len(c.jobs.fills) > 0 {
		t.Errorf("%v, %d fills", c.table().Spec, len(c.jobs.fills))
	}
}

// A page of what was created later is not taken into what takes its place.
func TestPageOfALostCreation(t *testing.T) {
	h, c, asked := exchanging(t, spec)
	earlier := c.table().Spec
	earlier.W, earlier.Created.Time = 3, earlier.Created.Time-1
	page := h.nodes[asked.to].answer(0, true, nil, h.asking(wire.KindWrite, "key", 0))
	if err := c.Adopt(h.now, c.View().State.WithTable(earlier).AppendBinary(nil), &c.out); err != nil {
		t.Fatal(err)
	}
	asked.done(page, nil)
	if len(c.holds()) > 0 || !c.table().Spec.Same(earlier) {
		t.Errorf("%v holds %v", c.table().Spec, c.holds())
	}
}

// own is a type of an application's own: registers, under another name.
func own() (ring.Table, Type) {
	typ := Register("bytes")
	typ.Name = "own"
	s := spec
	s.Type = typ.Name
	return s, typ
}

// A table of an application's own type is served where it is opened, and filled
// there when that is late; elsewhere requests are answered "not open".
func TestNotOpen(t *testing.T) {
	h := newHand(t)
	for i, id := range []peer.ID{"a", "b", "c"} {
		if n := h.join(id); i == 0 {
			n.form()
		}
	}
	h.until("all serve", func() bool { return h.calm("a", "b", "c") })
	s, typ := own()
	for _, id := range []peer.ID{"a", "b"} {
		n := h.nodes[id]
		if err := n.Open(h.now, s, typ, &n.out); err != nil {
			t.Fatal(err)
		}
		h.deliver()
	}
	a, c := h.nodes["a"], h.nodes["c"]
	h.pass(time.Minute)
	if c.table() == nil || c.table().Data != nil {
		t.Fatal("c does not know the table, or has opened it by itself")
	}
	o := a.put("key", "value", 2)
	if err := o.run(); err != nil {
		t.Fatal(err) // two of three have it
	}
	var e *quorum.Error
	if err := a.put("key", "value", 3).run(); !errors.As(err, &e) || len(e.Nodes) != 1 || e.Nodes[0].ID != "c" ||
		!errors.Is(e.Nodes[0].Err, quorum.ErrRefused) || !strings.Contains(err.Error(), "not open") {
		t.Errorf("all three: %v", err)
	}
	hd := a.header(a.View(), wire.KindRead, classForeground, timeout)
	hd.Table, hd.Boots = a.table().Hash, wire.MakeBoots([]uint64{c.cfg.Nonce})
	if got := c.status(wire.AppendRead(nil, &hd, "key")); got != wire.NotOpen {
		t.Errorf("read: %v", got)
	}

	if err := c.Open(h.now, s, typ, &c.out); err != nil {
		t.Fatal(err)
	}
	if c.table().Data.Synced(0) {
		t.Error("synced as soon as it is opened")
	}
	h.until("c is filled", func() bool { return h.calm("a", "b", "c") })
	if d := cmp.Diff(map[string]string{"key": "value"}, c.holds()); d != "" {
		t.Error(d)
	}
}
