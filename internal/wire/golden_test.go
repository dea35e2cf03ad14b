package wire

import (
	"bytes"
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/ring"
	"github.com/grapevine-go/grapevine/rumor"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew: the protocol then changes")

// example is a request's header whose elements can be told apart in hexadecimal.
func example(k Kind) *Header {
	return &Header{
		Kind: k, Version: 1, Cluster: 0xc1c1c1c1c1c1c1c1, Table: 0x7a7a7a7a7a7a7a7a, Partition: 200, Ring: 0x1122334455667788,
		Boots: MakeBoots([]uint64{0xb1b1b1b1b1b1b1b1, 0xb2b2b2b2b2b2b2b2}), Boot: peer.Boot{Counter: 3, Nonce: 0xabababababababab},
		Clock: crdt.TimeOf(time.UnixMilli(1_900_000_000_000)) + 5, Op: OpID{Hi: 0xabababababababab, Lo: 7},
		Remaining: 1500 * time.Millisecond, Class: 1, Have: crdt.Fingerprint{0: 0xf0, 15: 0xff},
	}
}

func exampleReply(s Status) *ReplyHeader {
	return &ReplyHeader{Status: s, Boot: peer.Boot{Counter: 2, Nonce: 0xb1b1b1b1b1b1b1b1}, Synced: s == OK, Ring: 0x1122334455667788,
		Clock: crdt.TimeOf(time.UnixMilli(1_900_000_000_001)), Credit: 65536}
}

var exampleStamp = crdt.Stamp{Time: crdt.TimeOf(time.UnixMilli(1_900_000_000_000)), Actor: crdt.Actor{0: 0xac, 15: 0x01}}

func exampleCell() []byte {
	c := crdt.Put(exampleStamp, []byte("apple"), 1_900_000_060_000)
	return c.AppendBinary(nil)
}

// exampleDelta is a set's: an element under the seventh dot of an actor.
func exampleDelta() []byte {
	s := crdt.NewSet[string]()
	_, err := s.Add(crdt.Mint{Dot: crdt.Dot{Actor: exampleStamp.Actor, N: 7}}, "apple")
	if err != nil {
		panic(err)
	}
	return s.AppendBinary(nil)
}

// exampleRing is a ring state with two members and a table.
func exampleRing() []byte {
	s := new(ring.State).
		With(ring.Member{ID: "a", Boot: peer.Boot{Counter: 1, Nonce: 0xaa}, Rev: 2, Status: ring.Serving, Weight: 1, Zone: "eu", Addr: "10.0.0.1:7946", Data: "10.0.0.1:7947"}).
		With(ring.Member{ID: "b", Boot: peer.Boot{Counter: 300, Nonce: 0xbb}, Rev: 1, Weight: 2}).
		WithTable(ring.Table{Name: "carts", Type: "register(bytes)", Codec: 1, N: 3, W: 2, Partitions: 256, Key: crdt.Key{0: 0x4b, 15: 0x59}, Created: exampleStamp})
	return s.AppendBinary(nil)
}

const exampleTable = 0x7a7a7a7a7a7a7a7a

func exampleRumor() rumor.Rumor {
	return rumor.Rumor{Key: RumorKey(exampleTable, []byte("user:42")), Version: 0x1e1e1e1e1e1e1e1e, Salt: 0x5a5a5a5a, K: 4, Count: 3, Hops: 2, Body: exampleCell()}
}

// exampleTurn is two frames; what is in them is not this package's affair.
var exampleTurn = [][]byte{{'M', 24, 48}, {'+'}}

func examplePage() []byte {
	e := BeginEntries(nil, exampleReply(OK))
	e.Add([]byte("user:42"), blob(exampleCell()))
	return e.End(0xc8ffffffffffffff, false)
}

// goldenMessage is a message whose bytes are pinned, with the decoder that
// takes it.
type goldenMessage struct {
	name    string
	message func() []byte
	decode  func(p []byte) error
}

func asRequest(take func(*Request) error) func([]byte) error {
	return func(p []byte) error {
		q, err := ParseRequest(p)
		if err != nil {
			return err
		}
		return take(&q)
	}
}

func asReply(take func(*Reply) error) func([]byte) error {
	return func(p []byte) error {
		a, err := ParseReply(p)
		if err != nil {
			return err
		}
		return take(&a)
	}
}

var (
	takeFound   = asReply(func(a *Reply) error { _, _, err := a.Found(); return err })
	takeAck     = asReply(func(a *Reply) error { _, err := a.Ack(); return err })
	takeDigests = asReply(func(a *Reply) error { _, err := a.Digests(); return err })
	takeEntries = asReply(func(a *Reply) error { _, err := a.Entries(); return err })
	takeRing    = asReply(func(a *Reply) error { _, err := a.RingState(); return err })
	takeRumors  = asReply(func(a *Reply) error { _, err := a.Rumors(); return err })
	takeSync    = asReply(func(a *Reply) error { _, _, err := a.Sync(); return err })
	takeMade    = asReply(func(a *Reply) error { _, err := a.Made(); return err })
	takeBatch   = asReply(func(a *Reply) error { _, err := a.Batch(); return err })
	takeRefusal = asReply(func(a *Reply) error { _, err := a.Refusal(); return err })
)

// golden are the messages whose bytes are in testdata, and drawn in
// docs/wire.md.
var golden = []goldenMessage{
	{"request-write", func() []byte { return AppendWrite(nil, example(KindWrite), "user:42", exampleCell()) }, asRequest(requestBodies[KindWrite])},
	{"request-read", func() []byte { return AppendRead(nil, example(KindRead), "user:42") }, asRequest(requestBodies[KindRead])},
	{"request-page", func() []byte {
		p := &Page{From: 0xc800000000000000, To: 0xc8ffffffffffffff, Limit: 256 << 10, Known: Known(nil).Append(0xc812345678000000, crdt.Fingerprint{0: 0xe1, 7: 0xe8, 8: 0xff})}
		return AppendPage(nil, example(KindPage), p)
	}, asRequest(requestBodies[KindPage])},
	{"request-digest", func() []byte { return AppendDigest(nil, example(KindDigest), crdt.Fingerprint{0: 0xd0, 15: 0xdf}) }, asRequest(requestBodies[KindDigest])},
	{"request-ring", func() []byte { return AppendRing(nil, &Header{Kind: KindRing, Version: 1}, exampleRing()) }, asRequest(requestBodies[KindRing])},
	{"request-rumor", func() []byte {
		m := rumor.Message{Contact: true, Rumors: []rumor.Rumor{exampleRumor()}, Have: []rumor.Ref{{Key: RumorKey(exampleTable, []byte("b")), Version: 0xb}}}
		return AppendRumors(nil, example(KindRumor), &m)
	}, asRequest(requestBodies[KindRumor])},
	{"reply-rumor", func() []byte {
		m := rumor.Message{Want: []rumor.Ref{{Key: RumorKey(exampleTable, []byte("b")), Version: 0xb}},
			Acks: []rumor.Ack{{Key: exampleRumor().Key, Version: exampleRumor().Version, Needed: true, Count: -1}}}
		return AppendRumorReply(nil, exampleReply(OK), &m)
	}, takeRumors},
	{"request-sync", func() []byte { return AppendSync(nil, example(KindSync), 1, exampleTurn) }, asRequest(requestBodies[KindSync])},
	{"reply-sync", func() []byte { return AppendSyncReply(nil, exampleReply(OK), 1, [][]byte{[]byte("=")}) }, takeSync},
	{"request-transfer", func() []byte {
		e := BeginTransfer(nil, example(KindTransfer))
		e.Add([]byte("user:42"), blob(exampleCell()))
		return e.End(0, true)
	}, asRequest(requestBodies[KindTransfer])},
	{"reply-transfer", func() []byte {
		e := BeginEntries(nil, exampleReply(OK))
		e.Add([]byte("user:43"), nil)
		e.AddDelta([]byte("user:44"), []byte("="), []byte("-"))
		return e.End(0, true)
	}, takeEntries},
	{"request-apply", func() []byte {
		a := Apply{Op: crdt.NewSet[string]().AddOp("apple").AppendBinary(nil), Begun: exampleStamp.Time, Attempt: 1}
		return AppendApply(nil, example(KindApply), "user:42", &a)
	}, asRequest(requestBodies[KindApply])},
	{"request-batch", func() []byte {
		items := AppendItem(nil, 200, crdt.Fingerprint{}, "user:42", exampleCell())
		return AppendBatch(nil, example(KindBatch), KindWrite, 2, AppendItem(items, 7, crdt.Fingerprint{}, "user:43", exampleCell()))
	}, asRequest(requestBodies[KindBatch])},
	{"request-hint", func() []byte {
		return AppendHint(nil, example(KindHint), "user:42", exampleCell(), 0xb3b3b3b3b3b3b3b3)
	}, asRequest(requestBodies[KindHint])},
	{"reply-batch", func() []byte {
		begun := BeginItem(BeginBatch(nil, exampleReply(OK), 2))
		return BeginItem(EndItem(begun, AppendAck(begun, exampleReply(OK), crdt.Joined{Changed: true})))
	}, takeBatch},
	{"reply-made", func() []byte { return AppendMade(nil, exampleReply(OK), exampleDelta()) }, takeMade},
	{"reply-ack", func() []byte { return AppendAck(nil, exampleReply(OK), crdt.Joined{Changed: true}) }, takeAck},
	{"reply-ack-dominated", func() []byte { return AppendAck(nil, exampleReply(OK), crdt.Joined{Dominated: exampleStamp}) }, takeAck},
	{"reply-found-absent", func() []byte { return AppendFound(nil, exampleReply(OK), Absent) }, takeFound},
	{"reply-found-equal", func() []byte { return AppendFound(nil, exampleReply(OK), Equal) }, takeFound},
	{"reply-found-state", func() []byte {
		begun := BeginState(nil, exampleReply(OK))
		return EndState(begun, blob(exampleCell()).AppendBinary(begun))
	}, takeFound},
	{"reply-entries", examplePage, takeEntries},
	{"reply-digests", func() []byte {
		f := crdt.Fingerprint{0: 0xd0, 15: 0xdf}
		return AppendDigests(nil, exampleReply(OK), &Digests{List: []PartitionDigest{{Partition: 200, Synced: true, Digest: f[:], Live: 1000, Dead: 3}}})
	}, takeDigests},
	{"reply-digests-equal", func() []byte { return AppendDigests(nil, exampleReply(OK), &Digests{Equal: true}) }, takeDigests},
	{"reply-ring", func() []byte { return AppendRingReply(nil, exampleReply(OK), exampleRing()) }, takeRing},
	{"reply-ring-same", func() []byte { return AppendRingReply(nil, exampleReply(OK), nil) }, takeRing},
	{"reply-stale-ring", func() []byte { return AppendRefusal(nil, exampleReply(StaleRing), exampleRing()) }, takeRefusal},
	{"reply-not-owner", func() []byte {
		return AppendRefusal(nil, exampleReply(NotOwner), []byte("a does not own the partition"))
	}, takeRefusal},
}

// TestGolden pins the bytes: what one release writes, every later one reads.
func TestGolden(t *testing.T) {
	for _, g := range golden {
		file := filepath.Join("testdata", "golden", g.name+".hex")
		p := g.message()
		if *rewrite {
			if err := os.WriteFile(file, []byte(wrap(p)), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		want, err := hex.DecodeString(strings.Join(strings.Fields(string(text)), ""))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(p, want) {
			t.Errorf("%s is\n%swas\n%s", g.name, wrap(p), text)
		}
		if err := g.decode(want); err != nil {
			t.Errorf("%s: %v", g.name, err)
		}
	}
}

// wrap writes hexadecimal, 32 bytes a line.
func wrap(p []byte) string {
	var b strings.Builder
	for len(p) > 0 {
		n := min(32, len(p))
		b.WriteString(hex.EncodeToString(p[:n]) + "\n")
		p = p[n:]
	}
	return b.String()
}

var drawing = regexp.MustCompile("(?s)```hex ([a-z-]+)\n(.*?)```")

// TestDocumented holds docs/wire.md to the golden messages: each is drawn there,
// and the bytes of each drawing (left of the bar) are the message's. A line in
// angle brackets stands for another drawing.
func TestDocumented(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "wire.md"))
	if err != nil {
		t.Fatal(err)
	}
	drawings := make(map[string]string)
	for _, m := range drawing.FindAllStringSubmatch(string(doc), -1) {
		drawings[m[1]] = m[2]
	}
	wanted := map[string]string{
		"ring-state": hex.EncodeToString(exampleRing()), "cell": hex.EncodeToString(exampleCell()),
		"request-header": hex.EncodeToString(AppendHeader(nil, example(KindRead), 1)[2:]),
		"reply-header":   hex.EncodeToString(AppendReply(nil, exampleReply(OK), 1)[2:]),
	}
	for _, g := range golden {
		wanted[g.name] = hex.EncodeToString(g.message())
	}
	drawn := make(map[string]string)
	for name := range drawings {
		drawn[name] = hexOf(drawings, name, 3)
	}
	if d := cmp.Diff(wanted, drawn); d != "" {
		t.Errorf("docs/wire.md draws other bytes:\n%s", d)
	}
}

// hexOf returns the bytes of a drawing; depth bounds how drawings include others.
func hexOf(drawings map[string]string, name string, depth int) string {
	if depth == 0 || drawings[name] == "" {
		return "no drawing of " + name
	}
	var b strings.Builder
	for line := range strings.Lines(drawings[name]) {
		if inner, ok := strings.CutPrefix(strings.TrimSpace(line), "<"); ok {
			b.WriteString(hexOf(drawings, strings.TrimSuffix(inner, ">"), depth-1))
			continue
		}
		left, _, _ := strings.Cut(line, "|")
		b.WriteString(strings.Join(strings.Fields(left), ""))
	}
	return b.String()
}
