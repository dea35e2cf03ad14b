package wire_test

import (
	"fmt"
	"time"

	"github.com/grapevine-go/grapevine/internal/wire"
	"github.com/grapevine-go/grapevine/peer"
)

// A read, from the coordinator's buffer to the owner and back.
func Example() {
	request := wire.AppendRead(nil, &wire.Header{
		Kind: wire.KindRead, Version: wire.MaxVersion, Partition: 7, Remaining: time.Second,
		Boots: wire.MakeBoots([]uint64{0xb1}), Boot: peer.Boot{Counter: 1, Nonce: 0xa1},
	}, "user:42")

	q, err := wire.ParseRequest(request)
	if err != nil {
		fmt.Println(err)
		return
	}
	key, _ := q.Read()
	fmt.Printf("%v of %s in partition %d, within %v; for this boot: %t\n", q.Kind, key, q.Partition, q.Remaining, q.Boots.Contains(0xb1))

	reply := wire.AppendFound(nil, &wire.ReplyHeader{Boot: peer.Boot{Counter: 2, Nonce: 0xb1}, Synced: true}, wire.Absent)
	a, err := wire.ParseReply(reply)
	if err != nil {
		fmt.Println(err)
		return
	}
	found, _, _ := a.Found()
	fmt.Printf("%v from boot %v, synced: %t; absent: %t\n", a.Status, a.Boot, a.Synced, found == wire.Absent)
	// Output:
	// read of user:42 in partition 7, within 1s; for this boot: true
	// ok from boot 2.00000000000000b1, synced: true; absent: true
}
