// Package merkle keeps a hash tree over the entries of a partition up to date,
// and finds where two such trees differ.
//
// The idea is Merkle's (1987), with sums in place of hashes of hashes: a node's
// digest is the sum of the fingerprints of the entries below it, 128 bits
// modulo 2^64 each half. An entry is added once, so a write changes one sum a
// level, reads no sibling and allocates nothing, and the order of writes does
// not matter. Sums of keyed fingerprints resist an adversary who does not know
// the key (Bellare and Micciancio, "A New Paradigm for Collision-free Hashing",
// 1997, section 5, warn of one who does: the key is the cluster's secret).
//
// A node is a prefix of the hash of the key. Leaves have about sixteen entries;
// the depth follows the number of entries ([Tree.Reshape]). Two trees of
// different depths compare, because a node's sum does not depend on the depth:
// where one tree ends, the range is compared entry by entry.
//
// Use: a store calls [Tree.Update] from each join, and lets an exchange have a
// [View], which is a copy: it stays as it is while writes go on. Two [Diff]
// machines, one a side, then exchange messages until both know which of their
// own entries the other lacks.
//
// Nothing here is safe for concurrent use; the owner of a partition holds its
// lock around Update, Reshape, Check and Snapshot.
package merkle
