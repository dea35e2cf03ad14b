package session_test

import (
	"fmt"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/quorum/session"
)

// What a client has written is covered by that and by whatever is newer.
func Example() {
	seen := session.VersionOf(crdt.Put(crdt.Stamp{Time: 5}, []byte("apple"), 0))
	for _, time := range []crdt.Time{4, 5, 6} {
		owner := new(crdt.Packed)
		cell := crdt.Put(crdt.Stamp{Time: time}, []byte("pear"), 0)
		if _, err := owner.JoinBinary(cell.AppendBinary(nil)); err != nil {
			fmt.Println(err)
		}
		fmt.Println(time.Logical(), seen.CoveredBy(owner))
	}
	// Output:
	// 4 false
	// 5 true
	// 6 true
}
