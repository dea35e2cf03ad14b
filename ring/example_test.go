package ring_test

import (
	"fmt"

	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/ring"
)

// Who owns a key, and what moves when a node comes.
func Example() {
	nodes := []ring.Node{{ID: "a"}, {ID: "b"}, {ID: "c"}}
	before := ring.Place(nodes, 256, 2)

	partition := ring.Partition(ring.Hash("user:42"), before.Partitions())
	fmt.Print("partition ", partition, ":")
	for _, o := range before.Owners(partition) {
		fmt.Print(" ", before.Nodes()[o].ID)
	}
	fmt.Println()

	after := ring.Place(append(nodes, ring.Node{ID: "d"}), 256, 2)
	moves := ring.Diff(before, after)
	fmt.Println(len(moves), "of 512 move, the first is", moves[0])
	// Output:
	// partition 220: b a
	// 125 of 512 move, the first is {0 c d}
}

// A member that joins is asked for writes before it is asked for reads.
func ExampleLayout() {
	s := &ring.State{}
	for _, id := range []peer.ID{"a", "b", "c"} {
		s = s.With(ring.Member{ID: id, Status: ring.Serving})
	}
	s = s.With(ring.Member{ID: "d", Status: ring.Joining})

	l := ring.NewLayout(s, 3, 256)
	for partition := range l.Gains(3) {
		fmt.Println("partition", partition, "moving", l.Moving())
		for _, t := range l.Targets(partition) {
			fmt.Println(s.Members()[t.Member].ID, "read", t.Current, "write", t.Current || t.Next)
		}
		break
	}
	// Output:
	// partition 0 moving true
	// a read true write true
	// c read true write true
	// b read true write true
	// d read false write true
}
