package crdt_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/crdt/crdttest"
)

type textList = *crdt.List[string]

func insertAt(name string, at func(l textList) int, v string) crdttest.Op[textList] {
	return crdttest.Op[textList]{Name: name, Do: func(l textList, m crdt.Mint) (textList, error) { return l.Insert(m, at(l), v) }}
}

func deleteAt(name string, i int) crdttest.Op[textList] {
	return crdttest.Op[textList]{Name: name, Do: func(l textList, m crdt.Mint) (textList, error) { return l.Delete(m, i) }}
}

var listOps = []crdttest.Op[textList]{
	insertAt("insert first a", func(textList) int { return 0 }, "a"),
	insertAt("insert last b", textList.Len, "b"),
	deleteAt("delete first", 0),
	insertAt("insert second c", func(l textList) int { return min(l.Len(), 1) }, "c"),
	deleteAt("delete second", 1),
}

// leaf is a node of the naive tree: recursive, made anew for each question.
type leaf struct {
	id          crdt.Dot
	event       int // of the insert; -1 at the root
	right       bool
	parent      int // event of the parent's insert; -1: the root
	left, after []*leaf
}

// fugue is the textbook: the tree of the paper's algorithm 1, built from the
// events that are known, walked by recursion.
type fugue struct {
	h      []crdttest.Event
	at     []leaf // of each insert: where its replica hung it
	target []int  // of each delete: the insert that it deletes
}

// newFugue replays a history.
func newFugue(h []crdttest.Event) *fugue {
	f := &fugue{h: h, at: make([]leaf, len(h)), target: make([]int, len(h))}
	for i, e := range h {
		walk, visible := f.walk(e.Saw)
		verb, arg, _ := strings.Cut(listOps[e.Op].Name, " ")
		if verb == "delete" {
			f.target[i] = visible[map[string]int{"first": 0, "second": 1}[arg]].event
			continue
		}
		index := 0
		switch strings.Fields(arg)[0] {
		case "last":
			index = len(visible)
		case "second":
			index = min(len(visible), 1)
		}
		left := walk[0] // the root
		if index > 0 {
			left = visible[index-1]
		}
		l := leaf{id: e.Mint.Dot, event: i, parent: left.event, right: true}
		if len(left.after) > 0 {
			next := walk[slices.Index(walk, left)+1]
			l.parent, l.right = next.event, false
		}
		f.at[i] = l
	}
	return f
}

// walk returns the nodes in order, the root first, and those that are visible,
// at a replica that received some events. A delete tells of the node it deletes.
func (f *fugue) walk(received crdttest.Set) (all, visible []*leaf) {
	root := &leaf{event: -1}
	nodes := map[int]*leaf{-1: root}
	deleted := make(map[int]bool)
	for i, e := range f.h {
		if !received.Has(i) {
			continue
		}
		insert := i
		if strings.HasPrefix(listOps[e.Op].Name, "delete") {
			insert = f.target[i]
			deleted[insert] = true
		}
		l := f.at[insert]
		nodes[insert] = &l
	}
	for i := range f.h {
		if n, ok := nodes[i]; ok && nodes[n.parent] != nil {
			p := nodes[n.parent]
			if n.right {
				p.after = append(p.after, n)
			} else {
				p.left = append(p.left, n)
			}
		}
	}
	byID := func(a, b *leaf) int { return a.id.Compare(b.id) }
	var visit func(n *leaf)
	visit = func(n *leaf) {
		slices.SortFunc(n.left, byID)
		slices.SortFunc(n.after, byID)
		for _, c := range n.left {
			visit(c)
		}
		all = append(all, n)
		if n != root && !deleted[n.event] {
			visible = append(visible, n)
		}
		for _, c := range n.after {
			visit(c)
		}
	}
	visit(root)
	return all, visible
}

func TestListLaws(t *testing.T) {
	texts := crdttest.Generator[textList]{
		New: crdt.NewList[string],
		Ops: listOps,
		Spec: func(h []crdttest.Event, in crdttest.Set) string {
			var text []string
			_, visible := newFugue(h).walk(in)
			for _, n := range visible {
				f := strings.Fields(listOps[h[n.event].Op].Name)
				text = append(text, f[len(f)-1])
			}
			return fmt.Sprint(text)
		},
		View: func(l textList) string { return fmt.Sprint(slices.Collect(l.All())) },
	}
	crdttest.Laws(t, texts)
	t.Run("deep", func(t *testing.T) {
		texts.Ops, texts.Depth = listOps[:3], deep
		if v := crdttest.Find(texts); v != nil {
			t.Fatal(v)
		}
	})
	t.Run("reset", func(t *testing.T) {
		crdttest.Laws(t, crdttest.Generator[textList]{
			New:  crdt.NewList[string],
			Ops:  append(slices.Clone(listOps[:4]), reset[textList]()),
			View: viewJSON[textList],
		})
	})
}

// TestMapOfListsLaws: a list in a map finds out by the map's context that a
// parent is gone for good.
func TestMapOfListsLaws(t *testing.T) {
	type page = *crdt.Map[string, textList]
	insert := func(name string, last bool) crdttest.Op[page] {
		return crdttest.Op[page]{Name: name, Do: func(m page, by crdt.Mint) (page, error) {
			i := 0
			if last {
				i = m.At("k").Len()
			}
			op, err := m.At("k").InsertOp(i, name)
			if err != nil {
				return nil, err
			}
			d, _, err := m.Update(by, "k", op)
			return d, err
		}}
	}
	crdttest.Laws(t, crdttest.Generator[page]{
		New: func() page { return crdt.NewMap[string](crdt.NewList[string]) },
		Ops: []crdttest.Op[page]{
			insert("a", false), insert("b", true),
			do("clear", func(m page) crdt.Op { return m.RemoveOp("k") }),
			reset[page](),
		},
		View: viewJSON[page],
	})
}
