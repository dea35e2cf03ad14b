package transport

import (
	"encoding/binary"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

const (
	batchSize   = 2 * maxFrame   // bytes of one write; what an urgent frame waits for
	keepBuffer  = 16 * maxFrame  // write buffers above this go back to the collector
	streamAhead = 4 * maxFrame   // credit: how far a message's sender may be ahead of its receiver
	forever     = int64(1) << 62 // a deadline that never comes
)

// outbox is the sending half of a connection: per class a buffer of whole
// frames, and a list of large messages that are cut into frames as they are
// sent. Whoever finds it not being written to takes the right to write: a lone
// caller, the reading goroutine with its answers, or a goroutine started for
// it, which ends when the outbox is empty. No lock is held during a write.
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

// outQueue is what one class has to send.
type outQueue struct {
	frames []byte
	head   int   // bytes of frames that are written already
	taken  int64 // bytes that ever left this queue, to tell which frame did
	large  []*outgoing
}

// outgoing is a message larger than a frame.
type outgoing struct {
	stream   uint64
	class    Class
	kind     kind  // of the frame that announces it
	deadline int64 // of a request
	data     []byte
	size     int
	credit   int
	opened   bool
}

func (o *outbox) init(t *Transport, sent *counters) {
	o.room.L = &o.mu
	o.drainer, o.t, o.sent = o.drain, t, sent
}

// push appends a frame whose payload is prefix and body. It returns where in
// the history of its queue the frame lies. The caller holds mu and calls kick.
func (o *outbox) push(k kind, c Class, stream uint64, prefix, body []byte) (at int64) {
	return o.pushAs(c, k, c, stream, prefix, body)
}

// pushAs is push for a frame that is more urgent than the message it is about.
func (o *outbox) pushAs(urgency Class, k kind, c Class, stream uint64, prefix, body []byte) (at int64) {
	q := &o.queues[urgency]
	at = q.taken + int64(len(q.frames)-q.head)
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

// withdraw undoes push: it voids the frame at, unless it was taken already.
func (o *outbox) withdraw(c Class, at int64) (done bool) {
	q := &o.queues[c]
	if at < q.taken {
		return false
	}
	q.frames[q.head+int(at-q.taken)+6] = byte(kindVoid)
	return true
}

// drop forgets a large message; the data is not touched afterwards.
func (o *outbox) drop(c Class, stream uint64) {
	q := &o.queues[c]
	for i, m := range q.large {
		if m.stream == stream {
			q.remove(i)
			o.bulk.Add(-int64(m.size))
			return
		}
	}
}

func (q *outQueue) remove(i int) *outgoing {
	m := q.large[i]
	copy(q.large[i:], q.large[i+1:])
	q.large[len(q.large)-1] = nil
	q.large = q.large[:len(q.large)-1]
	return m
}

// window obeys a frame that lets a large message send further bytes.
func (o *outbox) window(f frame) {
	more := int64(binary.BigEndian.Uint32(f.payload))
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, m := range o.queues[f.class].large {
		if m.stream == f.stream {
			m.credit = int(min(int64(m.credit)+more, int64(len(m.data))))
			o.kick()
			return
		}
	}
}

// backlog gives the bytes of frames that wait in a class.
func (o *outbox) backlog(c Class) int { return len(o.queues[c].frames) - o.queues[c].head }

// pending reports whether there is anything that may be sent now.
func (o *outbox) pending() bool {
	if o.queued > 0 {
		return true
	}
	if o.bulk.Load() > 0 {
		for c := range o.queues {
			for _, m := range o.queues[c].large {
				if !m.opened || m.credit > 0 {
					return true
				}
			}
		}
	}
	return false
}

// kick sees to it that what is queued gets written. The caller holds mu.
func (o *outbox) kick() {
	if !o.writing && o.conn != nil && o.err == nil && o.pending() {
		o.writing = true
		o.t.running.Add(1)
		go o.drainer()
	}
}

// drain writes until nothing is left; it owns the right to write.
func (o *outbox) drain() {
	defer o.t.running.Done()
	o.mu.Lock()
	for o.err == nil {
		if o.crowded {
			o.mu.Unlock()
			runtime.Gosched()
			o.mu.Lock()
		}
		batch := o.gather()
		if len(batch) > 0 {
			o.write(batch)
		}
		o.recycle(batch)
		if len(batch) == 0 {
			break
		}
	}
	o.writing = false
	o.room.Broadcast()
	o.mu.Unlock()
}

// flush writes one batch on the caller's goroutine, which holds mu and found
// that nobody is writing. Whatever came in meanwhile is left to a drain.
func (o *outbox) flush() {
	o.writing = true
	batch := o.gather()
	o.write(batch)
	o.recycle(batch)
	o.release()
}

// release gives back the right to write.
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

func (o *outbox) recycle(batch []byte) {
	if o.spare == nil && cap(batch) <= keepBuffer {
		o.spare = batch[:0]
	}
}

// trim gives up buffers that a burst has left behind. It runs now and then.
func (o *outbox) trim() {
	if o.writing || o.queued > 0 {
		return
	}
	o.spare = nil
	for c := range o.queues {
		o.queues[c].frames, o.queues[c].head = nil, 0
	}
}

// gather takes the next batch: whole frames of the most urgent classes, then
// chunks of the most urgent large messages, at least one if any may be sent.
func (o *outbox) gather() []byte {
	var batch []byte
	for c := range o.queues {
		q := &o.queues[c]
		pending := len(q.frames) - q.head
		switch {
		case pending == 0:
		case batch == nil && pending <= batchSize:
			batch, q.frames, o.spare = q.frames[q.head:], o.spare, nil
			o.took(q, pending)
			q.head = 0
		default:
			if batch == nil {
				batch, o.spare = o.spare, nil
			}
			n := q.whole(batchSize - len(batch))
			batch = append(batch, q.frames[q.head:q.head+n]...)
			q.head += n
			o.took(q, n)
			if q.head == len(q.frames) {
				q.frames, q.head = q.frames[:0], 0
			}
		}
	}
	return o.gatherLarge(batch)
}

func (o *outbox) took(q *outQueue, n int) {
	q.taken += int64(n)
	o.queued -= n
}

// whole gives the bytes of the frames at the front that fit into limit.
func (q *outQueue) whole(limit int) int {
	pending := q.frames[q.head:]
	if len(pending) <= limit {
		return len(pending)
	}
	n := 0
	for size := frameSize(pending); n+size <= limit; size = frameSize(pending[n:]) {
		n += size
	}
	return n
}

// gatherLarge adds chunks, in turn among the messages of a class.
func (o *outbox) gatherLarge(batch []byte) []byte {
	if o.bulk.Load() == 0 {
		return batch
	}
	if batch == nil {
		batch, o.spare = o.spare, nil
	}
	limit := max(batchSize, len(batch)+1)
	for c := range o.queues {
		q := &o.queues[c]
		for skipped := 0; skipped < len(q.large) && len(batch) < limit; {
			m := q.large[0]
			before := len(batch)
			batch = o.chunk(batch, m)
			if len(batch) == before {
				skipped++
			} else {
				skipped = 0
			}
			if q.remove(0); len(m.data) > 0 {
				q.large = append(q.large, m)
			} else {
				o.bulk.Add(-int64(m.size))
			}
		}
	}
	return batch
}

// chunk adds the next frame of a large message, or nothing without credit.
func (o *outbox) chunk(batch []byte, m *outgoing) []byte {
	if !m.opened {
		m.opened = true
		return m.announce(batch, o.t.now())
	}
	n := min(len(m.data), m.credit, chunkSize)
	if n == 0 {
		return batch
	}
	batch = append(appendHeader(batch, kindData, m.class, m.stream, n), m.data[:n]...)
	m.data = m.data[n:]
	m.credit -= n
	return batch
}

func (m *outgoing) announce(batch []byte, now int64) []byte {
	if m.kind == kindReplyOpen {
		batch = appendHeader(batch, m.kind, m.class, m.stream, 4)
	} else {
		batch = appendHeader(batch, m.kind, m.class, m.stream, 8)
		batch = binary.BigEndian.AppendUint32(batch, remaining(m.deadline, now))
	}
	return binary.BigEndian.AppendUint32(batch, uint32(len(m.data)))
}

// remaining gives the time until a deadline in µs as it travels: 0 for none, at
// least 1, and no more than fits (71 minutes).
func remaining(deadline, now int64) uint32 {
	if deadline == forever {
		return 0
	}
	left := (deadline - now) / int64(time.Microsecond)
	return uint32(min(max(left, 1), 1<<32-1))
}
