package crdt

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"testing"
)

// must returns the delta of a mutation that goes well.
func must[S any](delta S, err error) S {
	if err != nil {
		panic(err)
	}
	return delta
}

func TestMintIsRefused(t *testing.T) {
	s := NewSet[string]()
	must(s.Add(mint(1, 5), "a"))
	was := s.AppendBinary(nil)
	for _, m := range []Mint{mint(1, 0), mint(1, 4), mint(1, 5), mint(2, MaxDot+1)} {
		if d, err := s.Add(m, "b"); !errors.Is(err, ErrMint) || d != nil {
			t.Errorf("%v: %v", m, err)
		}
	}
	if !bytes.Equal(s.AppendBinary(nil), was) {
		t.Error("a refused mint changed the set")
	}
	for _, s := range []interface {
		ApplyBinary(Mint, Op, []byte) ([]byte, Context, error)
	}{NewRegister[string](), NewLWWMap[string, string](), NewFirstRegister[string]()} {
		if _, _, err := s.ApplyBinary(Mint{Dot: Dot{actor(1), 1}}, Op{Kind: OpWrite}, nil); !errors.Is(err, ErrMint) {
			t.Errorf("%T without a time: %v", s, err)
		}
	}
}

// TestRemoveSaysWhatItSaw: a remove made at a stale replica reports nothing, and
// takes nothing away.
func TestRemoveSaysWhatItSaw(t *testing.T) {
	a, stale := NewSet[string](), NewSet[string]()
	must(a.Add(mint(1, 1), "x"))
	d, saw, err := stale.Remove(mint(2, 1), "x")
	if err != nil || !saw.IsEmpty() {
		t.Fatalf("saw %v: %v", saw, err)
	}
	if a.Join(d); !a.Contains("x") {
		t.Error("what was not seen is removed")
	}
	op := a.RemoveOp("x") // carries what its maker saw
	d, saw, err = stale.Apply(mint(2, 2), op)
	if err != nil || saw.Compare(ContextOf(Dot{actor(1), 1})) != Equal {
		t.Fatalf("saw %v: %v", saw, err)
	}
	if a.Join(d); a.Contains("x") {
		t.Error("what the reader saw is not removed")
	}
	d, saw, err = a.Reset(mint(1, 2))
	if err != nil || !saw.IsEmpty() || !a.Tombstone() || d == nil {
		t.Errorf("a reset of nothing saw %v: %v", saw, err)
	}
}

// TestContextsFold: one actor writes to many keys; the context of each key is
// one interval all the same, and a delta that was lost leaves a gap that any
// later state fills.
func TestContextsFold(t *testing.T) {
	a, b := NewSet[string](), NewSet[string]()
	var deltas []*Set[string]
	for _, n := range []uint64{3, 10, 11, 40} {
		deltas = append(deltas, must(a.Add(mint(1, n), "e")))
	}
	if got := a.Context().String(); got != "01000000:1-40" {
		t.Errorf("the context is %s", got)
	}
	b.Join(deltas[0])
	b.Join(deltas[3])
	if got := b.Context().String(); got != "01000000:1-3,11-40" {
		t.Errorf("with a gap: %s", got)
	}
	b.Join(deltas[1])
	b.Join(deltas[2])
	if got := b.Context().String(); got != "01000000:1-40" || !bytes.Equal(a.AppendBinary(nil), b.AppendBinary(nil)) {
		t.Errorf("filled: %s", got)
	}
}

func TestValuesOfMapsAreViews(t *testing.T) {
	m := NewMap[string](NewSet[string])
	if _, _, err := m.Update(mint(1, 1), "k", m.At("k").AddOp("a")); err != nil {
		t.Fatal(err)
	}
	v, ok := m.Get("k")
	if !ok || !v.Contains("a") {
		t.Fatal("the value is not there")
	}
	was := m.AppendBinary(nil)
	if _, err := v.Add(mint(1, 2), "b"); !errors.Is(err, ErrPart) {
		t.Error(err)
	}
	if _, err := v.JoinBinary(was); !errors.Is(err, ErrPart) {
		t.Error(err)
	}
	other := NewSet[string]()
	other.Add(mint(2, 1), "b")
	if v.Join(other) != nil || v.Prune(actor(1)) || !bytes.Equal(m.AppendBinary(nil), was) {
		t.Error("a join into a view changed the map")
	}
	own := v.Clone()
	if _, err := own.Add(mint(1, 2), "b"); err != nil || v.Len() != 1 || own.Len() != 2 {
		t.Errorf("the clone: %v", err)
	}
	if d := v.Difference(NewSet[string]()); d.Len() != 1 || d.Fingerprint(testKey) != v.Fingerprint(testKey) {
		t.Error("a view as a state of its own")
	}
	other.Join(v)
	if other.Len() != 2 {
		t.Error("a set takes a view")
	}
	if _, ok := m.Get("none"); ok || m.At("none").Len() != 0 || m.Len() != 1 {
		t.Error("a key that is not there")
	}
}

func TestSiblings(t *testing.T) {
	r := NewMVRegister[int]()
	nothing := ContextOf()
	for i := range MaxSiblings {
		op := Op{Kind: OpWrite, Arg: Default[int]().Encode(i), Seen: &nothing}
		if _, _, err := r.Apply(mint(1, uint64(i+1)), op); err != nil {
			t.Fatalf("write %d: %v", i, err)
		}
	}
	was := r.AppendBinary(nil)
	_, _, err := r.Apply(mint(1, 1000), Op{Kind: OpWrite, Arg: Default[int]().Encode(0), Seen: &nothing})
	if !errors.Is(err, ErrSiblings) || !bytes.Equal(r.AppendBinary(nil), was) || r.Len() != MaxSiblings {
		t.Errorf("one more of %d: %v", r.Len(), err)
	}
	if _, err := r.Write(mint(1, 1000), 7); err != nil || !slices.Equal(slices.Collect(r.All()), []int{7}) {
		t.Errorf("a write that saw them all: %v", err)
	}
}

func TestCounterLimits(t *testing.T) {
	c := NewCounter()
	must(c.Add(mint(1, 1), math.MaxInt64))
	if _, err := c.Add(mint(1, 2), 1); !errors.Is(err, ErrOverflow) || c.Value() != math.MaxInt64 {
		t.Errorf("%d: %v", c.Value(), err)
	}
	must(c.Add(mint(2, 1), math.MaxInt64))
	if c.Value() != math.MaxInt64 {
		t.Errorf("beyond the range: %d", c.Value())
	}
	for i := range 2 {
		must(c.Add(mint(byte(3+i), 1), math.MinInt64))
	}
	if c.Value() != -2 {
		t.Errorf("the range is left on the way only: %d", c.Value())
	}
	if _, err := c.Add(mint(3, 2), -1); !errors.Is(err, ErrOverflow) {
		t.Error(err)
	}

	g := NewGrowCounter()
	must(g.Add(mint(1, 1), math.MaxInt64))
	if _, err := g.Add(mint(1, 2), 1); !errors.Is(err, ErrOverflow) {
		t.Error(err)
	}
	for _, n := range []int64{0, -1} {
		if _, err := g.Add(mint(2, 1), n); !errors.Is(err, ErrOperation) {
			t.Errorf("add %d: %v", n, err)
		}
	}
}

func TestBoundedCounterRights(t *testing.T) {
	a, b := NewBoundedCounter(), NewBoundedCounter()
	added := must(a.Add(mint(1, 1), 10))
	b.Join(added)
	if _, err := b.Take(mint(2, 1), 1); !errors.Is(err, ErrRights) || b.Value() != 10 {
		t.Errorf("taken without a right: %v", err)
	}
	given := must(a.Transfer(mint(1, 2), 4, actor(2)))
	b.Join(given)
	if a.Rights(actor(1)) != 6 || b.Rights(actor(2)) != 4 || a.Value() != 10 {
		t.Errorf("rights %d and %d, value %d", a.Rights(actor(1)), b.Rights(actor(2)), a.Value())
	}
	taken := must(b.Take(mint(2, 1), 4))
	if _, err := b.Take(mint(2, 2), 1); !errors.Is(err, ErrRights) {
		t.Error(err)
	}
	if _, err := a.Take(mint(1, 3), 7); !errors.Is(err, ErrRights) {
		t.Error(err)
	}
	early := NewBoundedCounter()
	if early.Join(taken); early.Value() != 0 {
		t.Errorf("a take before its add: %d", early.Value())
	}
	for _, op := range []Op{a.TransferOp(1, actor(1)), a.TransferOp(0, actor(2)), a.AddOp(0), a.AddOp(math.MinInt64), {Kind: OpTransfer, Amount: 1, To: "x"}} {
		if _, _, err := a.Apply(mint(1, 9), op); !errors.Is(err, ErrOperation) {
			t.Errorf("%+v: %v", op, err)
		}
	}
}

// TestLWWMutatorsNeedANewStamp: a write that could not be seen is refused.
func TestLWWMutatorsNeedANewStamp(t *testing.T) {
	r := NewRegister[string]()
	must(r.Set(mint(1, 5), "new", 0))
	if _, err := r.Set(mint(2, 4), "old", 0); !errors.Is(err, ErrMint) {
		t.Error(err)
	}
	if _, _, err := r.Apply(mint(1, 6), r.ExpireOp(10)); err != nil {
		t.Error(err)
	}
	if v, ok := r.Get(9); v != "new" || !ok {
		t.Error("hidden before it expires")
	}
	if _, ok := r.Get(10); ok {
		t.Error("shown after it expired")
	}
	if _, _, err := NewRegister[string]().Apply(mint(1, 1), r.ExpireOp(10)); !errors.Is(err, ErrOperation) {
		t.Errorf("nothing to expire: %v", err)
	}
	m := NewLWWMap[string, int]()
	must(m.Put(mint(1, 5), "k", 1, 0))
	must(m.Put(mint(2, 4), "l", 2, 0))
	if _, err := m.Put(mint(2, 5-1), "k", 3, 0); !errors.Is(err, ErrMint) {
		t.Error(err)
	}
	must(m.Delete(mint(1, 6), "k"))
	if m.Tombstone() {
		t.Error("l is there")
	}
	must(m.Delete(mint(1, 7), "l"))
	if _, ok := m.Get("l", 0); ok || !m.Tombstone() {
		t.Error("all is deleted")
	}
}
