// Package gossip is the node that an application embeds: it finds the other
// nodes, agrees with them on who owns which keys, and keeps tables of
// replicated values.
//
//	node, err := gossip.Start(ctx, gossip.Config{Cluster: "shop", Name: "a", Bind: "127.0.0.1:7946"})
//	sessions, err := gossip.Ring(node, "sessions", gossip.Registers[string](), quorum.NWR{N: 3, W: 2, R: 2})
//	_, err = sessions.Put(ctx, "user:42", "apple")
//	value, ok, err := sessions.Get(ctx, "user:42")
//
// A node is a machine (internal/replica) with a shell around it: membership
// from transport/swim, connections from transport, and the few goroutines that
// docs/goroutines.md lists. Every method of every exported type may be called
// from any goroutine unless it says otherwise.
//
// What the library promises about reads, writes and failures is in
// docs/guide.md.
package gossip
