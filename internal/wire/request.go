// Package wire holds the messages that nodes send each other, and their
// encoding: docs/wire.md draws it byte by byte.
//
// A message is one msgpack array: the header's elements in a fixed order, then
// the body's. It is written in the version that both sides negotiated when
// they connected, so a receiver meets no element that it does not know.
// Decoding believes no length that the message cannot hold, and what it returns
// refers to the message's bytes. Everything is read by hand, and the records of
// the hot path are written by hand (msgpack.go); go-msgpack writes the others
// (control.go), and is what the tests compare all of them with.
package wire

import (
	"fmt"
	"time"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/peer"
)

// Protocol versions that this program speaks.
const (
	MinVersion = 1
	MaxVersion = 1
)

// Limits that hold for every message.
const (
	MaxKey    = 4 << 10  // bytes of a key
	MaxState  = 24 << 20 // bytes of one encoded state
	MaxBoots  = 32       // owners addressed by one request
	MaxRing   = 16 << 20 // bytes of an encoded ring state
	MaxPage   = 1 << 16  // entries of a page, in either direction
	maxDigest = 1 << 16  // partitions of a digest
)

// Kind tells requests apart.
type Kind uint8

// The kinds of requests.
const (
	KindWrite    Kind = iota + 1 // join a delta
	KindRead                     // answer a key's state
	KindPage                     // answer the entries of a range that the sender lacks
	KindDigest                   // compare whole partitions
	KindRing                     // exchange ring states
	KindRumor                    // take rumors, and answer with rumors
	KindSync                     // take a turn of a session of anti-entropy, and answer with one
	KindTransfer                 // take entries that a session found, and answer with others
	KindApply                    // make an operation, and answer its delta
	KindBatch                    // take many writes, or many reads, and answer each
	KindHint                     // keep a delta for an owner that cannot be reached
)

// String names the kind.
func (k Kind) String() string {
	switch k {
	case KindWrite:
		return "write"
	case KindRead:
		return "read"
	case KindPage:
		return "page"
	case KindDigest:
		return "digest"
	case KindRing:
		return "ring"
	case KindRumor:
		return "rumor"
	case KindSync:
		return "sync"
	case KindTransfer:
		return "transfer"
	case KindApply:
		return "apply"
	case KindBatch:
		return "batch"
	case KindHint:
		return "hint"
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// OpID names an operation: made by the caller's node before anything is sent,
// and the same in every retry.
type OpID struct{ Hi, Lo uint64 }

// String gives the id in hexadecimal.
func (o OpID) String() string { return fmt.Sprintf("%016x%016x", o.Hi, o.Lo) }

// Header is what every request begins with.
type Header struct {
	Kind      Kind
	Version   uint8  // protocol version the message is written in
	Cluster   uint64 // hash of the cluster's name
	Table     uint64 // hash of the table's specification; 0: no table
	Partition uint32
	Ring      uint64    // version of the sender's ring state
	Boots     Boots     // of the owners that the request addresses
	Boot      peer.Boot // the sender's
	Clock     crdt.Time // the sender's
	Op        OpID
	Remaining time.Duration    // until the sender stops waiting, in whole milliseconds; never a date
	Class     uint8            // a transport.Class
	Frontier  crdt.Time        // what the sender has collected up to
	Have      crdt.Fingerprint // of the sender's own version; zero: none. A read may answer "equal"
}

const headerFields = 14

// AppendHeader appends the array head and the header; fields is how many
// elements the body adds.
func AppendHeader(dst []byte, h *Header, fields int) []byte {
	dst = appendArray(dst, headerFields+fields)
	dst = appendUint(dst, uint64(h.Kind))
	dst = appendUint(dst, uint64(h.Version))
	dst = appendUint(dst, h.Cluster)
	dst = appendUint(dst, h.Table)
	dst = appendUint(dst, uint64(h.Partition))
	dst = appendUint(dst, h.Ring)
	dst = h.Boots.append(dst)
	dst = appendBoot(dst, h.Boot)
	dst = appendUint(dst, uint64(h.Clock))
	dst = appendUint(appendUint(appendArray(dst, 2), h.Op.Hi), h.Op.Lo)
	dst = appendUint(dst, uint64(max(h.Remaining, 0)/time.Millisecond))
	dst = appendUint(dst, uint64(h.Class))
	dst = appendUint(dst, uint64(h.Frontier))
	return appendFingerprint(dst, h.Have)
}

// Request is a request under decoding: its header, and its body to be taken by
// one of the methods.
type Request struct {
	Header
	r    reader
	body int // elements that the body has
}

// ParseRequest decodes the header. The request refers to p.
func ParseRequest(p []byte) (Request, error) {
	q := Request{r: reader{p: p}}
	r := &q.r
	q.body = r.tuple(headerFields)
	q.Kind = Kind(r.uintMax(255))
	q.Version = uint8(r.uintMax(255))
	q.Cluster = r.uint()
	q.Table = r.uint()
	q.Partition = uint32(r.uintMax(1<<16 - 1))
	q.Ring = r.uint()
	q.Boots = takeBoots(r)
	q.Boot = takeBoot(r)
	q.Clock = crdt.Time(r.uint())
	r.pair()
	q.Op = OpID{Hi: r.uint(), Lo: r.uint()}
	q.Remaining = time.Duration(r.uintMax(1<<40)) * time.Millisecond
	q.Class = uint8(r.uintMax(255))
	q.Frontier = crdt.Time(r.uint())
	q.Have = takeFingerprint(r)
	return q, r.err
}

// Boots are the nonces of the boots of the owners that a request addresses.
// Decoded ones refer to the message.
type Boots struct {
	nonces []uint64
	raw    []byte // msgpack integers, when decoded
}

// MakeBoots returns the boots with the given nonces, at most [MaxBoots]; it
// keeps the slice.
func MakeBoots(nonces []uint64) Boots { return Boots{nonces: nonces} }

// Contains reports whether a boot with this nonce is addressed.
func (b Boots) Contains(nonce uint64) bool {
	for _, n := range b.nonces {
		if n == nonce {
			return true
		}
	}
	for r := (reader{p: b.raw}); len(r.p) > 0; {
		if r.uint() == nonce {
			return true
		}
	}
	return false
}

func (b Boots) append(dst []byte) []byte {
	dst = appendArray(dst, len(b.nonces))
	for _, n := range b.nonces {
		dst = appendUint(dst, n)
	}
	return dst
}

func takeBoots(r *reader) Boots {
	n := r.array(MaxBoots)
	start := r.p
	for range n {
		r.uint()
	}
	return Boots{raw: start[:len(start)-len(r.p)]}
}

func appendBoot(dst []byte, b peer.Boot) []byte {
	return appendUint(appendUint(appendArray(dst, 2), b.Counter), b.Nonce)
}

func takeBoot(r *reader) peer.Boot {
	r.pair()
	return peer.Boot{Counter: r.uint(), Nonce: r.uint()}
}

func appendFingerprint(dst []byte, f crdt.Fingerprint) []byte {
	if f.IsZero() {
		return appendBinHeader(dst, 0)
	}
	return appendBytes(dst, f[:])
}

func takeFingerprint(r *reader) (f crdt.Fingerprint) {
	b := r.bytes(len(f))
	if len(b) != 0 && len(b) != len(f) {
		r.fail("fingerprint")
		return f
	}
	copy(f[:], b)
	return f
}

// AppendWrite appends a whole write request: join delta into key.
func AppendWrite(dst []byte, h *Header, key string, delta []byte) []byte {
	return appendBytes(appendString(AppendHeader(dst, h, 2), key), delta)
}

// Write takes the body of a write.
func (q *Request) Write() (key, delta []byte, err error) {
	q.r.elements(q.body, 2)
	key, delta = q.r.bytes(MaxKey), q.r.bytes(MaxState)
	return key, delta, q.r.end()
}

// AppendRead appends a whole read request.
func AppendRead(dst []byte, h *Header, key string) []byte {
	return appendString(AppendHeader(dst, h, 1), key)
}

// Read takes the body of a read.
func (q *Request) Read() (key []byte, err error) {
	q.r.elements(q.body, 1)
	key = q.r.bytes(MaxKey)
	return key, q.r.end()
}

// Hint is a finished delta that a fallback is to keep, for the owner of the key
// whose boot has this nonce.
type Hint struct {
	Key, Delta []byte
	Owner      uint64
}

const hintFields = 3

// AppendHint appends a whole request to keep a hint. The reply is that to a write.
func AppendHint(dst []byte, h *Header, key string, delta []byte, owner uint64) []byte {
	dst = appendBytes(appendString(AppendHeader(dst, h, hintFields), key), delta)
	return appendUint(dst, owner)
}

// Hint takes the body of such a request.
func (q *Request) Hint() (h Hint, err error) {
	q.r.elements(q.body, hintFields)
	h = Hint{Key: q.r.bytes(MaxKey), Delta: q.r.bytes(MaxState), Owner: q.r.uint()}
	return h, q.r.end()
}
