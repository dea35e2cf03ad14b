package gossip

import (
	"context"
	"math/bits"
	"time"

	"github.com/grapevine-go/grapevine/internal/replica"
	"github.com/grapevine-go/grapevine/transport"
)

// bundle gathers what calls send first, one message for each owner. It is its
// caller's goroutine's, but for wake.
type bundle struct {
	n       *Node
	wake    chan struct{} // some of them have something to send, or have ended
	place   entrance      // how each call takes its place, beside the one they have waited for
	parcels []*parcel
}

// parcel is one message, and whose replies come with its reply.
type parcel struct {
	n      *Node
	msg    replica.Batch
	calls  []*call
	tokens []uint64
	sent   sent
}

// take takes what a call sends to other nodes, and returns the targets that it
// has to send to itself: this node, and what does not fit. It is called under the
// call's lock, before anything was sent.
func (b *bundle) take(k *call, send uint32) (left uint32) {
	now := time.Now()
	left = send
	for m := send; m != 0; m &= m - 1 {
		i := bits.TrailingZeros32(m)
		if !k.c.IsSelf(i) && b.add(k, i, now) {
			left &^= 1 << i
		}
	}
	if k.op == opRead && left != send { // what many keys take says nothing of one
		k.c.Op.HedgeAfter(now, hedgeAfter)
	}
	return left
}

func (b *bundle) add(k *call, i int, now time.Time) bool {
	to := k.c.Op.Targets[i].ID
	var p *parcel
	for _, o := range b.parcels { // as many as there are members, at the most, but for large ones
		if o.msg.To == to {
			p = o
		}
	}
	if p == nil || !p.msg.Add(&k.c, i, now) {
		p = &parcel{n: b.n}
		if !p.msg.Add(&k.c, i, now) {
			return false
		}
		b.parcels = append(b.parcels, p)
	}
	k.refs++
	p.calls, p.tokens = append(p.calls, k), append(p.tokens, k.c.Token(i))
	return true
}

// send sends the messages.
func (b *bundle) send() {
	for _, p := range b.parcels {
		to := b.n.peer(p.msg.To)
		if to == nil {
			p.Complete(0, nil, transport.ErrUnreachable)
			continue
		}
		p.sent = sent{to, to.Call(transport.Class(p.msg.Class()), p.msg.Msg(), p.msg.Until(), p, 0)}
	}
}

// drive has the calls go on together until all have ended, or the context has: each
// by itself would only be looked after when those before it have ended, and where an
// owner fails, all that have to ask another would do so one after the other.
func (b *bundle) drive(ctx context.Context, calls []*call) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		next, open := goOn(ctx, calls)
		if !open {
			return
		}
		timer.Reset(max(time.Until(next), 0))
		select {
		case <-b.wake:
		case <-timer.C:
		case <-ctx.Done():
			return
		case <-b.n.ctx.Done():
			return
		}
	}
}

// goOn has calls send what they have to, and tells them the time where that is due.
// It returns when it is due next, and whether any has not ended.
func goOn(ctx context.Context, calls []*call) (next time.Time, open bool) {
	now := time.Now()
	for _, k := range calls {
		if k == nil || !k.proceed(ctx) {
			continue
		}
		k.mu.Lock()
		due := k.c.Op.Deadline()
		k.mu.Unlock()
		if !now.Before(due) {
			k.tick(ctx)
			k.proceed(ctx)
		}
		if !open || due.Before(next) {
			next, open = due, true
		}
	}
	return next, open
}

// cancel withdraws them.
func (b *bundle) cancel() {
	for _, p := range b.parcels {
		if p.sent.to != nil {
			p.sent.to.Cancel(p.sent.id)
		}
	}
}

// Complete implements transport.Completion.
func (p *parcel) Complete(_ uint64, reply []byte, err error) {
	if err != nil {
		for i, k := range p.calls {
			k.Complete(p.tokens[i], nil, err)
		}
		return
	}
	p.msg.Split(reply, func(i int, reply []byte) {
		if len(reply) == 0 {
			p.alone(i)
			return
		}
		p.calls[i].Complete(p.tokens[i], reply, nil)
	})
}

// alone sends one call's message, for which there was no room.
func (p *parcel) alone(i int) {
	k, token := p.calls[i], p.tokens[i]
	k.mu.Lock()
	present := uint8(token>>8) == k.c.Op.Round
	var msg []byte
	if present {
		msg = k.c.Msg(time.Now(), int(token&0xff))
	}
	class, until := transport.Class(k.c.Class()), k.c.Until()
	k.mu.Unlock()
	if to := p.n.peer(p.msg.To); present && to != nil {
		to.Call(class, msg, until, k, token)
		return
	}
	k.Complete(token, nil, transport.ErrUnreachable)
}
