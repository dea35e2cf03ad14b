package replica

import (
	"fmt"
	"testing"
	"time"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/internal/wire"
	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/ring"
	"github.com/grapevine-go/grapevine/store"
)

// setCluster boots three nodes with a table of sets.
func setCluster(t *testing.T) *hand {
	typ := Causal(crdt.NewSet[string])
	sets := ring.Table{Name: spec.Name, Type: typ.Name, Codec: typ.Codec, N: 3, W: 2, Partitions: 1}
	h := newHand(t)
	for i, id := range []peer.ID{"a", "b", "c"} {
		if n := h.join(id); i == 0 {
			n.form()
		}
	}
	h.until("all serve", func() bool { return h.calm("a", "b", "c") })
	a := h.nodes["a"]
	if err := a.Open(h.now, sets, typ, &a.out); err != nil {
		t.Fatal(err)
	}
	h.until("all know the table", func() bool { return h.calm("a", "b", "c") })
	return h
}

const setSize = 400

// largeSet is a set of many elements, all made by one actor.
func largeSet(t *testing.T) *crdt.Set[string] {
	s := crdt.NewSet[string]()
	for e := range uint64(setSize) {
		add(t, s, 1, 1+e, fmt.Sprint("element ", e))
	}
	return s
}

func add(t *testing.T, s *crdt.Set[string], actor byte, dot uint64, v string) {
	if _, err := s.Add(crdt.Mint{Dot: crdt.Dot{Actor: crdt.Actor{actor}, N: dot}}, v); err != nil {
		t.Fatal(err)
	}
}

// lodgeSet gives a set to one node only.
func (n *node) lodgeSet(key string, s *crdt.Set[string]) {
	if _, err := n.table().Data.Join(ring.Hash(key), []byte(key), s.AppendBinary(nil)); err != nil {
		n.h.t.Fatal(err)
	}
}

// countTransfers counts the bytes of states, or of what was lacked of them, that
// sessions bring, and how many states there were.
func (h *hand) countTransfers() (bytes, states *int) {
	bytes, states = new(int), new(int)
	count := func(list wire.EntryList, err error) {
		for e, ok := list.Entry(); err == nil && ok; e, ok = list.Entry() {
			if n := len(e.State) + len(e.Outline); n > 0 {
				*bytes += n
				*states++
			}
		}
	}
	h.answered = func(s sent, reply []byte) {
		q := s.request()
		if q.Kind != wire.KindTransfer {
			return
		}
		if list, err := q.Transfer(); list.Done {
			count(list, err)
		} else if a, err := wire.ParseReply(reply); err == nil && a.Status == wire.OK {
			count(a.Entries())
		}
	}
	return bytes, states
}

// Of large sets that differ in an element or two, what the other lacks travels in
// both directions of a comparison, and not the set; what one has removed goes at
// the other.
func TestSweepSendsDeltas(t *testing.T) {
	h := setCluster(t)
	const keys = 20
	for k := range keys {
		for i, n := range h.all() {
			s := largeSet(t)
			add(t, s, byte(10+i), 1, fmt.Sprint("of ", n.cfg.ID)) // nobody else has it
			if i == 1 {
				if _, _, err := s.Remove(crdt.Mint{Dot: crdt.Dot{Actor: crdt.Actor{11}, N: 2}}, "element 7"); err != nil {
					t.Fatal(err)
				}
			}
			n.lodgeSet(fmt.Sprint("key ", k), s)
		}
	}
	bytes, states := h.countTransfers()
	fingerprints := func() map[crdt.Fingerprint]bool {
		all := make(map[crdt.Fingerprint]bool)
		for _, n := range h.all() {
			f, _ := n.table().Data.Digest(0)
			all[f] = true
		}
		return all
	}
	h.until("all are equal", func() bool { return len(fingerprints()) == 1 })
	var stats Stats
	for _, n := range h.all() {
		stats.Add(n.Stats())
	}
	whole := len(largeSet(t).AppendBinary(nil))
	if *states < 4*keys || stats.SyncDeltas < uint64(*states) || *bytes > *states*whole/8 {
		t.Errorf("%d states, of which %d as deltas, in %d bytes; a set has %d", *states, stats.SyncDeltas, *bytes, whole)
	}
	s := crdt.NewSet[string]()
	state, _ := h.nodes["a"].table().Data.AppendState(nil, ring.Hash("key 3"), []byte("key 3"))
	if _, err := s.JoinBinary(state); err != nil || s.Len() != setSize-1+3 || s.Contains("element 7") {
		t.Errorf("%v: %d elements", err, s.Len())
	}
	h.pass(time.Minute)
	for _, n := range h.all() {
		n.idle()
	}
}

// A fill from a second owner brings of large sets what the first one lacked.
func TestFillBringsDeltas(t *testing.T) {
	h := setCluster(t)
	const keys = 20
	h.crash("c")
	for k := range keys {
		h.nodes["a"].lodgeSet(fmt.Sprint("key ", k), largeSet(t))
		s := largeSet(t)
		if k%2 == 0 {
			add(t, s, 2, 1, "of b")
		}
		h.nodes["b"].lodgeSet(fmt.Sprint("key ", k), s)
	}
	bytes, states := h.countTransfers()
	h.hold = func(s sent) bool { // only fills
		return s.request().Kind == wire.KindDigest
	}
	c := h.join("c")
	h.until("c is filled", func() bool { return c.table() != nil && len(c.Fills()) == 0 })
	if whole := len(largeSet(t).AppendBinary(nil)); *states < keys/2 || *bytes > *states*whole/8 {
		t.Errorf("%d states in %d bytes; a set has %d", *states, *bytes, whole)
	}
	for k := range keys {
		key, s := fmt.Sprint("key ", k), crdt.NewSet[string]()
		state, _ := c.table().Data.AppendState(nil, ring.Hash(key), []byte(key))
		if _, err := s.JoinBinary(state); err != nil || s.Contains("of b") != (k%2 == 0) {
			t.Errorf("%s has %d elements: %v", key, s.Len(), err)
		}
	}
}

// An outline that is none, or claims what nobody has, harms only who sent it: the
// state comes whole, or less of it.
func TestOutlineThatLies(t *testing.T) {
	h := setCluster(t)
	a := h.nodes["a"]
	a.lodgeSet("key", largeSet(t))
	whole := largeSet(t).AppendBinary(nil)
	other := crdt.NewSet[string]()
	add(t, other, 1, crdt.MaxDot, "all was seen")
	for name, outline := range map[string][]byte{"none": nil, "garbage": []byte("\x00\x01\xff"), "of another type": crdt.NewCounter().AppendOutline(nil),
		"a state": whole, "claims all": other.AppendOutline(nil)} {
		q := ask{outlines: map[string][]byte{"key": outline}}
		entries := wire.BeginEntries(nil, &wire.ReplyHeader{})
		delta := false
		a.table().Data.Page(0, 0, 1<<64-1, func(e store.Entry) bool {
			delta = q.add(entries, e)
			return true
		})
		reply, err := wire.ParseReply(entries.End(0, true))
		if err != nil {
			t.Fatal(err)
		}
		list, err := reply.Entries()
		if err != nil {
			t.Fatal(err)
		}
		e, _ := list.Entry()
		told := name == "a state" || name == "claims all"
		if delta != told || !told && string(e.State) != string(whole) || told && (len(e.State) > 0 || len(e.Outline) == 0) {
			t.Errorf("%s: delta %t, %d bytes of state, %d of outline", name, delta, len(e.State), len(e.Outline))
		}
	}
}

// What there is no room for is sent whole.
func TestLacksAreBounded(t *testing.T) {
	var l lacks
	for i := range 20 {
		l.put(met{key: fmt.Append(nil, i), lack: make([]byte, 1<<20)})
	}
	if l.bytes > mostLacks || len(l.of) != 7 {
		t.Errorf("%d bytes of %d", l.bytes, len(l.of))
	}
	if l.put(met{key: []byte("same")}); len(l.of) != 7 {
		t.Error("nothing is kept as something")
	}
}
