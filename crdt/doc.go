// Package crdt holds the values that replicas can always merge.
//
// A replicated data type here is a state that only ever grows: two states have
// a join, which commutes, associates and is idempotent, so replicas that have
// joined the same operations are equal, whatever the order, the number of times
// and the company in which these arrived (Shapiro et al., "Conflict-free
// Replicated Data Types", 2011). A change is made at one replica and gives a
// delta, a small state of the same type that the others join (Almeida et al.,
// "Delta State Replicated Data Types", 2018); a join returns what changed, so
// that only changes travel on (Enes et al., "Efficient Synchronization of
// State-based CRDTs", 2019).
//
//	a, b := crdt.NewSet[string](), crdt.NewSet[string]()
//	delta, err := a.Add(mint, "apple")
//	changed := b.Join(delta) // twice, or later, or never: b.Join(a) makes it good
//
// Nothing in the package reads a clock, draws a random number or starts a
// goroutine: who writes, when, and under which number are arguments, a [Mint].
// The laws of all types are checked by package crdttest, and anybody's can be.
// What each type does under concurrency, and each byte of its encoding, is in
// docs/crdt.md.
//
// # Time and names
//
// [Clock] is a hybrid logical clock that gives readings ([Time]); with the
// [Actor] that writes, a reading is a [Stamp], by which registers are ordered.
// A [Dot] numbers the mutations of an actor; what was seen of them is a
// [Context], a version vector with exceptions; [Dotted] is the version of one
// write.
//
// # Types
//
// [Causal] types keep a causal context, so that what is removed leaves nothing
// behind: [Set], [RemoveWinsSet], [MVRegister], [EnableWins], [DisableWins],
// [Counter], [List], and [Map], whose values are any of them.
//
// [Pointwise] types only grow: [GrowSet], [GrowCounter], [BoundedCounter],
// [LWWMap], [FirstRegister], [HyperLogLog].
//
// [Register] is the last-writer-wins register with an expiry; [Cell] is what is
// beneath it, and what tables of plain values keep.
//
// Elements are turned into bytes by a [Codec], which the basic types have
// ([Basic]); New functions take the type alone, NewOf functions a codec.
//
// # For stores
//
// [State] is what a store needs of a type: joins of bytes, canonical bytes, and a
// [Fingerprint] that two replicas compare instead of their data. [Mutable] adds
// operations as values ([Op]), what a join changed, and differences.
package crdt
