package merkle

import (
	"iter"
	"testing"

	"github.com/grapevine-go/grapevine/crdt"
	"pgregory.net/rapid"
)

// Whatever is written, in whatever order with the steps of growing and
// shrinking, every sum is that of the twin, and a snapshot stays as it was.
func TestTreeAgainstTwin(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		part := Node{}.child(rapid.IntRange(0, 3).Draw(rt, "partition"), 2)
		tree, twin := New(part), data{}
		old, oldTwin := new(View), data{}
		hash := rapid.Custom(func(rt *rapid.T) uint64 {
			return part.First | rapid.Uint64().Draw(rt, "hash")>>2
		})
		rt.Repeat(map[string]func(*rapid.T){
			"write": func(rt *rapid.T) {
				for range rapid.IntRange(1, 100).Draw(rt, "n") {
					h := hash.Draw(rt, "hash")
					f := version(h, rapid.Uint64().Draw(rt, "version"))
					tree.Update(h, twin[h], f)
					twin[h] = f
				}
			},
			"remove": func(rt *rapid.T) {
				for range rapid.IntRange(0, 200).Draw(rt, "n") {
					for h, f := range twin.Entries(hash.Draw(rt, "from"), part.Last()) {
						tree.Update(h, f, crdt.Fingerprint{})
						delete(twin, h)
						break
					}
				}
			},
			"reshape":  func(*rapid.T) { tree.Reshape(twin) },
			"snapshot": func(*rapid.T) { tree.Snapshot(old); oldTwin = clone(twin) },
			"": func(*rapid.T) {
				twin.matches(t, view(tree))
				if old.levels != nil {
					oldTwin.matches(t, old)
				}
			},
		})
		if wrong := tree.Check(twin); wrong != 0 {
			rt.Errorf("Check: %d leaves wrong", wrong)
		}
	})
}

func clone(d data) data {
	c := data{}
	for h, f := range d {
		c[h] = f
	}
	return c
}

// scattered spreads numbers over all hashes, reproducibly.
func scattered(i uint64) uint64 { return (i + 1) * 0x9e3779b97f4a7c15 }

// A tree that is written while it grows is the one that is built at the end;
// its depth follows the number of entries up and down.
func TestGrowthWhileWriting(t *testing.T) {
	tree, twin := New(Node{}), data{}
	src := sorted{}
	for i := range uint64(20_000) {
		h := scattered(i)
		f := version(h, i)
		tree.Update(h, crdt.Fingerprint{}, f)
		twin[h] = f
		if i%100 == 99 && tree.Due() {
			src = sorted{twin}
			tree.Reshape(src)
		}
	}
	for tree.Reshape(sorted{twin}) {
	}
	built := Build(Node{}, len(twin), twin)
	if tree.Depth() != 10 || tree.Root() != built.Root() {
		t.Errorf("depth %d, root %x; built: %d, %x", tree.Depth(), tree.Root(), built.Depth(), built.Root())
	}
	twin.matches(t, view(built))
	if wrong := tree.Check(twin); wrong != 0 {
		t.Errorf("Check: %d leaves wrong", wrong)
	}
	for h, f := range twin {
		tree.Update(h, f, crdt.Fingerprint{})
	}
	for tree.Reshape(data{}) {
	}
	if tree.Depth() != 0 || tree.Len() != 0 || !tree.Root().IsZero() {
		t.Errorf("emptied: depth %d, %d entries, root %x", tree.Depth(), tree.Len(), tree.Root())
	}
}

// Depth is that of the tree, for tests.
func (t *Tree) Depth() int { return int(t.depth) }

// sorted reads ranges of a twin without sorting all of it.
type sorted struct{ data }

func (s sorted) Entries(from, to uint64) iter.Seq2[uint64, crdt.Fingerprint] {
	part := data{}
	for h, f := range s.data {
		if from <= h && h <= to {
			part[h] = f
		}
	}
	return part.Entries(from, to)
}

// Corruption anywhere is seen and healed.
func TestCheckHeals(t *testing.T) {
	twin := data{}
	for i := range uint64(2000) {
		twin[scattered(i)] = version(scattered(i), i)
	}
	tree := Build(Node{}, len(twin), twin)
	for i := range tree.all {
		tree.all[i].hi++
		if wrong := tree.Check(twin); wrong != 1 {
			t.Fatalf("sum %d was wrong, Check says %d", i, wrong)
		}
		if wrong := tree.Check(twin); wrong != 0 {
			t.Fatalf("sum %d was not healed", i)
		}
	}
}

func TestForestIsOneTree(t *testing.T) {
	twin := data{}
	for i := range uint64(5000) {
		twin[scattered(i)] = version(scattered(i), i)
	}
	forest := make(Forest, 8)
	for i := range forest {
		part := Node{}.child(i, 3)
		Build(part, len(twin)/8, sorted{twin}).Snapshot(&forest[i])
	}
	if forest.Len() != len(twin) {
		t.Errorf("%d entries", forest.Len())
	}
	for bits := range uint8(forest.Depth() + 1) {
		for i := range 1 << bits {
			n := Node{}.child(i, bits)
			if got, want := toSum(forest.Sum(n)), twin.sum(n); got != want {
				t.Fatalf("%v: %v, want %v", n, got, want)
			}
		}
	}
}

func TestUpdateDoesNotAllocate(t *testing.T) {
	tree := Build(Node{}, 100_000, data{})
	i := uint64(0)
	if n := testing.AllocsPerRun(1000, func() {
		tree.Update(scattered(i), version(i, 1), version(i, 2))
		i++
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestNewRefusesManyBits(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a partition of 17 bits was taken")
		}
	}()
	New(Node{Bits: 17})
}

// Two keys that swap their states, and states that differ in one bit, give
// other sums.
func TestBind(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h1, h2 := rapid.Uint64().Draw(rt, "h1"), rapid.Uint64().Draw(rt, "h2")
		f1, f2 := stateOf(rapid.Uint64().Draw(rt, "f1")), stateOf(rapid.Uint64().Draw(rt, "f2"))
		if h1 == h2 || f1 == f2 {
			return
		}
		if Bind(key, h1, f1).Add(Bind(key, h2, f2)) == Bind(key, h1, f2).Add(Bind(key, h2, f1)) {
			rt.Error("swapped states cancel out")
		}
		bit := rapid.IntRange(0, 127).Draw(rt, "bit")
		g := f1
		g[bit/8] ^= 1 << (bit % 8)
		if Bind(key, h1, f1) == Bind(key, h1, g) || Bind(key, h1, f1) == Bind(crdt.Key{9}, h1, f1) {
			rt.Error("another state or key, the same fingerprint")
		}
	})
}
