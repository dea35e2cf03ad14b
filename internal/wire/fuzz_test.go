package wire

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// seed gives a fuzz target the golden messages, whole and cut.
func seed(f *testing.F, whole func(name string) bool) {
	f.Add([]byte{})
	for _, g := range golden {
		if p := g.message(); whole(g.name) {
			f.Add(p)
			f.Add(p[:len(p)-1])
			f.Add(append(p, 0xc0))
			f.Add(bytes.ReplaceAll(p, []byte{0xc4}, []byte{0xc6}))
		}
	}
}

// malformed checks that a decoder which did not take the bytes says so in its
// own words.
func malformed(t *testing.T, err error) bool {
	if err != nil && !errors.Is(err, ErrMessage) {
		t.Errorf("%v does not wrap ErrMessage", err)
	}
	return err != nil
}

// FuzzParseRequest decodes anything, with every body. What is understood is
// encoded again and must be understood as the same.
func FuzzParseRequest(f *testing.F) {
	seed(f, func(name string) bool { return strings.HasPrefix(name, "request") })
	f.Fuzz(func(t *testing.T, p []byte) {
		for _, again := range againRequest {
			twiceRequest(t, p, again)
		}
	})
}

func twiceRequest(t *testing.T, p []byte, again func(*testing.T, Request, *Header) []byte) {
	q, err := ParseRequest(p)
	if malformed(t, err) {
		return
	}
	h := q.Header
	h.Boots = MakeBoots(nonces(q.Boots)) // decoded boots are not encoded again
	message := again(t, q, &h)
	if message == nil {
		return
	}
	r, err := ParseRequest(message)
	if err != nil {
		t.Fatalf("encoded again: %v", err)
	}
	if d := cmp.Diff(q.Header, r.Header, sameBoots); d != "" {
		t.Fatal(d)
	}
	if third := again(t, r, &h); !bytes.Equal(third, message) {
		t.Fatalf("%x became %x", message, third)
	}
}

// againRequest takes a body, if the request has it, and encodes what it took.
var againRequest = map[Kind]func(*testing.T, Request, *Header) []byte{
	KindWrite: func(t *testing.T, q Request, h *Header) []byte {
		key, delta, err := q.Write()
		if malformed(t, err) {
			return nil
		}
		return AppendWrite(nil, h, string(key), delta)
	},
	KindRead: func(t *testing.T, q Request, h *Header) []byte {
		key, err := q.Read()
		if malformed(t, err) {
			return nil
		}
		return AppendRead(nil, h, string(key))
	},
	KindPage: func(t *testing.T, q Request, h *Header) []byte {
		page, err := q.Page()
		if malformed(t, err) {
			return nil
		}
		return AppendPage(nil, h, &page)
	},
	KindDigest: func(t *testing.T, q Request, h *Header) []byte {
		fold, err := q.Digest()
		if malformed(t, err) {
			return nil
		}
		return AppendDigest(nil, h, fold)
	},
	KindRing: func(t *testing.T, q Request, h *Header) []byte {
		state, err := q.RingState()
		if malformed(t, err) {
			return nil
		}
		return AppendRing(nil, h, state)
	},
	KindRumor: func(t *testing.T, q Request, h *Header) []byte {
		room := len(q.r.p)
		m, err := q.Rumors()
		if cap(m.Rumors) > room/minRumor || cap(m.Have)+cap(m.Want) > room/minRef || cap(m.Acks) > room/minAck {
			t.Fatalf("more entries allocated than %d bytes can hold", room)
		}
		if malformed(t, err) {
			return nil
		}
		return AppendRumors(nil, h, &m)
	},
	KindSync: func(t *testing.T, q Request, h *Header) []byte {
		room := len(q.r.p)
		turn, frames, err := q.Sync()
		if cap(frames) > room/minFrame {
			t.Fatalf("%d frames allocated for %d bytes", cap(frames), room)
		}
		if malformed(t, err) {
			return nil
		}
		return AppendSync(nil, h, turn, frames)
	},
	KindTransfer: func(t *testing.T, q Request, h *Header) []byte {
		list, err := q.Transfer()
		if malformed(t, err) {
			return nil
		}
		return listAgain(t, BeginTransfer(nil, h), list)
	},
	KindApply: againApply,
	KindBatch: againBatch,
	KindHint: func(t *testing.T, q Request, h *Header) []byte {
		hint, err := q.Hint()
		if malformed(t, err) {
			return nil
		}
		return AppendHint(nil, h, string(hint.Key), hint.Delta, hint.Owner)
	},
}

// againApply takes an operation that is to be made.
func againApply(t *testing.T, q Request, h *Header) []byte {
	a, err := q.Apply()
	if malformed(t, err) {
		return nil
	}
	return AppendApply(nil, h, string(a.Key), &a)
}

// fuzzRequestBody fuzzes the bytes behind a good header.
func fuzzRequestBody(f *testing.F, kind Kind, fields int) {
	head := AppendHeader(nil, example(kind), fields)
	for _, g := range golden {
		if body, ok := bytes.CutPrefix(g.message(), head); ok {
			f.Add(body)
			f.Add(body[:len(body)/2])
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		twiceRequest(t, append(bytes.Clone(head), body...), againRequest[kind])
	})
}

func FuzzWrite(f *testing.F)  { fuzzRequestBody(f, KindWrite, 2) }
func FuzzRead(f *testing.F)   { fuzzRequestBody(f, KindRead, 1) }
func FuzzPage(f *testing.F)   { fuzzRequestBody(f, KindPage, 5) }
func FuzzDigest(f *testing.F) { fuzzRequestBody(f, KindDigest, 1) }
func FuzzRing(f *testing.F)   { fuzzRequestBody(f, KindRing, 1) }
func FuzzRumor(f *testing.F)  { fuzzRequestBody(f, KindRumor, rumorFields) }
func FuzzSync(f *testing.F)   { fuzzRequestBody(f, KindSync, syncFields) }
func FuzzHint(f *testing.F)   { fuzzRequestBody(f, KindHint, hintFields) }

func FuzzApply(f *testing.F) { fuzzRequestBody(f, KindApply, 5) }
func FuzzMade(f *testing.F)  { fuzzReplyBody(f, 1, againMade) }

func FuzzTransfer(f *testing.F) { fuzzRequestBody(f, KindTransfer, entriesFields) }

// FuzzParseReply decodes anything, with every body.
func FuzzParseReply(f *testing.F) {
	seed(f, func(name string) bool { return strings.HasPrefix(name, "reply") })
	f.Fuzz(func(t *testing.T, p []byte) {
		for _, again := range []func(*testing.T, Reply) []byte{againAck, againFound, againDigests, againRing, againRefusal, againEntries, againRumors, againSync, againMade, againReplies} {
			twiceReply(t, p, again)
		}
	})
}

func twiceReply(t *testing.T, p []byte, again func(*testing.T, Reply) []byte) {
	a, err := ParseReply(p)
	if malformed(t, err) {
		return
	}
	message := again(t, a)
	if message == nil {
		return
	}
	b, err := ParseReply(message)
	if err != nil {
		t.Fatalf("encoded again: %v", err)
	}
	if d := cmp.Diff(a.ReplyHeader, b.ReplyHeader); d != "" {
		t.Fatal(d)
	}
	if third := again(t, b); !bytes.Equal(third, message) {
		t.Fatalf("%x became %x", message, third)
	}
}

// fuzzReplyBody fuzzes the bytes behind a good header.
func fuzzReplyBody(f *testing.F, fields int, again func(*testing.T, Reply) []byte) {
	head := AppendReply(nil, exampleReply(OK), fields)
	for _, g := range golden {
		if body, ok := bytes.CutPrefix(g.message(), head); ok {
			f.Add(body)
			f.Add(body[:len(body)/2])
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		twiceReply(t, append(bytes.Clone(head), body...), again)
	})
}

func FuzzAck(f *testing.F)     { fuzzReplyBody(f, 3, againAck) }
func FuzzAbsent(f *testing.F)  { fuzzReplyBody(f, 1, againFound) }
func FuzzState(f *testing.F)   { fuzzReplyBody(f, 2, againFound) }
func FuzzEntries(f *testing.F) { fuzzReplyBody(f, 3, againEntries) }
func FuzzTurn(f *testing.F)    { fuzzReplyBody(f, syncFields, againSync) }
func FuzzDigests(f *testing.F) { fuzzReplyBody(f, 1, againDigests) }
func FuzzRefusal(f *testing.F) { fuzzReplyBody(f, 1, againRefusal) }

func againAck(t *testing.T, a Reply) []byte {
	j, err := a.Ack()
	if malformed(t, err) {
		return nil
	}
	return AppendAck(nil, &a.ReplyHeader, j)
}

func againFound(t *testing.T, a Reply) []byte {
	found, state, err := a.Found()
	switch {
	case malformed(t, err):
		return nil
	case found != State:
		return AppendFound(nil, &a.ReplyHeader, found)
	}
	begun := BeginState(nil, &a.ReplyHeader)
	return EndState(begun, blob(state).AppendBinary(begun))
}

func againDigests(t *testing.T, a Reply) []byte {
	room := len(a.r.p)
	d, err := a.Digests()
	if cap(d.List) > room/minPartitionDigest {
		t.Fatalf("%d digests allocated for %d bytes", cap(d.List), room)
	}
	if malformed(t, err) {
		return nil
	}
	return AppendDigests(nil, &a.ReplyHeader, &d)
}

func againRing(t *testing.T, a Reply) []byte {
	state, err := a.RingState()
	if malformed(t, err) {
		return nil
	}
	return AppendRingReply(nil, &a.ReplyHeader, state)
}

func againRefusal(t *testing.T, a Reply) []byte {
	why, err := a.Refusal()
	if malformed(t, err) {
		return nil
	}
	return AppendRefusal(nil, &a.ReplyHeader, why)
}

func againRumors(t *testing.T, a Reply) []byte {
	m, err := a.Rumors()
	if malformed(t, err) {
		return nil
	}
	return AppendRumorReply(nil, &a.ReplyHeader, &m)
}

func againEntries(t *testing.T, a Reply) []byte {
	list, err := a.Entries()
	if malformed(t, err) {
		return nil
	}
	return listAgain(t, BeginEntries(nil, &a.ReplyHeader), list)
}

func againSync(t *testing.T, a Reply) []byte {
	turn, frames, err := a.Sync()
	if malformed(t, err) {
		return nil
	}
	return AppendSyncReply(nil, &a.ReplyHeader, turn, frames)
}

func againMade(t *testing.T, a Reply) []byte {
	delta, err := a.Made()
	if malformed(t, err) {
		return nil
	}
	return AppendMade(nil, &a.ReplyHeader, delta)
}

// listAgain encodes a list that was decoded.
func listAgain(t *testing.T, e *Entries, list EntryList) []byte {
	for n := list.Len(); n > 0; n-- {
		entry, ok := list.Entry()
		switch {
		case !ok:
			t.Fatal("a list that was checked ends early")
		case len(entry.Outline) > 0:
			e.AddDelta(entry.Key, entry.State, entry.Outline)
		default:
			e.Add(entry.Key, blob(entry.State))
		}
	}
	return e.End(list.Next, list.Done)
}

// TestTrailing: a body with anything behind it, and a header with more elements
// than its kind's, are refused: a newer version would have negotiated.
func TestTrailing(t *testing.T) {
	for _, g := range golden {
		p := append(g.message(), 0xc0)
		if err := g.decode(p); !errors.Is(err, ErrMessage) {
			t.Errorf("%s with a byte behind it: %v", g.name, err)
		}
	}
}
