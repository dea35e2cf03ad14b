package wire

import "github.com/grapevine-go/grapevine/crdt"

// Apply is the body of a request to make an operation at an owner. The header
// has the operation's id, and one boot: that of the owner which is to make it.
type Apply struct {
	Key     []byte
	Op      []byte    // an encoded crdt.Op
	Begun   crdt.Time // the clock of the caller's node when it made the id: how old the operation is
	Attempt uint32    // rises with each request for the operation that follows a refusal
	Tell    bool      // do not make it, but tell what was made; if nothing was, this attempt and those before are refused from now on
}

// AppendApply appends a whole request to make an operation.
func AppendApply(dst []byte, h *Header, key string, a *Apply) []byte {
	dst = appendBytes(appendString(AppendHeader(dst, h, 5), key), a.Op)
	dst = appendUint(dst, uint64(a.Begun))
	return appendBool(appendUint(dst, uint64(a.Attempt)), a.Tell)
}

// Apply takes the body of a request to make an operation. Its slices refer to
// the message.
func (q *Request) Apply() (a Apply, err error) {
	q.r.elements(q.body, 5)
	a.Key, a.Op = q.r.bytes(MaxKey), q.r.bytes(MaxState)
	a.Begun = crdt.Time(q.r.uint())
	a.Attempt = uint32(q.r.uintMax(1<<32 - 1))
	a.Tell = q.r.bool()
	return a, q.r.end()
}

// AppendMade appends the reply to a request to make an operation: the delta that
// came of it, which the owner has joined.
func AppendMade(dst []byte, h *ReplyHeader, delta []byte) []byte {
	return appendBytes(AppendReply(dst, h, 1), delta)
}

// Made takes the body of a reply to a request to make an operation. The delta
// refers to the reply.
func (a *Reply) Made() (delta []byte, err error) {
	a.r.elements(a.body, 1)
	delta = a.r.bytes(MaxState)
	return delta, a.r.end()
}
