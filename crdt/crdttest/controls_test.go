package crdttest

import (
	"slices"
	"strings"
	"testing"

	"github.com/grapevine-go/grapevine/crdt"
)

// toys makes toys with a fault.
func toys(f fault) Generator[*toy] {
	add := func(e string) Op[*toy] {
		return Op[*toy]{"add " + e, func(s *toy, m crdt.Mint) (*toy, error) { return s.add(m, e) }}
	}
	g := Generator[*toy]{
		New: func() *toy { return newToy(f) },
		Ops: []Op[*toy]{
			add("a"), add("b"),
			{"remove a", func(s *toy, m crdt.Mint) (*toy, error) { return s.remove(m, "a") }},
			{"fail", func(s *toy, m crdt.Mint) (*toy, error) { return s.fail(m) }},
		},
		View:  (*toy).view,
		Depth: 3 + shallower, // what finds them all
	}
	g.Spec = func(h []Event, received Set) string { return addWins(g, h, received) }
	return g
}

// addWins is the textbook: an add stands unless an operation on the same element
// that arrived had found it standing.
func addWins(g Generator[*toy], h []Event, received Set) string {
	element := func(i int) string { return strings.Fields(g.Ops[h[i].Op].Name)[1] }
	named := make([]Set, len(h))
	stands := func(i int, in Set) bool {
		ok := in.Has(i) && strings.HasPrefix(g.Ops[h[i].Op].Name, "add")
		for k := range h {
			ok = ok && !(in.Has(k) && named[k].Has(i))
		}
		return ok
	}
	for j := range h {
		for i := range j {
			if stands(i, h[j].Saw) && element(i) == element(j) {
				named[j] |= 1 << i
			}
		}
	}
	var in []string
	for i := range h {
		if stands(i, received) {
			in = append(in, element(i))
		}
	}
	slices.Sort(in)
	return strings.Join(slices.Compact(in), " ")
}

// TestControls breaks the toy in every way, and wants either checker to name the
// law. A fault may show as one of several laws where it breaks several.
func TestControls(t *testing.T) {
	controls := []struct {
		name  string
		fault fault
		laws  []Law
	}{
		{"the last to join wins", lastWins, []Law{Commutative}},
		{"rock, paper, scissors", rockPaperScissors, []Law{Associative}},
		{"a counter that adds up", sums, []Law{Idempotent}},
		{"a remove that leaves no trace", forgets, []Law{Inflation}},
		{"a delta without content", emptyDelta, []Law{DeltaIsFull}},
		{"a state that takes only three joins", tires, []Law{Convergence, Inflation}},
		{"a join that reports nothing", silent, []Law{Report}},
		{"a join that reports all it was given", talkative, []Law{Report}},
		{"a join that reports all it was given when some of it is news", classic, []Law{Report, Difference}},
		{"a difference that lacks elements", differsLess, []Law{Difference}},
		{"a difference that is the whole state", differsMore, []Law{Difference}},
		{"a part given twice", partsTwice, []Law{Parts}},
		{"an encoding that loses an element", losesBytes, []Law{Codec, DeltaIsFull}},
		{"a decoder that takes anything", takesGarbage, []Law{Codec}},
		{"a decoder with an untyped error", untyped, []Law{Codec}},
		{"bytes in the order of arrival", unsorted, []Law{Commutative, Codec}},
		{"the hash of the version vector alone", versionVectorHash, []Law{Canonical}},
		{"a fingerprint that remembers the past", staleHash, []Law{Canonical}},
		{"a state that keeps what it was given", sharesMap, []Law{Aliasing}},
		{"a delta that is the state", sharesDelta, []Law{Aliasing, DeltaIsFull, Inflation}},
		{"a state that keeps the buffer", sharesBuffer, []Law{Aliasing}},
		{"an error that changes the state", notAtomic, []Law{Atomic}},
		{"a value that is not the textbook's", neverEmpty, []Law{Spec}},
		{"a remove of more than it names", removeUnseen, []Law{Spec}},
	}
	if len(controls) != int(lastFault)-1 {
		t.Errorf("%d controls for %d faults", len(controls), lastFault-1)
	}
	for _, c := range controls {
		t.Run(c.name, func(t *testing.T) {
			for how, v := range map[string]*Violation{"enumerated": Find(toys(c.fault)), "random": FindRandom(toys(c.fault), 300)} {
				switch {
				case v == nil:
					t.Errorf("%s: nothing was found", how)
				case !slices.Contains(c.laws, v.Law):
					t.Errorf("%s: not %s, but %v", how, c.laws, v)
				case v.Detail == "" || !strings.HasPrefix(v.Error(), string(v.Law)):
					t.Errorf("%s: %q says too little", how, v)
				}
			}
		})
	}
}

// TestToy: what is right passes.
func TestToy(t *testing.T) { Laws(t, toys(none)) }
