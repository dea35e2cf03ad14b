// Package pbs predicts how stale reads are when R+W ≤ N does not forbid it, and
// how long reads and writes take for a choice of N, R and W: probabilistically
// bounded staleness.
//
// A write goes to all N replicas and ends with the W-th acknowledgement, a read
// goes to all N and takes the first R answers. The read is stale if none of
// those R replicas had the write when it was asked. How often that happens t
// after the write ended follows from four delays: of the write's way there (W),
// its acknowledgement (A), the read's way there (R) and its answer (S). Predict
// draws them many times over. Nothing repairs in this model, so that a cluster
// with read repair or anti-entropy is fresher than predicted.
//
// A node cannot measure one-way delays, and asks R owners rather than N:
// [Observed] makes a model of the round trips that it measures, [Choices] predicts
// for all levels, [Advise] chooses among them, and [Truth] is what sampled reads
// showed.
//
// Source: Bailis, Venkataraman, Franklin, Hellerstein, Stoica: "Probabilistically
// Bounded Staleness for Practical Partial Quorums", VLDB 2012: the WARS model of
// section 4, k-staleness of section 3.1, the distributions of section 5.
package pbs
