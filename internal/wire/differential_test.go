package wire

import (
	"bytes"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-msgpack/v2/codec"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/rumor"
)

// generic decodes a message with go-msgpack, knowing nothing of its form.
func generic(t *testing.T, p []byte) []any {
	var v []any
	d := codec.NewDecoderBytes(p, handle)
	if err := d.Decode(&v); err != nil {
		t.Fatalf("go-msgpack: %v in %x", err, p)
	}
	if d.NumBytesRead() != len(p) {
		t.Fatalf("go-msgpack took %d of %d bytes", d.NumBytesRead(), len(p))
	}
	return unify(v).([]any)
}

// unify makes one type of each kind of value.
func unify(v any) any {
	switch v := v.(type) {
	case int64:
		return uint64(v)
	case string:
		return []byte(v)
	case []any:
		for i := range v {
			v[i] = unify(v[i])
		}
	}
	return v
}

// foreign encodes values with go-msgpack.
func foreign(t *testing.T, v []any) (p []byte) {
	if err := codec.NewEncoderBytes(&p, handle).Encode(v); err != nil {
		t.Fatal(err)
	}
	return p
}

// FuzzDifferential holds the encoding against go-msgpack's, in both directions:
// each message is an array of the expected values to it, and what it encodes of
// these values is understood as the same message.
func FuzzDifferential(f *testing.F) {
	f.Add(uint64(1), uint64(2), uint32(3), true, []byte("key"), []byte("state"), []byte{1})
	f.Add(uint64(1<<63), uint64(0), uint32(1<<31), false, []byte{}, make([]byte, 300), make([]byte, 40))
	f.Fuzz(func(t *testing.T, a, b uint64, c uint32, yes bool, key, state, list []byte) {
		if len(key) > MaxKey {
			return
		}
		d := difference{a: a, b: b, c: c, yes: yes, key: key, state: state, list: list}
		d.f = crdt.Key{}.Sum(key)
		d.requests(t)
		d.replies(t)
	})
}

// difference is the material of one comparison.
type difference struct {
	a, b             uint64
	c                uint32
	yes              bool
	key, state, list []byte
	f                crdt.Fingerprint
}

// header returns a header and what it is to go-msgpack.
func (d *difference) header(k Kind) (h Header, values []any) {
	h = Header{
		Kind: k, Version: uint8(d.a), Cluster: d.a, Table: d.b, Partition: d.c & 0xffff, Ring: d.a ^ d.b,
		Boot: peer.Boot{Counter: d.a >> 32, Nonce: d.b}, Clock: crdt.Time(d.b), Op: OpID{Hi: d.b, Lo: d.a},
		Remaining: time.Duration(d.c) * time.Millisecond, Class: uint8(d.b), Frontier: crdt.Time(d.a), Have: d.f,
	}
	boots := []any{}
	var nonces []uint64
	for _, x := range d.list[:min(len(d.list), MaxBoots)] {
		nonces = append(nonces, d.a>>(x%64))
		boots = append(boots, d.a>>(x%64))
	}
	h.Boots = MakeBoots(nonces)
	return h, []any{
		uint64(k), uint64(h.Version), d.a, d.b, uint64(h.Partition), h.Ring, boots, []any{d.a >> 32, d.b}, d.b, []any{d.b, d.a},
		uint64(d.c), uint64(h.Class), d.a, d.f[:],
	}
}

func (d *difference) requests(t *testing.T) {
	page := Page{From: min(d.a, d.b), To: max(d.a, d.b), Limit: d.c, Keys: d.yes}
	for range d.list[:min(len(d.list), 100)] {
		page.Known = page.Known.Append(d.a, d.f)
	}
	known := append([]byte{}, page.Known...)
	told, toldValues := d.rumors()
	for _, m := range []struct {
		kind   Kind
		append func(h *Header) []byte
		body   []any
	}{
		{KindWrite, func(h *Header) []byte { return AppendWrite(nil, h, string(d.key), d.state) }, []any{d.key, d.state}},
		{KindRead, func(h *Header) []byte { return AppendRead(nil, h, string(d.key)) }, []any{d.key}},
		{KindPage, func(h *Header) []byte { return AppendPage(nil, h, &page) }, []any{page.From, page.To, uint64(d.c), d.yes, known}},
		{KindDigest, func(h *Header) []byte { return AppendDigest(nil, h, d.f) }, []any{[]any{d.f[:]}}},
		{KindRing, func(h *Header) []byte { return AppendRing(nil, h, d.state) }, []any{[]any{d.state}}},
		{KindRumor, func(h *Header) []byte { return AppendRumors(nil, h, &told) }, toldValues},
		{KindSync, func(h *Header) []byte { return AppendSync(nil, h, d.b, [][]byte{d.key, d.key}) }, []any{d.b, []any{d.key, d.key}}},
		{KindHint, func(h *Header) []byte { return AppendHint(nil, h, string(d.key), d.state, d.b) }, []any{d.key, d.state, d.b}},
		{KindApply, func(h *Header) []byte {
			return AppendApply(nil, h, string(d.key), &Apply{Op: d.state, Begun: crdt.Time(d.a), Attempt: d.c, Tell: d.yes})
		}, []any{d.key, d.state, d.a, uint64(d.c), d.yes}},
		{KindTransfer, func(h *Header) []byte {
			e := BeginTransfer(nil, h)
			e.Add(d.key, blob(d.state))
			return e.End(d.a, d.yes)
		}, []any{d.a, d.yes, []any{[]any{d.key, d.state}}}},
	} {
		h, values := d.header(m.kind)
		values = append(values, m.body...)
		ours := m.append(&h)
		if got := generic(t, ours); !reflect.DeepEqual(values, got) {
			t.Fatalf("%v to go-msgpack: %s", m.kind, cmp.Diff(values, got))
		}
		q, err := ParseRequest(foreign(t, values))
		if err != nil {
			t.Fatalf("%v of go-msgpack: %v", m.kind, err)
		}
		got := q.Header
		got.Boots = MakeBoots(nonces(q.Boots))
		if again := againRequest[m.kind](t, q, &got); !bytes.Equal(again, ours) {
			t.Fatalf("%v of go-msgpack: %x, not %x", m.kind, again, ours)
		}
	}
}

// rumors returns a rumor message and what it is to go-msgpack.
func (d *difference) rumors() (m rumor.Message, values []any) {
	name := string(d.key)
	m.Contact, m.Reject = d.yes, !d.yes
	flags, bodies, names, acks := uint64(4), []any{}, []any{}, []any{}
	if d.yes {
		flags = 1
	}
	for _, x := range d.list[:min(len(d.list), 20)] {
		m.Rumors = append(m.Rumors, rumor.Rumor{Key: name, Version: d.a, Body: d.state, Salt: d.c, K: 2, Count: int16(x), Hops: x})
		bodies = append(bodies, []any{d.key, d.a, uint64(d.c), uint64(2), uint64(x), uint64(x), d.state})
		m.Have = append(m.Have, rumor.Ref{Key: name, Version: d.b})
		names = append(names, []any{d.key, d.b})
		m.Acks = append(m.Acks, rumor.Ack{Key: name, Version: d.b, Needed: d.yes, Count: int16(x) - 1})
		acks = append(acks, []any{d.key, d.b, d.yes, uint64(x)})
	}
	return m, []any{flags, bodies, names, []any{}, acks}
}

func (d *difference) replies(t *testing.T) {
	h := ReplyHeader{Status: Status(d.a), Boot: peer.Boot{Counter: d.a, Nonce: d.b}, Synced: d.yes, Ring: d.b, Clock: crdt.Time(d.a), Credit: d.c}
	head := []any{uint64(h.Status), []any{d.a, d.b}, d.yes, d.b, d.a, uint64(d.c)}
	joined := crdt.Joined{Changed: d.yes, Dominated: crdt.Stamp{Time: crdt.Time(d.a), Actor: crdt.Actor{0: 1}}}
	digests := Digests{Equal: d.yes}
	lists := []any{}
	for _, x := range d.list[:min(len(d.list), 100)] {
		digests.List = append(digests.List, PartitionDigest{Partition: uint32(x), Synced: d.yes, Digest: d.f[:], Live: d.a, Dead: d.b})
		lists = append(lists, []any{uint64(x), d.yes, d.f[:], d.a, d.b})
	}
	begun := BeginState(nil, &h)
	page := BeginEntries(nil, &h)
	entries := []any{}
	for range d.list[:min(len(d.list), 20)] {
		page.Add(d.key, blob(d.state))
		page.AddDelta(d.key, d.state, d.f[:])
		entries = append(entries, []any{d.key, d.state}, []any{d.key, d.state, d.f[:]})
	}
	for _, m := range []struct {
		name  string
		ours  []byte
		body  []any
		again func(*testing.T, Reply) []byte
	}{
		{"ack", AppendAck(nil, &h, joined), []any{d.yes, d.a, joined.Dominated.Actor[:]}, againAck},
		{"absent", AppendFound(nil, &h, Absent), []any{uint64(0)}, againFound},
		{"equal", AppendFound(nil, &h, Equal), []any{uint64(1)}, againFound},
		{"state", EndState(begun, append(begun, d.state...)), []any{uint64(2), d.state}, againFound},
		{"entries", page.End(d.a, d.yes), []any{d.a, d.yes, entries}, againEntries},
		{"digests", AppendDigests(nil, &h, &digests), []any{[]any{d.yes, lists}}, againDigests},
		{"ring", AppendRingReply(nil, &h, d.state), []any{[]any{d.state}}, againRing},
		{"made", AppendMade(nil, &h, d.state), []any{d.state}, againMade},
		{"sync", AppendSyncReply(nil, &h, d.a, [][]byte{d.key}), []any{d.a, []any{d.key}}, againSync},
		{"refusal", AppendRefusal(nil, &h, d.state), []any{d.state}, againRefusal},
	} {
		values := append(append([]any{}, head...), m.body...)
		if got := generic(t, m.ours); !reflect.DeepEqual(values, got) {
			t.Fatalf("%s to go-msgpack: %s", m.name, cmp.Diff(values, got))
		}
		a, err := ParseReply(foreign(t, values))
		if err != nil {
			t.Fatalf("%s of go-msgpack: %v", m.name, err)
		}
		if again := m.again(t, a); !bytes.Equal(again, m.ours) {
			t.Fatalf("%s of go-msgpack: %x, not %x", m.name, again, m.ours)
		}
	}
}
