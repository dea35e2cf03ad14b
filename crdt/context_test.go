package crdt

import (
	"bytes"
	"errors"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// dotSet is the naive twin of a Context.
type dotSet map[Dot]bool

func (s dotSet) without(o dotSet) dotSet {
	r := maps.Clone(s)
	maps.DeleteFunc(r, func(d Dot, _ bool) bool { return o[d] })
	return r
}

func setOf(c Context) dotSet {
	s := make(dotSet)
	for a, r := range c.Ranges() {
		for n := r[0]; n <= r[1]; n++ {
			s[Dot{a, n}] = true
		}
	}
	return s
}

func drawContext(t *rapid.T) (Context, dotSet) {
	var c Context
	s := make(dotSet)
	for range rapid.IntRange(0, 6).Draw(t, "ranges") {
		a, r := actor(byte(rapid.IntRange(1, 3).Draw(t, "actor"))), ranges.Draw(t, "range")
		c.AddRange(a, r.lo, r.hi)
		for n := r.lo; n <= r.hi; n++ {
			s[Dot{a, n}] = true
		}
	}
	return c, s
}

func TestContextAgainstTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, x := drawContext(t)
		b, y := drawContext(t)
		if diff := cmp.Diff(setOf(a), x); diff != "" {
			t.Fatal(diff)
		}
		if got := setOf(a.Without(b)); !maps.Equal(got, x.without(y)) {
			t.Fatalf("%v without %v is %v", a, b, a.Without(b))
		}
		order := orderOf(len(x.without(y)) == 0, len(y.without(x)) == 0)
		if got := a.Compare(b); got != order {
			t.Fatalf("%v is %v %v, not %v", a, got, b, order)
		}
		for n := range uint64(50) {
			d := Dot{actor(2), n}
			if a.Contains(d) != x[d] {
				t.Fatalf("%v contains %v: %t", a, d, !x[d])
			}
		}
		vector := uint64(0)
		for x[Dot{actor(1), vector + 1}] {
			vector++
		}
		if a.Vector(actor(1)) != vector || a.Last(actor(1)) < vector {
			t.Fatalf("%v: vector %d, last %d", a, a.Vector(actor(1)), a.Last(actor(1)))
		}
		was, copied := a.String(), a
		changed := a.Join(b)
		maps.Copy(x, y)
		if !maps.Equal(setOf(a), x) || changed != (order == Before || order == Concurrent) {
			t.Fatalf("the join is %v, changed %t", a, changed)
		}
		a.Add(Dot{actor(9), 9})
		if copied.String() != was || !maps.Equal(setOf(b), y) {
			t.Fatalf("a join changed a copy: %v", copied)
		}
	})
}

func TestContextEncoding(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, x := drawContext(t)
		b, y := drawContext(t)
		p := a.AppendBinary(nil)
		if bytes.Equal(p, b.AppendBinary(nil)) != maps.Equal(x, y) {
			t.Fatalf("%v and %v", a, b)
		}
		d, err := DecodeContext(p)
		if err != nil || d.Compare(a) != Equal {
			t.Fatalf("%v decodes to %v: %v", a, d, err)
		}
	})
}

func TestContextLimits(t *testing.T) {
	var c Context
	c.Add(Dot{})
	c.Add(Dot{actor(1), MaxDot + 1})
	c.AddRange(actor(1), 5, 4)
	if !c.IsEmpty() {
		t.Errorf("%v was added", c)
	}
	c.Add(Dot{actor(1), MaxDot})
	c.AddRange(actor(1), 1, 3)
	if got := c.String(); got != "01000000:1-3,4611686018427387904" {
		t.Error(got)
	}
	if d, err := DecodeContext(c.AppendBinary(nil)); err != nil || d.Compare(c) != Equal {
		t.Errorf("%v: %v", d, err)
	}
}

func FuzzDecodeContext(f *testing.F) {
	f.Add(ContextOf(Dot{actor(1), 1}, Dot{actor(1), 5}, Dot{actor(2), 3}).AppendBinary(nil))
	f.Fuzz(func(t *testing.T, p []byte) {
		c, err := DecodeContext(p)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Fatal(err)
			}
			return
		}
		if got := c.AppendBinary(nil); !bytes.Equal(got, p) {
			t.Fatalf("%x decodes to %v and encodes as %x", p, c, got)
		}
		o := c
		if o.Join(c) || c.Compare(o) != Equal || !c.Without(o).IsEmpty() {
			t.Fatalf("%v is not itself", c)
		}
	})
}

// TestDotted is what the paper begins with: two clients write through
// one server after the same read. A version vector would order the writes.
func TestDotted(t *testing.T) {
	server := actor(1)
	first := Dotted{Dot: Dot{server, 1}}
	second := Dotted{Dot: Dot{server, 2}}                            // had seen nothing, too
	third := Dotted{Dot: Dot{server, 3}, Seen: ContextOf(first.Dot)} // had read the first
	for _, tc := range []struct {
		a, b Dotted
		want Order
	}{
		{first, first, Equal}, {first, second, Concurrent}, {first, third, Before}, {third, first, After},
		{second, third, Concurrent},
	} {
		if got := tc.a.Compare(tc.b); got != tc.want {
			t.Errorf("%v is %v %v", tc.a, got, tc.b)
		}
	}
	if got := third.Context().String(); got != "01000000:1,3" {
		t.Error(got)
	}
	again := Dotted{third.Dot, third.Context()} // has the dot twice
	if p := third.AppendBinary(nil); !bytes.Equal(again.AppendBinary(nil), p) {
		t.Errorf("%x and %x", again.AppendBinary(nil), p)
	}
	if _, err := DecodeDotted(again.Seen.AppendBinary(appendDot(nil, again.Dot))); !errors.Is(err, ErrCorrupt) {
		t.Errorf("the dot is taken twice: %v", err)
	}
	d, err := DecodeDotted(third.AppendBinary(nil))
	if err != nil || d.Compare(third) != Equal || d.Seen.Compare(third.Seen) != Equal {
		t.Errorf("%v: %v", d, err)
	}
}

func FuzzDecodeDotted(f *testing.F) {
	f.Add(Dotted{Dot{actor(1), 7}, ContextOf(Dot{actor(1), 5}, Dot{actor(2), 3})}.AppendBinary(nil))
	f.Fuzz(func(t *testing.T, p []byte) {
		v, err := DecodeDotted(p)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Fatal(err)
			}
			return
		}
		if got := v.AppendBinary(nil); !bytes.Equal(got, p) {
			t.Fatalf("%x encodes as %x", p, got)
		}
	})
}
