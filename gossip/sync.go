package gossip

import (
	"context"
	"net"
	"time"

	"github.com/grapevine-go/grapevine/internal/fault"
	"github.com/grapevine-go/grapevine/internal/replica"
	"github.com/grapevine-go/grapevine/transport"
)

// withFaults takes the connections that a measurement wants.
func (c Config) withFaults(ctx context.Context) Config {
	if dial := fault.Dial[func(context.Context, string) (net.Conn, error)](ctx); dial != nil {
		c.faults = func(data *transport.Config) { data.Dial = dial }
	}
	return c
}

// syncLoop compares this node's data with others'. To find differences takes
// processor time; it takes half of one core's at the most.
func (n *Node) syncLoop() {
	defer close(n.synced)
	var out replica.Effects
	for {
		select {
		case <-n.ctx.Done():
			return
		case <-n.sync:
		}
		begun := time.Now()
		n.replica.Synchronize(begun, &out)
		n.carry(&out)
		if took := time.Since(begun); took > tickEvery {
			_ = n.sleep(context.Background(), took) // or until the view changes: no harm
		}
	}
}

// Divergence is how many keys of a partition are known to differ between this
// node and a member.
type Divergence = replica.Divergence

// Divergences returns what the last comparison with each member found and has
// not resolved yet, by member, table and partition; empty where all is known to
// be equal. It becomes less while a comparison brings what it found.
func (n *Node) Divergences() []Divergence { return n.replica.Divergences() }

// SyncProgress is how far a comparison is that this node has begun: with whom, of
// which table, and about how many keys are left.
type SyncProgress = replica.Progress

// SyncProgress returns the comparisons under way; mostly there are none. What a
// start without data still has to get is in [Status.Unsynced].
func (n *Node) SyncProgress() []SyncProgress { return n.replica.Progress() }
