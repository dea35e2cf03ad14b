package transport

import (
	"encoding/binary"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
)

const (
	batchSize   = 2 * maxFrame   // bytes of one write; what an urgent frame waits for
	keepBuffer  = 16 * maxFrame  // write buffers above this go back to the collector
	streamAhead = 4 * maxFrame   // credit: how far a message's sender may be ahead of its receiver
	forever     = int64(1) << 62 // a deadline that never comes
)

// outbox is the sending half of a connection, with a queue for each class.
// Whoever finds that nobody is writing takes the right to write: a lone caller,
// the reading goroutine with its answers, or a goroutine started for it, which
// ends when there is nothing left. No lock is held during a write.
type outbox struct {
	mu      sync.Mutex
	room    sync.Cond // a batch was written, or the connection failed
	conn    net.Conn  // nil until established; then closed by fail
	queues  [numClasses]outQueue
	queued  int          // bytes of frames in all queues
	bulk    atomic.Int64 // bytes of large messages in all queues
	spare   []byte       // the buffer that is not being filled
	writing bool         // somebody has the right to write
	crowded bool         // others are about to send too: worth waiting for them once
	err     error        // why nothing is sent any more
	drainer func()       // drain as a value, so that starting it does not allocate
	t       *Transport
	sent    *counters
}

func (o *outbox) init(t *Transport, sent *counters) {
	o.room.L = &o.mu
	o.drainer, o.t, o.sent = o.drain, t, sent
}

// push queues a frame whose payload is prefix and body. It returns where in the
// history of its queue the frame lies. The caller holds mu and calls kick.
func (o *outbox) push(k kind, c Class, stream uint64, prefix, body []byte) (at int64) {
	return o.pushAs(c, k, c, stream, prefix, body)
}

// pushAs is push for a frame that is more urgent than the message it is about.
func (o *outbox) pushAs(urgency Class, k kind, c Class, stream uint64, prefix, body []byte) (at int64) {
	q := &o.queues[urgency]
	at = q.end()
	size := len(prefix) + len(body)
	q.frames = append(append(appendHeader(q.frames, k, c, stream, size), prefix...), body...)
	o.queued += headerSize + size
	return at
}

// pushLarge queues a message that is sent in chunks; data is kept until then.
func (o *outbox) pushLarge(m *outgoing) {
	m.size = len(m.data)
	o.bulk.Add(int64(m.size))
	o.queues[m.class].large = append(o.queues[m.class].large, m)
}

// drop forgets a large message; the data is not touched afterwards.
func (o *outbox) drop(c Class, stream uint64) {
	q := &o.queues[c]
	if i := q.find(stream); i >= 0 {
		o.bulk.Add(-int64(q.remove(i).size))
	}
}

// window obeys a frame that lets a large message send further bytes.
func (o *outbox) window(f frame) {
	more := int64(binary.BigEndian.Uint32(f.payload))
	o.mu.Lock()
	defer o.mu.Unlock()
	q := &o.queues[f.class]
	if i := q.find(f.stream); i >= 0 {
		m := q.large[i]
		m.credit = int(min(int64(m.credit)+more, int64(len(m.data))))
		o.kick()
	}
}

// ready reports whether there is anything that may be sent now.
func (o *outbox) ready() bool {
	if o.queued > 0 {
		return true
	}
	for c := range o.queues {
		if o.queues[c].ready() {
			return true
		}
	}
	return false
}

// kick sees to it that what is queued gets written. The caller holds mu.
func (o *outbox) kick() {
	if !o.writing && o.conn != nil && o.err == nil && o.ready() {
		o.writing = true
		o.t.running.Add(1)
		go o.drainer()
	}
}

// drain writes until nothing is left; it owns the right to write.
func (o *outbox) drain() {
	defer o.t.running.Done()
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.err == nil && o.ready() {
		if o.crowded {
			o.mu.Unlock()
			runtime.Gosched()
			o.mu.Lock()
		}
		o.flush()
	}
	o.writing = false
	o.room.Broadcast()
}

// flush writes one batch. The caller holds mu and owns the right to write.
func (o *outbox) flush() {
	batch := o.gather()
	if len(batch) > 0 {
		o.write(batch)
	}
	if o.spare == nil && cap(batch) <= keepBuffer {
		o.spare = batch[:0]
	}
}

// release gives back the right to write, to a drain if there is more to do.
func (o *outbox) release() {
	o.writing = false
	o.kick()
	o.room.Broadcast()
}

// write seals and writes a batch without holding mu, which the caller holds.
func (o *outbox) write(batch []byte) {
	o.mu.Unlock()
	frames := seal(batch)
	_, err := o.conn.Write(batch)
	o.sent.bytesOut.Add(int64(len(batch)))
	o.sent.framesOut.Add(int64(frames))
	o.mu.Lock()
	if err != nil {
		o.fail(err)
	}
	o.room.Broadcast()
}

// fail ends sending and closes the connection, which wakes its reader: it is
// the reader that ends the connection's life. The caller holds mu.
func (o *outbox) fail(err error) {
	if o.err != nil {
		return
	}
	o.err = err
	if o.conn != nil {
		hangUp(o.conn)
	}
	o.room.Broadcast()
}

// cause gives the reason for which a read failed: this side's, if it was this
// side that closed the connection.
func (o *outbox) cause(err error) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return o.err
	}
	return err
}

// trim gives up buffers that a burst has left behind. It runs now and then.
func (o *outbox) trim() {
	if o.writing || o.queued > 0 {
		return
	}
	o.spare = nil
	for c := range o.queues {
		o.queues[c].frames = nil
	}
}

// gather takes the next batch: whole frames of the most urgent classes, then
// chunks of the most urgent large messages, at least one if any may be sent, so
// that small messages do not starve the large ones.
func (o *outbox) gather() []byte {
	batch := o.gatherFrames()
	if o.bulk.Load() == 0 {
		return batch
	}
	if batch == nil {
		batch, o.spare = o.spare, nil
	}
	limit := max(batchSize, len(batch)+1)
	for c := range o.queues {
		batch = o.gatherLarge(batch, &o.queues[c], limit)
	}
	return batch
}

// gatherFrames copies, except in the usual case: one class alone has something
// to send.
func (o *outbox) gatherFrames() (batch []byte) {
	for c := range o.queues {
		switch q := &o.queues[c]; {
		case q.pending() == 0:
		case q.pending() == o.queued && o.queued <= batchSize && batch == nil && !q.voided:
			batch, o.spare, o.queued = q.swap(o.spare), nil, 0
		default:
			if batch == nil {
				batch, o.spare = o.spare, nil
			}
			var n int
			batch, n = q.take(batch, batchSize)
			o.queued -= n
		}
	}
	return batch
}

// gatherLarge adds chunks, in turn among the messages of a class that are
// ready.
func (o *outbox) gatherLarge(batch []byte, q *outQueue, limit int) []byte {
	for idle := 0; idle < len(q.large) && len(batch) < limit; idle++ {
		m := q.remove(0)
		if m.ready() {
			batch = m.next(batch, o.t.now())
			idle = -1
		}
		if len(m.data) == 0 {
			o.bulk.Add(-int64(m.size))
		} else {
			q.large = append(q.large, m)
		}
	}
	return batch
}
