package transport

import (
	"encoding/binary"
	"fmt"
	"time"
)

// inbound is a connection that a peer opened to ask this node. Its reading
// goroutine owns it, serves the small urgent requests itself and writes their
// answers; the others go to its worker.
type inbound struct {
	outbox  // its lock guards the fields down to the blank line
	streams map[uint64]*assembly
	asm     assembler
	jobs    jobQueue
	working bool // the worker runs
	scratch []byte
	worker  func() // work as a value

	remote Remote
	limit  int // the peer's MaxMessage
	pulse

	// Only the reading goroutine uses these.
	in    frameReader
	batch []byte // answers to the requests of one read
	last  uint64 // highest stream of a request read
}

func newInbound(t *Transport, s session) *inbound {
	c := &inbound{remote: s.remote, limit: s.maxMessage, streams: map[uint64]*assembly{}}
	c.outbox.init(t, &t.served)
	c.conn = s.conn
	c.asm = assembler{out: &c.outbox, limit: t.cfg.MaxInFlight}
	c.pulse.init(&c.outbox, t.cfg, false)
	c.in = frameReader{src: s.conn, total: &t.served, received: &c.pulse.received, now: t.now}
	c.worker = c.work
	return c
}

// serve answers until the connection ends, and says why.
func (c *inbound) serve() error {
	for {
		f, err := c.in.next()
		if err == nil {
			err = c.receive(f)
		}
		if err != nil || c.in.complete() == 0 || len(c.batch) >= maxFrame {
			c.flushReplies()
		}
		if err != nil {
			return err
		}
	}
}

func (c *inbound) receive(f frame) error {
	switch f.kind {
	case kindRequest:
		c.last = max(c.last, f.stream)
		c.request(f)
	case kindRequestOpen:
		c.last = max(c.last, f.stream)
		return c.openRequest(f)
	case kindData:
		return c.data(f)
	case kindWindow:
		c.window(f)
	case kindCancel:
		c.cancel(f.stream)
	case kindPing, kindPong:
		c.answer(f, c.t.now())
	default:
		return fmt.Errorf("%w: kind %d from an asking node", ErrProtocol, f.kind)
	}
	return nil
}

func (c *inbound) request(f frame) {
	now := c.t.now()
	deadline := expiry(f.payload, c.in.readAt)
	body := f.payload[requestPrefix:]
	switch {
	case deadline <= now:
	case len(body) > c.t.cfg.MaxMessage:
		c.refuseNow(f.class, f.stream, refuseTooLarge)
	case c.bulk.Load() > int64(c.t.cfg.MaxInFlight):
		c.refuseNow(f.class, f.stream, refuseOverloaded)
	case f.class.inline():
		c.serveInline(f.class, f.stream, body)
	default:
		c.mu.Lock()
		c.enqueue(c.jobs.copyOf(f.class, f.stream, deadline, body))
		c.mu.Unlock()
	}
}

// expiry turns the remaining time of a request into a deadline here.
func expiry(payload []byte, now int64) int64 {
	if left := binary.BigEndian.Uint32(payload); left > 0 {
		return now + int64(left)*int64(time.Microsecond)
	}
	return forever
}

// serveInline lets the handler write its reply straight behind a header in the
// batch of answers.
func (c *inbound) serveInline(class Class, stream uint64, body []byte) {
	at := len(c.batch)
	c.batch = appendHeader(c.batch, kindReply, class, stream, 0)
	dst := c.batch[len(c.batch):]
	reply := c.t.cfg.Handler.Serve(c.remote, class, body, dst)
	switch inPlace := sameArray(dst, reply); {
	case len(reply) > maxPayload || len(reply) > c.limit:
		c.batch = c.batch[:at]
		c.replyLarge(class, stream, reply, inPlace)
		return
	case inPlace:
		c.batch = c.batch[:len(c.batch)+len(reply)]
	default:
		c.batch = append(c.batch, reply...)
	}
	binary.BigEndian.PutUint16(c.batch[at+4:], uint16(len(reply)))
}

// sameArray reports whether b was made by appending to the empty a.
func sameArray(a, b []byte) bool {
	return len(b) > 0 && cap(a) > 0 && &a[:1][0] == &b[0]
}

// replyLarge queues a reply that does not fit a frame.
func (c *inbound) replyLarge(class Class, stream uint64, reply []byte, shared bool) {
	if len(reply) > c.limit {
		c.refuseNow(class, stream, refuseReplyTooLarge)
		return
	}
	if shared {
		reply = append([]byte(nil), reply...)
	}
	c.mu.Lock()
	c.pushLarge(&outgoing{stream: stream, class: class, kind: kindReplyOpen, data: reply})
	c.kick()
	c.mu.Unlock()
}

// refuse tells the peer that a request was not served. The caller holds mu.
func (c *inbound) refuse(class Class, stream uint64, reason byte) {
	c.push(kindRefuse, class, stream, nil, []byte{reason})
	c.kick()
}

// refuseNow is refuse for a caller that does not hold mu.
func (c *inbound) refuseNow(class Class, stream uint64, reason byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refuse(class, stream, reason)
}

// flushReplies writes the batch, or leaves it to whoever is writing. A peer
// that does not read what it is sent makes its own requests wait here, which
// bounds the outbox, whatever frames fill it.
func (c *inbound) flushReplies() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.writing && c.queued > batchSize && c.err == nil {
		c.room.Wait()
	}
	switch {
	case c.err != nil || len(c.batch) == 0:
	case c.writing || c.queued > 0:
		q := &c.queues[Foreground]
		q.frames = append(q.frames, c.batch...)
		c.queued += len(c.batch)
		c.kick()
	default:
		c.writing = true
		c.write(c.batch)
		c.release()
	}
	if c.batch = c.batch[:0]; cap(c.batch) > keepBuffer {
		c.batch = nil
	}
}

// maxStreams bounds the large requests that arrive or wait on one connection.
const maxStreams = 1024

func (c *inbound) openRequest(f frame) error {
	total := int64(binary.BigEndian.Uint32(f.payload[4:]))
	if total == 0 || total > int64(c.t.cfg.MaxMessage) {
		return fmt.Errorf("%w: request of %d bytes", ErrProtocol, total)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.streams[f.stream] != nil:
		return fmt.Errorf("%w: stream %d opened twice", ErrProtocol, f.stream)
	case len(c.streams) >= maxStreams:
		c.refuse(f.class, f.stream, refuseOverloaded)
		return nil
	}
	m := &assembly{stream: f.stream, class: f.class, total: int(total), deadline: expiry(f.payload, c.in.readAt)}
	c.streams[f.stream] = m
	c.asm.open(m)
	return nil
}

func (c *inbound) data(f frame) error {
	c.mu.Lock()
	m := c.streams[f.stream]
	c.mu.Unlock()
	if m == nil {
		return nil // withdrawn meanwhile
	}
	if err := m.add(f.payload); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !m.complete() {
		c.asm.grant(m)
		return nil
	}
	delete(c.streams, f.stream)
	c.enqueue(&job{class: m.class, stream: m.stream, deadline: m.deadline, size: m.total, from: m})
	return nil
}

// cancel forgets a request that was not served yet, or a reply not sent yet.
func (c *inbound) cancel(stream uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if m := c.streams[stream]; m != nil {
		delete(c.streams, stream)
		c.asm.release(m)
	}
	if j := c.jobs.remove(stream); j != nil {
		c.finish(j)
	}
	for class := range numClasses {
		c.drop(class, stream)
	}
}

// end closes the connection for good; queued requests are not served.
func (c *inbound) end(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fail(err)
	c.jobs.clear()
}

// patience is how long a goodbye waits for the peer to take it.
const patience = time.Second

// farewell tells the peer which requests were read, refuses those not begun,
// lets the answers out and waits for the peer to hang up.
func (c *inbound) farewell() {
	c.conn.SetWriteDeadline(time.Now().Add(patience))
	c.sayGoodbye()
	linger(c.conn, patience)
}

func (c *inbound) sayGoodbye() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, j := range c.jobs.clear() {
		c.refuse(j.class, j.stream, refuseOverloaded)
	}
	c.push(kindGoAway, Control, c.last, nil, nil)
	c.kick()
	for c.err == nil && (c.working || c.writing || c.queued > 0) {
		c.room.Wait()
	}
}

// interrupt makes the reading goroutine end, with os.ErrDeadlineExceeded.
func (c *inbound) interrupt() { c.conn.SetReadDeadline(time.Unix(1, 0)) }
