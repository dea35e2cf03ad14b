package transport

import (
	"encoding/binary"
	"fmt"
	"net"
)

// read takes what the peer sends until the connection ends, and says why.
func (l *link) read(conn net.Conn) error {
	in := frameReader{src: conn, total: &l.peer.stats, received: &l.pulse.received, now: l.t.now}
	for {
		f, err := in.next()
		l.readAt.Store(in.readAt)
		if err == nil {
			err = l.receive(f)
		}
		if err != nil {
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
		l.window(f)
	case kindRefuse:
		l.end(f.stream, nil, l.refusedAs(f.payload[0]))
	case kindPing, kindPong:
		l.answer(f, l.t.now())
	case kindGoAway:
		l.leave(f.stream)
	default:
		return fmt.Errorf("%w: kind %d from a serving node", ErrProtocol, f.kind)
	}
	return nil
}

func (l *link) refusedAs(reason byte) error {
	switch reason {
	case refuseTooLarge:
		return ErrTooLarge
	case refuseReplyTooLarge:
		return ErrReplyTooLarge
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.refuse()
}

func (l *link) openReply(f frame) error {
	total := int64(binary.BigEndian.Uint32(f.payload))
	if total == 0 || total > int64(l.t.cfg.MaxMessage) {
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
	c.in = &assembly{stream: f.stream, class: f.class, total: int(total)}
	l.asm.open(c.in)
	return nil
}

func (l *link) data(f frame) error {
	l.mu.Lock()
	c := l.calls.find(f.stream)
	if c == nil || c.in == nil {
		l.mu.Unlock()
		return nil // nobody waits for it any more
	}
	m := c.in
	l.mu.Unlock()
	if err := m.add(f.payload); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case m.dropped:
	case m.complete():
		c, _ := l.calls.take(f.stream)
		c.in = nil // released when it has been handed over
		l.forget(&c, nil)
		l.t.running.Go(func() { l.handOver(c, m) })
	default:
		l.asm.grant(m)
	}
	return nil
}

// handOver completes a call that has a large reply, away from the reading
// goroutine.
func (l *link) handOver(c call, m *assembly) {
	c.done.Complete(c.token, m.join(), nil)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asm.release(m)
}

// leave obeys a goodbye: requests behind the last one that the peer read were
// not served, the others are still answered. Streams are numbered in the order
// of the calls but sent by urgency, so the peer names the highest it has read;
// some below it may not have arrived either, and end with ErrConnLost.
func (l *link) leave(last uint64) {
	l.mu.Lock()
	l.leaving = true
	unread := l.takeAll(ErrUnreachable, func(c *call) bool { return c.id > last })
	if l.calls.n == 0 {
		l.fail(errLeft)
	}
	l.mu.Unlock()
	complete(unread)
}
