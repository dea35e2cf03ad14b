// Package gossiptest runs whole clusters in one thread, in virtual time, from a
// seed.
//
// A [World] has an event queue, a virtual clock and a seeded random source. Its
// nodes are the machines that run in production (their coordinators, their
// stores, their fills), with a network between them that loses, delays,
// duplicates and reorders messages, is cut and healed. Nodes crash and come back
// empty, pause, join and leave, and their clocks disagree. Membership is
// modelled by its verdicts: each node hears of another's death or return after a
// delay of its own.
//
// [Draw] makes a [Run] of a seed. [Simulate] puts its workload (of registers, sets or counters) on a
// world, lets the seed say when what fails, then heals everything and waits for
// calm. What every client saw is judged by checkers that know nothing of the
// code ([Check]): convergence, no lost acknowledgement, no invention, and quorum
// freshness (a regular register); monotonic reads where these block for their
// repair ([CheckMonotonic]); and the guarantees of the sessions that clients take
// from node to node ([CheckSessions]). A [Report] carries a hash of every event, so
// that a replay of the same seed can be told to be the same.
package gossiptest
