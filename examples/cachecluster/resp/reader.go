package resp

import (
	"bytes"
	"fmt"
	"io"
)

// Limits bound what a [Reader] accepts. A zero field takes its default.
type Limits struct {
	// Args is the most arguments of one command, its name included. More are a
	// protocol error. Default 1,048,576, as in Redis.
	Args int
	// Bulk is the longest argument in bytes. A longer one is a protocol error.
	// Default 512 MiB, as in Redis.
	Bulk int
	// Keep is the longest argument in bytes that is kept. A longer one, up to
	// Bulk, is dropped as it arrives and reported in [Command.Dropped], so that
	// the connection survives it. Default 16 MiB.
	Keep int
	// Command is the most bytes that one command may keep in memory. More are a
	// protocol error. Default 64 MiB, and never less than Keep and a little.
	Command int
}

func (l Limits) withDefaults() Limits {
	set := func(field *int, value int) {
		if *field == 0 {
			*field = value
		}
	}
	set(&l.Args, 1<<20)
	set(&l.Bulk, 512<<20)
	set(&l.Keep, 16<<20)
	set(&l.Command, 64<<20)
	l.Bulk = max(l.Bulk, l.Keep)
	l.Command = max(l.Command, l.Keep+4<<10)
	return l
}

const (
	minBuffer = 4 << 10  // what an idle connection holds
	bigBuffer = 64 << 10 // larger ones are given back once they are empty
	maxLine   = 32       // longest "*n" or "$n" line; an int64 has 20 digits
	maxInline = 64 << 10

	// What a client that has not authenticated itself may send, as in Redis.
	untrustedArgs = 10
	untrustedBulk = 16 << 10
)

// ProtocolError says why what a client sent is not RESP. The connection cannot
// be read any further. The text is Redis's own.
type ProtocolError string

// Error gives "Protocol error: " and the reason.
func (e ProtocolError) Error() string { return "Protocol error: " + string(e) }

// Command is a name and its arguments. The bytes belong to the [Reader] and
// are valid until its next [Reader.Fill].
type Command struct {
	Args [][]byte // Args[0] is the name; never empty
	// Dropped is the length of the longest argument that was over Limits.Keep
	// and is empty in Args; 0 if all are there.
	Dropped int
}

// Reader parses the commands that arrive on a connection. It is not safe for
// concurrent use.
type Reader struct {
	// Untrusted narrows the limits to what a client may send that has not
	// authenticated itself: 10 arguments of 16 KiB.
	Untrusted bool

	src    io.Reader
	limits Limits

	buf   []byte // received and not yet forgotten
	start int    // where in buf the command under way begins
	pos   int    // how far it is parsed
	full  bool   // the last read filled buf

	want    int      // arguments it lacks; 0 between commands
	bulk    int      // length of the argument being received; -1 if none is
	skip    int      // bytes of it still to be dropped
	dropped int      // see Command
	spans   []span   // its arguments so far
	args    [][]byte // arguments of the commands handed out since Fill
}

// span is an argument, counted from the start of its command, so that it stays
// right when the buffer moves.
type span struct{ from, to int }

// NewReader returns a reader of the commands in src. Zero fields of limits
// take their defaults.
func NewReader(src io.Reader, limits Limits) *Reader {
	return &Reader{src: src, limits: limits.withDefaults(), bulk: -1}
}

// Next parses the next command of those that have arrived; ok is false when
// more bytes are needed, see [Reader.Fill]. An error is a [ProtocolError];
// nothing can be read after it.
func (r *Reader) Next() (cmd Command, ok bool, err error) {
	for r.want == 0 {
		if r.pos == len(r.buf) {
			return Command{}, false, nil
		}
		if r.buf[r.pos] != '*' {
			if cmd, ok, err = r.inline(); !ok || len(cmd.Args) > 0 {
				return cmd, ok, err
			}
			continue // an empty line
		}
		if ok, err = r.multibulk(); !ok {
			return Command{}, false, err
		}
	}
	for r.want > 0 {
		if ok, err = r.argument(); !ok {
			return Command{}, false, err
		}
		r.want--
	}
	return r.finish(), true, nil
}

// multibulk reads "*n\r\n".
func (r *Reader) multibulk() (bool, error) {
	n, ok, err := r.length("invalid multibulk length")
	if !ok {
		return false, err
	}
	if n > int64(r.limits.Args) {
		return false, ProtocolError("invalid multibulk length")
	}
	if r.Untrusted && n > untrustedArgs {
		return false, ProtocolError("unauthenticated multibulk length")
	}
	if n <= 0 { // no command at all; Redis does not answer it either
		r.start = r.pos
		return true, nil
	}
	r.want = int(n)
	return true, nil
}

// argument reads "$n\r\n", n bytes and "\r\n", as far as they have arrived.
func (r *Reader) argument() (bool, error) {
	if r.bulk < 0 {
		if ok, err := r.bulkLength(); !ok {
			return false, err
		}
	}
	if r.skip > 0 {
		return r.drop(), nil
	}
	end := r.pos + r.bulk
	if len(r.buf) < end+2 {
		return false, nil
	}
	if r.buf[end] != '\r' || r.buf[end+1] != '\n' {
		return false, ProtocolError("invalid bulk length")
	}
	r.spans = append(r.spans, span{r.pos - r.start, end - r.start})
	r.pos, r.bulk = end+2, -1
	return true, nil
}

// bulkLength reads "$n\r\n".
func (r *Reader) bulkLength() (bool, error) {
	if r.pos == len(r.buf) {
		return false, nil
	}
	if c := r.buf[r.pos]; c != '$' {
		return false, ProtocolError(fmt.Sprintf("expected '$', got '%c'", printable(c)))
	}
	n, ok, err := r.length("invalid bulk length")
	if !ok {
		return false, err
	}
	switch {
	case n < 0 || n > int64(r.limits.Bulk):
		return false, ProtocolError("invalid bulk length")
	case r.Untrusted && n > untrustedBulk:
		return false, ProtocolError("unauthenticated bulk length")
	case n > int64(r.limits.Keep):
		r.skip, r.dropped = int(n)+2, max(r.dropped, int(n))
	case r.pos-r.start+int(n) > r.limits.Command:
		return false, ProtocolError("too big command")
	}
	r.bulk = int(n)
	return true, nil
}

// drop forgets what has arrived of an argument that is too long to keep.
func (r *Reader) drop() bool {
	n := min(r.skip, len(r.buf)-r.pos)
	r.buf = append(r.buf[:r.pos], r.buf[r.pos+n:]...)
	if r.skip -= n; r.skip > 0 {
		return false
	}
	r.spans = append(r.spans, span{})
	r.bulk = -1
	return true
}

// length reads a line of one type byte and an integer.
func (r *Reader) length(invalid string) (n int64, ok bool, err error) {
	rest := r.buf[r.pos:]
	end := bytes.IndexByte(rest[:min(len(rest), maxLine)], '\n')
	if end < 0 {
		if len(rest) >= maxLine {
			return 0, false, ProtocolError(invalid)
		}
		return 0, false, nil
	}
	if rest[end-1] != '\r' {
		return 0, false, ProtocolError(invalid)
	}
	n, ok = ParseInt(rest[1 : end-1])
	if !ok {
		return 0, false, ProtocolError(invalid)
	}
	r.pos += end + 1
	return n, true, nil
}

// finish turns the spans into a command and steps behind it.
func (r *Reader) finish() Command {
	first := len(r.args)
	for _, s := range r.spans {
		r.args = append(r.args, r.buf[r.start+s.from:r.start+s.to:r.start+s.to])
	}
	cmd := Command{Args: r.args[first:len(r.args):len(r.args)], Dropped: r.dropped}
	r.start, r.dropped, r.spans = r.pos, 0, r.spans[:0]
	return cmd
}

// Fill waits for more bytes. It invalidates every command that Next returned.
// The error is that of the underlying reader.
func (r *Reader) Fill() error {
	clear(r.args)
	r.args = r.args[:0]
	if cap(r.args) > bigBuffer {
		r.args = nil
	}
	if r.want == 0 && cap(r.spans) > bigBuffer {
		r.spans = nil
	}
	r.makeRoom()
	for range 100 {
		n, err := r.src.Read(r.buf[len(r.buf):cap(r.buf)])
		r.buf = r.buf[:len(r.buf)+n]
		r.full = len(r.buf) == cap(r.buf)
		if n > 0 {
			return nil // an error comes again with the next read
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

// makeRoom moves the command under way to the front of the buffer, which grows
// with what has arrived and never with what was only announced.
func (r *Reader) makeRoom() {
	pending, size := len(r.buf)-r.start, max(cap(r.buf), minBuffer)
	switch {
	case pending == 0 && size > bigBuffer:
		size = minBuffer
	case pending > size/4*3, r.full && size < bigBuffer:
		size *= 2
	}
	into := r.buf[:cap(r.buf)]
	if size != cap(r.buf) {
		into = make([]byte, size)
	}
	copy(into, r.buf[r.start:])
	r.buf = into[:pending]
	r.pos -= r.start
	r.start = 0
}

// ParseInt parses a decimal integer as strictly as Redis: digits with an
// optional '-', no sign '+', space or leading zero, within 64 bits.
func ParseInt(p []byte) (n int64, ok bool) {
	digits := p
	negative := len(p) > 1 && p[0] == '-'
	if negative {
		digits = p[1:]
	}
	if len(digits) == 0 || len(digits) > 19 || digits[0] == '0' && len(p) > 1 {
		return 0, false
	}
	var u uint64
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		u = u*10 + uint64(c-'0') // 19 digits fit 64 bits
	}
	switch {
	case negative && u <= 1<<63:
		return -int64(u), true
	case !negative && u < 1<<63:
		return int64(u), true
	}
	return 0, false
}

func printable(c byte) rune {
	if c < ' ' || c > '~' {
		return '?'
	}
	return rune(c)
}
