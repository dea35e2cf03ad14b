package crdt

import (
	"bytes"
	"encoding/json"
	"testing"

	"pgregory.net/rapid"
)

// TestPrune follows the protocol above Departed.
func TestPrune(t *testing.T) {
	gone := actor(1)
	var replicas [3]*Set[string]
	replicas[0] = NewSet[string]()
	late := must(replicas[0].Add(mint(1, 1), "x")) // stays in some hint
	must(replicas[0].Add(mint(1, 2), "y"))
	if _, ok := replicas[0].Departed(gone); ok || replicas[0].Prune(gone) {
		t.Fatal("the actor's dots are live")
	}
	must(replicas[0].Add(mint(2, 1), "y")) // a living actor takes the element over
	replicas[0].Remove(mint(2, 2), "x")
	for i := range replicas[1:] {
		replicas[i+1] = replicas[0].Clone()
	}
	first, ok := replicas[0].Departed(gone)
	for i, r := range replicas {
		if seen, settled := r.Departed(gone); !ok || !settled || seen.Compare(first) != Equal {
			t.Fatalf("replica %d saw %v, settled %t", i, seen, settled)
		}
	}
	for _, r := range replicas[:2] {
		if r.Fingerprint(testKey); !r.Prune(gone) {
			t.Fatal("not pruned")
		}
		if got := r.Context().Vector(gone); got != 0 || !r.Contains("y") {
			t.Fatalf("pruned: %v", r.Context())
		}
	}
	if replicas[0].Fingerprint(testKey) != replicas[1].Clone().Fingerprint(testKey) {
		t.Error("the pruned replicas are not equal")
	}
	replicas[0].Join(replicas[2]) // prunes later: harmless
	if seen, ok := replicas[0].Departed(gone); !ok || seen.Compare(first) != Equal || replicas[0].Contains("x") {
		t.Error("a late replica does harm")
	}
	// And the condition is needed: what is older than the protocol brings back
	// what was removed.
	if replicas[1].Join(late); !replicas[1].Contains("x") {
		t.Error("the safety condition is not what it says")
	}
}

// prunable is what a causal type offers for it.
type prunable interface {
	Mutable
	Departed(Actor) (Context, bool)
	Prune(Actor) bool
}

// prunableOps draw an operation that is possible at a state.
var prunableOps = map[string]func(t *rapid.T, s prunable) Op{
	"set": func(t *rapid.T, _ prunable) Op {
		return Op{Kind: rapid.SampledFrom([]OpKind{OpAdd, OpAdd, OpRemove}).Draw(t, "kind"), Arg: drawKey(t)}
	},
	"removewins": func(t *rapid.T, _ prunable) Op {
		return Op{Kind: rapid.SampledFrom([]OpKind{OpAdd, OpRemove}).Draw(t, "kind"), Arg: drawKey(t)}
	},
	"mvregister": func(t *rapid.T, _ prunable) Op { return Op{Kind: OpWrite, Arg: drawKey(t)} },
	"disablewins": func(t *rapid.T, _ prunable) Op {
		return Op{Kind: rapid.SampledFrom([]OpKind{OpEnable, OpDisable}).Draw(t, "kind")}
	},
	"map": func(t *rapid.T, _ prunable) Op {
		if rapid.IntRange(0, 3).Draw(t, "remove") == 0 {
			return Op{Kind: OpRemove, Arg: drawKey(t)}
		}
		return Op{Kind: OpUpdate, Arg: drawKey(t), Sub: &Op{Kind: OpAdd, Arg: drawKey(t)}}
	},
	"list": func(t *rapid.T, s prunable) Op {
		l := s.(*List[string])
		if l.Len() > 0 && rapid.IntRange(0, 3).Draw(t, "delete") == 0 {
			return must(l.DeleteOp(rapid.IntRange(0, l.Len()-1).Draw(t, "index")))
		}
		return must(l.InsertOp(rapid.IntRange(0, l.Len()).Draw(t, "index"), drawKey(t)))
	},
}

func drawKey(t *rapid.T) string { return rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "key") }

// trio are three replicas, and the number of the next mutation.
type trio struct {
	at [3]prunable
	n  uint64
}

// run makes operations at the replicas, under the actors, and lets them meet;
// the other trio, which may be nil, does the same.
func (r *trio) run(t *rapid.T, name string, actors string, other *trio) {
	for range rapid.IntRange(1, 12).Draw(t, "steps") {
		i := rapid.IntRange(0, 2).Draw(t, "replica")
		if rapid.Bool().Draw(t, "meets") {
			r.meet(t, i, rapid.IntRange(0, 2).Draw(t, "whom"), other)
			continue
		}
		op := prunableOps[name](t, r.at[i])
		if rapid.IntRange(0, 5).Draw(t, "reset") == 0 {
			op = Op{Kind: OpReset}
		}
		r.n++
		for _, s := range []*trio{r, other} {
			if s == nil {
				continue
			}
			if _, _, err := s.at[i].ApplyBinary(mint(actors[i], r.n), op, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	for range 2 { // everybody has everything
		for i := range r.at {
			r.meet(t, i, (i+1)%3, other)
			r.meet(t, i, (i+2)%3, other)
		}
	}
}

func (r *trio) meet(t *rapid.T, i, from int, other *trio) {
	for _, s := range []*trio{r, other} {
		if s == nil {
			continue
		}
		if _, err := s.at[i].JoinBinary(s.at[from].AppendBinary(nil)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestPruneIsSafe follows the protocol in random histories: beside replicas that
// never forget an actor, those that do show the same ever after.
func TestPruneIsSafe(t *testing.T) {
	for name := range prunableOps {
		t.Run(name, func(t *testing.T) {
			pruned := 0
			rapid.Check(t, func(t *rapid.T) {
				var r, twin trio
				for i := range r.at {
					r.at[i], twin.at[i] = everyType()[name].(prunable), everyType()[name].(prunable)
				}
				r.run(t, name, "\x01\x02\x03", &twin)
				for i, s := range r.at {
					s.Fingerprint(testKey)
					if _, ok := s.Departed(actor(1)); s.Prune(actor(1)) != ok && i == 0 {
						return // it is not settled, or there is nothing to forget
					} else if ok {
						pruned++
					}
				}
				r.run(t, name, "\x04\x02\x03", &twin) // the node has a new life
				for i, s := range r.at {
					got, _ := json.Marshal(s)
					want, _ := json.Marshal(twin.at[i])
					if !bytes.Equal(got, want) {
						t.Fatalf("replica %d shows %s, without pruning %s", i, got, want)
					}
					if s.Fingerprint(testKey) != r.at[0].Fingerprint(testKey) {
						t.Fatalf("replica %d is another", i)
					}
				}
			})
			if pruned == 0 {
				t.Error("nothing was ever pruned")
			}
		})
	}
}

// TestPruneOfAList: an element that was inserted next to one that a reset took
// at the same time is shown for what the context says, which has to stay.
func TestPruneOfAList(t *testing.T) {
	a := NewList[string]()
	must(a.Insert(mint(1, 1), 0, "gone"))
	b := a.Clone()
	must(b.Insert(mint(2, 1), 1, "stays"))
	a.Reset(mint(3, 1))
	a.Join(b)
	if _, ok := a.Departed(actor(1)); ok || a.Prune(actor(1)) {
		t.Error("the list needs what it saw of the actor")
	}
	// What was deleted keeps its place until a reset, and somebody may insert there
	// at the same time.
	c := NewList[string]()
	must(c.Insert(mint(1, 1), 0, "gone"))
	must(c.Delete(mint(2, 2), 0))
	if _, ok := c.Departed(actor(1)); ok || c.Prune(actor(1)) {
		t.Error("the list needs what it saw of the actor whose element was deleted")
	}
	d := c.Clone()
	must(d.Insert(mint(2, 3), 0, "stays"))
	c.Reset(mint(4, 4))
	if c.Join(d); c.Len() != 1 {
		t.Error("what was inserted next to the deleted element is out of sight")
	}
	m := NewMap[string](NewList[string])
	m.Update(mint(1, 1), "k", must(m.At("k").InsertOp(0, "gone")))
	o := m.Clone()
	o.Update(mint(2, 1), "k", must(o.At("k").InsertOp(1, "stays")))
	m.Remove(mint(3, 1), "k")
	m.Join(o)
	if m.Prune(actor(1)) || m.At("k").Len() != 1 {
		t.Error("a list in the map needs what it saw of the actor")
	}
}
