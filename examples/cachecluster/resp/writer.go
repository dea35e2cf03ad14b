package resp

import (
	"io"
	"strconv"
	"strings"
	"sync"
)

const (
	writeBuffer = 32 << 10 // collected at most, but for a single longer line
	largeBulk   = 8 << 10  // longer values are written from where they lie
)

// buffers holds the write buffers that no connection needs at the moment: an
// idle connection keeps none.
var buffers = sync.Pool{New: func() any {
	b := make([]byte, 0, writeBuffer)
	return &b
}}

// Writer builds replies. After a write failed it does nothing more, and
// [Writer.Flush] gives the error. It is not safe for concurrent use.
type Writer struct {
	// Proto is the protocol version of the replies, 2 or 3; 0 is 2. It may be
	// changed between replies.
	Proto int

	dst    io.Writer
	buf    []byte
	pooled *[]byte
	err    error
}

// NewWriter returns a writer of RESP2 replies to dst.
func NewWriter(dst io.Writer) *Writer { return &Writer{dst: dst, Proto: 2} }

// Flush writes what was collected and gives the first error of any write.
func (w *Writer) Flush() error {
	w.send(w.buf)
	if w.pooled != nil {
		if cap(w.buf) == writeBuffer { // not one that a long line has grown
			buffers.Put(w.pooled)
		}
		w.pooled, w.buf = nil, nil
	}
	return w.err
}

func (w *Writer) send(p []byte) {
	if w.err == nil && len(p) > 0 {
		_, w.err = w.dst.Write(p)
	}
}

// room makes sure that n more bytes fit the buffer.
func (w *Writer) room(n int) {
	if w.pooled == nil {
		w.pooled = buffers.Get().(*[]byte)
		w.buf = (*w.pooled)[:0]
	}
	if len(w.buf)+n > cap(w.buf) {
		w.send(w.buf)
		w.buf = w.buf[:0]
	}
}

func (w *Writer) head(kind byte, n int64) {
	w.room(24)
	w.buf = append(w.buf, kind)
	w.buf = strconv.AppendInt(w.buf, n, 10)
	w.buf = append(w.buf, '\r', '\n')
}

func (w *Writer) line(kind byte, s string) {
	w.room(len(s) + 3)
	w.buf = append(w.buf, kind)
	for i := range len(s) {
		c := s[i]
		if c == '\r' || c == '\n' {
			c = ' '
		}
		w.buf = append(w.buf, c)
	}
	w.buf = append(w.buf, '\r', '\n')
}

// Simple writes a short status such as OK. Line ends in it become spaces.
func (w *Writer) Simple(s string) { w.line('+', s) }

// Error writes an error. By custom its first word, in capitals, is its kind.
// Line ends in it become spaces, as in Redis; at its end they are cut off.
func (w *Writer) Error(s string) { w.line('-', strings.TrimRight(s, "\r\n")) }

// Int writes an integer.
func (w *Writer) Int(n int64) { w.head(':', n) }

// Array announces that n replies follow as the elements of one array.
func (w *Writer) Array(n int) { w.head('*', int64(n)) }

// Map announces n pairs of replies; in RESP2 they are a flat array.
func (w *Writer) Map(n int) {
	if w.Proto < 3 {
		w.Array(2 * n)
		return
	}
	w.head('%', int64(n))
}

// Set announces n replies without an order; in RESP2 they are an array.
func (w *Writer) Set(n int) {
	if w.Proto < 3 {
		w.Array(n)
		return
	}
	w.head('~', int64(n))
}

// Null writes the reply for what is not there.
func (w *Writer) Null() {
	w.room(8)
	if w.Proto < 3 {
		w.buf = append(w.buf, "$-1\r\n"...)
		return
	}
	w.buf = append(w.buf, "_\r\n"...)
}

// NullArray writes the reply for an array that is not there.
func (w *Writer) NullArray() {
	if w.Proto < 3 {
		w.head('*', -1)
		return
	}
	w.Null()
}

// Bulk writes bytes. The writer keeps no reference to them.
func (w *Writer) Bulk(p []byte) {
	w.head('$', int64(len(p)))
	if len(p) > largeBulk {
		w.send(w.buf)
		w.buf = w.buf[:0]
		w.send(p)
	} else {
		w.room(len(p) + 2)
		w.buf = append(w.buf, p...)
	}
	w.buf = append(w.buf, '\r', '\n')
}

// String writes a string as bytes.
func (w *Writer) String(s string) {
	if len(s) > largeBulk {
		w.Bulk([]byte(s))
		return
	}
	w.head('$', int64(len(s)))
	w.room(len(s) + 2)
	w.buf = append(w.buf, s...)
	w.buf = append(w.buf, '\r', '\n')
}

// Text writes a text for people: a verbatim string in RESP3, bytes in RESP2.
func (w *Writer) Text(s string) {
	if w.Proto < 3 {
		w.String(s)
		return
	}
	w.head('=', int64(len(s)+4))
	w.room(len(s) + 6)
	w.buf = append(append(append(w.buf, "txt:"...), s...), '\r', '\n')
}
