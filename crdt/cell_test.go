package crdt

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// write is an operation on a cell, as the twin remembers it.
type write struct {
	kind  int // 0 put, 1 delete, 2 expire
	stamp Stamp
	of    Stamp
	at    int64
	value string
}

func (w write) delta() Cell {
	switch w.kind {
	case 0:
		return Put(w.stamp, []byte(w.value), w.at)
	case 1:
		return Delete(w.stamp)
	}
	return Expire(w.stamp, w.of, w.at)
}

// history is the naive twin of a cell: all operations there ever were.
type history []write

// newest is the last put or delete.
func (h history) newest() (w write, ok bool) {
	for _, o := range h {
		if o.kind != 2 && (!ok || w.stamp.Compare(o.stamp) < 0) {
			w, ok = o, true
		}
	}
	return w, ok
}

// read is what a reader sees at now: the newest value, unless the newest expiry
// set for it, with the put or after it, has come.
func (h history) read(now int64) (string, bool) {
	w, ok := h.newest()
	if !ok || w.kind == 1 {
		return "", false
	}
	expiry, set := w.at, w.stamp
	for _, o := range h {
		if o.kind == 2 && o.of == w.stamp && set.Compare(o.stamp) < 0 {
			expiry, set = o.at, o.stamp
		}
	}
	if expiry != 0 && now >= expiry {
		return "", false
	}
	return w.value, true
}

// histories draws operations with stamps of their own; the expiries are for
// values written before them.
var histories = draw(func(t *rapid.T) history {
	h := make(history, rapid.IntRange(1, 8).Draw(t, "n"))
	var values []Stamp
	for i := range h {
		h[i] = write{
			kind:  rapid.IntRange(0, min(len(values)+1, 2)).Draw(t, "kind"),
			stamp: at(uint64(i/2+1), byte(i%2+1)),
			at:    rapid.SampledFrom([]int64{0, -5, 10, 20}).Draw(t, "at"),
			value: rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "value"),
		}
		if h[i].kind == 2 {
			h[i].of = rapid.SampledFrom(values).Draw(t, "of")
		} else {
			values = append(values, h[i].stamp)
		}
	}
	return h
})

// TestCellAgainstTwin delivers a history in any order, some of it twice.
func TestCellAgainstTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := histories.Draw(t, "history")
		order := append(rapid.Permutation(h).Draw(t, "order"), rapid.SliceOfN(rapid.SampledFrom(h), 0, 4).Draw(t, "again")...)
		var c Cell
		for _, w := range order {
			c.Join(w.delta())
		}
		for _, now := range []int64{0, 9, 10, 20} {
			want, wantOK := h.read(now)
			if got, ok := c.Get(now); string(got) != want || ok != wantOK {
				t.Fatalf("at %d %q %t, the twin says %q %t: %+v", now, got, ok, want, wantOK, c)
			}
		}
		newest, ok := h.newest()
		if c.Tombstone() != (!ok || newest.kind == 1) {
			t.Fatalf("tombstone %t: %+v", c.Tombstone(), c)
		}
	})
}

// smallCells are all normal cells of a few stamps and values.
func smallCells() []Cell {
	stamps := []Stamp{at(1, 1), at(1, 2), at(2, 1)}
	values := []Value{{}}
	for _, s := range stamps[:2] {
		values = append(values, Value{Stamp: s, Deleted: true}, Value{Stamp: s}, Value{Stamp: s, Bytes: []byte("v")})
	}
	expiries := []Expiry{{}}
	for _, of := range stamps {
		for _, s := range stamps[:2] {
			expiries = append(expiries, Expiry{Stamp: s, For: of}, Expiry{Stamp: s, For: of, At: 7})
		}
	}
	var cells []Cell
	for _, v := range values {
		for _, e := range expiries {
			if c := *(&Cell{v, e}).normal(); !slices.ContainsFunc(cells, func(o Cell) bool { return cmp.Equal(c, o) }) {
				cells = append(cells, c)
			}
		}
	}
	return cells
}

func joined(cells ...Cell) Cell {
	var c Cell
	for _, d := range cells {
		c.Join(d)
	}
	return c
}

func sameCell(a, b Cell) bool {
	return a.Value.compare(b.Value) == 0 && a.Expiry.compare(b.Expiry) == 0
}

// TestCellLaws enumerates all pairs and triples of small cells.
func TestCellLaws(t *testing.T) {
	cells := smallCells()
	if len(cells) < 50 {
		t.Fatalf("only %d cells", len(cells))
	}
	for i, a := range cells {
		if !sameCell(joined(a, a), a) || !sameCell(joined(a), a) {
			t.Fatalf("not idempotent: %+v", a)
		}
		for _, b := range cells {
			ab := joined(a, b)
			if !sameCell(ab, joined(b, a)) {
				t.Fatalf("not commutative: %+v, %+v", a, b)
			}
			checkJoined(t, a, b, ab)
			for _, c := range cells[i:] {
				bc := joined(b, c)
				if !sameCell(joined(ab, c), joined(a, bc)) {
					t.Fatalf("not associative: %+v, %+v, %+v", a, b, c)
				}
			}
		}
	}
}

// checkJoined checks what a join of d into c says it did.
func checkJoined(t *testing.T, c, d, want Cell) {
	t.Helper()
	was := c
	j := c.Join(d)
	if j.Changed == sameCell(was, want) {
		t.Fatalf("changed %t: %+v by %+v", j.Changed, was, d)
	}
	// The delta took effect whole, or something newer is named.
	whole := (d.Value.Stamp.IsZero() || c.Value.compare(d.Value) == 0) && (d.Expiry.For.IsZero() || c.Expiry.compare(d.Expiry) == 0)
	if whole != j.Dominated.IsZero() {
		t.Fatalf("dominated by %v: %+v by %+v", j.Dominated, was, d)
	}
	if c.Stamp().Compare(d.Value.Stamp) < 0 || c.Stamp().Compare(was.Value.Stamp) < 0 {
		t.Fatalf("stamp %v: %+v by %+v", c.Stamp(), was, d)
	}
}

// TestCellEncoding: equal cells have equal bytes and fingerprints, different
// cells different ones, and the bytes give the cell back.
func TestCellEncoding(t *testing.T) {
	cells := smallCells()
	for _, a := range cells {
		p := a.AppendBinary([]byte("before"))
		d, err := DecodeCell(p[len("before"):])
		if err != nil || !sameCell(a, d) {
			t.Fatalf("%+v decodes to %+v: %v", a, d, err)
		}
		for _, b := range cells {
			equal := sameCell(a, b)
			if bytes.Equal(a.AppendBinary(nil), b.AppendBinary(nil)) != equal {
				t.Fatalf("bytes of %+v and %+v", a, b)
			}
			if (a.Fingerprint(testKey) == b.Fingerprint(testKey)) != equal {
				t.Fatalf("fingerprints of %+v and %+v", a, b)
			}
		}
	}
	var bottom Cell
	if !bottom.Fingerprint(testKey).IsZero() {
		t.Error("bottom has a fingerprint")
	}
}

// TestCellByHand: what is not normal is encoded and joined as what it means.
func TestCellByHand(t *testing.T) {
	for name, c := range map[string]Cell{
		"value without a stamp":     {Value: Value{Bytes: []byte("x"), Deleted: true}},
		"expiry without a stamp":    {Expiry: Expiry{For: at(1, 1), At: 5}},
		"expiry of nothing":         {Expiry: Expiry{Stamp: at(1, 1), At: 5}},
		"tombstone with bytes":      {Value: Value{Stamp: at(1, 1), Deleted: true, Bytes: []byte("x")}},
		"expiry of an older value":  {Value: Value{Stamp: at(2, 1)}, Expiry: Expiry{Stamp: at(3, 1), For: at(1, 1)}},
		"expiry at a negative time": Put(at(1, 1), []byte("x"), -1),
	} {
		d, err := DecodeCell(c.AppendBinary(nil))
		if err != nil || !sameCell(d, joined(c)) {
			t.Errorf("%s: decoded %+v, joined %+v: %v", name, d, joined(c), err)
		}
		if d.Fingerprint(testKey) != c.Fingerprint(testKey) {
			t.Errorf("%s: fingerprint", name)
		}
	}
}

func TestCellJoinBinary(t *testing.T) {
	var c Cell
	buf := (&Cell{Value: Value{Stamp: at(1, 1), Bytes: []byte("value")}}).AppendBinary(nil)
	if j, err := c.JoinBinary(buf); err != nil || !j.Changed {
		t.Fatal(j, err)
	}
	for i := range buf {
		buf[i] = 0xff
	}
	if got, _ := c.Get(0); string(got) != "value" {
		t.Errorf("the cell keeps the buffer: %q", got)
	}
	was := c
	for _, bad := range [][]byte{nil, {1}, {2, 0}, {1, 0x80}, {1, cellValue}, {1, cellDeleted}, buf} {
		_, err := c.JoinBinary(bad)
		if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrVersion) {
			t.Errorf("%x: %v", bad, err)
		}
	}
	if !sameCell(c, was) {
		t.Errorf("an error changed the cell: %+v", c)
	}
	if _, err := DecodeCell([]byte{2, 0}); !errors.Is(err, ErrVersion) {
		t.Error(err)
	}
}

func TestCellRestamp(t *testing.T) {
	s := at(9, 1)
	for _, tc := range []struct{ in, want Cell }{
		{Put(at(1, 1), []byte("v"), 0), Put(s, []byte("v"), 0)},
		{Put(at(1, 1), []byte("v"), 5), Put(s, []byte("v"), 5)},
		{Delete(at(1, 1)), Delete(s)},
		{Expire(at(2, 1), at(1, 1), 5), Expire(s, at(1, 1), 5)},
		{Cell{}, Cell{}},
	} {
		if got := tc.in.Restamp(s); !sameCell(got, tc.want) {
			t.Errorf("%+v restamped is %+v", tc.in, got)
		}
	}
	if got := joined(Put(at(5, 2), []byte("new"), 0), Put(at(1, 1), []byte("old"), 0).Restamp(s)); string(got.Value.Bytes) != "old" {
		t.Errorf("restamped above, and lost: %+v", got)
	}
}

func TestCellGolden(t *testing.T) {
	cells := map[string]Cell{
		"bottom":       {},
		"put":          Put(at(0x0102030405060708, 0x11), []byte("value"), 0),
		"put-empty":    Put(at(1, 1), nil, 0),
		"put-expiring": Put(at(1, 1), []byte("v"), 1_700_000_000_000),
		"delete":       Delete(at(2, 3)),
		"expire":       Expire(at(4, 5), at(2, 3), 6),
		"put-expired":  joined(Put(at(1, 1), []byte("v"), 0), Expire(at(4, 5), at(1, 1), 6)),
		"persist":      joined(Put(at(1, 1), []byte("v"), 9), Expire(at(4, 5), at(1, 1), 0)),
	}
	encodings := make(map[string][]byte)
	var order []string
	for name, c := range cells {
		encodings[name] = c.AppendBinary(nil)
		order = append(order, name)
	}
	slices.Sort(order)
	golden(t, "cell", encodings, order)
}

func FuzzDecodeCell(f *testing.F) {
	for _, c := range smallCells() {
		f.Add(c.AppendBinary(nil))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		c, err := DecodeCell(p)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrVersion) {
				t.Fatalf("%v is no typed error", err)
			}
			return
		}
		if got := c.AppendBinary(nil); !bytes.Equal(got, p) {
			t.Fatalf("%x decodes and encodes as %x", p, got)
		}
		if !sameCell(joined(c, c), c) || !sameCell(joined(c), c) {
			t.Fatalf("%+v is not normal", c)
		}
	})
}

func BenchmarkCell(b *testing.B) {
	value := make([]byte, 100)
	c := Put(at(5, 1), value, 0)
	p := c.AppendBinary(nil)
	b.Run("Join", func(b *testing.B) {
		d := Put(at(4, 1), value, 0)
		b.ReportAllocs()
		for b.Loop() {
			c.Join(d)
		}
	})
	b.Run("JoinBinary", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := c.JoinBinary(p); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("AppendBinary", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			p = c.AppendBinary(p[:0])
		}
	})
	b.Run("Fingerprint", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			c.Fingerprint(testKey)
		}
	})
}
