package store_test

import (
	"fmt"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/ring"
	"github.com/grapevine-go/grapevine/store"
)

// Two replicas get the same writes in different orders and end up equal.
func Example() {
	a := store.NewTable(16, crdt.Key{}, crdt.NewPacked)
	b := store.NewTable(16, crdt.Key{}, crdt.NewPacked)

	key := "user:42"
	hash := ring.Hash(key)
	write := func(t *store.Table, clock crdt.Time, value string) {
		c := crdt.Put(crdt.Stamp{Time: clock, Actor: crdt.Actor{1}}, []byte(value), 0)
		j, err := t.Join(hash, []byte(key), c.AppendBinary(nil))
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s: changed %t, dominated %t\n", value, j.Changed, !j.Dominated.IsZero())
	}
	write(a, 1, "apple")
	write(a, 2, "pear")
	write(b, 2, "pear")
	write(b, 1, "apple")

	p := ring.Partition(hash, a.Partitions())
	digestA, counts := a.Digest(p)
	digestB, _ := b.Digest(p)
	fmt.Printf("equal: %t, %d key\n", digestA == digestB, counts.Live)
	// Output:
	// apple: changed true, dominated false
	// pear: changed true, dominated false
	// pear: changed true, dominated false
	// apple: changed false, dominated true
	// equal: true, 1 key
}
