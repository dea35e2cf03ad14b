package transport

import (
	"io"
	"sync/atomic"
)

// The read buffer begins small, so that a thousand quiet connections cost
// little, and grows while reads fill it.
const (
	minReadBuffer = 4 << 10
	maxReadBuffer = 2 * maxFrame
)

// frameReader cuts the bytes of a connection into frames. Only the connection's
// reading goroutine uses it.
type frameReader struct {
	src        io.Reader
	buf        []byte
	start, end int
	full       bool          // the last read filled buf
	fresh      int64         // frames since the last read
	received   *atomic.Int64 // bytes of this connection, for its pulse
	total      *counters
	now        func() int64
	readAt     int64 // when the last read returned
}

// next returns the next frame, which is valid until the following call of next.
func (r *frameReader) next() (frame, error) {
	for {
		if size := r.complete(); size > 0 {
			f, err := parseFrame(r.buf[r.start : r.start+size])
			r.start += size
			r.fresh++
			return f, err
		}
		if err := r.fill(); err != nil {
			return frame{}, err
		}
	}
}

// complete returns the size of the frame at the front, or 0 while it is not
// there whole. The reader is drained when it returns 0: then is the time to
// write what was answered.
func (r *frameReader) complete() int {
	have := r.end - r.start
	if have < headerSize {
		return 0
	}
	if size := frameSize(r.buf[r.start:]); size <= have {
		return size
	}
	return 0
}

// fill reads once, behind what is there.
func (r *frameReader) fill() error {
	r.makeRoom()
	n, err := r.src.Read(r.buf[r.end:])
	r.readAt = r.now()
	r.end += n
	r.full = r.end == len(r.buf)
	r.received.Add(int64(n))
	r.total.bytesIn.Add(int64(n))
	r.total.framesIn.Add(r.fresh)
	r.fresh = 0
	if n > 0 {
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// makeRoom moves what is left to the front, in a larger buffer if the last read
// filled this one.
func (r *frameReader) makeRoom() {
	old, size := r.buf, max(len(r.buf), minReadBuffer)
	if r.full && size < maxReadBuffer {
		size *= 2
	}
	if size > len(r.buf) {
		r.buf = make([]byte, size)
	}
	r.end = copy(r.buf, old[r.start:r.end])
	r.start = 0
}
