package wire

import (
	"bytes"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/grapevine-go/grapevine/crdt"
)

func batchOf(n int, of Kind) []byte {
	var items []byte
	for range n {
		items = AppendItem(items, 1, crdt.Fingerprint{}, "k", nil)
	}
	return AppendBatch(nil, &Header{Kind: KindBatch}, of, n, items)
}

func repliesOf(n int) []byte {
	p := BeginBatch(nil, &ReplyHeader{}, n)
	for range n {
		p = BeginItem(p)
	}
	return p
}

// TestBatches: each request of a batch is what it would be alone, and each reply
// is the one that was put in.
func TestBatches(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := headers.Draw(t, "header")
		h.Kind = KindBatch
		of := rapid.SampledFrom([]Kind{KindWrite, KindRead}).Draw(t, "of")
		type item struct {
			partition  uint16
			key, delta []byte
			have       crdt.Fingerprint
		}
		list := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) item {
			return item{rapid.Uint16().Draw(t, "partition"), []byte(keys.Draw(t, "key")), append([]byte{}, blobs.Draw(t, "delta")...), prints.Draw(t, "have")}
		}), 0, 5).Draw(t, "items")
		var items []byte
		for _, x := range list {
			delta := x.delta
			if of == KindRead {
				delta = nil
			}
			items = AppendItem(items, uint32(x.partition), x.have, string(x.key), delta)
		}
		q := request(t, AppendBatch(nil, &h, of, len(list), items), h)
		b, err := q.Batch()
		if err != nil || b.Len != len(list) {
			t.Fatalf("%d requests of %d, %v", b.Len, len(list), err)
		}
		for _, x := range list {
			one := b.Next()
			if one.Kind != of || one.Partition != uint32(x.partition) || one.Have != x.have || one.Op != h.Op || one.Ring != h.Ring {
				t.Fatalf("%+v of %+v", one.Header, x)
			}
			var key, delta []byte
			if of == KindRead {
				key, err = one.Read()
				delta = x.delta
			} else {
				key, delta, err = one.Write()
			}
			if err != nil || !bytes.Equal(key, x.key) || !bytes.Equal(delta, x.delta) {
				t.Fatalf("%q: %q, %d bytes, %v", x.key, key, len(delta), err)
			}
		}
		rh := replyHeaders.Draw(t, "reply header")
		p := BeginBatch(nil, &rh, len(list))
		for _, x := range list {
			begun := BeginItem(p)
			p = EndItem(begun, append(begun, x.delta...))
		}
		a := reply(t, p, rh)
		replies, err := a.Batch()
		if err != nil || replies.Len != len(list) {
			t.Fatalf("%d replies of %d, %v", replies.Len, len(list), err)
		}
		for _, x := range list {
			if got := replies.Next(); !bytes.Equal(got, x.delta) {
				t.Fatalf("%x for %x", got, x.delta)
			}
		}
	})
}

// TestBatchToMsgpack: to go-msgpack a batch is the array that is documented.
func TestBatchToMsgpack(t *testing.T) {
	f := crdt.Fingerprint{1}
	got := generic(t, AppendBatch(nil, &Header{Kind: KindBatch}, KindWrite, 1, AppendItem(nil, 7, f, "k", []byte("d"))))
	want := []any{uint64(KindWrite), []any{[]any{uint64(7), f[:], []byte("\xc4\x01k\xc4\x01d")}}}
	if !reflect.DeepEqual(got[headerFields:], want) {
		t.Errorf("%v, not %v", got[headerFields:], want)
	}
}

func FuzzBatch(f *testing.F)   { fuzzRequestBody(f, KindBatch, 2) }
func FuzzReplies(f *testing.F) { fuzzReplyBody(f, 1, againReplies) }

// againBatch takes a batch with all its requests.
func againBatch(t *testing.T, q Request, h *Header) []byte {
	b, err := q.Batch()
	if malformed(t, err) {
		return nil
	}
	var items []byte
	of, n := b.head.Kind, b.Len
	for b.Len > 0 {
		one := b.Next()
		var key, delta []byte
		if of == KindRead {
			key, err = one.Read()
		} else {
			key, delta, err = one.Write()
		}
		if malformed(t, err) {
			return nil
		}
		items = AppendItem(items, one.Partition, one.Have, string(key), delta)
	}
	return AppendBatch(nil, h, of, n, items)
}

func againReplies(t *testing.T, a Reply) []byte {
	b, err := a.Batch()
	if malformed(t, err) {
		return nil
	}
	p := BeginBatch(nil, &a.ReplyHeader, b.Len)
	for b.Len > 0 {
		begun := BeginItem(p)
		p = EndItem(begun, append(begun, b.Next()...))
	}
	return p
}
