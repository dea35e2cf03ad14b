// Package hint keeps what owners of a key have missed, for those who could not be
// reached: hinted handoff, as in Dynamo (DeCandia et al., SOSP 2007, section 4.6).
//
// A [Queue] has, for each target, the deltas that a coordinator could not deliver, in
// the order in which they were made, bounded by bytes and by age. A key has one
// hint for a target: newer deltas are joined into it by the caller. What there is
// no room for, or what has waited too long, is dropped and said to be, so that the
// comparison of replicas can find it; a hint is never the only way.
//
// A hint is a promise to try, and no acknowledgement: it does not count towards W,
// and dies with the node that keeps it in memory. Dynamo's hints stand for an
// owner; here they do only if the caller asks for that, by quorum.CountHints. Other
// nodes, its fallbacks, keep them then as far as there are any.
//
// The records lie in a [Log], each with a checksum: in memory, or on a disk. A
// record that cannot be read any more counts as dropped.
package hint
