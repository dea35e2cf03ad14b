package crdt

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// What a peer that lies, or is wrong, can do to a replica.

// drawKernel draws a causal state of up to 20 actors, of whom each has up to 20
// intervals, and its naive twin.
func drawKernel(t *rapid.T) (*Set[string], *naiveSet) {
	s, twin := NewSet[string](), newNaiveSet()
	for a := range byte(rapid.IntRange(0, 20).Draw(t, "actors")) {
		site := s.intern(actor(rapid.ByteRange(0, a+3).Draw(t, "actor")))
		for range rapid.IntRange(1, 20).Draw(t, "intervals") {
			lo := rapid.Uint64Range(1, 60).Draw(t, "lo")
			s.claim(site, lo, lo+rapid.Uint64Range(0, 2).Draw(t, "more"))
		}
		for _, e := range site.seen {
			for n := e.lo; n <= e.hi; n++ {
				d := Dot{site.actor, n}
				if _, live := twin.live[d]; !live && n%3 != 0 && rapid.Bool().Draw(t, "live") {
					twin.live[d] = fmt.Sprint(d) // what a dot asserts is always the same
					s.insert(site, n, twin.live[d])
				}
				twin.seen[d] = true
			}
		}
	}
	return s, twin
}

// TestManyActors joins states of many actors with many holes, for which the
// kernel has other ways than for few: the twin and the fingerprint agree.
func TestManyActors(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, twin := drawKernel(t)
		b, other := drawKernel(t)
		a.Fingerprint(testKey)
		if _, err := a.JoinBinary(b.AppendBinary(nil)); err != nil {
			t.Fatal(err)
		}
		twin.join(other)
		if got := maps.Collect(a.all()); !maps.Equal(got, twin.live) {
			t.Fatalf("%v, the twin has %v", got, twin.live)
		}
		seen := a.Context()
		if got := setOf(seen); !maps.Equal(got, dotSet(twin.seen)) {
			t.Fatalf("seen %v, the twin %v", got, twin.seen)
		}
		if got := a.Clone().Fingerprint(testKey); got != a.Fingerprint(testKey) {
			t.Fatalf("the fingerprint that was kept is %x, made anew %x", a.Fingerprint(testKey), got)
		}
		if !slices.IsSortedFunc(a.sites, func(x, y *site) int { return x.actor.Compare(y.actor) }) {
			t.Fatal("the actors are not in order")
		}
	})
}

// hostileOp draws an operation on a list with places, tombstones and contexts
// that no honest replica makes: circles, nodes on themselves, nodes nowhere.
func hostileOp(t *rapid.T) Op {
	dot := func(name string) Dot {
		return Dot{actor(rapid.ByteRange(1, 3).Draw(t, name)), rapid.Uint64Range(1, 6).Draw(t, name+" number")}
	}
	place := treePlace{right: true}
	if rapid.Bool().Draw(t, "has parent") {
		place = treePlace{dot("parent"), rapid.Bool().Draw(t, "right")}
	}
	switch rapid.IntRange(0, 4).Draw(t, "kind") {
	case 0:
		tomb := dot("deleted")
		seen := ContextOf(tomb)
		return Op{Kind: OpRemove, To: string(place.append(appendDot(nil, tomb))), Seen: &seen}
	case 1:
		seen := ContextOf(dot("seen"), dot("also seen"))
		return Op{Kind: OpReset, Seen: &seen}
	}
	return Op{Kind: OpInsert, Arg: rapid.StringN(1, 1, -1).Draw(t, "value"), To: string(place.append(nil))}
}

// TestHostileLists: whatever is hung wherever, and removed, the walk that was
// kept up to date is the one that is made anew.
func TestHostileLists(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lists := []*List[string]{NewList[string](), NewList[string](), NewList[string]()}
		for n := range uint64(rapid.IntRange(1, 20).Draw(t, "steps")) {
			i := rapid.IntRange(0, 2).Draw(t, "at")
			l := lists[i]
			if rapid.Bool().Draw(t, "join") {
				l.Join(lists[rapid.IntRange(0, 2).Draw(t, "from")])
			} else if _, _, err := l.Apply(mint(byte(i+1), n+1), hostileOp(t)); err != nil && !errors.Is(err, ErrOperation) && !errors.Is(err, ErrMint) {
				t.Fatal(err)
			}
			anew := NewList[string]()
			if _, err := anew.JoinBinary(l.AppendBinary(nil)); err != nil {
				t.Fatal(err)
			}
			anew.tree.rebuild(&anew.causal)
			if text(l) != text(anew) || l.Len() != anew.Len() || l.Len() != len(slices.Collect(l.All())) {
				t.Fatalf("%q of %d, made anew %q of %d", text(l), l.Len(), text(anew), anew.Len())
			}
		}
	})
}

// TestListCircle: nodes that hang on each other, on the same side, are no end of
// the walk to look for.
func TestListCircle(t *testing.T) {
	l := NewList[string]()
	for n, parent := range []uint64{2, 1, 1} {
		at := treePlace{Dot{actor(1), parent}, true}
		if _, _, err := l.Apply(mint(1, uint64(n+1)), Op{Kind: OpInsert, Arg: "x", To: string(at.append(nil))}); err != nil {
			t.Fatal(err)
		}
	}
	if must(l.Insert(mint(1, 9), 0, "seen")); text(l) != "seen" {
		t.Errorf("%q", text(l))
	}
}

// TestOneActorTwice is the misuse that docs/crdt.md warns of: a replica that
// forgot its dots, or a second one with the same name, kills what the other
// wrote, and what two of them wrote under one dot never becomes equal. It stays
// at that: no index goes wrong, and what others write converges.
func TestOneActorTwice(t *testing.T) {
	one, other := NewSet[string](), NewSet[string]()
	must(one.Add(mint(1, 1), "kept by nobody"))
	must(other.Add(mint(1, 2), "claims 1 and 2"))
	one.Join(other)
	if one.Contains("kept by nobody") || one.Len() != 1 {
		t.Errorf("%q", slices.Collect(one.All()))
	}

	one, other = NewSet[string](), NewSet[string]()
	must(one.Add(mint(1, 1), "x"))
	must(other.Add(mint(1, 1), "y"))
	if one.Join(other) != nil || other.Join(one) != nil || !one.Contains("x") || !other.Contains("y") {
		t.Error("one dot says two things, and that became equal")
	}
	d := must(one.Add(mint(2, 1), "z"))
	if other.Join(d); !other.Contains("z") || one.Fingerprint(testKey) == other.Fingerprint(testKey) {
		t.Error("what somebody else writes does not arrive, or the difference is hidden")
	}
	d, _, err := one.Reset(mint(2, 2)) // heals it
	if other.Join(d); err != nil || one.Len()+other.Len() != 0 || !bytes.Equal(one.AppendBinary(nil), other.AppendBinary(nil)) {
		t.Errorf("after a reset %q and %q: %v", slices.Collect(one.All()), slices.Collect(other.All()), err)
	}
}

// TestSeenTooMuch: an operation cannot spend the numbers of the actor that makes
// it.
func TestSeenTooMuch(t *testing.T) {
	s := NewSet[string]()
	must(s.Add(mint(1, 3), "a"))
	was := s.AppendBinary(nil)
	for _, n := range []uint64{4, MaxDot} {
		seen := ContextOf(Dot{actor(1), n})
		if _, _, err := s.Apply(mint(1, 4), Op{Kind: OpRemove, Arg: "a", Seen: &seen}); !errors.Is(err, ErrOperation) {
			t.Errorf("saw %d at 4: %v", n, err)
		}
	}
	if !bytes.Equal(s.AppendBinary(nil), was) {
		t.Error("a refused operation changed the set")
	}
}

// TestSiblingsInAMap: what an update carries as seen counts for its value, too.
func TestSiblingsInAMap(t *testing.T) {
	m := NewMap[string](NewMVRegister[int])
	nothing := ContextOf()
	var err error
	for i := 0; err == nil && i <= MaxSiblings; i++ {
		op := m.UpdateOp("k", Op{Kind: OpWrite, Arg: Default[int]().Encode(i)})
		op.Seen = &nothing
		_, _, err = m.Apply(mint(1, uint64(i+1)), op)
	}
	if !errors.Is(err, ErrSiblings) || m.At("k").Len() != MaxSiblings {
		t.Errorf("%d values: %v", m.At("k").Len(), err)
	}
}

// TestAllRegistersFull: registers that no elements give are counted as a number.
func TestAllRegistersFull(t *testing.T) {
	h := NewHyperLogLog[string]()
	for i := range uint16(hllRegisters) {
		h.set(i, hllMaxRank)
	}
	if got := h.Count(); got != 1<<63 {
		t.Errorf("%d", got)
	}
}

func TestRegisterRefusesOtherValues(t *testing.T) {
	r := NewRegister[int]()
	p := (&Cell{Value: Value{Stamp: at(1, 1), Bytes: []byte("no number")}}).AppendBinary(nil)
	_, join := r.JoinBinary(p)
	_, _, changes := r.JoinChanges(p, nil)
	_, difference := r.DifferenceBinary(p, nil)
	for _, err := range []error{join, changes, difference} {
		if !errors.Is(err, ErrCorrupt) {
			t.Error(err)
		}
	}
	if !r.Stamp().IsZero() {
		t.Error("the register changed")
	}
}

// heap is how many bytes are in use.
func heap() float64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// big applies n operations of a kind, each with what the type takes for it, and
// returns the encoding.
func big(t *testing.T, name string, n int, op func(key string) Op) []byte {
	s := everyType()[name]
	for i := range n {
		if _, _, err := s.ApplyBinary(mint(1, uint64(i+1)), op(string([]byte{byte(i), byte(i >> 8)})), nil); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	return s.AppendBinary(nil)
}

var bigOps = map[string]func(key string) Op{
	"set":     func(key string) Op { return Op{Kind: OpAdd, Arg: key} },
	"growset": func(key string) Op { return Op{Kind: OpAdd, Arg: key} },
	"lwwmap":  func(key string) Op { return Op{Kind: OpWrite, To: key} },
	"list":    func(string) Op { return Op{Kind: OpInsert, To: "\x01"} },
	"map":     func(key string) Op { return Op{Kind: OpUpdate, Arg: key, Sub: &Op{Kind: OpAdd}} },
	"nestedmap": func(key string) Op {
		return Op{Kind: OpUpdate, Arg: key, Sub: &Op{Kind: OpUpdate, Sub: &Op{Kind: OpInsert, To: "\x01"}}}
	},
}

// TestMemoryOfADecoder measures what docs/crdt.md says of the worst: the
// smallest elements there are.
func TestMemoryOfADecoder(t *testing.T) {
	for name, op := range bigOps {
		p := big(t, name, 3000, op)
		most := 200.0
		if name == "nestedmap" {
			most = 400
		}
		s, before := everyType()[name], heap()
		if _, err := s.JoinBinary(p); err != nil {
			t.Fatal(err)
		}
		took := heap() - before
		if factor := took / float64(len(p)); factor > most {
			t.Errorf("%s takes %.0f times its encoding", name, factor)
		}
		if said := float64(s.Size()); name != "nestedmap" && (said > 2*took || 2*said < took) {
			t.Errorf("%s takes %.0f bytes, and says %.0f", name, took, said)
		}
		runtime.KeepAlive(s)
	}
}

// TestNothingKeepsADelta joins large states of which little is news: what is
// kept of them must not keep the rest in memory.
func TestNothingKeepsADelta(t *testing.T) {
	for _, name := range []string{"set", "growset", "lwwmap", "map"} {
		p := big(t, name, 3000, bigOps[name])
		s := everyType()[name]
		s.JoinBinary(p)
		before := heap()
		for i := range 20 {
			ahead := everyType()[name]
			ahead.JoinBinary(p)
			if _, _, err := ahead.ApplyBinary(mint(2, uint64(i+1)), bigOps[name](strings.Repeat(fmt.Sprint(i), 3)), nil); err != nil {
				t.Fatal(err)
			}
			if j, err := s.JoinBinary(ahead.AppendBinary(nil)); err != nil || !j.Changed {
				t.Fatal(j, err)
			}
		}
		if more := heap() - before; more > 4*float64(len(p)) {
			t.Errorf("%s: %.0f bytes for 20 keys, joined from states of %d bytes", name, more, len(p))
		}
		runtime.KeepAlive(s)
	}
}

// joinsNothing checks that nil, which is what a difference is where there is
// none, is nothing to join.
func joinsNothing[S interface {
	comparable
	Mutable
	Join(S) S
	Difference(S) S
}](t *testing.T, s Mutable) {
	t.Helper()
	typed, was := s.(S), s.AppendBinary(nil)
	var none S
	if typed.Join(none) != none || !bytes.Equal(s.AppendBinary(nil), was) {
		t.Errorf("%s: a join of nothing changed it", s.TypeName())
	}
	if d := typed.Difference(none); d == none || !bytes.Equal(d.AppendBinary(nil), was) {
		t.Errorf("%s: the difference to nothing is not all", s.TypeName())
	}
	if typed.Join(typed.Difference(typed)) != none {
		t.Errorf("%s: the difference to itself changed it", s.TypeName())
	}
}

func TestNothing(t *testing.T) {
	s := sample(t)
	joinsNothing[*Register[string]](t, s["register"])
	joinsNothing[*FirstRegister[string]](t, s["firstregister"])
	joinsNothing[*MVRegister[string]](t, s["mvregister"])
	joinsNothing[*Counter](t, s["counter"])
	joinsNothing[*GrowCounter](t, s["growcounter"])
	joinsNothing[*BoundedCounter](t, s["boundedcounter"])
	joinsNothing[*EnableWins](t, s["enablewins"])
	joinsNothing[*DisableWins](t, s["disablewins"])
	joinsNothing[*GrowSet[string]](t, s["growset"])
	joinsNothing[*Set[string]](t, s["set"])
	joinsNothing[*RemoveWinsSet[string]](t, s["removewins"])
	joinsNothing[*Map[string, *Set[string]]](t, s["map"])
	joinsNothing[*LWWMap[string, string]](t, s["lwwmap"])
	joinsNothing[*List[string]](t, s["list"])
	joinsNothing[*HyperLogLog[string]](t, s["hyperloglog"])
}

// TestNumbersAtTheEnd: dots, stamps and sums at the ends of their ranges.
func TestNumbersAtTheEnd(t *testing.T) {
	s := NewSet[string]()
	must(s.Add(mint(1, MaxDot-1), "a"))
	must(s.Add(mint(1, MaxDot), "b"))
	if _, err := s.Add(mint(1, MaxDot+1), "c"); !errors.Is(err, ErrMint) {
		t.Error(err)
	}
	fresh := NewSet[string]()
	if _, err := fresh.JoinBinary(s.AppendBinary(nil)); err != nil || fresh.Len() != 2 || fresh.Context().Last(actor(1)) != MaxDot {
		t.Errorf("%v: %v", fresh.Context(), err)
	}
	last := Mint{Dot{actor(1), 1}, math.MaxUint64}
	r := NewRegister[string]()
	must(r.Set(last, "last", math.MaxInt64))
	if _, err := r.Set(last, "again", 0); !errors.Is(err, ErrMint) {
		t.Error(err)
	}
	if _, err := r.Set(Mint{Dot{actor(2), 1}, math.MaxUint64}, "by a greater actor", math.MinInt64); err != nil {
		t.Error(err)
	}
	if _, ok := r.Get(math.MinInt64); ok {
		t.Error("shown after it expired")
	}
}
