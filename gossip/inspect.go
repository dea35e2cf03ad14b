package gossip

import (
	"fmt"
	"sort"

	"github.com/grapevine-go/grapevine/internal/replica"
	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/ring"
	"github.com/grapevine-go/grapevine/store"
)

// TableInfo is a table as this node has it.
type TableInfo struct {
	ring.Table
	store.Counts      // of all that is kept here
	Open         bool // false: its type is an application's own, and this program has not opened it
	// Owners is how many owners every key of a ring table has: N, or fewer while
	// the ring has fewer members. Alive is how many of them are believed alive, of
	// the key that has the fewest. While Alive is below W, some keys, or all,
	// cannot be written. Both are 0 while this node has not learned the ring.
	Owners, Alive int
}

// Tables returns the catalog, by name, with what this node keeps of each.
func (n *Node) Tables() (infos []TableInfo) {
	v := n.replica.View()
	for _, spec := range v.State.Tables() {
		info := TableInfo{Table: spec}
		t := v.Table(spec.Name)
		if t.Data != nil {
			info.Open, info.Counts = true, t.Data.Counts()
		}
		if spec.Kind == ring.Ring {
			info.Owners, info.Alive = scarcest(v, t.Layout)
		}
		infos = append(infos, info)
	}
	return infos
}

// scarcest looks for the partition with the fewest owners, and with the fewest
// that are alive; while owners change, in the placement that has fewer.
func scarcest(v *replica.View, l *ring.Layout) (owners, alive int) {
	if l.Partitions() == 0 {
		return 0, 0
	}
	owners, alive = ring.MaxN, ring.MaxN
	for p := range l.Partitions() {
		for _, placement := range [][]uint16{l.Current(p), l.Next(p)} {
			up := 0
			for _, m := range placement {
				if !v.Down(int(m)) {
					up++
				}
			}
			owners, alive = min(owners, len(placement)), min(alive, up)
		}
	}
	return owners, alive
}

// Counts returns what the replica has met with since the start, by name:
// requests refused, answers that did not count, repairs, entries filled and
// swept.
func (n *Node) Counts() map[string]uint64 {
	s := n.replica.Stats()
	return map[string]uint64{
		"stale_requests": s.StaleRequests, "unsynced_answers": s.UnsyncedAnswers, "not_owner": s.NotOwner,
		"refused": s.Refused, "skewed": s.Skewed, "restamped": s.Restamped, "filled": s.Filled, "swept": s.Swept,
		"speculated": s.Speculated, "repairs": s.Repairs, "repairs_vetoed": s.RepairsVetoed, "repairs_blocking": s.Mended,
		"digests_equal": s.DigestsEqual, "digests_differ": s.DigestsDiffer, "sync_held": s.SyncHeld, "fill_sessions": s.FillSessions, "sync_deltas": s.SyncDeltas,
		"scrubbed": s.Scrubbed, "scrub_wrong": s.ScrubWrong,
		"sync_bytes_sent": s.SyncSent, "sync_bytes_received": s.SyncReceived,
	}
}

// traffic sums the bytes of the data plane.
func (n *Node) traffic() (in, out uint64) {
	s := n.data.Served()
	in, out = uint64(s.BytesIn), uint64(s.BytesOut)
	for _, p := range *n.peers.Load() {
		t := p.Stats()
		in, out = in+uint64(t.BytesIn), out+uint64(t.BytesOut)
	}
	return in, out
}

// refusals is how many requests were not sent to peers, or were refused, because
// these had no room.
func (n *Node) refusals() (refused uint64) {
	for _, p := range *n.peers.Load() {
		refused += uint64(p.Stats().Refused)
	}
	return refused
}

// Owners returns the nodes that own a key of a table, in the order of
// preference; nil if there is no such table.
func (n *Node) Owners(table, key string) (owners []peer.ID) {
	v := n.replica.View()
	t := v.Table(table)
	if t == nil || t.Layout == nil {
		return nil
	}
	for _, m := range t.Layout.Current(ring.Partition(ring.Hash(key), t.Layout.Partitions())) {
		owners = append(owners, v.State.Members()[m].ID)
	}
	return owners
}

// LocalState is a key as this node keeps it, in the encoding of its type.
type LocalState struct {
	Partition int
	Key       string
	State     []byte
}

// Dump visits everything that this node keeps of a table, partition by
// partition, each in the order of the keys; for comparing replicas byte by
// byte, and for looking into a node. It holds no lock while visit runs. The
// error is visit's, or that there is no such table here.
func (n *Node) Dump(table string, visit func(LocalState) error) error {
	t := n.replica.View().Table(table)
	if t == nil || t.Data == nil {
		return fmt.Errorf("gossip: table %q: %w", table, ErrNotReady)
	}
	for p := range t.Data.Partitions() {
		states := dumpPartition(t, p)
		for _, s := range states {
			if err := visit(s); err != nil {
				return err
			}
		}
	}
	return nil
}

func dumpPartition(t *replica.Table, p int) (states []LocalState) {
	t.Data.Page(p, 0, ^uint64(0), func(e store.Entry) bool {
		states = append(states, LocalState{Partition: p, Key: string(e.Key), State: e.State.AppendBinary(nil)})
		return true
	})
	sort.Slice(states, func(i, j int) bool { return states[i].Key < states[j].Key })
	return states
}
