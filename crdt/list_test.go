package crdt

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func text(l *List[string]) string { return strings.Join(slices.Collect(l.All()), "") }

// TestListDoesNotInterleave lets two actors type a run each at one place of one
// text at the same time, forwards or backwards: the runs stay whole.
func TestListDoesNotInterleave(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := NewList[string]()
		n := uint64(0)
		common := rapid.StringOfN(rapid.RuneFrom([]rune("xyz")), 0, 6, -1).Draw(t, "text")
		for i, c := range common {
			n++
			must(a.Insert(mint(3, n), i, string(c)))
		}
		for range rapid.IntRange(0, 2).Draw(t, "deletions") {
			if a.Len() > 0 {
				n++
				must(a.Delete(mint(3, n), rapid.IntRange(0, a.Len()-1).Draw(t, "deleted")))
			}
		}
		b := a.Clone()
		at := rapid.IntRange(0, a.Len()).Draw(t, "at")
		write := func(l *List[string], who byte, run string) {
			back := rapid.Bool().Draw(t, "backwards")
			for i, c := range run {
				index := at + i
				if back {
					index, c = at, rune(run[len(run)-1-i])
				}
				must(l.Insert(mint(who, uint64(i+1)), index, string(c)))
			}
		}
		write(a, 1, "ABCD")
		write(b, 2, "1234")
		a.Join(b)
		b.Join(a)
		if text(a) != text(b) {
			t.Fatalf("%q and %q", text(a), text(b))
		}
		if !strings.Contains(text(a), "ABCD") || !strings.Contains(text(a), "1234") {
			t.Fatalf("interleaved: %q", text(a))
		}
	})
}

// TestListAgainstSlice edits at one replica, as a slice is edited.
func TestListAgainstSlice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, other := NewList[string](), NewList[string]()
		var twin []string
		for n := range uint64(rapid.IntRange(1, 60).Draw(t, "edits")) {
			i := rapid.IntRange(0, len(twin)).Draw(t, "index")
			var d *List[string]
			if i < len(twin) && rapid.Bool().Draw(t, "delete") {
				d = must(l.Delete(mint(1, n+1), i))
				twin = slices.Delete(twin, i, i+1)
			} else {
				v := rapid.StringOfN(rapid.RuneFrom([]rune("abc")), 0, 2, -1).Draw(t, "value")
				d = must(l.Insert(mint(1, n+1), i, v))
				twin = slices.Insert(twin, i, v)
			}
			other.Join(d)
			if got := slices.Collect(other.All()); !slices.Equal(got, twin) || l.Len() != len(twin) || text(l) != text(other) {
				t.Fatalf("%q and %q, the slice is %q", text(l), got, twin)
			}
			for i, v := range twin {
				if got, ok := l.Get(i); got != v || !ok {
					t.Fatalf("%q at %d, not %q", got, i, v)
				}
			}
		}
	})
}

func TestListRange(t *testing.T) {
	l := NewList[int]()
	must(l.Insert(mint(1, 1), 0, 7))
	for _, i := range []int{-1, 2} {
		if _, err := l.Insert(mint(1, 2), i, 8); !errors.Is(err, ErrRange) {
			t.Errorf("insert at %d: %v", i, err)
		}
		if _, ok := l.Get(i); ok {
			t.Errorf("there is something at %d", i)
		}
	}
	for _, i := range []int{-1, 1} {
		if _, err := l.Delete(mint(1, 2), i); !errors.Is(err, ErrRange) {
			t.Errorf("delete at %d: %v", i, err)
		}
	}
}

// TestListAfterReset: what was hung, at the same time, on an element that a
// reset takes stands at the end, at every replica.
func TestListAfterReset(t *testing.T) {
	a := NewList[string]()
	must(a.Insert(mint(1, 1), 0, "gone"))
	b := a.Clone()
	child := must(b.Insert(mint(2, 1), 1, "child"))
	grandchild := must(b.Insert(mint(2, 2), 2, "!"))
	late := NewList[string]()
	late.Join(child)
	late.Join(grandchild)
	if late.Len() != 0 {
		t.Errorf("%q before its parent arrived", text(late))
	}
	reset, _, err := a.Reset(mint(1, 2))
	if err != nil || a.Len() != 0 {
		t.Fatal(err)
	}
	late.Join(reset)
	must(a.Insert(mint(1, 3), 0, "new "))
	a.Join(b)
	b.Join(a)
	if text(late) != "child!" || text(a) != "new child!" || text(b) != text(a) {
		t.Errorf("%q, %q, %q", text(late), text(a), text(b))
	}
}

// TestListHostile: places that no honest replica makes hang nothing up.
func TestListHostile(t *testing.T) {
	dot := func(n uint64) Dot { return Dot{actor(1), n} }
	l := NewList[string]()
	for n, at := range []treePlace{{dot(2), true}, {dot(1), false}, {dot(3), true}, {dot(1), true}} { // a circle, and one hung on itself
		op := Op{Kind: OpInsert, Arg: "x", To: string(at.append(nil))}
		if _, _, err := l.Apply(mint(1, uint64(n+1)), op); err != nil {
			t.Fatal(err)
		}
	}
	must(l.Insert(mint(1, 9), 0, "seen"))
	if text(l) != "seen" {
		t.Errorf("%q", text(l))
	}
	for _, to := range []string{"", "\x00", "\x08", "\x03", "\x01x"} {
		if _, _, err := l.Apply(mint(1, 10), Op{Kind: OpInsert, To: to}); !errors.Is(err, ErrOperation) {
			t.Errorf("place %q: %v", to, err)
		}
	}
	// Two tombstones that tell different places of one node: all replicas choose
	// the same.
	tomb := func(n uint64, at treePlace) *List[string] {
		d := NewList[string]()
		seen := ContextOf(dot(50))
		op := Op{Kind: OpRemove, To: string(at.append(appendDot(nil, dot(50)))), Seen: &seen}
		d, _, err := d.Apply(mint(byte(n), n), op)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	x, y := tomb(4, treePlace{dot(9), true}), tomb(5, treePlace{Dot{}, true})
	child := NewList[string]()
	child, _, err := child.Apply(mint(6, 1), Op{Kind: OpInsert, Arg: "c", To: string(treePlace{dot(50), true}.append(nil))})
	if err != nil {
		t.Fatal(err)
	}
	one, other := l.Clone(), l.Clone()
	for _, d := range []*List[string]{x, y, child} {
		one.Join(d)
	}
	for _, d := range []*List[string]{child, y, x} {
		other.Join(d)
	}
	if text(one) != text(other) {
		t.Errorf("%q and %q", text(one), text(other))
	}
}

func BenchmarkList(b *testing.B) {
	for _, size := range []int{100, 10_000} {
		l := NewList[string]()
		for i := range size {
			must(l.Insert(mint(1, uint64(i+1)), i, "x"))
		}
		b.Run("InsertMiddle", func(b *testing.B) {
			l := l.Clone()
			n := uint64(size)
			b.ReportAllocs()
			for b.Loop() {
				n++
				must(l.Insert(mint(1, n), size/2, "y"))
			}
		})
	}
}
