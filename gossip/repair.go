package gossip

import (
	"math/bits"
	"sync/atomic"

	"github.com/grapevine-go/grapevine/internal/replica"
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

// repair sends the joined state to the owners that lacked some of it, unless a
// hook is against it. Nobody else uses the call any more.
func (k *call) repair() {
	n, hooks := k.n, &k.n.cfg.Hooks
	behind := k.c.Behind()
	r := Repair{Table: k.c.Table(), Key: k.c.Key()}
	for m := behind; m != 0; m &= m - 1 {
		r.Nodes = append(r.Nodes, k.c.Op.Targets[bits.TrailingZeros32(m)].ID)
	}
	if !k.wanted(r) {
		k.c.Vetoed(behind)
		return
	}
	var out replica.Effects
	k.c.Repair(behind, &out)
	n.carry(&out)
	if hooks.AfterRepair != nil {
		n.callHook("AfterRepair", func() { hooks.AfterRepair(r) })
	}
}

// wanted asks the hook; one that panics has no objection.
func (k *call) wanted(r Repair) bool {
	yes := true
	if hook := k.n.cfg.Hooks.BeforeRepair; hook != nil {
		k.n.callHook("BeforeRepair", func() { yes = hook(r) })
	}
	return yes
}
