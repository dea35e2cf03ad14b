package crdt

import (
	"bytes"
	"errors"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func drawOp(t *rapid.T, depth int) Op {
	o := Op{
		Kind:   OpKind(rapid.IntRange(1, int(opEnd)-1).Draw(t, "kind")),
		Arg:    rapid.StringN(0, 3, -1).Draw(t, "arg"),
		To:     rapid.StringN(0, 3, -1).Draw(t, "to"),
		Amount: rapid.Int64().Draw(t, "amount"),
	}
	if rapid.Bool().Draw(t, "has seen") {
		c, _ := drawContext(t)
		o.Seen = &c
	}
	if depth > 1 && rapid.Bool().Draw(t, "has sub") {
		sub := drawOp(t, depth-1)
		o.Sub = &sub
	}
	return o
}

var compareContexts = cmp.Comparer(func(a, b Context) bool { return a.Compare(b) == Equal })

func TestOpEncoding(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := drawOp(t, maxOpDepth)
		d, err := DecodeOp(o.AppendBinary(nil))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(o, d, compareContexts); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestOpLimits(t *testing.T) {
	deep := Op{Kind: OpAdd}
	for range maxOpDepth {
		sub := deep
		deep = Op{Kind: OpUpdate, Sub: &sub}
	}
	good := Op{Kind: OpAdd, Arg: "x"}.AppendBinary(nil)
	for name, p := range map[string][]byte{
		"too deep":      deep.AppendBinary(nil),
		"no kind":       Op{}.AppendBinary(nil),
		"unknown kind":  Op{Kind: opEnd}.AppendBinary(nil),
		"cut off":       good[:len(good)-1],
		"longer":        append(bytes.Clone(good), 0),
		"empty":         nil,
		"unknown flags": {opVersion, byte(OpAdd), 0x80, 0},
	} {
		if _, err := DecodeOp(p); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := DecodeOp([]byte{opVersion + 1, 1, 0, 0}); !errors.Is(err, ErrVersion) {
		t.Error(err)
	}
}

func FuzzDecodeOp(f *testing.F) {
	seen := ContextOf(Dot{actor(1), 7})
	f.Add(Op{Kind: OpAdd, Arg: "x"}.AppendBinary(nil))
	f.Add(Op{Kind: OpUpdate, Arg: "k", Sub: &Op{Kind: OpWrite, Arg: "v", To: "t", Amount: -3, Seen: &seen}}.AppendBinary(nil))
	f.Fuzz(func(t *testing.T, p []byte) {
		o, err := DecodeOp(p)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrVersion) {
				t.Fatal(err)
			}
			return
		}
		if got := o.AppendBinary(nil); !bytes.Equal(got, p) {
			t.Fatalf("%x encodes as %x", p, got)
		}
		for name, s := range everyType() { // whatever a type says of it, it does not panic
			before := s.AppendBinary(nil)
			delta, _, err := s.ApplyBinary(mint(1, 1), o, nil)
			if err != nil && !bytes.Equal(s.AppendBinary(nil), before) {
				t.Fatalf("%s: %v, and changed", name, err)
			}
			if err == nil {
				if _, err := s.JoinBinary(delta); err != nil {
					t.Fatalf("%s: the delta of %+v: %v", name, o, err)
				}
			}
		}
	})
}

func TestZigzag(t *testing.T) {
	for _, n := range []int64{0, -1, 1, math.MinInt64, math.MaxInt64} {
		if got := unzigzag(zigzag(n)); got != n {
			t.Errorf("%d becomes %d", n, got)
		}
	}
}

// checkCodec checks one value of a basic type, and that what follows is refused.
func checkCodec[T Basic](t *testing.T, v T, refused ...string) {
	t.Helper()
	c := Default[T]()
	p := c.Encode(v)
	got, err := c.Decode(p)
	if diff := cmp.Diff(v, got); err != nil || diff != "" {
		t.Errorf("%T: %v %s", v, err, diff)
	}
	if !valid(c, p) {
		t.Errorf("%T: %q is not valid", v, p)
	}
	for _, p := range refused {
		if _, err := c.Decode(p); !errors.Is(err, ErrCorrupt) || valid(c, p) {
			t.Errorf("%T: %q is taken: %v", v, p, err)
		}
	}
}

func TestDefaultCodecs(t *testing.T) {
	checkCodec(t, "text")
	checkCodec(t, []byte{1, 2})
	checkCodec(t, true, "", "\x02", "\x01\x01")
	checkCodec(t, false)
	checkCodec(t, math.MinInt, "", "1234567", "123456789")
	checkCodec(t, int32(-7), "", "12345")
	checkCodec(t, int64(math.MaxInt64), "1234567")
	checkCodec(t, uint(7), "")
	checkCodec(t, uint32(math.MaxUint32), "123")
	checkCodec(t, uint64(math.MaxUint64), "1234567")
	checkCodec(t, -1.5, "1234567")
	checkCodec(t, [16]byte{15: 1}, "", "12345678901234567")
	checkCodec(t, actor(3), "123456789012345")
}

// TestCodecOrder: numbers are ordered as their bytes are.
func TestCodecOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Int().Draw(t, "a"), rapid.Int().Draw(t, "b")
		x, y := Default[int]().Encode(a), Default[int]().Encode(b)
		if (a < b) != (x < y) {
			t.Fatalf("%d is %x, %d is %x", a, x, b, y)
		}
	})
}

func FuzzDefaultDecode(f *testing.F) {
	f.Add("\x01")
	f.Add("12345678")
	f.Fuzz(func(t *testing.T, p string) {
		same(t, p, Default[string]())
		same(t, p, Default[[]byte]())
		same(t, p, Default[bool]())
		same(t, p, Default[int]())
		same(t, p, Default[uint32]())
		same(t, p, Default[float64]())
		same(t, p, Default[Actor]())
	})
}

func same[T any](t *testing.T, p string, c Codec[T]) {
	v, err := c.Decode(p)
	if (err == nil) != valid(c, p) {
		t.Fatalf("%q: %v", p, err)
	}
	if err == nil && c.Encode(v) != p {
		t.Fatalf("%s: %q encodes as %q", c.Name(), p, c.Encode(v))
	}
}
