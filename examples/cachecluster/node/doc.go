// Package node is one node of the cache cluster: a gossip node that owns its
// share of the table "cache", and the Redis port through which clients use the
// whole of it.
//
// The package joins the two halves of the example and holds little more than
// the seams: how the table's methods are the server's commands (table.go), and
// what Redis's clients are told of its errors (errors.go).
package node
