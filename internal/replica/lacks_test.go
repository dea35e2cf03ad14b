package replica

import (
	"fmt"
	"testing"
	"time"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/internal/wire"
	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/ring"
)

// Of large sets that differ in an element or two, the node that begins a
// comparison sends what the other lacks, and not the set; what one has removed goes
// at the other.
func TestSweepSendsDeltas(t *testing.T) {
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
	const keys, size = 20, 400
	for k := range keys {
		key := []byte(fmt.Sprint("key ", k))
		for i, n := range h.all() {
			s := crdt.NewSet[string]()
			add := func(actor byte, dot uint64, v string) {
				if _, err := s.Add(crdt.Mint{Dot: crdt.Dot{Actor: crdt.Actor{actor}, N: dot}}, v); err != nil {
					t.Fatal(err)
				}
			}
			for e := range uint64(size) {
				add(1, 1+e, fmt.Sprint("element ", e))
			}
			add(byte(10+i), 1, fmt.Sprint("of ", n.cfg.ID)) // nobody else has it
			if i == 1 {
				if _, _, err := s.Remove(crdt.Mint{Dot: crdt.Dot{Actor: crdt.Actor{11}, N: 2}}, "element 7"); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := n.table().Data.Join(ring.HashBytes(key), key, s.AppendBinary(nil)); err != nil {
				t.Fatal(err)
			}
		}
	}
	moved := 0
	h.seen = func(s sent) {
		if q := s.request(); q.Kind == wire.KindTransfer {
			moved += len(s.msg)
		}
	}
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
	if whole := keys * size * 10; stats.SyncDeltas < keys || moved > whole/2 {
		t.Errorf("%d deltas, %d bytes sent; the sets are %d", stats.SyncDeltas, moved, whole)
	}
	s := crdt.NewSet[string]()
	state, _ := a.table().Data.AppendState(nil, ring.HashBytes([]byte("key 3")), []byte("key 3"))
	if _, err := s.JoinBinary(state); err != nil || s.Len() != size-1+3 || s.Contains("element 7") {
		t.Errorf("%v: %d elements", err, s.Len())
	}
	h.pass(time.Minute)
	for _, n := range h.all() {
		n.idle()
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
