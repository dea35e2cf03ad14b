package gossip_test

import (
	"bytes"
	"errors"
	"math"
	"testing"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/gossip"
)

type person struct {
	Name  string
	Level int
	Tags  []string
}

func thereAndBack[T any](t *testing.T, name string, same func(a, b T) bool, values ...T) {
	t.Helper()
	c := gossip.CodecOf[T]()
	if c.Name() != name {
		t.Errorf("codec of %T is called %q, want %q", *new(T), c.Name(), name)
	}
	for _, v := range values {
		b, err := c.Append([]byte("head"), v)
		if err != nil || !bytes.HasPrefix(b, []byte("head")) {
			t.Fatalf("%v: %q %v", v, b, err)
		}
		got, err := c.Decode(b[4:])
		clear(b) // the value must not refer to it
		if err != nil || !same(got, v) {
			t.Errorf("%v came back as %v, %v", v, got, err)
		}
	}
}

func equal[T comparable](a, b T) bool { return a == b }

func TestCodecsGiveBackWhatTheyTook(t *testing.T) {
	thereAndBack(t, "string", equal[string], "", "apple", "\x00\xff")
	thereAndBack(t, "bytes", bytes.Equal, []byte{}, []byte("apple"))
	thereAndBack(t, "bool", equal[bool], true, false)
	thereAndBack(t, "int64", equal[int], 0, -1, math.MaxInt, math.MinInt)
	thereAndBack(t, "int64", equal[int64], 0, -1, math.MaxInt64, math.MinInt64)
	thereAndBack(t, "uint64", equal[uint64], 0, math.MaxUint64)
	thereAndBack(t, "float64", equal[float64], 0, -1.5, math.Inf(1))
	thereAndBack(t, "json", func(a, b person) bool { return a.Name == b.Name && a.Level == b.Level && len(a.Tags) == len(b.Tags) },
		person{}, person{Name: "a", Level: 3, Tags: []string{"x"}})
}

func TestCodecsRefuseWhatTheyNeverWrote(t *testing.T) {
	_, number := gossip.CodecOf[int]().Decode([]byte("short"))
	_, flag := gossip.CodecOf[bool]().Decode([]byte{2})
	_, object := gossip.CodecOf[person]().Decode([]byte("{"))
	for _, err := range []error{number, flag, object} {
		if !errors.Is(err, crdt.ErrCorrupt) {
			t.Errorf("%v does not wrap crdt.ErrCorrupt", err)
		}
	}
	if _, err := gossip.CodecOf[func()]().Append(nil, func() {}); err == nil {
		t.Error("a function was encoded")
	}
}

func FuzzCodecDecode(f *testing.F) {
	f.Add([]byte(`{"Name":"a","Level":1}`))
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, p []byte) {
		again(t, gossip.CodecOf[string](), p, equal[string])
		again(t, gossip.CodecOf[bool](), p, equal[bool])
		again(t, gossip.CodecOf[int64](), p, equal[int64])
		again(t, gossip.CodecOf[person](), p, func(a, b person) bool { return a.Name == b.Name && a.Level == b.Level })
	})
}

// again: what was decoded is encoded to something that decodes to the same.
func again[T any](t *testing.T, c gossip.Codec[T], p []byte, same func(a, b T) bool) {
	v, err := c.Decode(p)
	if err != nil {
		return
	}
	b, err := c.Append(nil, v)
	if err != nil {
		t.Fatalf("%s: %v was decoded and cannot be encoded: %v", c.Name(), v, err)
	}
	if w, err := c.Decode(b); err != nil || !same(v, w) {
		t.Fatalf("%s: %v became %v, %v", c.Name(), v, w, err)
	}
}
