package crdt_test

import (
	"fmt"
	"time"

	"github.com/grapevine-go/grapevine/crdt"
)

// Two replicas of one key: writes meet in any order and the newer one stands.
func Example() {
	clock := crdt.NewClock(0, time.Second)
	wall := time.UnixMilli(1_700_000_000_000)
	stamp := func(actor byte) crdt.Stamp {
		return crdt.Stamp{Time: clock.Now(wall), Actor: crdt.Actor{actor}}
	}
	first := crdt.Put(stamp(1), []byte("off"), 0)
	second := crdt.Put(stamp(2), []byte("on"), 0)

	var a, b crdt.Cell
	a.Join(first)
	a.Join(second)
	b.Join(second)
	dominated := !b.Join(first).Dominated.IsZero()

	value, ok := b.Get(wall.UnixMilli())
	fmt.Println(string(value), ok, dominated, string(a.AppendBinary(nil)) == string(b.AppendBinary(nil)))
	// Output: on true true true
}

func ExampleClock() {
	clock := crdt.NewClock(0, time.Second)
	wall := time.UnixMilli(1000)
	fmt.Println(clock.Now(wall), clock.Now(wall))

	// A node whose clock is a little ahead moves ours; one far ahead does not.
	fmt.Println(clock.Observe(crdt.TimeOf(time.UnixMilli(1500)), wall), clock.Now(wall))
	fmt.Println(clock.Observe(crdt.TimeOf(time.UnixMilli(9000)), wall))
	// Output:
	// 1000+0 1000+1
	// <nil> 1500+1
	// crdt: timestamp too far in the future: 8000 ms ahead, 1s allowed
}

func ExampleExpire() {
	written := crdt.Stamp{Time: 1, Actor: crdt.Actor{1}}
	cell := crdt.Put(written, []byte("session"), 0)
	cell.Join(crdt.Expire(crdt.Stamp{Time: 2, Actor: crdt.Actor{1}}, written, 5000))

	_, before := cell.Get(4999)
	_, after := cell.Get(5000)
	fmt.Println(before, after)
	// Output: true false
}
