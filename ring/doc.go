// Package ring says which nodes own a key, and what moves when members come
// and go.
//
// A key hashes ([Hash]) to one of a table's fixed partitions ([Partition]), a
// [Placement] maps each partition to its owners, and a [Layout] holds the two
// placements between which a cluster moves. All of them are pure functions of
// the [State], the membership and the catalog that nodes agree on by joining
// what they have heard: nobody is in charge, and whoever knows the same members
// computes the same owners. Whether a member is alive plays no part.
package ring
