// Package server answers Redis clients from a replicated table.
//
// One goroutine serves one connection: it parses what has arrived, runs it and
// writes the replies in one go. Pipelined GETs and SETs run at the same time,
// as far as their keys differ; commands on one key keep their order, and so do
// the replies. What would need consensus (SETNX, INCR, MULTI …) is refused with
// the reason, because an answer that looks atomic and is not would be worse.
//
// The package knows nothing of how the [Table] replicates. The wording of
// errors and replies is that of Redis 7.
package server
