// Package swim tells who is in the cluster: membership and failure detection
// by SWIM, in the form of hashicorp/memberlist.
//
// The idea (Das, Gupta, Motivala: SWIM, DSN 2002, sections 3 and 4; with the
// local health of Lifeguard, arXiv:1707.00788): each node pings one random
// member per interval, asks others to ping it when no answer comes, suspects
// it, and declares it failed when nobody refutes the suspicion in time. What a
// node learns rides on the pings.
//
// The package is the only one that imports memberlist, and hides it: members
// and events are plain values, callbacks come from a goroutine of this
// package, and any call is allowed inside them. What it adds:
//
//   - a restarted node is a new member: the wire name is the id plus the nonce
//     of its boot, so nothing the cluster remembers about the old life stands
//     in its way, and [Swim.Members] shows one boot per id;
//   - a partition heals however long it lasts: memberlist forgets the dead, so
//     a node keeps trying the members it lost and its seeds ([Config.Rejoin]);
//   - clusters do not mix: the cluster name is mandatory and marks every packet
//     and stream; what carries another name or key is refused, with a log line
//     on both sides that says why;
//   - [Swim.Join] tries several seeds at once and obeys its context;
//   - [Swim.Close] leaves no goroutine behind.
//
// Membership is an opinion about whom to ask first. It moves no data and
// decides no ownership; memberlist's broadcast queue and state exchange carry
// nothing of the library's.
package swim
