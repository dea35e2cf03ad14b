package gossip

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"

	"github.com/grapevine-go/grapevine/crdt"
)

// Codec turns the values of a table of registers into bytes and back. Unlike
// the codec of a set's elements (crdt.Codec) it may fail, and equal values need
// not give equal bytes. It is safe for concurrent use.
type Codec[T any] interface {
	// Name is agreed on by all nodes of a cluster, as a part of a table's type:
	// printable ASCII without spaces or parentheses.
	Name() string
	// Append appends v's encoding. On an error nothing counts as appended.
	Append(dst []byte, v T) ([]byte, error)
	// Decode takes a whole encoding. The value keeps no reference to p. The
	// error wraps crdt.ErrCorrupt.
	Decode(p []byte) (T, error)
}

// CodecOf returns the codec that is used where none is given: for strings,
// byte slices, booleans, integers and floats a plain one, and JSON for every
// other type. (A named type such as `type Level int` takes JSON.)
func CodecOf[T any]() Codec[T] {
	var c any
	switch any(*new(T)).(type) {
	case string:
		c = plain[string]{"string", func(b []byte, v string) []byte { return append(b, v...) }, func(p []byte) (string, bool) { return string(p), true }}
	case []byte:
		c = plain[[]byte]{"bytes", func(b, v []byte) []byte { return append(b, v...) }, func(p []byte) ([]byte, bool) { return append([]byte{}, p...), true }}
	case bool:
		c = plain[bool]{"bool", appendBool, takeBool}
	case int:
		c = fixed("int64", func(v int) uint64 { return uint64(v) }, func(u uint64) int { return int(u) })
	case int64:
		c = fixed("int64", func(v int64) uint64 { return uint64(v) }, func(u uint64) int64 { return int64(u) })
	case uint64:
		c = fixed("uint64", func(v uint64) uint64 { return v }, func(u uint64) uint64 { return u })
	case float64:
		c = fixed("float64", math.Float64bits, math.Float64frombits)
	default:
		c = JSON[T]()
	}
	return c.(Codec[T])
}

// plain is a codec made of two functions that cannot fail but by length.
type plain[T any] struct {
	name   string
	encode func([]byte, T) []byte
	decode func([]byte) (T, bool)
}

// Name implements [Codec].
func (c plain[T]) Name() string { return c.name }

// Append implements [Codec].
func (c plain[T]) Append(dst []byte, v T) ([]byte, error) { return c.encode(dst, v), nil }

// Decode implements [Codec].
func (c plain[T]) Decode(p []byte) (T, error) {
	v, ok := c.decode(p)
	if !ok {
		return v, fmt.Errorf("%w: %d bytes are no %s", crdt.ErrCorrupt, len(p), c.name)
	}
	return v, nil
}

func fixed[T any](name string, to func(T) uint64, from func(uint64) T) plain[T] {
	return plain[T]{name,
		func(b []byte, v T) []byte { return binary.BigEndian.AppendUint64(b, to(v)) },
		func(p []byte) (v T, ok bool) {
			if len(p) != 8 {
				return v, false
			}
			return from(binary.BigEndian.Uint64(p)), true
		}}
}

func appendBool(dst []byte, v bool) []byte {
	if v {
		return append(dst, 1)
	}
	return append(dst, 0)
}

func takeBool(p []byte) (v, ok bool) {
	return len(p) == 1 && p[0] == 1, len(p) == 1 && p[0] <= 1
}

// JSON returns the codec that uses encoding/json. It is deterministic for
// types without custom marshalers that are not.
func JSON[T any]() Codec[T] { return jsonCodec[T]{} }

type jsonCodec[T any] struct{}

// Name implements [Codec].
func (jsonCodec[T]) Name() string { return "json" }

// Append implements [Codec].
func (jsonCodec[T]) Append(dst []byte, v T) ([]byte, error) {
	b, err := json.Marshal(v)
	return append(dst, b...), err
}

// Decode implements [Codec].
func (jsonCodec[T]) Decode(p []byte) (v T, err error) {
	if err := json.Unmarshal(p, &v); err != nil {
		return v, fmt.Errorf("%w: %w", crdt.ErrCorrupt, err)
	}
	return v, nil
}
