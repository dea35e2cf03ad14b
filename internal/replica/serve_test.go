package replica

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/internal/wire"
	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/ring"
)

// asked is a request as it should be, from b to a, for a test to spoil.
type asked struct {
	wire.Header
	key   string
	delta []byte
	page  wire.Page
	fold  crdt.Fingerprint
	raw   []byte // instead
}

func (q *asked) encode() []byte {
	switch {
	case q.raw != nil:
		return q.raw
	case q.Kind == wire.KindWrite:
		return wire.AppendWrite(nil, &q.Header, q.key, q.delta)
	case q.Kind == wire.KindPage:
		return wire.AppendPage(nil, &q.Header, &q.page)
	case q.Kind == wire.KindDigest:
		return wire.AppendDigest(nil, &q.Header, q.fold)
	case q.Kind == wire.KindRing:
		return wire.AppendRing(nil, &q.Header, q.raw)
	}
	return wire.AppendRead(nil, &q.Header, q.key)
}

// asking is a request from b to a about the key, with a value stamped so far
// ahead of the clocks.
func (h *hand) asking(kind wire.Kind, key string, ahead time.Duration) *asked {
	a, b := h.nodes["a"], h.nodes["b"]
	t := a.table()
	p := ring.Partition(ring.Hash(key), t.Layout.Partitions())
	c := crdt.Put(crdt.Stamp{Time: crdt.TimeOf(h.now.Add(ahead)), Actor: crdt.Actor{1}}, []byte("value"), 0)
	q := &asked{Header: b.header(b.View(), kind, classForeground, timeout), key: key, delta: c.AppendBinary(nil)}
	q.Table, q.Partition, q.Boots = t.Hash, uint32(p), wire.MakeBoots([]uint64{a.cfg.Nonce})
	q.page.Limit = pageLimit
	q.page.From, q.page.To = PartitionRange(p, t.Layout.Partitions())
	return q
}

// whole is the table with more partitions than one, not all of them a's.
func whole() ring.Table {
	s := spec
	s.N, s.Partitions = 2, 8
	return s
}

// keyOf finds a key of a partition that a node owns, or does not.
func (h *hand) keyOf(id peer.ID, owned bool) string {
	n := h.nodes[id]
	for _, key := range keys(1000) {
		p := ring.Partition(ring.Hash(key), n.table().Layout.Partitions())
		if n.View().owns(n.table(), p) == owned {
			return key
		}
	}
	h.t.Fatal("no such key")
	return ""
}

// Each request that is refused gets the status that says why, and changes
// nothing.
func TestRefusals(t *testing.T) {
	h := newCluster(t, whole(), Rules{}, "a", "b", "c")
	a := h.nodes["a"]
	key, foreign := h.keyOf("a", true), h.keyOf("a", false)
	all := []wire.Kind{wire.KindWrite, wire.KindRead, wire.KindPage, wire.KindDigest}
	keyed := all[:2]
	for _, tc := range []struct {
		name  string
		kinds []wire.Kind
		key   string
		ahead time.Duration
		spoil func(q *asked)
		want  wire.Status
	}{
		{"as it should be", all, key, 0, func(*asked) {}, wire.OK},
		{"another cluster", append(all, wire.KindRing), key, 0, func(q *asked) { q.Cluster++ }, wire.WrongCluster},
		{"an older protocol", append(all, wire.KindRing), key, 0, func(q *asked) { q.Version = wire.MinVersion - 1 }, wire.Malformed},
		{"a newer protocol", append(all, wire.KindRing), key, 0, func(q *asked) { q.Version = wire.MaxVersion + 1 }, wire.Malformed},
		{"another ring", all, key, 0, func(q *asked) { q.Ring++ }, wire.StaleRing},
		{"another life", all[:3], key, 0, func(q *asked) { q.Boots = wire.MakeBoots([]uint64{7777}) }, wire.StaleBoot},
		{"no life", all[:3], key, 0, func(q *asked) { q.Boots = wire.Boots{} }, wire.StaleBoot},
		{"no such table", all, key, 0, func(q *asked) { q.Table++ }, wire.TableMismatch},
		{"no such partition", all, key, 0, func(q *asked) { q.Partition = 8 }, wire.Malformed},
		{"a partition of others", keyed, foreign, 0, func(*asked) {}, wire.NotOwner},
		{"a key of another partition", keyed, key, 0, func(q *asked) { q.key = foreign }, wire.Malformed},
		{"a day ahead", all[:1], key, hardSkew, func(*asked) {}, wire.OK},
		{"more than a day ahead", all[:1], key, hardSkew + 2*time.Millisecond, func(*asked) {}, wire.Skew},
		{"garbage for a value", all[:1], key, 0, func(q *asked) { q.delta = []byte("garbage") }, wire.Malformed},
		{"a page from before the partition", all[2:3], key, 0, func(q *asked) { q.page.From-- }, wire.Malformed},
		{"a page to behind the partition", all[2:3], key, 0, func(q *asked) { q.page.To++ }, wire.Malformed},
		{"an unknown kind", []wire.Kind{77}, key, 0, func(*asked) {}, wire.Malformed},
		{"a body too many", all, key, 0, func(q *asked) { q.raw = append(q.encode(), 1) }, wire.Malformed},
		{"half a message", all, key, 0, func(q *asked) { m := q.encode(); q.raw = m[:len(m)-1] }, wire.Malformed},
		{"garbage", all[:1], key, 0, func(q *asked) { q.raw = []byte("garbage") }, wire.Malformed},
		{"nothing", all[:1], key, 0, func(q *asked) { q.raw = []byte{} }, wire.Malformed},
		{"garbage for a ring", []wire.Kind{wire.KindRing}, key, 0, func(q *asked) { q.raw = wire.AppendRing(nil, &q.Header, []byte("garbage")) }, wire.Malformed},
	} {
		for _, kind := range tc.kinds {
			q := h.asking(kind, tc.key, tc.ahead)
			tc.spoil(q)
			view, before, refused := a.View(), a.holds(), a.Stats()
			if got := a.status(q.encode()); got != tc.want {
				t.Errorf("%s, %v: %v, want %v", tc.name, kind, got, tc.want)
			}
			if tc.want == wire.OK {
				continue
			}
			if d := cmp.Diff(before, a.holds()); d != "" || a.View() != view {
				t.Errorf("%s, %v: it changed something %s", tc.name, kind, d)
			}
			s := a.Stats()
			if s.Refused+s.StaleRequests != refused.Refused+refused.StaleRequests+1 {
				t.Errorf("%s, %v: not counted", tc.name, kind)
			}
			if (s.NotOwner > refused.NotOwner) != (tc.want == wire.NotOwner) {
				t.Errorf("%s, %v: %d not owner", tc.name, kind, s.NotOwner-refused.NotOwner)
			}
		}
	}
	if a.holds()[key] != "value" {
		t.Errorf("nothing was ever written: %v", a.holds())
	}
}

// A clock that is too far ahead does not take this node's along, and is counted;
// one within the allowed skew does.
func TestClocks(t *testing.T) {
	h := newCluster(t, spec, Rules{}, "a", "b", "c")
	a := h.nodes["a"]
	for _, tc := range []struct {
		ahead  time.Duration
		skewed uint64
	}{{time.Second, 0}, {2 * time.Second, 1}} {
		q := h.asking(wire.KindRead, "key", 0)
		q.Clock = crdt.TimeOf(h.now.Add(tc.ahead))
		before := a.Stats().Skewed
		if got := a.status(q.encode()); got != wire.OK {
			t.Errorf("%v ahead: %v", tc.ahead, got)
		}
		if got := a.Stats().Skewed - before; got != tc.skewed {
			t.Errorf("%v ahead: counted %d", tc.ahead, got)
		}
		if took := a.Stamp(h.now).Time > q.Clock; took != (tc.skewed == 0) {
			t.Errorf("%v ahead: stamps above it: %t", tc.ahead, took)
		}
	}
	// What is stamped above a value beyond the skew is not this boot's own name:
	// the clock may come to that reading again.
	above := a.stamp(crdt.TimeOf(h.now.Add(time.Hour)), h.now)
	if above.Time <= crdt.TimeOf(h.now.Add(time.Hour)) || above.Actor == a.Stamp(h.now).Actor {
		t.Errorf("stamped %v", above)
	}
}

// What is under service uses up the room that replies tell of.
func TestCredit(t *testing.T) {
	h := newCluster(t, spec, Rules{}, "a", "b", "c")
	a := h.nodes["a"]
	credit := func() uint32 {
		reply, err := wire.ParseReply(a.Serve(h.now, h.asking(wire.KindRead, "key", 0).encode(), nil))
		if err != nil {
			t.Fatal(err)
		}
		return reply.Credit
	}
	if got := credit(); got == 0 || got > maxServing>>10 {
		t.Errorf("idle: %d KiB", got)
	}
	if a.serving.Load() != 0 {
		t.Errorf("%d bytes are under service when nothing is", a.serving.Load())
	}
	a.serving.Add(2 * maxServing)
	if got := credit(); got != 0 {
		t.Errorf("with twice of what there is room for: %d KiB", got)
	}
}

// Refusals say in words what the one who asked can do about them.
func TestRefusalsSayWhy(t *testing.T) {
	h := newCluster(t, whole(), Rules{}, "a", "b", "c")
	for word, spoil := range map[string]func(q *asked){
		"cluster": func(q *asked) { q.Cluster++ }, "boot 1.": func(q *asked) { q.Boots = wire.Boots{} },
		"a does not own": func(q *asked) { *q = *h.asking(wire.KindWrite, h.keyOf("a", false), 0) },
	} {
		q := h.asking(wire.KindWrite, h.keyOf("a", true), 0)
		spoil(q)
		reply, err := wire.ParseReply(h.nodes["a"].Serve(h.now, q.encode(), nil))
		if err != nil {
			t.Fatal(err)
		}
		if err := errReply(&reply); !strings.Contains(err.Error(), word) {
			t.Errorf("%q: %v", word, err)
		}
	}
}
