package wire

import (
	"fmt"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/hashicorp/go-msgpack/v2/codec"
)

// handle is shared by all encoders; it is not changed after this. Structs are
// arrays of their fields, in their order: the fields' names are not sent.
var handle = newHandle()

func newHandle() *codec.MsgpackHandle {
	h := &codec.MsgpackHandle{WriteExt: true}
	h.StructToArray = true
	return h
}

// Digest asks a replica for the digests of its partitions of a table. Fold is
// the sum of the sender's digests of the partitions that both own; a receiver
// with the same sum answers that nothing differs. A zero Fold asks for the list.
type Digest struct {
	Fold []byte
}

// Digests answers a [Digest].
type Digests struct {
	Equal bool
	List  []PartitionDigest
}

// PartitionDigest is one partition as its owner has it.
type PartitionDigest struct {
	Partition uint32
	Synced    bool
	Digest    []byte
	Live      uint64 // keys with something to read; expired ones are counted until they are deleted
	Dead      uint64 // tombstones
}

// Fingerprint returns the digest.
func (d *PartitionDigest) Fingerprint() crdt.Fingerprint {
	var f crdt.Fingerprint
	copy(f[:], d.Digest)
	return f
}

// Ring carries a ring state; empty if the versions in the headers tell enough.
type Ring struct {
	State []byte
}

// appendBody appends v, a struct of this file, as one element. No slice of it
// is nil, which would be written as msgpack's nil.
func appendBody(dst []byte, v any) []byte {
	var body []byte
	if err := codec.NewEncoderBytes(&body, handle).Encode(v); err != nil {
		panic(fmt.Sprintf("wire: encode %T: %v", v, err)) // a struct of this file that cannot be encoded
	}
	return append(dst, body...)
}

func present[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

// The bodies are read by hand all the same: go-msgpack's decoder takes a list
// of n empty elements for n structs, forty bytes and more for each byte that a
// peer sends, and it takes nil or a list of integers for binary. One body has
// one form here.

// nested takes the head of the one element that a body of this file consists
// of, an array of n.
func (r *reader) nested(fields, n int) {
	r.elements(fields, 1)
	r.elements(r.array(n), n)
}

// AppendDigest appends a whole digest request.
func AppendDigest(dst []byte, h *Header, fold crdt.Fingerprint) []byte {
	return appendBody(AppendHeader(dst, h, 1), &Digest{Fold: fold[:]})
}

// Digest takes the body of a digest request.
func (q *Request) Digest() (fold crdt.Fingerprint, err error) {
	q.r.nested(q.body, 1)
	fold = takeFingerprint(&q.r)
	return fold, q.r.end()
}

// AppendDigests appends a whole reply to a digest request.
func AppendDigests(dst []byte, h *ReplyHeader, d *Digests) []byte {
	return appendBody(AppendReply(dst, h, 1), &Digests{Equal: d.Equal, List: present(d.List)})
}

// Digests takes the body of a reply to a digest request. The list's digests
// refer to the reply.
func (a *Reply) Digests() (d Digests, err error) {
	r := &a.r
	r.nested(a.body, 2)
	d.Equal = r.bool()
	n := r.array(min(maxDigest, len(r.p)/minPartitionDigest))
	if n > 0 {
		d.List = make([]PartitionDigest, n)
	}
	for i := range d.List {
		d.List[i] = takePartitionDigest(r)
	}
	if err := r.end(); err != nil {
		return Digests{}, err
	}
	return d, nil
}

// minPartitionDigest is the shortest encoding of a [PartitionDigest].
const minPartitionDigest = 23

func takePartitionDigest(r *reader) (d PartitionDigest) {
	r.elements(r.array(5), 5)
	d.Partition = uint32(r.uintMax(1<<16 - 1))
	d.Synced = r.bool()
	if d.Digest = r.bytes(len(crdt.Fingerprint{})); len(d.Digest) != len(crdt.Fingerprint{}) {
		r.fail("digest")
	}
	d.Live, d.Dead = r.uint(), r.uint()
	return d
}

// AppendRing appends a whole ring request.
func AppendRing(dst []byte, h *Header, state []byte) []byte {
	return appendBody(AppendHeader(dst, h, 1), &Ring{State: present(state)})
}

// RingState takes the body of a ring request. The state refers to the request.
func (q *Request) RingState() (state []byte, err error) {
	return q.r.ringState(q.body)
}

// AppendRingReply appends a whole reply to a ring request.
func AppendRingReply(dst []byte, h *ReplyHeader, state []byte) []byte {
	return appendBody(AppendReply(dst, h, 1), &Ring{State: present(state)})
}

// RingState takes the body of a reply to a ring request. The state refers to
// the reply.
func (a *Reply) RingState() (state []byte, err error) {
	return a.r.ringState(a.body)
}

func (r *reader) ringState(fields int) (state []byte, err error) {
	r.nested(fields, 1)
	state = r.bytes(MaxRing)
	return state, r.end()
}
