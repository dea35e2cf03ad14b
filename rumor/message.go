package rumor

import (
	"fmt"
	"strings"

	"github.com/grapevine-go/grapevine/peer"
)

// Rumor is an update on its way. Key and Version name it: of one key a node
// holds only one version hot, the last that was news to it.
type Rumor struct {
	Key     string // of what was updated
	Version uint64 // differs for different bodies of a key, say a hash of the body
	Body    []byte // opaque; never changed, and shared by all who hold it
	Salt    uint32 // of the orders of structured targets; the origin draws it
	K       int16  // copies that everybody can expect of it with structured targets; 0: as the receiver's own
	Count   int16  // the sender's counter; with structured targets the number of the order
	Hops    uint8  // how many hops the rumor has come, 0 at its origin; stays at 255

	// News is said by the receiver's caller, and is not sent: that joining the
	// body changed what the node knows.
	News bool
}

// Ref names a rumor without its body.
type Ref struct {
	Key     string
	Version uint64

	// Lacks is said by the receiver's caller of what a message announces, and is
	// not sent: that the node does not know the rumor.
	Lacks bool
}

// Ack is the feedback on one rumor.
type Ack struct {
	Key     string
	Version uint64
	Needed  bool  // it was news
	Count   int16 // the receiver's counter, or -1 where the rumor is not hot
}

// Message is what one node sends another; any of the parts may be empty.
type Message struct {
	Contact bool    // begins an exchange, and needs a connection where those are limited
	Pull    bool    // asks for what is hot at the receiver
	Reject  bool    // the contact was not accepted: nothing of it was read
	Rumors  []Rumor // bodies
	Have    []Ref   // announced without bodies
	Want    []Ref   // asked for
	Acks    []Ack   // feedback
}

// Sizes that a packet is packed by, in bytes: of a message, and of each entry
// over its key and body.
const (
	messageOverhead = 8
	entryOverhead   = 18
)

// Size estimates the message's length in bytes when encoded.
func (m *Message) Size() int {
	n := messageOverhead
	for i := range m.Rumors {
		n += m.Rumors[i].size()
	}
	for _, refs := range [][]Ref{m.Have, m.Want} {
		for i := range refs {
			n += entryOverhead + len(refs[i].Key)
		}
	}
	for i := range m.Acks {
		n += entryOverhead + len(m.Acks[i].Key)
	}
	return n
}

func (r *Rumor) size() int { return entryOverhead + len(r.Key) + len(r.Body) }

// Empty reports whether the message says nothing.
func (m *Message) Empty() bool {
	return !m.Pull && !m.Reject && len(m.Rumors)+len(m.Have)+len(m.Want)+len(m.Acks) == 0
}

// CopyFrom makes m a copy of o that shares nothing with it but keys and bodies.
// It allocates only where o has more entries than m ever had.
func (m *Message) CopyFrom(o *Message) {
	m.Contact, m.Pull, m.Reject = o.Contact, o.Pull, o.Reject
	m.Rumors = append(m.Rumors[:0], o.Rumors...)
	m.Have = append(m.Have[:0], o.Have...)
	m.Want = append(m.Want[:0], o.Want...)
	m.Acks = append(m.Acks[:0], o.Acks...)
}

func (m *Message) reset() {
	m.Contact, m.Pull, m.Reject = false, false, false
	m.Rumors, m.Have, m.Want, m.Acks = m.Rumors[:0], m.Have[:0], m.Want[:0], m.Acks[:0]
}

// Send is a message and whom it is for.
type Send struct {
	To      peer.ID
	Message Message
}

// Fetch is a request for the body of a rumor that is no longer hot: the caller
// answers it with a message that holds the rumor, or leaves it.
type Fetch struct {
	To  peer.ID
	Ref Ref
}

// Effects are what a call wants done. The caller owns the value and reuses it:
// calls append, [Effects.Reset] empties it and keeps the memory, so what is kept
// for longer must be copied ([Message.CopyFrom]).
type Effects struct {
	Sends   []Send
	Fetches []Fetch
}

// Reset empties the effects.
func (e *Effects) Reset() { e.Sends, e.Fetches = e.Sends[:0], e.Fetches[:0] }

// message appends an empty message for a member. The pointer is good until the
// next is appended.
func (e *Effects) message(to peer.ID) *Message {
	n := len(e.Sends)
	if n < cap(e.Sends) {
		e.Sends = e.Sends[:n+1]
	} else {
		e.Sends = append(e.Sends, Send{})
	}
	s := &e.Sends[n]
	s.To = to
	s.Message.reset()
	return &s.Message
}

// drop takes the last message back.
func (e *Effects) drop() { e.Sends = e.Sends[:len(e.Sends)-1] }

// String lists the effects, one a line.
func (e *Effects) String() string {
	var b strings.Builder
	for i := range e.Sends {
		s := &e.Sends[i]
		fmt.Fprintf(&b, "to %s:%s\n", s.To, &s.Message)
	}
	for _, f := range e.Fetches {
		fmt.Fprintf(&b, "fetch %s for %s\n", f.Ref.Key, f.To)
	}
	return b.String()
}

// String gives the message's parts in words.
func (m *Message) String() string {
	var b strings.Builder
	for _, part := range []struct {
		is   bool
		word string
	}{{m.Contact, " contact"}, {m.Pull, " pull"}, {m.Reject, " reject"}} {
		if part.is {
			b.WriteString(part.word)
		}
	}
	for _, r := range m.Rumors {
		fmt.Fprintf(&b, " %s=%d", r.Key, r.Version)
	}
	for _, r := range m.Have {
		fmt.Fprintf(&b, " have %s=%d", r.Key, r.Version)
	}
	for _, r := range m.Want {
		fmt.Fprintf(&b, " want %s=%d", r.Key, r.Version)
	}
	for _, a := range m.Acks {
		fmt.Fprintf(&b, " ack %s=%d needed=%t", a.Key, a.Version, a.Needed)
	}
	return b.String()
}
