package transport

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
)

// link is an outgoing connection to a peer, from the first call that waits for
// it to be dialled until the last call on it ended. Its reading goroutine owns
// it: the one that dialled.
type link struct {
	outbox   // its lock guards the fields down to the blank line
	calls    callTable
	inFlight int   // bytes of requests not answered
	earliest int64 // no call's deadline is before this
	asm      assembler
	limit    int // the peer's MaxMessage
	remote   Remote
	leaving  bool // the peer said that it takes no new requests
	stuck    bool // a call ended unanswered: the kernel may still hold its bytes

	peer *Peer
	pulse
}

// errLinkDown: this link takes no calls; the peer's state says what to do.
var errLinkDown = errors.New("transport: link down")

func newLink(p *Peer) *link {
	l := &link{peer: p, earliest: forever, limit: p.t.cfg.MaxMessage}
	l.asm = assembler{out: &l.outbox, limit: p.t.cfg.MaxInFlight}
	l.outbox.init(p.t, &p.stats)
	l.pulse.init(&l.outbox, p.t.cfg, true)
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
	if err := l.admit(len(request)); err != nil {
		return 0, err
	}
	id := l.calls.add(call{done: done, token: token, deadline: deadline, size: len(request), class: class})
	if id == 0 {
		return 0, ErrOverloaded
	}
	l.inFlight += len(request)
	l.earliest = min(l.earliest, deadline)
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

func (l *link) admit(size int) error {
	switch {
	case l.err != nil || l.leaving:
		return errLinkDown
	case size > l.limit:
		return ErrTooLarge
	case l.inFlight+size > l.t.cfg.MaxInFlight || l.queued > l.t.cfg.MaxInFlight+maxFrame:
		return ErrOverloaded
	}
	return nil
}

// send gets what call queued on its way. A lone caller writes by itself, which
// saves two goroutine switches, where that cannot block: everything sent before
// was answered, so the kernel's buffer is empty.
func (l *link) send() {
	lone := l.calls.n == 1
	l.crowded = !lone
	if lone && !l.stuck && !l.writing && l.conn != nil && l.queued <= minReadBuffer && l.bulk.Load() == 0 {
		l.flush()
		return
	}
	l.kick()
}

// end removes a call and completes it, if nobody did before.
func (l *link) end(id uint64, reply []byte, err error) {
	l.mu.Lock()
	c, ok := l.calls.take(id)
	if ok {
		err = l.forget(&c, err)
		l.stuck = l.stuck && (err != nil || l.calls.n > 0)
	}
	l.mu.Unlock()
	if ok {
		c.done.Complete(c.token, reply, err)
	}
}

// forget returns what a taken call held, and the error it ends with, which says
// whether the request was sent.
func (l *link) forget(c *call, err error) error {
	l.inFlight -= c.size
	arrived := c.arrived(&l.outbox)
	if c.out != nil {
		l.drop(c.class, c.id)
	}
	if c.in != nil {
		c.in.dropped = true
		l.asm.release(c.in)
	}
	if err == nil {
		return nil
	}
	if !arrived {
		if c.out == nil {
			l.withdraw(c.class, c.at)
		}
		return unsent(err)
	}
	return err
}

// abandon ends a call without its answer and tells the peer.
func (l *link) abandon(id uint64, err error) {
	l.mu.Lock()
	c, ok := l.calls.take(id)
	if ok {
		sent := c.arrived(&l.outbox)
		err = l.forget(&c, err)
		if l.stuck = true; sent && l.backlog(Control) < maxFrame {
			l.push(kindCancel, Control, id, nil, nil)
			l.kick()
		}
	}
	l.mu.Unlock()
	if ok {
		c.done.Complete(c.token, nil, err)
	}
}

// expire abandons the calls whose deadline passed and returns the earliest
// deadline of the others. expired is scratch space.
func (l *link) expire(now int64, expired []uint64) (int64, []uint64) {
	expired = expired[:0]
	l.mu.Lock()
	if l.earliest <= now {
		l.earliest = forever
		for i := range l.calls.slots {
			switch c := &l.calls.slots[i]; {
			case c.id == 0:
			case c.deadline <= now:
				expired = append(expired, c.id)
			default:
				l.earliest = min(l.earliest, c.deadline)
			}
		}
	}
	next := l.earliest
	l.mu.Unlock()
	for _, id := range expired {
		l.abandon(id, ErrTimeout)
	}
	return next, expired
}

// establish hands the dialled connection to those who wait for it.
func (l *link) establish(s session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		s.conn.Close()
		return
	}
	l.limit = min(l.limit, s.maxMessage)
	l.conn, l.remote = s.conn, s.remote
	l.crowded = false
	l.kick()
}

// read serves the connection until it ends, and says why.
func (l *link) read(conn net.Conn) error {
	in := frameReader{src: conn, total: &l.peer.stats, received: &l.pulse.received, now: l.t.now}
	for {
		f, err := in.next()
		if err != nil {
			return err
		}
		if err := l.receive(f); err != nil {
			return err
		}
	}
}

func (l *link) receive(f frame) error {
	switch f.kind {
	case kindReply:
		l.end(f.stream, f.payload, nil)
	case kindReplyOpen:
		return l.openReply(f)
	case kindData:
		return l.data(f)
	case kindWindow:
		l.mu.Lock()
		l.grant(f.stream, binary.BigEndian.Uint32(f.payload))
		l.kick()
		l.mu.Unlock()
	case kindRefuse:
		l.end(f.stream, nil, refusedAs(f.payload[0]))
	case kindPing, kindPong:
		l.answer(f, l.t.now())
	case kindGoAway:
		l.leave(f.stream)
	case kindVoid:
	default:
		return fmt.Errorf("%w: kind %d from a serving node", ErrProtocol, f.kind)
	}
	return nil
}

func refusedAs(reason byte) error {
	switch reason {
	case refuseTooLarge:
		return ErrTooLarge
	case refuseReplyTooLarge:
		return ErrReplyTooLarge
	}
	return ErrOverloaded
}

func (l *link) openReply(f frame) error {
	total := int(binary.BigEndian.Uint32(f.payload))
	if total == 0 || total > l.t.cfg.MaxMessage {
		return fmt.Errorf("%w: reply of %d bytes", ErrProtocol, total)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.calls.find(f.stream)
	if c == nil {
		return nil
	}
	if c.in != nil {
		return fmt.Errorf("%w: second reply to one request", ErrProtocol)
	}
	c.in = &assembly{stream: f.stream, class: f.class, total: total}
	l.asm.open(c.in)
	return nil
}

func (l *link) data(f frame) error {
	l.mu.Lock()
	c := l.calls.find(f.stream)
	if c == nil || c.in == nil {
		l.mu.Unlock()
		return nil
	}
	m := c.in
	l.mu.Unlock()
	if err := m.add(f.payload); err != nil {
		return err
	}
	if m.complete() {
		l.end(f.stream, m.buf, nil)
		return nil
	}
	l.mu.Lock()
	if !m.dropped {
		l.asm.grant(m)
	}
	l.mu.Unlock()
	return nil
}

// leave obeys a goodbye: calls behind the last one that the peer read were not
// served, the others are still answered.
func (l *link) leave(last uint64) {
	l.mu.Lock()
	l.leaving = true
	var unread []uint64
	for i := range l.calls.slots {
		if id := l.calls.slots[i].id; id>>slotBits > last>>slotBits {
			unread = append(unread, id)
		}
	}
	l.mu.Unlock()
	for _, id := range unread {
		l.end(id, nil, ErrUnreachable)
	}
}

// shut ends the link: no call is taken any more and all open ones end with err.
func (l *link) shut(err error) {
	l.mu.Lock()
	l.fail(err)
	open := make([]uint64, 0, l.calls.n)
	for i := range l.calls.slots {
		if id := l.calls.slots[i].id; id != 0 {
			open = append(open, id)
		}
	}
	l.mu.Unlock()
	for _, id := range open {
		l.end(id, nil, err)
	}
}
