// Package crdt holds the values that replicas can always merge.
//
// A replicated data type here is a state that only ever grows: two states have
// a join, which commutes, associates and is idempotent, so replicas that have
// joined the same operations are equal, whatever the order, the number of times
// and the company in which these arrived (Shapiro et al., "Conflict-free
// Replicated Data Types", 2011). A change is made at one replica and gives a
// delta, a small state of the same type that the others join (Almeida et al.,
// "Delta State Replicated Data Types", 2018).
//
// Nothing in the package reads a clock, draws a random number or starts a
// goroutine: who writes, when, and under which number are arguments.
//
// # Time and names
//
// [Clock] is a hybrid logical clock that gives readings ([Time]); with the
// [Actor] that writes, a reading is a [Stamp], by which registers are ordered.
//
// # Values
//
// [Cell] is the last-writer-wins register, with an expiry, that tables of plain
// values keep: the newest stamp wins, and a tombstone is a value like any other.
//
//	var a, b crdt.Cell
//	put := crdt.Put(crdt.Stamp{Time: clock.Now(wall), Actor: me}, []byte("on"), 0)
//	a.Join(put)
//	b.Join(put) // twice, or later, or never: a join of a with b makes it good
//
// [State] is what a store needs of a type: joins, canonical bytes, and a
// [Fingerprint] that two replicas compare instead of their data.
package crdt
