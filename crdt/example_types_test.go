package crdt_test

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/grapevine-go/grapevine/crdt"
)

var (
	alice = crdt.Actor{'a'}
	bob   = crdt.Actor{'b'}
)

// by is what a node gives to a mutation: a number and a time that it never gave
// before.
func by(a crdt.Actor, n uint64) crdt.Mint {
	return crdt.Mint{Dot: crdt.Dot{Actor: a, N: n}, Time: crdt.Time(n)}
}

// show prints a value as JSON.
func show(values ...any) {
	for i, v := range values {
		p, err := json.Marshal(v)
		if err != nil {
			p = []byte(err.Error())
		}
		values[i] = string(p)
	}
	fmt.Println(values...)
}

func ExampleSet() {
	a, b := crdt.NewSet[string](), crdt.NewSet[string]()
	delta, _ := a.Add(by(alice, 1), "apple")
	b.Join(delta)

	removed, _, _ := b.Remove(by(bob, 1), "apple") // has seen the first add
	again, _ := a.Add(by(alice, 2), "apple")       // at the same time
	a.Join(removed)
	b.Join(again)
	show(a, b)
	// Output: ["apple"] ["apple"]
}

func ExampleRemoveWinsSet() {
	a, b := crdt.NewRemoveWinsSet[string](), crdt.NewRemoveWinsSet[string]()
	delta, _ := a.Add(by(alice, 1), "admin")
	b.Join(delta)

	removed, _, _ := b.Remove(by(bob, 1), "admin")
	again, _ := a.Add(by(alice, 2), "admin") // at the same time, and loses
	a.Join(removed)
	b.Join(again)
	show(a, b)
	// Output: [] []
}

func ExampleGrowSet() {
	a, b := crdt.NewGrowSet[int](), crdt.NewGrowSet[int]()
	one, _ := a.Add(by(alice, 1), 1)
	two, _ := b.Add(by(bob, 1), 2)
	a.Join(two)
	b.Join(one)
	show(a, b, a.Join(one) == nil)
	// Output: [1,2] [1,2] true
}

func ExampleMVRegister() {
	a, b := crdt.NewMVRegister[string](), crdt.NewMVRegister[string]()
	x, _ := a.Write(by(alice, 1), "x")
	y, _ := b.Write(by(bob, 1), "y") // at the same time
	a.Join(y)
	b.Join(x)
	show(a, b)

	z, _ := a.Write(by(alice, 2), "z") // has seen both
	b.Join(z)
	show(b)
	// Output:
	// ["x","y"] ["x","y"]
	// ["z"]
}

func ExampleRegister() {
	a, b := crdt.NewRegister[int](), crdt.NewRegister[int]()
	old, _ := a.Set(by(alice, 1), 10, 0)
	newer, _ := b.Set(by(bob, 2), 20, 5000) // hidden from 5000 ms on
	a.Join(newer)
	b.Join(old)
	v, ok := a.Get(4999)
	_, later := b.Get(5000)
	fmt.Println(v, ok, later)
	// Output: 20 true false
}

func ExampleFirstRegister() {
	a, b := crdt.NewFirstRegister[string](), crdt.NewFirstRegister[string]()
	claim, _ := a.Write(by(alice, 1), "mine")
	late, _ := b.Write(by(bob, 2), "no, mine")
	a.Join(late)
	b.Join(claim)
	show(a, b)
	// Output: "mine" "mine"
}

func ExampleCounter() {
	a, b := crdt.NewCounter(), crdt.NewCounter()
	up, _ := a.Add(by(alice, 1), 5)
	down, _ := b.Add(by(bob, 1), -2)
	a.Join(down)
	a.Join(down) // a delta counts once
	b.Join(up)
	show(a, b)
	// Output: 3 3
}

func ExampleGrowCounter() {
	a, b := crdt.NewGrowCounter(), crdt.NewGrowCounter()
	one, _ := a.Add(by(alice, 1), 1)
	two, _ := b.Add(by(bob, 1), 2)
	a.Join(two)
	b.Join(one)
	show(a, b)
	// Output: 3 3
}

func ExampleBoundedCounter() {
	stock, shop := crdt.NewBoundedCounter(), crdt.NewBoundedCounter()
	delivered, _ := stock.Add(by(alice, 1), 10)
	shop.Join(delivered)
	_, err := shop.Take(by(bob, 1), 1) // ten are there, but none is bob's
	fmt.Println(err)

	given, _ := stock.Transfer(by(alice, 2), 3, bob)
	shop.Join(given)
	sold, _ := shop.Take(by(bob, 1), 3)
	stock.Join(sold)
	fmt.Println(stock.Value(), stock.Rights(alice), stock.Rights(bob))
	// Output:
	// crdt: not enough rights: 0 of 1
	// 7 7 0
}

func ExampleEnableWins() {
	a, b := crdt.NewEnableWins(), crdt.NewEnableWins()
	on, _ := a.Enable(by(alice, 1))
	off, _, _ := b.Disable(by(bob, 1))
	a.Join(off)
	b.Join(on)
	show(a, b)
	// Output: true true
}

func ExampleDisableWins() {
	a, b := crdt.NewDisableWins(), crdt.NewDisableWins()
	on, _ := a.Enable(by(alice, 1))
	off, _, _ := b.Disable(by(bob, 1))
	a.Join(off)
	b.Join(on)
	show(a, b)
	// Output: false false
}

func ExampleMap() {
	newCart := func() *crdt.Map[string, *crdt.Counter] { return crdt.NewMap[string](crdt.NewCounter) }
	a, b := newCart(), newCart()
	apples, _, _ := a.Update(by(alice, 1), "apple", a.At("apple").AddOp(2))
	pears, _, _ := a.Update(by(alice, 2), "pear", a.At("pear").AddOp(1))
	b.Join(apples)
	b.Join(pears)

	removed, _, _ := b.Remove(by(bob, 1), "pear")
	more, _, _ := a.Update(by(alice, 3), "apple", a.At("apple").AddOp(3))
	a.Join(removed)
	b.Join(more)
	show(a, b)
	// Output: {"apple":5} {"apple":5}
}

func ExampleLWWMap() {
	a, b := crdt.NewLWWMap[string, int](), crdt.NewLWWMap[string, int]()
	x, _ := a.Put(by(alice, 1), "x", 1, 0)
	y, _ := b.Put(by(bob, 1), "y", 2, 0)
	newer, _ := b.Put(by(bob, 2), "x", 3, 0)
	a.Join(y)
	a.Join(newer)
	b.Join(x)
	show(a, b)
	// Output: {"x":3,"y":2} {"x":3,"y":2}
}

func ExampleList() {
	a, b := crdt.NewList[string](), crdt.NewList[string]()
	title, _ := a.Insert(by(alice, 1), 0, "To buy:")
	b.Join(title)

	// Both write two lines at the same place at the same time.
	var deltas []*crdt.List[string]
	for i, line := range []string{"bread", "butter"} {
		d, _ := a.Insert(by(alice, uint64(i+2)), i+1, line)
		deltas = append(deltas, d)
	}
	for i, line := range []string{"soap", "towels"} {
		d, _ := b.Insert(by(bob, uint64(i+1)), i+1, line)
		deltas = append(deltas, d)
	}
	for _, d := range deltas {
		a.Join(d)
		b.Join(d)
	}
	show(a)
	show(b)
	// Output:
	// ["To buy:","bread","butter","soap","towels"]
	// ["To buy:","bread","butter","soap","towels"]
}

func ExampleHyperLogLog() {
	a, b := crdt.NewHyperLogLog[int](), crdt.NewHyperLogLog[int]()
	for i := range 1000 {
		a.Add(by(alice, uint64(i+1)), i)
		b.Add(by(bob, uint64(i+1)), i+500)
	}
	a.Join(b)
	n := a.Count()
	fmt.Println(1450 < n && n < 1550, len(a.AppendBinary(nil)) < 13<<10)
	// Output: true true
}

func ExampleCausal_Apply() {
	a, b := crdt.NewSet[string](), crdt.NewSet[string]()
	delta, _ := a.Add(by(alice, 1), "apple")
	b.Join(delta)

	// An operation is a value: made by who reads, sent, and applied elsewhere.
	sent := b.RemoveOp("apple").AppendBinary(nil)
	op, _ := crdt.DecodeOp(sent)
	removal, saw, _ := a.Apply(by(alice, 2), op)
	b.Join(removal)
	fmt.Println(saw, b.Len())
	// Output: 61000000:1 0
}

func ExampleCausal_Difference() {
	a, b := crdt.NewSet[int](), crdt.NewSet[int]()
	for i := range 100 {
		d, _ := a.Add(by(alice, uint64(i+1)), i)
		if i < 98 {
			b.Join(d)
		}
	}
	missing := a.Difference(b)
	fmt.Println(slices.Collect(missing.All()), len(missing.AppendBinary(nil)), len(a.AppendBinary(nil)))
	b.Join(missing)
	fmt.Println(a.Difference(b) == nil, a.Fingerprint(crdt.Key{}) == b.Fingerprint(crdt.Key{}))
	// Output:
	// [98 99] 42 924
	// true true
}

func ExampleContext() {
	var seen crdt.Context
	seen.AddRange(alice, 1, 7)
	seen.Add(crdt.Dot{Actor: alice, N: 9})
	fmt.Println(seen, seen.Vector(alice), seen.Contains(crdt.Dot{Actor: alice, N: 8}))

	other := crdt.ContextOf(crdt.Dot{Actor: alice, N: 8})
	fmt.Println(seen.Compare(other), seen.Join(other), seen)
	// Output:
	// 61000000:1-7,9 7 false
	// concurrent true 61000000:1-9
}

func ExampleDotted() {
	read := crdt.Dotted{Dot: crdt.Dot{Actor: alice, N: 1}}
	blind := crdt.Dotted{Dot: crdt.Dot{Actor: alice, N: 2}}                                    // through the same server
	informed := crdt.Dotted{Dot: crdt.Dot{Actor: alice, N: 3}, Seen: crdt.ContextOf(read.Dot)} // after a read
	fmt.Println(read.Compare(blind), read.Compare(informed))
	// Output: concurrent before
}
