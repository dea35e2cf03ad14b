package wire

import (
	"encoding/binary"

	"github.com/grapevine-go/grapevine/crdt"
)

// A batch is many writes, or many reads, of one table to one owner: one header,
// and of each what differs. Its reply has a whole reply to each.

// MaxBatch is how many requests a batch has at most.
const MaxBatch = 256

// AppendItem appends one request of a batch: a write of a delta, or with a nil
// delta a read.
func AppendItem(dst []byte, partition uint32, have crdt.Fingerprint, key string, delta []byte) []byte {
	dst = appendUint(appendArray(dst, 3), uint64(partition))
	dst = appendFingerprint(dst, have)
	at := len(dst)
	dst = append(dst, 0xc6, 0, 0, 0, 0)
	if dst = appendString(dst, key); delta != nil {
		dst = appendBytes(dst, delta)
	}
	binary.BigEndian.PutUint32(dst[at+1:], uint32(len(dst)-at-5))
	return dst
}

// AppendBatch appends a whole batch of n requests of a kind, [KindWrite] or
// [KindRead], which [AppendItem] has appended to items. The header's kind is
// [KindBatch].
func AppendBatch(dst []byte, h *Header, of Kind, n int, items []byte) []byte {
	dst = appendUint(AppendHeader(dst, h, 2), uint64(of))
	return append(appendArray(dst, n), items...)
}

// Batch is the requests of a batch.
type Batch struct {
	Len int // how many there are still to take

	head Header
	body int
	r    reader
}

// Batch takes the body of a batch, as a whole: when it returns, each request has
// been found to be there.
func (q *Request) Batch() (b Batch, err error) {
	q.r.elements(q.body, 2)
	b.head = q.Header
	switch b.head.Kind = Kind(q.r.uintMax(255)); b.head.Kind {
	case KindWrite:
		b.body = 2
	case KindRead:
		b.body = 1
	default:
		q.r.fail("kind of a write or a read")
	}
	b.Len = q.r.array(MaxBatch)
	b.r = q.r
	for range b.Len {
		takeItem(&q.r)
	}
	return b, q.r.end()
}

func takeItem(r *reader) (partition uint32, have crdt.Fingerprint, body []byte) {
	r.elements(r.array(3), 3)
	partition = uint32(r.uintMax(1<<16 - 1))
	have = takeFingerprint(r)
	return partition, have, r.bytes(MaxKey + MaxState + 10)
}

// Next takes the next request, whose body is taken as that of a request of its
// own. There has to be one.
func (b *Batch) Next() (q Request) {
	b.Len--
	q = Request{Header: b.head, body: b.body}
	q.Partition, q.Have, q.r.p = takeItem(&b.r)
	return q
}

// BeginBatch begins the reply to a batch of n requests; for each of them follows
// [BeginItem], a reply, and [EndItem].
func BeginBatch(dst []byte, h *ReplyHeader, n int) []byte {
	return appendArray(AppendReply(dst, h, 1), n)
}

// BeginItem begins the reply to one request of a batch. One without a byte says
// that there was no room, and that nothing was done: the request may come alone.
func BeginItem(dst []byte) []byte { return append(dst, 0xc6, 0, 0, 0, 0) }

// EndItem completes the reply to a request, of which begun is what [BeginItem]
// returned.
func EndItem(begun, reply []byte) []byte { return EndState(begun, reply) }

// Replies are the replies to the requests of a batch.
type Replies struct {
	Len int // how many there are still to take

	r reader
}

// Batch takes the body of the reply to a batch, as a whole.
func (a *Reply) Batch() (b Replies, err error) {
	a.r.elements(a.body, 1)
	b.Len = a.r.array(MaxBatch)
	b.r = a.r
	for range b.Len {
		a.r.bytes(maxItemReply)
	}
	return b, a.r.end()
}

// maxItemReply leaves room for the head of a reply with a state.
const maxItemReply = MaxState + 1<<10

// Next takes the next reply, which refers to the message. There has to be one.
func (b *Replies) Next() (reply []byte) {
	b.Len--
	return b.r.bytes(maxItemReply)
}
