package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/rumor"
)

// TestLimits: what is just within a limit is taken, and one more is refused
// with an error that says what was expected.
func TestLimits(t *testing.T) {
	q := func(p []byte) error {
		r, err := ParseRequest(p)
		if err != nil {
			return err
		}
		return requestBodies[r.Kind](&r)
	}
	h := func(k Kind) *Header { return &Header{Kind: k} }
	known := func(n int) *Page { return &Page{Known: make(Known, n)} }
	for _, tc := range []struct {
		name       string
		take       func([]byte) error
		good, over []byte
	}{
		{"key of a write", q, AppendWrite(nil, h(KindWrite), strings.Repeat("k", MaxKey), nil), AppendWrite(nil, h(KindWrite), strings.Repeat("k", MaxKey+1), nil)},
		{"key of a read", q, AppendRead(nil, h(KindRead), strings.Repeat("k", MaxKey)), AppendRead(nil, h(KindRead), strings.Repeat("k", MaxKey+1))},
		{"delta", q, AppendWrite(nil, h(KindWrite), "k", make([]byte, MaxState)), AppendWrite(nil, h(KindWrite), "k", make([]byte, MaxState+1))},
		{"key of a hint", q, AppendHint(nil, h(KindHint), strings.Repeat("k", MaxKey), nil, 1), AppendHint(nil, h(KindHint), strings.Repeat("k", MaxKey+1), nil, 1)},
		{"delta of a hint", q, AppendHint(nil, h(KindHint), "k", make([]byte, MaxState), 1), AppendHint(nil, h(KindHint), "k", make([]byte, MaxState+1), 1)},
		{"operation", q, AppendApply(nil, h(KindApply), "k", &Apply{Op: make([]byte, MaxState)}), AppendApply(nil, h(KindApply), "k", &Apply{Op: make([]byte, MaxState+1)})},
		{"delta that was made", takeMade, AppendMade(nil, &ReplyHeader{}, make([]byte, MaxState)), AppendMade(nil, &ReplyHeader{}, make([]byte, MaxState+1))},
		{"requests of a batch", q, batchOf(MaxBatch, KindRead), batchOf(MaxBatch+1, KindRead)},
		{"kind of a batch", q, batchOf(1, KindWrite), batchOf(1, KindPage)},
		{"replies to a batch", takeBatch, repliesOf(MaxBatch), repliesOf(MaxBatch + 1)},
		{"boots", q, AppendRead(nil, &Header{Kind: KindRead, Boots: MakeBoots(make([]uint64, MaxBoots))}, "k"), AppendRead(nil, &Header{Kind: KindRead, Boots: MakeBoots(make([]uint64, MaxBoots+1))}, "k")},
		{"partition", q, AppendRead(nil, &Header{Kind: KindRead, Partition: 65535}, "k"), AppendRead(nil, &Header{Kind: KindRead, Partition: 65536}, "k")},
		{"remaining time", q, AppendRead(nil, &Header{Kind: KindRead, Remaining: 1 << 40 * time.Millisecond}, "k"), AppendRead(nil, &Header{Kind: KindRead, Remaining: (1<<40 + 1) * time.Millisecond}, "k")},
		{"ring state", q, AppendRing(nil, h(KindRing), make([]byte, MaxRing)), AppendRing(nil, h(KindRing), make([]byte, MaxRing+1))},
		{"entries of a page request", q, AppendPage(nil, h(KindPage), known(MaxPage*knownSize)), AppendPage(nil, h(KindPage), known((MaxPage+1)*knownSize))},
		{"half an entry of a page request", q, AppendPage(nil, h(KindPage), known(knownSize)), AppendPage(nil, h(KindPage), known(knownSize/2))},
		{"range of a page", q, AppendPage(nil, h(KindPage), &Page{From: 5, To: 5}), AppendPage(nil, h(KindPage), &Page{From: 5, To: 4})},
		{"state", takeFound, stateReply(MaxState), stateReply(MaxState + 1)},
		{"entries", takeEntries, entriesReply(MaxPage), entriesReply(MaxPage + 1)},
		{"digests", takeDigests, digestsReply(maxDigest), digestsReply(maxDigest + 1)},
		{"found", takeFound, AppendFound(nil, &ReplyHeader{}, Equal), AppendFound(nil, &ReplyHeader{}, State+1)},
		{"name of a rumor", q, rumorRequest(rumor.Message{Want: []rumor.Ref{{Key: strings.Repeat("k", MaxKey+8)}}}), rumorRequest(rumor.Message{Want: []rumor.Ref{{Key: strings.Repeat("k", MaxKey+9)}}})},
		{"body of a rumor", q, rumorRequest(rumor.Message{Rumors: []rumor.Rumor{{Body: make([]byte, MaxState)}}}), rumorRequest(rumor.Message{Rumors: []rumor.Rumor{{Body: make([]byte, MaxState+1)}}})},
		{"rumors", q, rumorRequest(rumor.Message{Rumors: make([]rumor.Rumor, maxRumors)}), rumorRequest(rumor.Message{Rumors: make([]rumor.Rumor, maxRumors+1)})},
		{"announcements", q, rumorRequest(rumor.Message{Have: make([]rumor.Ref, maxRumors)}), rumorRequest(rumor.Message{Have: make([]rumor.Ref, maxRumors+1)})},
		{"feedback", q, rumorRequest(rumor.Message{Acks: make([]rumor.Ack, maxRumors)}), rumorRequest(rumor.Message{Acks: make([]rumor.Ack, maxRumors+1)})},
		{"frames of a turn", q, AppendSync(nil, h(KindSync), 0, make([][]byte, MaxFrames)), AppendSync(nil, h(KindSync), 0, make([][]byte, MaxFrames+1))},
		{"frame", q, AppendSync(nil, h(KindSync), 0, [][]byte{make([]byte, maxSyncFrame)}), AppendSync(nil, h(KindSync), 0, [][]byte{make([]byte, maxSyncFrame+1)})},
		{"refusal", takeRefusal, AppendRefusal(nil, &ReplyHeader{}, make([]byte, MaxRing)), AppendRefusal(nil, &ReplyHeader{}, make([]byte, MaxRing+1))},
	} {
		if err := tc.take(tc.good); err != nil {
			t.Errorf("%s: %v", tc.name, err)
		}
		if err := tc.take(tc.over); !errors.Is(err, ErrMessage) {
			t.Errorf("%s, one too many: %v", tc.name, err)
		}
	}
}

func rumorRequest(m rumor.Message) []byte {
	return AppendRumors(nil, &Header{Kind: KindRumor}, &m)
}

func stateReply(n int) []byte {
	begun := BeginState(nil, &ReplyHeader{})
	return EndState(begun, append(begun, make([]byte, n)...))
}

func entriesReply(n int) []byte {
	e := BeginEntries(nil, &ReplyHeader{})
	for range n {
		e.Add(nil, nil)
	}
	return e.End(0, true)
}

func digestsReply(n int) []byte {
	d := &Digests{List: make([]PartitionDigest, n)}
	for i := range d.List {
		d.List[i].Digest = make([]byte, 16)
	}
	return AppendDigests(nil, &ReplyHeader{}, d)
}

// TestNegativeRemaining: a deadline that has passed is sent as no time at all.
func TestNegativeRemaining(t *testing.T) {
	q, err := ParseRequest(AppendRead(nil, &Header{Remaining: -time.Second}, "k"))
	if err != nil || q.Remaining != 0 {
		t.Errorf("%v, %v", q.Remaining, err)
	}
}

// TestHostileCounts sends counts and lengths that the message does not hold:
// decoding allocates a small multiple of the message, whatever it claims.
func TestHostileCounts(t *testing.T) {
	const claim = math.MaxUint32
	array := binary.BigEndian.AppendUint32([]byte{0xdd}, claim)
	bin := binary.BigEndian.AppendUint32([]byte{0xc6}, claim)
	many := func(n uint32, element ...byte) []byte {
		return append(binary.BigEndian.AppendUint32([]byte{0xdd}, n), bytes.Repeat(element, int(n))...)
	}
	deep := bytes.Repeat([]byte{0x91}, 1<<20)
	bodies := map[string][][]byte{
		"bytes":    {bin, append([]byte{0x91}, bin...), append([]byte{0xc4, 0}, bin...), append([]byte{0x02}, bin...)},
		"arrays":   {array, append([]byte{0x91}, array...), append([]byte{0x92, 0xc2}, array...), append([]byte{0x00, 0xc2}, array...)},
		"elements": {append([]byte{0x92, 0xc2}, many(1<<16, 0xc0)...), append([]byte{0x92, 0xc2}, many(1<<16, 0x90)...), append([]byte{0x00, 0xc2}, many(1<<16, 0x90)...)},
		"depth":    {deep},
	}
	for name, list := range bodies {
		for _, body := range list {
			for fields := 1; fields <= 5; fields++ {
				p := append(AppendHeader(nil, &Header{}, fields), body...)
				bounded(t, name, p, func() {
					for _, take := range requestBodies {
						if q, err := ParseRequest(p); err == nil {
							_ = take(&q)
						}
					}
				})
				p = append(AppendReply(nil, &ReplyHeader{}, fields), body...)
				bounded(t, name, p, func() {
					for _, take := range []func([]byte) error{takeFound, takeAck, takeDigests, takeEntries, takeRing, takeRefusal, takeRumors, takeSync} {
						_ = take(p)
					}
				})
			}
		}
	}
	head := append([]byte{0xdc, 0xff, 0xff}, AppendHeader(nil, &Header{Boots: MakeBoots(make([]uint64, 40))}, 0)[1:]...)
	bounded(t, "header", head, func() { _, _ = ParseRequest(head) })
}

// bounded checks how much f allocates for a message.
func bounded(t *testing.T, name string, p []byte, f func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	// The errors of the decoders that fail, and nothing that grows faster than p.
	if got, limit := after.TotalAlloc-before.TotalAlloc, uint64(16<<10+8*len(p)); got > limit {
		t.Errorf("%s: %d bytes allocated for a message of %d", name, got, len(p))
	}
}

// TestNoAllocation: the records of the hot path are written into a given buffer
// and read without copies.
func TestNoAllocation(t *testing.T) {
	h, rh, cell := example(KindWrite), exampleReply(OK), exampleCell()
	buf := make([]byte, 0, 4096)
	write, read := AppendWrite(nil, h, "user:42", cell), AppendRead(nil, h, "user:42")
	begun := BeginState(nil, rh)
	state := EndState(begun, append(begun, cell...))
	ack := AppendAck(nil, rh, crdt.Joined{Dominated: exampleStamp})
	for name, f := range map[string]func(){
		"append write": func() { buf = AppendWrite(buf[:0], h, "user:42", cell) },
		"append read":  func() { buf = AppendRead(buf[:0], h, "user:42") },
		"append ack":   func() { buf = AppendAck(buf[:0], rh, crdt.Joined{Changed: true}) },
		"append state": func() { b := BeginState(buf[:0], rh); EndState(b, append(b, cell...)) },
		"write": func() {
			q, _ := ParseRequest(write)
			if _, _, err := q.Write(); err != nil || !q.Boots.Contains(0xb2b2b2b2b2b2b2b2) {
				t.Error(err)
			}
		},
		"read": func() {
			q, _ := ParseRequest(read)
			if _, err := q.Read(); err != nil {
				t.Error(err)
			}
		},
		"ack": func() {
			a, _ := ParseReply(ack)
			if _, err := a.Ack(); err != nil {
				t.Error(err)
			}
		},
		"state": func() {
			a, _ := ParseReply(state)
			if _, _, err := a.Found(); err != nil {
				t.Error(err)
			}
		},
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// TestNames: everything that reaches a log has a name, also what a newer
// version sends.
func TestNames(t *testing.T) {
	for k, want := range map[Kind]string{KindWrite: "write", KindRead: "read", KindPage: "page", KindDigest: "digest", KindRing: "ring", KindRumor: "rumor", KindSync: "sync", KindTransfer: "transfer", KindApply: "apply", KindBatch: "batch", 99: "kind 99"} {
		if k.String() != want {
			t.Errorf("%s, not %s", k, want)
		}
	}
	seen := make(map[string]bool)
	for s := OK; s <= Invalid; s++ {
		if seen[s.String()] || strings.HasPrefix(s.String(), "status ") {
			t.Errorf("status %d is %q", uint8(s), s)
		}
		seen[s.String()] = true
	}
	if got := Status(200).String(); got != "status 200" {
		t.Error(got)
	}
	if got := (OpID{Hi: 1, Lo: 0xab}).String(); got != "000000000000000100000000000000ab" {
		t.Error(got)
	}
}
