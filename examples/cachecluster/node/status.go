package node

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/grapevine-go/grapevine/examples/cachecluster/server"
	"github.com/grapevine-go/grapevine/gossip"
)

// needed is how many owners a command on a key needs: one that reads first and
// then writes is no exception.
var needed = max(levels.LeastW(), levels.LeastR())

// status is what INFO tells.
func (n *Node) status() server.Status {
	g := n.Gossip()
	if g == nil {
		return server.Status{Node: string(n.name), UnsyncedTables: []string{TableName}, OwnersNeeded: needed,
			Missing: "the cluster: no member of it has been found yet"}
	}
	s := g.Status()
	status := server.Status{
		Node:           string(s.ID),
		Boot:           s.Boot.String(),
		Ready:          s.Ready,
		Synced:         s.Synced,
		Members:        s.Alive,
		RingVersion:    strconv.FormatUint(s.RingVersion, 16),
		UnsyncedTables: slices.Sorted(maps.Keys(s.Unsynced)),
		OwnersNeeded:   needed,
	}
	for _, m := range g.Members() {
		status.Known = append(status.Known, fmt.Sprintf("name=%s,boot=%v,state=%v,status=%v,addr=%v", m.ID, m.Boot, m.State, m.Status, m.Addr))
	}
	for _, t := range g.Tables() {
		if t.Name == TableName {
			status.LocalKeys, status.Owners, status.OwnersAlive = t.Live, t.Owners, t.Alive
		}
	}
	// To be ready is to be able to do one's part, and a ring with too few members
	// lets nobody do any. That members are dead makes this node no less ready.
	status.Ready = status.Ready && status.Owners >= needed
	status.Missing = missing(s, status.Owners, status.OwnersAlive)
	return status
}

// missing says what keeps commands from being carried out.
func missing(s gossip.Status, owners, alive int) string {
	switch {
	case !s.Serving:
		return "a place in the ring: the others are being told of this node"
	case owners < needed:
		return fmt.Sprintf("owners: a key has %d of the %d that a command needs, for want of nodes", owners, needed)
	case alive < needed:
		return fmt.Sprintf("living owners: some keys have %d of the %d that a command needs", alive, needed)
	case !s.Synced:
		return "data: partitions of this node are being filled" // how many changes all the time
	}
	return ""
}
