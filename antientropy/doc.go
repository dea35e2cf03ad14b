// Package antientropy finds what two replicas do not have in common, for the
// price of the difference.
//
// The idea is Demers' ("Epidemic Algorithms for Replicated Database
// Maintenance", 1987, section 1.3): two replicas compare what they have and
// resolve what differs, and whatever faster ways of spreading missed is healed.
// Comparing must therefore be cheap when almost nothing differs. A [Session] is
// one side of such a comparison; its strategies are
//
//   - [Full]: one side lists everything, by hash and half a fingerprint.
//   - [Checksum]: the updates within a window first, then one sum; everything if the
//     sums are not equal by then (section 1.3: "checksum with recent update list").
//   - [PeelBack]: what changed last is listed first, until the sums of what is left
//     are equal (section 1.3: "peel back", in the order of activity).
//   - [Merkle]: descent in a hash tree, see package merkle.
//   - [Rateless]: coded symbols (Yang, Gilad and Alizadeh, "Practical Rateless Set
//     Reconciliation", SIGCOMM 2024), of which the receiver needs about 1.35 for
//     each entry that one side has and the other lacks, wherever they are.
//   - [Hybrid]: the root; then the sums of 256 ranges, two bytes each, which say
//     how much differs and where; then descent where one side has nothing, coded
//     symbols over the other ranges that differ, or everything where most does.
//
// The two sides exchange turns, each some frames: [Start] makes the first,
// [Session.Step] takes one and makes the next. At the end each side knows, from
// [Session.Found], which of its own entries the other lacks: what it has to
// send. Symbols that do not decode end in a descent, never in a loop.
//
// A Session is a machine without clock, chance or I/O, for one caller at a time.
//
// With whom to compare, and when, is a [Schedule]'s affair: partners by distance
// (section 3.1 of the paper), by age and by what is known to differ, fewer rounds
// while nothing does, at once where there is reason to. A [Budget] bounds what
// the rounds move.
package antientropy
