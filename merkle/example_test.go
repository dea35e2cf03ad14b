package merkle_test

import (
	"encoding/binary"
	"fmt"
	"iter"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/merkle"
)

// shelf is a store of 256 entries.
type shelf [256]crdt.Fingerprint

func hash(i int) uint64 { return uint64(i) << 56 }

func (s *shelf) Entries(from, to uint64) iter.Seq2[uint64, crdt.Fingerprint] {
	return func(yield func(uint64, crdt.Fingerprint) bool) {
		for i := int(from >> 56); i <= int(to>>56); i++ {
			if !s[i].IsZero() && hash(i) >= from && !yield(hash(i), s[i]) {
				return
			}
		}
	}
}

// Two replicas differ in one entry. Each learns which of its entries the other
// lacks.
func Example() {
	key := crdt.Key{1, 2, 3} // the cluster's
	fingerprint := func(i int, value string) crdt.Fingerprint {
		return key.Sum(append(binary.BigEndian.AppendUint64(nil, hash(i)), value...))
	}
	var here, there shelf
	for i := range here {
		here[i] = fingerprint(i, "v1")
		there[i] = here[i]
	}
	hereTree := merkle.Build(merkle.Node{}, 256, &here)
	thereTree := merkle.Build(merkle.Node{}, 256, &there)

	// A write at one of them.
	v2 := fingerprint(7, "v2")
	hereTree.Update(hash(7), here[7], v2)
	here[7] = v2
	fmt.Println("equal roots:", hereTree.Root() == thereTree.Root())

	var hereView, thereView merkle.View
	hereTree.Snapshot(&hereView)
	thereTree.Snapshot(&thereView)
	a, b := merkle.NewDiff(&hereView, &here), merkle.NewDiff(&thereView, &there)
	a.Compare(merkle.Node{})
	for !a.Idle() || !b.Idle() {
		if err := b.Receive(a.Next(nil, 1<<16)); err != nil {
			fmt.Println(err)
		}
		if err := a.Receive(b.Next(nil, 1<<16)); err != nil {
			fmt.Println(err)
		}
	}
	for _, h := range a.Found() {
		fmt.Println("the other lacks", h>>56)
	}
	// Output:
	// equal roots: false
	// the other lacks 7
}
