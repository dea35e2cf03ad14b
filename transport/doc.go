// Package transport is the data plane: requests and replies between the
// members of a cluster, over one long-lived connection in each direction.
//
// # The idea
//
// A node dials each peer it has something to ask, and keeps the connection. All
// requests to that peer share it: they are numbered, pipelined and answered in
// any order. What a request says is not this package's business; it moves
// opaque bytes, with a [Class], a deadline and a way to withdraw them.
//
//	Peer.Call ─┐  one append buffer per class      ┌─> Handler.Serve, inline
//	Peer.Call ─┼─> coalesced into one write ──TCP──┤   (Control, Foreground)
//	Peer.Call ─┘                                   └─> a worker (the rest, and
//	   Completion.Complete <── replies <───────────────  whatever is large)
//
// Three decisions make it fast. Writes are coalesced: while other calls are in
// flight the writer yields once, so that their frames join the same system
// call; a lone caller writes by itself and saves the switch. The server answers
// on the goroutine that read the request, and writes all answers of one read at
// once. And nothing is allocated for a small call on either side.
//
// A message larger than a frame is announced with its size and then sent in
// chunks, each under a credit that the receiver gave (the windows of HTTP/2,
// RFC 9113 section 5.2, per stream only). Frames of a more urgent class go
// first, so a value of 16 MiB does not hold up a request of 100 bytes.
//
// # Trust
//
// With [Config.TLS] both ends prove that they own the name they say (or the
// common name of the cluster). Without it anybody who can reach the port and
// knows the cluster's name is believed. In either case what arrives is checked
// against limits before memory is taken for it.
//
// The frames are described byte by byte in docs/transport.md.
//
// # Use
//
// [Start] a [Transport] with a listener and a [Handler]; ask it for a [Peer] and
// [Peer.Call] it. [NewNetwork] is the in-memory form for tests: its listeners
// and dial function go into [Config] in place of the real ones.
package transport
