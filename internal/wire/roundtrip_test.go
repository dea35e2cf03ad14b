package wire

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/rumor"
)

// request decodes what was encoded with a header, and checks the header.
func request(t *rapid.T, p []byte, h Header) Request {
	q, err := ParseRequest(p)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(h, q.Header, sameBoots); d != "" {
		t.Fatal(d)
	}
	for n := range p {
		if short, err := ParseRequest(p[:n]); err == nil && complete(&short) {
			t.Fatalf("%d of %d bytes are taken for a whole request", n, len(p))
		}
		if n > 400 {
			break // the header and its body's beginning are behind us
		}
	}
	return q
}

// complete reports whether any body fits the request.
func complete(q *Request) bool {
	for _, take := range requestBodies {
		r := *q
		if take(&r) == nil {
			return true
		}
	}
	return false
}

// requestBodies are all the bodies of requests.
var requestBodies = map[Kind]func(q *Request) error{
	KindWrite:  func(q *Request) error { _, _, err := q.Write(); return err },
	KindRead:   func(q *Request) error { _, err := q.Read(); return err },
	KindPage:   func(q *Request) error { _, err := q.Page(); return err },
	KindDigest: func(q *Request) error { _, err := q.Digest(); return err },
	KindRing:   func(q *Request) error { _, err := q.RingState(); return err },
	KindRumor:  func(q *Request) error { _, err := q.Rumors(); return err },
	KindSync:   func(q *Request) error { _, _, err := q.Sync(); return err },

	KindTransfer: func(q *Request) error { _, err := q.Transfer(); return err },
	KindApply:    func(q *Request) error { _, err := q.Apply(); return err },
	KindBatch:    func(q *Request) error { _, err := q.Batch(); return err },
	KindHint:     func(q *Request) error { _, err := q.Hint(); return err },
}

func TestRequests(t *testing.T) {
	if underRace {
		t.Skip("one goroutine")
	}
	rapid.Check(t, func(t *rapid.T) {
		h := headers.Draw(t, "header")
		key, body := keys.Draw(t, "key"), blobs.Draw(t, "body")

		q := request(t, AppendWrite(nil, &h, key, body), h)
		if k, d, err := q.Write(); err != nil || string(k) != key || !bytes.Equal(d, body) {
			t.Fatalf("write: %q, %d bytes, %v", k, len(d), err)
		}
		q = request(t, AppendRead(nil, &h, key), h)
		if k, err := q.Read(); err != nil || string(k) != key {
			t.Fatalf("read: %q, %v", k, err)
		}
		apply := Apply{Key: []byte(key), Op: body, Begun: h.Clock, Attempt: h.Partition, Tell: len(body)%2 == 0}
		q = request(t, AppendApply(nil, &h, key, &apply), h)
		if a, err := q.Apply(); err != nil || !cmp.Equal(a, apply, cmpopts.EquateEmpty()) {
			t.Fatalf("apply: %+v, %v", a, err)
		}
		hint := Hint{Key: []byte(key), Delta: body, Owner: words.Draw(t, "owner")}
		q = request(t, AppendHint(nil, &h, key, body, hint.Owner), h)
		if got, err := q.Hint(); err != nil || !cmp.Equal(got, hint, cmpopts.EquateEmpty()) {
			t.Fatalf("hint: %+v, %v", got, err)
		}
		fold := prints.Draw(t, "fold")
		q = request(t, AppendDigest(nil, &h, fold), h)
		if f, err := q.Digest(); err != nil || f != fold {
			t.Fatalf("digest: %x, %v", f, err)
		}
		q = request(t, AppendRing(nil, &h, body), h)
		if s, err := q.RingState(); err != nil || !bytes.Equal(s, body) {
			t.Fatalf("ring: %d bytes, %v", len(s), err)
		}
		told := rumorMessages.Draw(t, "rumors")
		q = request(t, AppendRumors(nil, &h, &told), h)
		if m, err := q.Rumors(); err != nil || !cmp.Equal(told, m, cmpopts.EquateEmpty()) {
			t.Fatalf("rumors: %v %s", err, cmp.Diff(told, m))
		}
		turn, frames := words.Draw(t, "turn"), turns.Draw(t, "frames")
		q = request(t, AppendSync(nil, &h, turn, frames), h)
		if n, got, err := q.Sync(); err != nil || n != turn || !cmp.Equal(frames, got, cmpopts.EquateEmpty()) {
			t.Fatalf("sync: %d, %v %s", n, err, cmp.Diff(frames, got))
		}
		page := Page{From: words.Draw(t, "from"), Limit: rapid.Uint32().Draw(t, "limit"), Keys: rapid.Bool().Draw(t, "keys")}
		page.To = max(page.From, words.Draw(t, "to"))
		for _, hash := range rapid.SliceOfN(words, 0, 50).Draw(t, "known") {
			page.Known = page.Known.Append(hash, fold)
		}
		q = request(t, AppendPage(nil, &h, &page), h)
		if got, err := q.Page(); err != nil || !cmp.Equal(page, got, cmpopts.EquateEmpty()) {
			t.Fatalf("page: %v %s", err, cmp.Diff(page, got))
		}
	})
}

// reply decodes what was encoded with a header, and checks the header.
func reply(t *rapid.T, p []byte, h ReplyHeader) Reply {
	a, err := ParseReply(p)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(h, a.ReplyHeader); d != "" {
		t.Fatal(d)
	}
	return a
}

func TestReplies(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := replyHeaders.Draw(t, "header")
		body := blobs.Draw(t, "body")

		want := crdt.Joined{Changed: rapid.Bool().Draw(t, "changed"), Dominated: rapid.OneOf(rapid.Just(crdt.Stamp{}), stamps).Draw(t, "dominated")}
		a := reply(t, AppendAck(nil, &h, want), h)
		if j, err := a.Ack(); err != nil || j != want {
			t.Fatalf("ack: %v, %v", j, err)
		}
		for _, f := range []Found{Absent, Equal} {
			a = reply(t, AppendFound(nil, &h, f), h)
			if got, state, err := a.Found(); err != nil || got != f || state != nil {
				t.Fatalf("found %d: %d, %d bytes, %v", f, got, len(state), err)
			}
		}
		begun := BeginState([]byte("before"), &h)
		p := EndState(begun, blob(body).AppendBinary(begun))
		a = reply(t, p[len("before"):], h)
		if got, state, err := a.Found(); err != nil || got != State || !bytes.Equal(state, body) {
			t.Fatalf("state: %d, %d bytes, %v", got, len(state), err)
		}
		a = reply(t, AppendRingReply(nil, &h, body), h)
		if s, err := a.RingState(); err != nil || !bytes.Equal(s, body) {
			t.Fatalf("ring: %d bytes, %v", len(s), err)
		}
		a = reply(t, AppendRefusal(nil, &h, body), h)
		if s, err := a.Refusal(); err != nil || !bytes.Equal(s, body) {
			t.Fatalf("refusal: %d bytes, %v", len(s), err)
		}
		told := rumorMessages.Draw(t, "rumors")
		a = reply(t, AppendRumorReply(nil, &h, &told), h)
		if m, err := a.Rumors(); err != nil || !cmp.Equal(told, m, cmpopts.EquateEmpty()) {
			t.Fatalf("rumors: %v %s", err, cmp.Diff(told, m))
		}
		turn, frames := words.Draw(t, "turn"), turns.Draw(t, "frames")
		a = reply(t, AppendSyncReply(nil, &h, turn, frames), h)
		if n, got, err := a.Sync(); err != nil || n != turn || !cmp.Equal(frames, got, cmpopts.EquateEmpty()) {
			t.Fatalf("sync: %d, %v %s", n, err, cmp.Diff(frames, got))
		}
		digests := digestLists.Draw(t, "digests")
		a = reply(t, AppendDigests(nil, &h, &digests), h)
		if got, err := a.Digests(); err != nil || !cmp.Equal(digests, got, cmpopts.EquateEmpty()) {
			t.Fatalf("digests: %v %s", err, cmp.Diff(digests, got))
		}
	})
}

var digestLists = rapid.Custom(func(t *rapid.T) Digests {
	d := Digests{Equal: rapid.Bool().Draw(t, "equal")}
	for range rapid.IntRange(0, 20).Draw(t, "n") {
		f := prints.Draw(t, "digest")
		d.List = append(d.List, PartitionDigest{Partition: uint32(rapid.Uint16().Draw(t, "partition")), Synced: rapid.Bool().Draw(t, "synced"),
			Digest: f[:], Live: words.Draw(t, "live"), Dead: words.Draw(t, "dead")})
	}
	return d
})

var turns = rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 40), 0, 6)

var rumorMessages = rapid.Custom(func(t *rapid.T) (m rumor.Message) {
	m.Contact, m.Pull, m.Reject = rapid.Bool().Draw(t, "contact"), rapid.Bool().Draw(t, "pull"), rapid.Bool().Draw(t, "reject")
	few := rapid.IntRange(0, 5)
	for range few.Draw(t, "rumors") {
		m.Rumors = append(m.Rumors, rumor.Rumor{Key: keys.Draw(t, "key"), Version: words.Draw(t, "version"), Salt: rapid.Uint32().Draw(t, "salt"),
			K: rapid.Int16Min(0).Draw(t, "k"), Count: rapid.Int16Min(0).Draw(t, "count"), Hops: rapid.Uint8().Draw(t, "hops"), Body: rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "body")})
	}
	for _, refs := range []*[]rumor.Ref{&m.Have, &m.Want} {
		for range few.Draw(t, "refs") {
			*refs = append(*refs, rumor.Ref{Key: keys.Draw(t, "key"), Version: words.Draw(t, "version")})
		}
	}
	for range few.Draw(t, "acks") {
		m.Acks = append(m.Acks, rumor.Ack{Key: keys.Draw(t, "key"), Version: words.Draw(t, "version"), Needed: rapid.Bool().Draw(t, "needed"),
			Count: rapid.Int16Min(-1).Draw(t, "count")})
	}
	return m
})

// TestRumorKey: the name of a table's key gives both back.
func TestRumorKey(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table, key := words.Draw(t, "table"), keys.Draw(t, "key")
		gotTable, gotKey, ok := SplitRumorKey(RumorKey(table, []byte(key)))
		if ok != (key != "") || ok && (gotTable != table || gotKey != key) {
			t.Fatalf("%x %q became %x %q, %t", table, key, gotTable, gotKey, ok)
		}
	})
}

type pageEntry struct{ Key, State, Outline string }

func TestEntries(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := replyHeaders.Draw(t, "header")
		next, done := words.Draw(t, "next"), rapid.Bool().Draw(t, "done")
		e := BeginEntries(nil, &h)
		var want []pageEntry
		for range rapid.IntRange(0, 20).Draw(t, "n") {
			w := pageEntry{Key: keys.Draw(t, "key")}
			switch rapid.IntRange(0, 2).Draw(t, "kind") {
			case 0:
				e.Add([]byte(w.Key), nil)
			case 1:
				w.State, w.Outline = string(blobs.Draw(t, "delta")), "o"+string(blobs.Draw(t, "outline"))
				e.AddDelta([]byte(w.Key), []byte(w.State), []byte(w.Outline))
			case 2:
				state := blobs.Draw(t, "state")
				w.State = string(state)
				e.Add([]byte(w.Key), blob(state))
			}
			want = append(want, w)
		}
		if e.Len() != len(want) {
			t.Fatalf("%d entries, not %d", e.Len(), len(want))
		}
		p := e.End(next, done)
		a := reply(t, p, h)
		list, err := a.Entries()
		if err != nil || list.Next != next || list.Done != done || list.Len() != len(want) {
			t.Fatalf("%+v, %v", list, err)
		}
		var got []pageEntry
		for e, ok := list.Entry(); ok; e, ok = list.Entry() {
			got = append(got, pageEntry{string(e.Key), string(e.State), string(e.Outline)})
		}
		if !slices.Equal(got, want) {
			t.Fatal(cmp.Diff(want, got))
		}
		request := headers.Draw(t, "request")
		e = BeginTransfer(nil, &request)
		for _, w := range want {
			if w.Outline != "" {
				e.AddDelta([]byte(w.Key), []byte(w.State), []byte(w.Outline))
			} else {
				e.AddEncoded([]byte(w.Key), []byte(w.State))
			}
		}
		q, err := ParseRequest(e.End(next, done))
		if err != nil {
			t.Fatal(err)
		}
		if list, err = q.Transfer(); err != nil || list.Next != next || list.Done != done || list.Len() != len(want) {
			t.Fatalf("transfer: %+v, %v", list, err)
		}
		for _, w := range want {
			if e, ok := list.Entry(); !ok || string(e.Key) != w.Key || string(e.State) != w.State || string(e.Outline) != w.Outline {
				t.Fatalf("transfer: %q, %t", e.Key, ok)
			}
		}
		a = reply(t, p[:len(p)-1], h)
		if _, err := a.Entries(); len(want) > 0 && !errors.Is(err, ErrMessage) {
			t.Fatalf("a page without its last byte: %v", err)
		}
	})
}

// TestKnown compares Skip with a search through the list.
func TestKnown(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		small := rapid.Uint64Range(0, 6)
		f := func(b uint64) crdt.Fingerprint { return crdt.Fingerprint{byte(b), 7: 1, 8: 9} }
		listed := rapid.SliceOfN(small, 0, 8).Draw(t, "hashes")
		slices.Sort(listed)
		var known Known
		has := make(map[[2]uint64]bool)
		for _, hash := range listed {
			print := small.Draw(t, "print")
			known = known.Append(hash, f(print))
			has[[2]uint64{hash, print}] = true
		}
		if known.Len() != len(listed) {
			t.Fatalf("%d listed, Len is %d", len(listed), known.Len())
		}
		asked := rapid.SliceOfN(small, 0, 12).Draw(t, "asked")
		slices.Sort(asked)
		for _, hash := range asked {
			print := small.Draw(t, "print asked")
			if got := known.Skip(hash, f(print)); got != has[[2]uint64{hash, print}] {
				t.Fatalf("hash %d with %d: known %t", hash, print, got)
			}
		}
	})
}

func TestBoots(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfN(rapid.Uint64Range(0, 300), 0, MaxBoots).Draw(t, "nonces")
		q := request(t, AppendRead(nil, &Header{Boots: MakeBoots(list)}, "k"), Header{Boots: MakeBoots(list)})
		for nonce := range uint64(301) {
			want := slices.Contains(list, nonce)
			if MakeBoots(list).Contains(nonce) != want || q.Boots.Contains(nonce) != want {
				t.Fatalf("%d in %v: sent %t, received %t", nonce, list, MakeBoots(list).Contains(nonce), q.Boots.Contains(nonce))
			}
		}
	})
}
