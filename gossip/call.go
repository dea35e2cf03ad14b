package gossip

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/internal/replica"
	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/quorum"
	"github.com/grapevine-go/grapevine/transport"
)

// call drives one replica.Call. The caller's goroutine sends and waits; the
// transport's goroutines bring replies. When the caller has gone, the last
// reply repairs what was found behind and returns the call to its pool.
type call struct {
	n     *Node
	wake  chan struct{} // there is something to send, or the operation has ended
	timer *time.Timer

	// The caller's goroutine's:
	buf   []byte // this node's own replies
	delta []byte // what a write joins
	value []byte // an encoded value
	cell  crdt.Cell
	has   bool // what a read of another type than registers found is in value
	// joined is how many owners' states a read has joined.
	joined int
	begun  time.Time
	op     opKind
	t      *table            // of a read
	mode   quorum.RepairMode // of a read
	sent   []sent
	// waited is for how long a read has waited before it began.
	waited time.Duration
	// queued is how much longer it took because the node has too much to do.
	queued time.Duration
	batch  *bundle // that it is one of; nil: none
	// bundle, if it is set, takes what is sent first together with what other calls
	// send.
	bundle *bundle
	probe  *probe // what is measured of it goes there; nil: nothing is
	truth  bool   // and what all owners have is compared
	// of a read that has ended, for the repairer: who was found behind, who was
	// repaired before it returned, and who is to be repaired still
	found, mended, behind uint32
	span                  trace.Span // nil: nobody traces

	mu      sync.Mutex
	c       replica.Call
	pending uint32 // targets to send to
	refs    int    // the caller, and replies that are to come
	out     replica.Effects
}

// sent is a request that a peer may still be working on.
type sent struct {
	to *transport.Peer
	id transport.CallID
}

func newCall(n *Node) *call {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return &call{n: n, wake: make(chan struct{}, 1), timer: t}
}

// begin takes a call from the pool; release gives it back.
func (n *Node) begin() *call {
	k := n.calls.Get().(*call)
	k.refs = 1
	k.pending = 0
	k.op, k.truth = opNone, false
	k.mode, k.c.Session = quorum.RepairAsync, nil
	k.sent = k.sent[:0]
	k.waited, k.queued, k.batch = 0, 0, nil
	select {
	case <-k.wake:
	default:
	}
	return k
}

// deadline returns when an operation ends at the latest.
func (n *Node) deadline(ctx context.Context, now time.Time) time.Time {
	end := now.Add(n.cfg.Timeout)
	if d, ok := ctx.Deadline(); ok && d.Before(end) {
		return d
	}
	return end
}

// encode makes c the delta of the write.
func (k *call) encode(c crdt.Cell) { k.delta = c.AppendBinary(k.delta[:0]) }

// start sends to the first targets.
func (k *call) start(send uint32) {
	k.mu.Lock()
	if k.bundle != nil {
		send = k.bundle.take(k, send)
		k.bundle = nil
	}
	k.pending |= send
	k.mu.Unlock()
	k.flush()
}

// finish waits until the operation has ended.
func (k *call) finish(ctx context.Context) {
	for k.proceed(ctx) {
		k.mu.Lock()
		due := time.Until(k.c.Op.Deadline())
		k.mu.Unlock()
		k.timer.Reset(max(due, 0))
		select {
		case <-k.wake:
		case <-k.timer.C:
			k.tick(ctx)
		case <-ctx.Done():
			k.end(ended(ctx))
			k.cancel()
		case <-k.n.ctx.Done():
			k.end(k.n.alive())
		}
	}
	k.timer.Stop()
}

// proceed does what is to be done now, and reports whether the operation goes on.
func (k *call) proceed(ctx context.Context) bool {
	for k.flush() {
		if !k.decide(ctx) {
			return true
		}
	}
	return false
}

// tick tells the machine the time. At the context's deadline its own end may
// come a moment later, and says the same.
func (k *call) tick(ctx context.Context) {
	now := time.Now()
	if d, ok := ctx.Deadline(); ok && !now.Before(d) {
		k.end(errDeadline)
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.pending |= k.c.Tick(now)
}

// errDeadline is the cause when the context's deadline has passed.
var errDeadline = fmt.Errorf("%w: %w", quorum.ErrTimeout, context.DeadlineExceeded)

// ended is the cause when the context has ended.
func ended(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return errDeadline
	}
	return ctx.Err()
}

func (k *call) end(cause error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.c.Op.End(cause)
}

// cancel withdraws what was sent: nobody waits for it any more, and what it
// holds of the room for requests is free again.
func (k *call) cancel() {
	for _, s := range k.sent {
		s.to.Cancel(s.id)
	}
}

// flush sends to the pending targets, this node itself last, until there are
// none. It reports whether the operation goes on.
func (k *call) flush() bool {
	for {
		k.mu.Lock()
		if k.pending == 0 || k.c.Ended() && !k.c.Op.Spreads() {
			goesOn := !k.c.Ended()
			k.pending = 0
			k.mu.Unlock()
			return goesOn
		}
		now := time.Now()
		token, class, until := k.c.Token(0), k.c.Class(), k.c.Until()
		var to [quorum.MaxTargets]peer.ID
		var msg [quorum.MaxTargets][]byte
		self, others := 0, 0
		for m := k.pending; m != 0; m &= m - 1 {
			i := bits.TrailingZeros32(m)
			to[i], msg[i] = k.c.Op.Targets[i].ID, k.c.Msg(now, i)
			others++
			if k.c.IsSelf(i) {
				self, others = 1<<i, others-1
			}
		}
		send := k.pending
		k.pending = 0
		k.refs += others
		k.mu.Unlock()
		for m := send &^ uint32(self); m != 0; m &= m - 1 {
			i := bits.TrailingZeros32(m)
			k.send(to[i], transport.Class(class), msg[i], until, token+uint64(i))
		}
		if self != 0 {
			i := bits.TrailingZeros32(uint32(self))
			k.buf = k.n.replica.Serve(now, msg[i], k.buf[:0])
			k.take(now, token+uint64(i), k.buf, nil)
		}
	}
}

func (k *call) send(to peer.ID, class transport.Class, msg []byte, until time.Time, token uint64) {
	if p := k.n.peer(to); p != nil {
		k.sent = append(k.sent, sent{p, p.Call(class, msg, until, k, token)})
		return
	}
	k.Complete(token, nil, transport.ErrUnreachable)
}

// take brings a reply to the machine.
func (k *call) take(now time.Time, token uint64, reply []byte, err error) {
	maybe := err != nil && transport.MayHaveArrived(err)
	switch {
	case err == nil && k.probe != nil && token>>8 == 0:
		k.probe.trip(k.op, now.Sub(k.begun))
	case err == nil:
	case k.n.ctx.Err() != nil:
		k.end(k.n.alive()) // it is the node that has no connections any more
	case errors.Is(err, transport.ErrTimeout):
		k.lost(token, maybe)
		return // it is the operation's deadline: the caller sees it as well
	case errors.Is(err, transport.ErrOverloaded):
		err = overloaded(err)
	}
	k.mu.Lock()
	k.traced(token, now, err)
	if round, send := k.c.Op.Round, k.c.Reply(now, token, reply, err, maybe, &k.out); round == k.c.Op.Round || k.c.Op.Mending() {
		k.pending |= send
	} else {
		k.pending = send // what was still to be sent was for targets of the round before
	}
	out := k.out
	k.out = replica.Effects{}
	k.mu.Unlock()
	if len(out.Sends) > 0 {
		k.n.carry(&out)
	}
}

// overloaded is how an operation is told of an owner that has no room.
func overloaded(err error) error {
	o := &quorum.OverloadError{Owner: true}
	if of := new(transport.OverloadError); errors.As(err, &of) {
		o.RetryAfter = of.RetryAfter
	}
	return fmt.Errorf("%w: %w", o, err)
}

// lost tells the machine of a request that has had no answer by the deadline, and
// whether it may have been sent.
func (k *call) lost(token uint64, maybe bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.c.Lost(token); !maybe {
		k.c.Op.Unsent()
	}
}

// done reports how the operation ended, to who measures it.
func (k *call) done(err error) {
	k.n.metrics.done(k, err)
	k.endTrace(err)
}

// Complete implements transport.Completion.
func (k *call) Complete(token uint64, reply []byte, err error) {
	k.take(time.Now(), token, reply, err)
	k.mu.Lock()
	news := k.c.Ended() || k.pending != 0 || k.c.Op.Phase == quorum.Diverged
	k.refs--
	last, batch := k.refs == 0, k.batch // which is no more this one's when others have released it
	k.mu.Unlock()
	if last {
		k.recycle()
		return
	}
	if news {
		signal(k.wake)
		if batch != nil {
			signal(batch.wake)
		}
	}
}

// signal says that there is something to look at.
func signal(wake chan<- struct{}) {
	select {
	case wake <- struct{}{}:
	default:
	}
}

// release ends the caller's use of the call.
func (k *call) release() {
	k.mu.Lock()
	k.refs--
	last := k.refs == 0
	k.mu.Unlock()
	if last {
		k.recycle()
	}
}

// recycle leaves what a read found behind to be repaired, when all who were
// asked have answered, and gives the call back.
func (k *call) recycle() {
	if k.truth {
		k.judge()
	}
	if k.op == opWrite {
		k.c.Handoff(time.Now())
	}
	if k.op == opRead && k.toRepair() && k.n.repairs.offer(k) {
		return // the repairer gives it back
	}
	k.pool()
}

// pool gives the call back, without the memory that a large value took.
func (k *call) pool() {
	for _, b := range []*[]byte{&k.buf, &k.delta, &k.value} {
		if cap(*b) > 64<<10 {
			*b = nil
		}
	}
	k.n.calls.Put(k)
}
