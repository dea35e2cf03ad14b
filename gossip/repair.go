package gossip

import (
	"context"
	"math/bits"
	"sync/atomic"
	"time"

	"github.com/grapevine-go/grapevine/internal/replica"
	"github.com/grapevine-go/grapevine/quorum"
)

// repairs are the reads that found owners behind, waiting for the node's
// repairer: hooks may take their time, and the transport's goroutines may not.
type repairs struct {
	waiting chan *call
	shed    atomic.Uint64 // reads whose findings were left to the comparison of partitions
}

func (r *repairs) init() { r.waiting = make(chan *call, 256) }

// offer leaves a finished read to the repairer; false if there is no room.
func (r *repairs) offer(k *call) bool {
	select {
	case r.waiting <- k:
		return true
	default:
		r.shed.Add(1)
		return false
	}
}

// repairLoop repairs, one read after the other.
func (n *Node) repairLoop() {
	for {
		select {
		case <-n.ctx.Done():
			return
		case k := <-n.repairs.waiting:
			k.repair()
			k.pool()
		}
	}
}

// allows asks the table's policy whether a read that found somebody behind may
// repair it.
func (t *table) allows(lot uint64) bool {
	t.gateMu.Lock()
	defer t.gateMu.Unlock()
	return t.gate.Allow(time.Now(), lot)
}

// toRepair finds out whether the repairer has anything to do for a read: owners
// to repair, or hooks to tell. Nobody else uses the call any more.
func (k *call) toRepair() bool {
	hooks := &k.n.cfg.Hooks
	k.behind, k.mended = 0, k.c.Op.Mended()
	if k.mode == quorum.RepairOff && hooks.OnDivergence == nil {
		return false
	}
	k.behind = k.c.Behind()
	k.found = k.behind | k.mended
	if k.mode == quorum.RepairOff || k.c.Op.Waived() || k.behind != 0 && !k.t.allows(k.c.ID.Lo*0x9e3779b97f4a7c15) {
		k.behind = 0
	}
	return k.behind != 0 || k.found != 0 && (hooks.OnDivergence != nil || k.mended != 0 && hooks.AfterRepair != nil)
}

// repair tells the hooks what a read has found, and sends the joined state to the
// owners that still lack some of it, unless a hook is against it. Nobody else
// uses the call any more.
func (k *call) repair() {
	n, hooks := k.n, &k.n.cfg.Hooks
	if hooks.OnDivergence != nil {
		n.callWithin(n.ctx, "OnDivergence", func() { hooks.OnDivergence(k.about(k.found)) })
	}
	if k.mended != 0 {
		k.repaired(k.mended)
	}
	if k.behind == 0 {
		return
	}
	if !k.wanted(n.ctx, k.about(k.behind)) {
		k.c.Vetoed(k.behind)
		return
	}
	var out replica.Effects
	k.c.Repair(k.behind, &out)
	n.carry(&out)
	k.repaired(k.behind)
}

// about is what the hooks are told.
func (k *call) about(targets uint32) Repair {
	r := Repair{Table: k.c.Table(), Key: k.c.Key()}
	for m := targets; m != 0; m &= m - 1 {
		r.Nodes = append(r.Nodes, k.c.Op.Targets[bits.TrailingZeros32(m)].ID)
	}
	return r
}

// repaired tells the hook.
func (k *call) repaired(targets uint32) {
	if hook := k.n.cfg.Hooks.AfterRepair; hook != nil {
		r := k.about(targets)
		k.n.callWithin(k.n.ctx, "AfterRepair", func() { hook(r) })
	}
}

// wanted asks the hook; one that panics, or takes too long, has no objection.
func (k *call) wanted(ctx context.Context, r Repair) bool {
	hook := k.n.cfg.Hooks.BeforeRepair
	if hook == nil {
		return true
	}
	var veto atomic.Bool
	k.n.callWithin(ctx, "BeforeRepair", func() { veto.Store(!hook(r)) })
	return !veto.Load()
}

// decide asks the hook about a repair that a read waits for, and reports whether
// it has: the operation goes on then.
func (k *call) decide(ctx context.Context) bool {
	k.mu.Lock()
	if k.c.Op.Phase != quorum.Diverged {
		k.mu.Unlock()
		return false
	}
	behind := k.c.Op.Lacking()
	r := k.about(behind)
	until := k.c.Until()
	k.mu.Unlock()
	within, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	yes := k.wanted(within, r)
	k.mu.Lock()
	defer k.mu.Unlock()
	if yes {
		k.pending |= k.c.Op.Mend()
	} else if k.c.Op.Phase == quorum.Diverged {
		k.c.Op.Waive()
		k.c.Vetoed(behind)
	}
	return true
}
