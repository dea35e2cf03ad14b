package wire

import (
	"encoding/binary"
	"fmt"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/peer"
)

// Status says how a request was taken. Everything but OK and Moved changed
// nothing.
type Status uint8

// The statuses.
const (
	OK            Status = iota
	StaleRing            // the receiver knows another ring state; it is in the body
	StaleBoot            // the request addresses another boot of the receiver
	NotOwner             // the receiver does not own the partition
	TableMismatch        // the receiver knows no table of this specification
	NotOpen              // the receiver's program has not opened the table, whose type is its own
	Overloaded           // the receiver has no room for it now
	TooLarge             // a key or a value is over the receiver's limit
	Skew                 // a stamp is too far in the future
	Malformed            // the request cannot be understood
	WrongCluster         // the request is for another cluster
	NotReady             // the receiver has not learned the ring state yet
	Moved                // as StaleRing, but found after the write was joined: it is not counted, and may stay
	Unsynced             // the receiver's data is not complete: it makes no operation
	Forgotten            // the receiver may have forgotten whether it made the operation
	Invalid              // the type does not take the operation, or not with the present state
)

var statusNames = [...]string{"ok", "stale ring", "stale boot", "not an owner", "table mismatch", "table not open",
	"overloaded", "too large", "clock skew", "malformed", "wrong cluster", "not ready", "ring moved",
	"not synced", "forgotten", "invalid operation"}

// String names the status.
func (s Status) String() string {
	if int(s) < len(statusNames) {
		return statusNames[s]
	}
	return fmt.Sprintf("status %d", uint8(s))
}

// ReplyHeader is what every reply begins with.
type ReplyHeader struct {
	Status Status
	Boot   peer.Boot // the receiver's
	Synced bool      // the receiver's data of the request's partition is complete
	Ring   uint64    // version of the receiver's ring state
	Clock  crdt.Time // the receiver's
	Credit uint32    // KiB that the receiver is ready to take in flight from this sender
}

const replyFields = 6

// AppendReply appends the array head and the header; fields is how many
// elements the body adds.
func AppendReply(dst []byte, h *ReplyHeader, fields int) []byte {
	dst = appendArray(dst, replyFields+fields)
	dst = appendUint(dst, uint64(h.Status))
	dst = appendBoot(dst, h.Boot)
	dst = appendBool(dst, h.Synced)
	dst = appendUint(dst, h.Ring)
	dst = appendUint(dst, uint64(h.Clock))
	return appendUint(dst, uint64(h.Credit))
}

// Reply is a reply under decoding.
type Reply struct {
	ReplyHeader
	r    reader
	body int // elements that the body has
}

// ParseReply decodes the header. The reply refers to p.
func ParseReply(p []byte) (Reply, error) {
	a := Reply{r: reader{p: p}}
	r := &a.r
	a.body = r.tuple(replyFields)
	a.Status = Status(r.uintMax(255))
	a.Boot = takeBoot(r)
	a.Synced = r.bool()
	a.Ring = r.uint()
	a.Clock = crdt.Time(r.uint())
	a.Credit = uint32(r.uintMax(1<<32 - 1))
	return a, r.err
}

// AppendAck appends the body of a reply to a write: what the join did.
func AppendAck(dst []byte, h *ReplyHeader, j crdt.Joined) []byte {
	dst = appendBool(AppendReply(dst, h, 3), j.Changed)
	dst = appendUint(dst, uint64(j.Dominated.Time))
	if j.Dominated.IsZero() {
		return appendBinHeader(dst, 0)
	}
	return appendBytes(dst, j.Dominated.Actor[:])
}

// Ack takes the body of a reply to a write.
func (a *Reply) Ack() (j crdt.Joined, err error) {
	a.r.elements(a.body, 3)
	j.Changed = a.r.bool()
	j.Dominated.Time = crdt.Time(a.r.uint())
	actor := a.r.bytes(len(j.Dominated.Actor))
	if len(actor) != 0 && len(actor) != len(j.Dominated.Actor) {
		a.r.fail("actor")
	}
	copy(j.Dominated.Actor[:], actor)
	return j, a.r.end()
}

// Found says what a read found.
type Found uint8

// What a read can find.
const (
	Absent Found = iota // no state: an answer, if the owner is synced
	Equal               // the state is the one whose fingerprint the request gave
	State               // the state follows
)

// AppendFound appends the body of a reply to a read that carries no state.
func AppendFound(dst []byte, h *ReplyHeader, f Found) []byte {
	return appendUint(AppendReply(dst, h, 1), uint64(f))
}

// BeginState begins a reply to a read that carries a state: the caller appends
// the state's encoding and completes the reply with [EndState].
func BeginState(dst []byte, h *ReplyHeader) []byte {
	dst = appendUint(AppendReply(dst, h, 2), uint64(State))
	return append(dst, 0xc6, 0, 0, 0, 0)
}

// EndState completes a reply of which begun is what [BeginState] returned.
func EndState(begun, reply []byte) []byte {
	binary.BigEndian.PutUint32(reply[len(begun)-4:], uint32(len(reply)-len(begun)))
	return reply
}

// Found takes the body of a reply to a read. The state refers to the reply.
func (a *Reply) Found() (f Found, state []byte, err error) {
	f = Found(a.r.uintMax(uint64(State)))
	a.r.elements(a.body, 1+int(f/State))
	if f == State {
		state = a.r.bytes(MaxState)
	}
	return f, state, a.r.end()
}

// AppendRefusal appends a reply that refuses, with a body for people or, for
// StaleRing, the receiver's ring state.
func AppendRefusal(dst []byte, h *ReplyHeader, body []byte) []byte {
	return appendBytes(AppendReply(dst, h, 1), body)
}

// Refusal takes the body of a reply that refuses.
func (a *Reply) Refusal() (body []byte, err error) {
	a.r.elements(a.body, 1)
	body = a.r.bytes(MaxRing)
	return body, a.r.end()
}
