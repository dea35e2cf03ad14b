package crdttest

import (
	"fmt"
	"testing"

	"github.com/grapevine-go/grapevine/crdt"
	"pgregory.net/rapid"
)

// Lattice is what the laws are about: a state that joins another of its type,
// which may be a delta, and returns what changed, the zero S (nil) if nothing
// did. Two more methods are checked where a type has them:
//
//	Difference(o S) S    // what this state has and o lacks, the zero S if nothing
//	Parts() iter.Seq[S]  // the join-irreducible parts
type Lattice[S any] interface {
	comparable
	crdt.State
	// Join joins a state, which may be a delta, and returns what changed.
	Join(S) S
}

// Op is an operation of a type.
type Op[S any] struct {
	Name string
	// Do makes the operation at s and returns its delta. An error says that the
	// operation is not possible there, and that s did not change.
	Do func(s S, m crdt.Mint) (delta S, err error)
}

// Generator makes states of a type.
type Generator[S Lattice[S]] struct {
	// New returns bottom.
	New func() S
	// Ops are the operations that histories are made of. The number of schedules
	// grows with its third power: four to six that touch the same thing find the
	// most.
	Ops []Op[S]
	// View is the value of s as a reader sees it, as text; if it is not nil,
	// equal states must show equal values.
	View func(s S) string
	// Spec, if not nil, is the textbook definition: the View at a replica that
	// received the events in the set received, in a history.
	Spec func(h []Event, received Set) string
	// Depth is how many operations a schedule that is enumerated has, at most 6;
	// 0: 3. Under the race detector, which takes ten times as long, it is one less.
	Depth int
}

// Event is an operation that was made.
type Event struct {
	Op      int // index in Ops
	Replica int
	Mint    crdt.Mint
	Saw     Set // the events whose deltas were at the replica
}

// Set is a set of events of a history, by their index, which is below 64.
type Set uint64

// Has reports whether event i is in the set.
func (s Set) Has(i int) bool { return s&(1<<i) != 0 }

// Law names a law.
type Law string

// The laws.
const (
	Commutative Law = "commutative" // a ⊔ b = b ⊔ a
	Associative Law = "associative" // (a ⊔ b) ⊔ c = a ⊔ (b ⊔ c)
	Idempotent  Law = "idempotent"  // a ⊔ a = a, and a join of what is there changes nothing
	Inflation   Law = "inflation"   // a mutation or a join never goes down
	DeltaIsFull Law = "delta≡full"  // joining the delta does what the mutation did
	Convergence Law = "convergence" // the same deltas give the same state, in any order, repeated, or as whole states
	Report      Law = "report"      // a join returns exactly what changed
	Difference  Law = "difference"  // joining the difference does what joining the state does
	Parts       Law = "parts"       // the join of the parts is the state, and each part counts
	Codec       Law = "codec"       // decoding gives the state back, and bad bytes give a typed error
	Canonical   Law = "canonical"   // equal bytes ⇔ equal fingerprints, however the state came about
	Aliasing    Law = "aliasing"    // inputs and outputs share nothing that changes
	Atomic      Law = "atomic"      // an operation that fails changes nothing
	Spec        Law = "spec"        // the value is that of the textbook definition
)

// Violation is a law that does not hold, and where.
type Violation struct {
	Law    Law
	Detail string
}

// Error tells the law and the case.
func (v *Violation) Error() string { return fmt.Sprintf("%s: %s", v.Law, v.Detail) }

// Laws checks the laws of a type, by enumeration and by random histories. It
// calls t.Fatal with the first violation, shrunk in the second case.
func Laws[S Lattice[S]](t *testing.T, g Generator[S]) {
	t.Helper()
	t.Run("enumerated", func(t *testing.T) {
		if v := Find(g); v != nil {
			t.Fatal(v)
		}
	})
	t.Run("random", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			if v := random(t, g); v != nil {
				t.Fatal(v)
			}
		})
	})
}

// Find enumerates schedules and returns the first violation, nil if there is
// none.
func Find[S Lattice[S]](g Generator[S]) *Violation {
	e := newEnumerator(g)
	e.extend(&history[S]{})
	return e.found
}

// FindRandom draws up to the given number of random histories and returns the
// first violation, not shrunk, nil if there is none.
func FindRandom[S Lattice[S]](g Generator[S], histories int) *Violation {
	for seed := range histories {
		if v := rapid.Custom(func(t *rapid.T) *Violation { return random(t, g) }).Example(seed); v != nil {
			return v
		}
	}
	return nil
}
