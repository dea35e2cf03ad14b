package gossip

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/grapevine-go/grapevine/internal/replica"
	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/quorum/hint"
)

// HintsFor is what waits at this node for an owner that could not be reached, by
// this node or by one whose fallback it is (see quorum.CountHints).
type HintsFor = replica.HintsFor

// Hints returns what this node keeps for owners that could not be reached, by
// target; empty where all are reached.
func (n *Node) Hints() []HintsFor {
	list, _ := n.replica.Hints()
	return list
}

// PauseHints stops the replay of hints to a target, or with "" to all, until
// [Node.ResumeHints]: for a node that has trouble coming back. Hints are still
// kept meanwhile, within [Config.HintBytes] and [Config.HintAge].
func (n *Node) PauseHints(target peer.ID) { n.replica.PauseHints(target, true) }

// ResumeHints ends [Node.PauseHints]: for a target, or with "" for all but those that were
// paused by name.
func (n *Node) ResumeHints(target peer.ID) { n.replica.PauseHints(target, false) }

// DropHints forgets what is kept for a target. What it has missed is found by the
// comparison of replicas.
func (n *Node) DropHints(target peer.ID) { n.replica.DropHints(target) }

// drainHints waits until nothing waits for members that can be reached, a second
// at the most: what is left is found by comparisons.
func (n *Node) drainHints(ctx context.Context) error {
	for end := time.Now().Add(time.Second); time.Now().Before(end) && n.replica.HintsWait(); {
		if err := n.pause(ctx, tickEvery); err != nil {
			return err
		}
	}
	return nil
}

var (
	hintsDesc     = desc("hints", "Hints that are kept for a target.", "target")
	hintBytesDesc = desc("hint_bytes", "Bytes of the hints that are kept for a target.", "target")
	hintAgeDesc   = desc("hint_oldest_seconds", "Age of the oldest hint that is kept for a target.", "target")
	hintedDesc    = desc("hints_total", "Hints: stored, of those counted as acknowledgements at this node (CountHints), those kept here as a fallback of other nodes' writes, joined into one that waited for the same key, replayed and acknowledged, rerouted to other owners, and of the dropped ones those that left a debt for a comparison to pay first (owed).", "event")
	hintDropDesc  = desc("hints_dropped_total", "Hints that were dropped, by reason.", "reason")
)

func (m *metrics) collectHints(gauge func(*prometheus.Desc, float64, ...string), counter func(*prometheus.Desc, uint64, ...string)) {
	list, s := m.n.replica.Hints()
	for _, h := range list {
		gauge(hintsDesc, float64(h.Hints), string(h.Target))
		gauge(hintBytesDesc, float64(h.Bytes), string(h.Target))
		gauge(hintAgeDesc, time.Since(h.Oldest).Seconds(), string(h.Target))
	}
	for event, v := range map[string]uint64{"stored": s.Stored, "counted": s.Counted, "fallback": s.Fallback, "joined": s.Joined, "replayed": s.Replayed, "rerouted": s.Rerouted, "owed": s.Owed} {
		counter(hintedDesc, v, event)
	}
	for reason, v := range s.Dropped {
		counter(hintDropDesc, v, hint.Reason(reason).String())
	}
}
