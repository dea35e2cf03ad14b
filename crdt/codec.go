package crdt

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Codec turns elements, keys and values into bytes and back. Two values are the
// same to a type when their bytes are, so Encode must give equal bytes for what
// is to be equal, and Decode must refuse what Encode never gives, with an error.
// Bytes are strings here because they never change once they are in a value.
type Codec[T any] interface {
	// Name is agreed on by all nodes, as part of a table's type: printable ASCII
	// without spaces, commas or parentheses.
	Name() string
	// Encode returns the bytes of v.
	Encode(v T) string
	// Decode gives back the value; p may be kept.
	Decode(p string) (T, error)
}

// Basic are the types that need no codec to be named: see [Default].
type Basic interface {
	string | bool | int | int32 | int64 | uint | uint32 | uint64 | float64 | []byte | [16]byte | Actor
}

// Default returns the codec of a basic type. Strings and bytes stand for
// themselves; numbers are big-endian with the sign turned, so that bytes are
// ordered as numbers are; int and uint take eight bytes; floats are their IEEE
// bits, so that two NaNs or two zeros are equal only when their bits are.
func Default[T Basic]() Codec[T] { return basic[T]{} }

type basic[T Basic] struct{}

func (basic[T]) Name() string {
	switch any(*new(T)).(type) {
	case int:
		return "int64"
	case uint:
		return "uint64"
	case []byte:
		return "bytes"
	case [16]byte, Actor:
		return "bytes16"
	}
	return fmt.Sprintf("%T", *new(T))
}

func (basic[T]) Encode(v T) string {
	switch v := any(v).(type) {
	case string:
		return v
	case []byte:
		return string(v)
	case bool:
		if v {
			return "\x01"
		}
		return "\x00"
	case int:
		return fixed64(uint64(v) ^ 1<<63)
	case int64:
		return fixed64(uint64(v) ^ 1<<63)
	case uint:
		return fixed64(uint64(v))
	case uint64:
		return fixed64(v)
	case float64:
		return fixed64(math.Float64bits(v))
	case int32:
		return fixed32(uint32(v) ^ 1<<31)
	case uint32:
		return fixed32(v)
	case [16]byte:
		return string(v[:])
	case Actor:
		return string(v[:])
	}
	return "" // not reached: the cases are the constraint's
}

// valid reports whether Decode would take p, without making a value.
func (basic[T]) valid(p string) bool {
	switch any(*new(T)).(type) {
	case string, []byte:
		return true
	case int64, uint64, float64:
		return len(p) == 8
	}
	_, err := basic[T]{}.Decode(p)
	return err == nil
}

// valid reports whether the codec takes p.
func valid[T any](c Codec[T], p string) bool {
	if c, ok := c.(interface{ valid(p string) bool }); ok {
		return c.valid(p)
	}
	_, err := c.Decode(p)
	return err == nil
}

func (basic[T]) Decode(p string) (v T, err error) {
	ok := true
	switch v := any(&v).(type) {
	case *string:
		*v = p
	case *[]byte:
		*v = []byte(p)
	case *bool:
		*v, ok = p == "\x01", p == "\x00" || p == "\x01"
	case *int:
		u := take64(p, &ok) ^ 1<<63
		*v = int(u)
		ok = ok && uint64(*v) == u // where an int has 32 bits
	case *int64:
		*v = int64(take64(p, &ok) ^ 1<<63)
	case *uint:
		u := take64(p, &ok)
		*v = uint(u)
		ok = ok && uint64(*v) == u
	case *uint64:
		*v = take64(p, &ok)
	case *float64:
		*v = math.Float64frombits(take64(p, &ok))
	case *int32:
		*v = int32(take32(p, &ok) ^ 1<<31)
	case *uint32:
		*v = take32(p, &ok)
	case *[16]byte:
		ok = copy(v[:], p) == len(p) && len(p) == len(v)
	case *Actor:
		ok = copy(v[:], p) == len(p) && len(p) == len(v)
	}
	if !ok {
		return *new(T), fmt.Errorf("%w: %d bytes are no %T", ErrCorrupt, len(p), v)
	}
	return v, nil
}

func fixed64(u uint64) string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], u)
	return string(b[:])
}

func fixed32(u uint32) string {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], u)
	return string(b[:])
}

func take64(p string, ok *bool) uint64 {
	if *ok = len(p) == 8; !*ok {
		return 0
	}
	var b [8]byte
	copy(b[:], p)
	return binary.BigEndian.Uint64(b[:])
}

func take32(p string, ok *bool) uint32 {
	if *ok = len(p) == 4; !*ok {
		return 0
	}
	var b [4]byte
	copy(b[:], p)
	return binary.BigEndian.Uint32(b[:])
}
