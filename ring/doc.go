// Package ring says which nodes own a key, and what moves when members come
// and go.
//
// A key hashes ([Hash]) to one of a table's fixed partitions ([Partition]), a
// [Placement] maps each partition to its owners, and a [Layout] holds the two
// placements between which a cluster moves. All of them are pure functions of
// the [State], the membership and the catalog that nodes agree on by joining
// what they have heard: nobody is in charge, and whoever knows the same members
// computes the same owners. Whether a member is alive plays no part.
//
//	state, _ := ring.Decode(received)
//	layout := ring.NewLayout(mine.Join(state), 3, 256)
//	targets := layout.Targets(ring.Partition(ring.Hash("user:42"), 256))
//
// That a partition table is looked up rather than a circle of tokens is the
// third strategy of Dynamo (DeCandia et al. 2007, section 6.2); that writes
// address two placements while members change, without consensus, is how Garage
// does it.
//
// # How partitions are placed
//
// Every node has one token for each partition and throws them in an order of
// its own, at moments of its own: the nth at about n over its weight. All nodes'
// tokens, sorted by their moments, are dealt out in one pass. A token makes its
// node an owner if the partition still lacks one in the node's zone and the node
// still has room; the first owner that may be the primary of one more partition
// is the primary. That is Maglev's populating by turns (Eisenbud et al. 2016,
// section 3.4) with two differences. A token that comes too late is lost: its
// node does not look further in its turn, so what others get changes little when
// a node comes or goes. And loads are bounded, as in consistent hashing with
// bounded loads (Mirrokni, Thorup and Zadimoghaddam 2018): what luck gives a
// node above 5 % of its share goes to the next that asked.
//
// The moments are drawn by strata, so that a node's load differs from its share
// by little more than half of what independent hashes would give. Few nodes are
// then at their bound, and the bound costs few moves. With 1,024 nodes, 65,536
// partitions and 3 owners, "go run ./bench ring" measured (busiest over mean;
// moves when a node joins, over the least possible):
//
//	this placement                    1.05   1.2
//	rendezvous, bounded to 5 %        1.05   1.3   20 times our time to build, and more
//	random tokens, bounded to 5 %     1.05   1.4
//	random tokens, 128 a node         1.16   1.1
//	rendezvous                        1.20   1.0
//	turns as Maglev takes them        1.00   5.9
//
// Placement is part of the wire format: nodes must place alike to serve each
// other's requests. A golden file in testdata holds it, and it computes with
// integers, and with those floating-point operations alone that every processor
// rounds alike.
//
// Everything here is immutable and safe for concurrent use, and look-ups
// allocate nothing.
package ring
