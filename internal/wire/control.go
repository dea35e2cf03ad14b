package wire

import (
	"fmt"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/hashicorp/go-msgpack/v2/codec"
)

// handle is shared by all encoders and decoders; it is not changed after this.
var handle = &codec.MsgpackHandle{WriteExt: true}

// Digest asks a replica for the digests of its partitions of a table. Fold is
// the sum of the sender's digests of the partitions that both own; a receiver
// with the same sum answers that nothing differs. A zero Fold asks for the list.
type Digest struct {
	_    struct{} `codec:",toarray"`
	Fold []byte
}

// Digests answers a [Digest].
type Digests struct {
	_     struct{} `codec:",toarray"`
	Equal bool
	List  []PartitionDigest
}

// PartitionDigest is one partition as its owner has it.
type PartitionDigest struct {
	_         struct{} `codec:",toarray"`
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
	_     struct{} `codec:",toarray"`
	State []byte
}

// appendBody appends v, a struct of this file, as one element.
func appendBody(dst []byte, v any) []byte {
	var body []byte
	if err := codec.NewEncoderBytes(&body, handle).Encode(v); err != nil {
		panic(fmt.Sprintf("wire: encode %T: %v", v, err)) // a struct of this file that cannot be encoded
	}
	return append(dst, body...)
}

// takeBody decodes one element, which must be the last.
func (r *reader) takeBody(fields int, v any) error {
	r.elements(fields, 1)
	if r.err != nil {
		return r.err
	}
	d := codec.NewDecoderBytes(r.p, handle)
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("%w: %v", ErrMessage, err)
	}
	r.p = r.p[min(d.NumBytesRead(), len(r.p)):]
	return r.end()
}

// AppendDigest appends a whole digest request.
func AppendDigest(dst []byte, h *Header, fold crdt.Fingerprint) []byte {
	return appendBody(AppendHeader(dst, h, 1), &Digest{Fold: fold[:]})
}

// Digest takes the body of a digest request.
func (q *Request) Digest() (fold crdt.Fingerprint, err error) {
	var d Digest
	err = q.r.takeBody(q.body, &d)
	copy(fold[:], d.Fold)
	return fold, err
}

// AppendDigests appends a whole reply to a digest request.
func AppendDigests(dst []byte, h *ReplyHeader, d *Digests) []byte {
	return appendBody(AppendReply(dst, h, 1), d)
}

// Digests takes the body of a reply to a digest request.
func (a *Reply) Digests() (d Digests, err error) {
	err = a.r.takeBody(a.body, &d)
	if len(d.List) > maxDigest {
		return Digests{}, fmt.Errorf("%w: %d digests", ErrMessage, len(d.List))
	}
	return d, err
}

// AppendRing appends a whole ring request.
func AppendRing(dst []byte, h *Header, state []byte) []byte {
	return appendBody(AppendHeader(dst, h, 1), &Ring{State: state})
}

// RingState takes the body of a ring request.
func (q *Request) RingState() (state []byte, err error) {
	var m Ring
	err = q.r.takeBody(q.body, &m)
	return m.State, err
}

// AppendRingReply appends a whole reply to a ring request.
func AppendRingReply(dst []byte, h *ReplyHeader, state []byte) []byte {
	return appendBody(AppendReply(dst, h, 1), &Ring{State: state})
}

// RingState takes the body of a reply to a ring request.
func (a *Reply) RingState() (state []byte, err error) {
	var m Ring
	err = a.r.takeBody(a.body, &m)
	return m.State, err
}
