package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// The records of the hot path are written and read by hand, as valid msgpack,
// without reflection and without allocation.

// ErrMessage is wrapped by every decoding error: the bytes are not a message
// of the expected form. Nothing changed.
var ErrMessage = errors.New("wire: malformed message")

func appendUint(dst []byte, v uint64) []byte {
	switch {
	case v < 1<<7:
		return append(dst, byte(v))
	case v <= math.MaxUint8:
		return append(dst, 0xcc, byte(v))
	case v <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, 0xcd), uint16(v))
	case v <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(dst, 0xce), uint32(v))
	default:
		return binary.BigEndian.AppendUint64(append(dst, 0xcf), v)
	}
}

func appendBool(dst []byte, v bool) []byte {
	if v {
		return append(dst, 0xc3)
	}
	return append(dst, 0xc2)
}

func appendBinHeader(dst []byte, n int) []byte {
	switch {
	case n <= math.MaxUint8:
		return append(dst, 0xc4, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, 0xc5), uint16(n))
	default:
		return binary.BigEndian.AppendUint32(append(dst, 0xc6), uint32(n))
	}
}

func appendBytes(dst, p []byte) []byte { return append(appendBinHeader(dst, len(p)), p...) }

func appendString[T ~string | ~[]byte](dst []byte, s T) []byte {
	return append(appendBinHeader(dst, len(s)), s...)
}

func appendArray(dst []byte, n int) []byte {
	switch {
	case n < 16:
		return append(dst, 0x90|byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, 0xdc), uint16(n))
	default:
		return binary.BigEndian.AppendUint32(append(dst, 0xdd), uint32(n))
	}
}

// reader takes msgpack values off the front of a message. After the first
// error it gives zero values; what it returns refers to the message.
type reader struct {
	p   []byte
	err error
}

func (r *reader) fail(want string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: no %s with %d bytes left", ErrMessage, want, len(r.p))
	}
	r.p = nil
}

// take returns the next n bytes, or nil and an error.
func (r *reader) take(n int, want string) []byte {
	if n < 0 || n > len(r.p) {
		r.fail(want)
		return nil
	}
	b := r.p[:n]
	r.p = r.p[n:]
	return b
}

// lead takes the type byte and gives 0xc1, which msgpack never uses, at the end.
func (r *reader) lead(want string) byte {
	if b := r.take(1, want); b != nil {
		return b[0]
	}
	return 0xc1
}

// sized takes a big-endian integer of 1, 2, 4 or 8 bytes.
func (r *reader) sized(n int, want string) uint64 {
	b := r.take(n, want)
	switch len(b) {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(binary.BigEndian.Uint16(b))
	case 4:
		return uint64(binary.BigEndian.Uint32(b))
	case 8:
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

// uint takes an integer of any size. Almost all are hashes and clocks, or below
// 128; those are taken at once.
func (r *reader) uint() uint64 {
	if p := r.p; len(p) > 0 && p[0] < 1<<7 {
		r.p = p[1:]
		return uint64(p[0])
	} else if len(p) > 8 && p[0] == 0xcf {
		r.p = p[9:]
		return binary.BigEndian.Uint64(p[1:])
	}
	return r.anyUint()
}

func (r *reader) anyUint() uint64 {
	const want = "unsigned integer"
	c := r.lead(want)
	switch {
	case c < 1<<7:
		return uint64(c)
	case c >= 0xcc && c <= 0xcf:
		return r.sized(1<<(c-0xcc), want)
	}
	r.fail(want)
	return 0
}

// uintMax takes an integer of at most limit.
func (r *reader) uintMax(limit uint64) uint64 {
	v := r.uint()
	if v > limit {
		r.fail(fmt.Sprintf("integer up to %d", limit))
		return 0
	}
	return v
}

func (r *reader) bool() bool {
	switch r.lead("boolean") {
	case 0xc3:
		return true
	case 0xc2:
		return false
	}
	r.fail("boolean")
	return false
}

func (r *reader) bytes(limit int) []byte {
	const want = "binary"
	if p := r.p; len(p) > 1 && p[0] == 0xc4 && int(p[1]) <= min(limit, len(p)-2) { // as almost all
		r.p = p[2+int(p[1]):]
		return p[2 : 2+int(p[1])]
	}
	c := r.lead(want)
	if c < 0xc4 || c > 0xc6 {
		r.fail(want)
		return nil
	}
	n := r.sized(1<<(c-0xc4), want)
	if n > uint64(limit) {
		r.fail(fmt.Sprintf("binary of at most %d bytes", limit))
		return nil
	}
	return r.take(int(n), want)
}

// array takes the header of an array of at most limit elements, each of which
// takes a byte at least: no count is believed that the message cannot hold.
func (r *reader) array(limit int) int {
	const want = "array"
	var n uint64
	switch c := r.lead(want); {
	case c&0xf0 == 0x90:
		n = uint64(c & 0x0f)
	case c == 0xdc:
		n = r.sized(2, want)
	case c == 0xdd:
		n = r.sized(4, want)
	default:
		r.fail(want)
		return 0
	}
	if n > uint64(limit) || n > uint64(len(r.p)) {
		r.fail(fmt.Sprintf("array of at most %d", limit))
		return 0
	}
	return int(n)
}

// tuple takes the header of an array of at least n elements and returns how
// many there are beyond.
func (r *reader) tuple(n int) (beyond int) {
	got := r.array(64)
	r.elements(max(got, n), got)
	return got - n
}

// pair takes the header of an array of two.
func (r *reader) pair() { r.elements(r.array(2), 2) }

// elements fails unless there are as many as wanted.
func (r *reader) elements(got, want int) {
	if got != want && r.err == nil {
		r.fail(fmt.Sprintf("array of %d elements but %d", want, got))
	}
}

// end reports an error if anything is left.
func (r *reader) end() error {
	if r.err == nil && len(r.p) > 0 {
		r.err = fmt.Errorf("%w: %d bytes too many", ErrMessage, len(r.p))
	}
	return r.err
}
