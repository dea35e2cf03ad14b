// Package quorum decides whom to ask, when enough have answered, and with
// which outcome an operation ends: NWR as in Dynamo (DeCandia et al., SOSP
// 2007, sections 4.5 and 4.6).
//
// Every key has N owners. A write is sent to all of them and ends as applied
// when W have joined it; a read asks R, and more where some fail, and returns
// the join of their answers. R+W > N makes the two meet.
//
// What Dynamo leaves open, and what is decided here:
//
//   - An owner that came back without its data is unsynced until it is filled:
//     it joins and acknowledges writes, but its answer to a read does not count.
//   - A register's write that meets something newer is stamped once above it and
//     sent again, so that a write which began after another ended is never
//     hidden by it, whatever the clocks say (as far as W > N/2).
//   - While members come and go a write needs its W, and a read its R, in the
//     present and in the coming placement.
//   - A failed write says whether it was not applied or is unknown, see [Error].
//
// The machine is [Op]; [Tracker] counts for it. Both are plain values without
// clock, lock or I/O: the caller's goroutine drives them in a node, and a
// single-threaded runner in the simulation. Applications meet only [NWR], the
// options of calls ([W], [R], [ExpireAt]), [Receipt] and the errors.
package quorum
