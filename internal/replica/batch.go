package replica

import (
	"time"

	"github.com/grapevine-go/grapevine/internal/wire"
	"github.com/grapevine-go/grapevine/peer"
)

// Limits of a batch: the keys of one message and about its bytes. A reply ends at
// as many; what it has no room for is asked for alone.
const (
	MaxBatch      = wire.MaxBatch
	maxBatchBytes = 1 << 20
)

// Batch gathers what several calls send to one member in one message. Each call
// goes on by itself: it is brought its own reply. The zero Batch is empty. It is
// not safe for concurrent use.
type Batch struct {
	To    peer.ID
	Calls int

	head  wire.Header
	of    wire.Kind
	items []byte
	boot  [1]uint64
	until time.Time
}

// Add takes what a call that has just begun sends to a target. It reports false if
// that has to go alone, or in another batch: the call is of another kind or table,
// or saw another ring state, or there is no room.
func (b *Batch) Add(c *Call, i int, now time.Time) bool {
	t := &c.Op.Targets[i]
	_, fallback := c.Op.Fallback(i)
	of := wire.KindWrite
	if c.verb == reading {
		of = wire.KindRead
	}
	if fallback || c.verb == paging || c.verb == making || c.Op.Round != 0 || c.Op.Mending() || len(c.delta)+len(c.key) > maxBatchBytes/4 {
		return false
	}
	if b.Calls == 0 {
		b.To, b.of, b.boot[0], b.until = t.ID, of, t.Nonce, c.deadline
		b.head = c.r.header(c.view, wire.KindBatch, c.class, c.deadline.Sub(now))
		b.head.Table, b.head.Op = c.table.Hash, c.ID
	}
	if b.To != t.ID || b.boot[0] != t.Nonce || b.of != of || b.head.Table != c.table.Hash || b.head.Ring != c.view.version ||
		b.Calls == MaxBatch || len(b.items)+len(c.key)+len(c.delta) > maxBatchBytes {
		return false
	}
	var delta []byte
	if of == wire.KindWrite {
		delta = c.delta
	}
	b.items = wire.AppendItem(b.items, uint32(c.part), c.have, c.key, delta)
	b.Calls++
	if c.deadline.After(b.until) {
		b.until = c.deadline
	}
	c.atOnce &^= 1 << i // it takes as long as all of them: no measure of the member
	return true
}

// Msg is the message; it is the caller's.
func (b *Batch) Msg() []byte {
	h := b.head
	h.Boots = wire.MakeBoots(b.boot[:])
	return wire.AppendBatch(make([]byte, 0, len(b.items)+256), &h, b.of, b.Calls, b.items)
}

// Class is the class to send it in, Until when its replies are of no more use.
func (b *Batch) Class() uint8     { return b.head.Class }
func (b *Batch) Until() time.Time { return b.until }

// Split gives each call its reply, in the order in which they were added; an
// empty one says that the call's message has to be sent alone. A reply that
// refuses the batch, or is none, is the reply to each.
func (b *Batch) Split(reply []byte, each func(i int, reply []byte)) {
	a, err := wire.ParseReply(reply)
	if err == nil && a.Status == wire.OK {
		var replies wire.Replies
		if replies, err = a.Batch(); err == nil && replies.Len == b.Calls {
			for i := range b.Calls {
				each(i, replies.Next())
			}
			return
		}
	}
	if err != nil || a.Status == wire.OK {
		reply = noReply
	}
	for i := range b.Calls {
		each(i, reply)
	}
}

// noReply is not to be taken for anything.
var noReply = []byte{0xc0}

// batch answers each request of a batch as if it had come alone.
func (s *serving) batch(q *wire.Request) []byte {
	b, err := q.Batch()
	if err != nil {
		return s.refuse(wire.Malformed, err.Error())
	}
	s.fill(wire.OK)
	begun := len(s.dst)
	dst := wire.BeginBatch(s.dst, &s.head, b.Len)
	for b.Len > 0 {
		item := b.Next()
		at := wire.BeginItem(dst)
		one := serving{r: s.r, view: s.r.view.Load(), now: s.now, dst: at}
		one.head.Clock = s.head.Clock
		switch {
		case len(dst)-begun > maxBatchBytes:
			dst = at
			continue
		case one.view.version != q.Ring && !s.r.cfg.Rules.NoFence: // it has changed since the first
			dst = wire.EndItem(at, one.stale(wire.StaleRing))
		default:
			dst = wire.EndItem(at, one.about(&item))
		}
	}
	return dst
}
