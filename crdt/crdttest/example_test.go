package crdttest_test

import (
	"fmt"
	"testing"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/crdt/crdttest"
)

// A test of one's own type is a generator: bottom, and a few operations that
// touch the same thing.
func Example() {
	type set = *crdt.Set[string]
	generator := crdttest.Generator[set]{
		New: crdt.NewSet[string],
		Ops: []crdttest.Op[set]{
			{Name: "add", Do: func(s set, m crdt.Mint) (set, error) { return s.Add(m, "x") }},
			{Name: "remove", Do: func(s set, m crdt.Mint) (set, error) {
				delta, _, err := s.Remove(m, "x")
				return delta, err
			}},
		},
	}
	_ = func(t *testing.T) { crdttest.Laws(t, generator) } // in a test

	// A checker that finds nothing wrong proves something only if it finds what
	// is wrong: here a remove whose delta is forgotten.
	broken := generator
	broken.Ops = append(broken.Ops[:1:1], crdttest.Op[set]{Name: "remove", Do: func(s set, m crdt.Mint) (set, error) {
		_, _, err := s.Remove(m, "x")
		return crdt.NewSet[string](), err
	}})
	fmt.Println(crdttest.Find(generator), crdttest.Find(broken).Law)
	// Output: <nil> delta≡full
}
