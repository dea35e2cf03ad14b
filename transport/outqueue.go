package transport

import (
	"encoding/binary"
	"time"
)

// outQueue is what one class has to send: whole frames, and large messages that
// become frames when it is their turn.
type outQueue struct {
	frames []byte
	head   int   // bytes of frames that were taken already
	taken  int64 // bytes that ever left this queue, to tell which frame did
	voided bool  // some frame was withdrawn
	large  []*outgoing
}

// pending gives the bytes of frames that wait.
func (q *outQueue) pending() int { return len(q.frames) - q.head }

// end gives where in the history of the queue its next frame will lie.
func (q *outQueue) end() int64 { return q.taken + int64(q.pending()) }

// withdraw marks the frame at as not to be sent, unless it was taken.
func (q *outQueue) withdraw(at int64) {
	if at >= q.taken {
		q.frames[q.head+int(at-q.taken)+6] = byte(kindVoid)
		q.voided = true
	}
}

// swap takes all frames at once and leaves an empty buffer in their place.
func (q *outQueue) swap(empty []byte) (frames []byte) {
	frames = q.frames[q.head:]
	q.taken += int64(len(frames))
	q.frames, q.head = empty, 0
	return frames
}

// take appends to batch the frames at the front that fit into limit, and
// returns how many bytes it took off the queue.
func (q *outQueue) take(batch []byte, limit int) ([]byte, int) {
	n := 0
	for n < q.pending() {
		frame := q.frames[q.head+n:]
		frame = frame[:frameSize(frame)]
		if kind(frame[6]) != kindVoid {
			if len(batch)+len(frame) > limit {
				break
			}
			batch = append(batch, frame...)
		}
		n += len(frame)
	}
	q.taken += int64(n)
	if q.head += n; q.head > len(q.frames)/2 {
		q.frames = q.frames[:copy(q.frames, q.frames[q.head:])]
		q.head = 0
	}
	q.voided = q.voided && q.pending() > 0
	return batch, n
}

// find gives the index of a large message, or -1.
func (q *outQueue) find(stream uint64) int {
	for i, m := range q.large {
		if m.stream == stream {
			return i
		}
	}
	return -1
}

// ready reports whether a large message may be continued.
func (q *outQueue) ready() bool {
	for _, m := range q.large {
		if m.ready() {
			return true
		}
	}
	return false
}

// remove takes the large message at index i.
func (q *outQueue) remove(i int) *outgoing {
	m := q.large[i]
	copy(q.large[i:], q.large[i+1:])
	q.large[len(q.large)-1] = nil
	q.large = q.large[:len(q.large)-1]
	return m
}

// outgoing is a message larger than a frame.
type outgoing struct {
	stream   uint64
	class    Class
	kind     kind  // of the frame that announces it
	deadline int64 // of a request
	data     []byte
	size     int // of data at first
	credit   int
	opened   bool
}

func (m *outgoing) ready() bool { return !m.opened || m.credit > 0 }

// next appends the next frame of a message that is ready.
func (m *outgoing) next(batch []byte, now int64) []byte {
	if !m.opened {
		m.opened = true
		return m.announce(batch, now)
	}
	n := min(len(m.data), m.credit, chunkSize)
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
	return binary.BigEndian.AppendUint32(batch, uint32(m.size))
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
