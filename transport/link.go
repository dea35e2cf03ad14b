package transport

import (
	"encoding/binary"
	"errors"
	"sync/atomic"
	"time"
)

// link is an outgoing connection to a peer, from the first call that waits for
// it to be dialled until the last call on it ended. Its reading goroutine owns
// it: the one that dialled.
type link struct {
	outbox   // its lock guards the fields down to the blank line
	calls    callTable
	inFlight int // bytes of requests not answered
	pace     pace
	earliest int64 // no call's deadline is before this
	asm      assembler
	limit    int // the peer's MaxMessage, or ours if that is less
	remote   Remote
	leaving  bool  // the peer said that it takes no new requests
	stuck    bool  // a call ended unanswered: the kernel may still hold its bytes
	keep     int64 // when the connection may be closed if nothing uses it

	peer   *Peer
	readAt atomic.Int64 // when what is being received was read
	pulse
}

// errLinkDown: this link takes no calls; the peer's state says what to do.
var errLinkDown = errors.New("transport: link down")

// How long a connection is kept after its last request. What goes on by itself
// meets each member now and then: in a large cluster that is no reason to keep
// connections from all to all. Those that a user waits for are worth keeping.
const (
	keepQuiet      = 10 * time.Second
	keepForeground = 5 * time.Minute
)

func keepFor(c Class) int64 {
	if c == Foreground {
		return int64(keepForeground)
	}
	return int64(keepQuiet)
}

// errUnused: nothing used the link for a while.
var errUnused = errors.New("transport: connection was not used")

// errLeft: the peer said goodbye and every call on the link has ended.
var errLeft = errors.New("transport: the peer said goodbye")

func newLink(p *Peer) *link {
	l := &link{peer: p, earliest: forever, limit: p.t.cfg.MaxMessage}
	l.asm = assembler{out: &l.outbox, limit: p.t.cfg.MaxInFlight}
	l.outbox.init(p.t, &p.stats)
	l.pulse.init(&l.outbox, p.t.cfg, true)
	l.pace.init()
	return l
}

// call sends a request. An error means that it was not sent and that nobody was
// told of it yet.
func (l *link) call(class Class, request []byte, deadline int64, done Completion, token uint64) (uint64, error) {
	now := l.t.now()
	if deadline <= now {
		return 0, unsent(ErrTimeout)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.admit(class, len(request), now); err != nil {
		return 0, err
	}
	id := l.calls.add(call{done: done, token: token, begun: now, deadline: deadline, size: len(request), class: class})
	if id == 0 {
		return 0, l.refuse()
	}
	if class == Foreground {
		l.pace.begin()
	}
	l.inFlight += len(request)
	l.earliest = min(l.earliest, deadline)
	l.keep = max(l.keep, now+keepFor(class))
	c := l.calls.find(id)
	if len(request) <= maxSmall {
		var prefix [requestPrefix]byte
		binary.BigEndian.PutUint32(prefix[:], remaining(deadline, now))
		c.at = l.push(kindRequest, class, id, prefix[:], request)
	} else {
		c.out = &outgoing{stream: id, class: class, kind: kindRequestOpen, deadline: deadline, data: retain(request)}
		l.pushLarge(c.out)
	}
	l.send()
	return id, nil
}

// retain copies what the caller may reuse after Call.
func retain(request []byte) []byte {
	if len(request) <= maxFrame {
		return append([]byte(nil), request...)
	}
	return request
}

func (l *link) admit(class Class, size int, now int64) error {
	switch {
	case l.err != nil || l.leaving:
		return errLinkDown
	case size > l.limit:
		return ErrTooLarge
	case l.inFlight+size > l.t.cfg.MaxInFlight || l.queued > l.t.cfg.MaxInFlight || class == Foreground && l.pace.full(now):
		return l.refuse()
	}
	return nil
}

// directSize is what a caller writes by itself: what even the smallest socket
// buffer takes.
const directSize = 4 << 10

// send gets what call queued on its way. A lone caller writes by itself, which
// saves two goroutine switches, where that cannot block: everything sent before
// was answered, so the kernel's buffer is empty.
func (l *link) send() {
	lone := l.calls.n == 1
	l.crowded = !lone
	if lone && !l.stuck && !l.writing && l.conn != nil && l.queued <= directSize && l.bulk.Load() == 0 {
		l.writing = true
		l.flush()
		l.release()
		return
	}
	l.kick()
}

// ended is a call that was taken off its link, to be completed without the
// lock.
type ended struct {
	done  Completion
	token uint64
	err   error
}

// end takes a call off the link and completes it, if nobody did before.
func (l *link) end(id uint64, reply []byte, err error) {
	l.mu.Lock()
	c, ok := l.calls.take(id)
	if ok {
		err = l.forget(&c, err)
	}
	l.mu.Unlock()
	if ok {
		c.done.Complete(c.token, reply, err)
	}
}

// takeAll takes the calls that match off the link. The caller holds mu, and
// completes them without it.
func (l *link) takeAll(err error, match func(*call) bool) (all []ended) {
	for i := range l.calls.slots {
		if c := &l.calls.slots[i]; c.id != 0 && match(c) {
			taken, _ := l.calls.take(c.id)
			all = append(all, ended{taken.done, taken.token, l.forget(&taken, err)})
		}
	}
	return all
}

func complete(all []ended) {
	for _, e := range all {
		e.done.Complete(e.token, nil, e.err)
	}
}

// forget returns what a taken call held, tells the peer if nobody waits for the
// answer any more, and gives the error the call ends with, which says whether
// the request was sent. The caller holds mu.
func (l *link) forget(c *call, err error) error {
	l.inFlight -= c.size
	if c.class == Foreground {
		l.paced(c, err)
	}
	arrived := c.arrived(&l.outbox)
	if c.out != nil {
		l.drop(c.class, c.id)
	}
	if c.in != nil {
		c.in.dropped = true
		l.asm.release(c.in)
	}
	switch {
	case err == nil:
		l.stuck = l.stuck && l.calls.n > 0
	case !arrived:
		if c.out == nil {
			l.queues[c.class].withdraw(c.at)
		}
		err = unsent(err)
	case err == ErrTimeout || err == ErrCanceled:
		l.stuck = true
		if l.queues[Control].pending() < maxFrame {
			l.push(kindCancel, Control, c.id, nil, nil)
			l.kick()
		}
	}
	if l.leaving && l.calls.n == 0 {
		l.fail(errLeft)
	}
	return err
}

// paced tells what a call took: until its answer was read, or its deadline. The
// caller holds mu.
func (l *link) paced(c *call, err error) {
	now := l.readAt.Load()
	if err != nil {
		now = l.t.now()
	}
	l.pace.end(now, time.Duration(now-c.begun), err == nil || err == ErrTimeout)
}

// expire ends the calls whose deadline passed and returns the earliest deadline
// of the others.
func (l *link) expire(now int64) int64 {
	l.mu.Lock()
	var expired []ended
	if l.earliest <= now {
		next := forever
		expired = l.takeAll(ErrTimeout, func(c *call) bool {
			if c.deadline > now {
				next = min(next, c.deadline)
				return false
			}
			return true
		})
		l.earliest = next
	}
	next := l.earliest
	l.mu.Unlock()
	complete(expired)
	return next
}

// establish hands the dialled connection to the calls that wait for it. Those
// that turn out to be above the peer's limit end.
func (l *link) establish(s session) {
	l.mu.Lock()
	l.limit = min(l.limit, s.maxMessage)
	l.conn, l.remote = s.conn, s.remote
	oversized := l.takeAll(ErrTooLarge, func(c *call) bool { return c.size > l.limit })
	if l.err == nil {
		l.kick()
	} else {
		hangUp(s.conn)
	}
	l.mu.Unlock()
	complete(oversized)
}

// retire closes the connection if nothing uses it any more: it takes no call
// then. It reports whether it did.
func (l *link) retire(now int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now < l.keep || l.calls.n > 0 || l.writing || l.err != nil {
		return false
	}
	l.fail(errUnused)
	return true
}

// shut ends the link: no call is taken any more and all open ones end with err.
func (l *link) shut(err error) {
	l.mu.Lock()
	l.fail(err)
	open := l.takeAll(err, func(*call) bool { return true })
	l.mu.Unlock()
	complete(open)
}

// abort makes the reading goroutine end the link, with err as the reason.
func (l *link) abort(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fail(err)
}
