package session_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/quorum/session"
)

// A client writes, and carries its session to another process. A read there is
// told what it must not fall behind.
func Example() {
	sealer := session.NewSealer("shop", []byte("a key that all nodes have"))
	carts := session.Table{ID: 1}
	now := time.UnixMilli(1_700_000_000_000)
	apple := crdt.Put(crdt.Stamp{Time: crdt.TimeOf(now), Actor: crdt.Actor{1}}, []byte("apple"), 0)

	here := session.New(session.ReadYourWrites|session.MonotonicWrites, sealer)
	here.Wrote(carts, 42, session.VersionOf(apple), true)
	cookie := here.Token()

	there, err := sealer.Open(cookie, now, time.Second)
	fmt.Println(there.Guarantees(), err)
	need, err := there.Read(carts, 42)
	empty, full := new(crdt.Packed), new(crdt.Packed)
	_, _ = full.JoinBinary(apple.AppendBinary(nil))
	fmt.Println(need.Floor.CoveredBy(full), need.Floor.CoveredBy(empty), err)

	_, err = sealer.Open("x"+cookie[1:], now, time.Second)
	fmt.Println(errors.Is(err, session.ErrToken))
	// Output:
	// read your writes+monotonic writes <nil>
	// true false <nil>
	// true
}
