package gossip

import (
	"context"
	"sync/atomic"
	"time"
)

// hookBudget is how long a repair, and a read that waits for one, wait for a
// hook.
const hookBudget = time.Second

// hookSlots is how many calls of repair hooks may be under way.
const hookSlots = 16

// budget keeps hooks that hang from stopping reads and repairs. Each call of a
// hook has a goroutine of its own; who called it waits for the budget, and then
// goes on as if there were no hook. One that hangs keeps its slot, so that no
// more than a few of them pile up; when all slots hang, hooks are skipped at once
// until one comes back.
type budget struct {
	slots chan struct{}
	hung  atomic.Int32
	late  atomic.Uint64 // calls that were not waited for, or were skipped
}

func (b *budget) init() { b.slots = make(chan struct{}, hookSlots) }

// take takes a slot, if there is one before ctx ends.
func (b *budget) take(ctx context.Context) bool {
	if b.hung.Load() >= hookSlots {
		return false
	}
	select {
	case b.slots <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// callWithin calls a hook and waits until it has returned, the budget is used
// up, or ctx ends. It reports whether the hook has returned.
func (n *Node) callWithin(ctx context.Context, name string, hook func()) bool {
	ctx, cancel := context.WithTimeout(ctx, hookBudget)
	defer cancel()
	if !n.hooks.budget.take(ctx) {
		n.hooks.budget.late.Add(1)
		return false
	}
	const running, left, over = 0, 1, 2
	var state atomic.Int32
	done := make(chan struct{})
	n.hooks.run(func() {
		defer func() { // also of a hook that ends its goroutine
			if !state.CompareAndSwap(running, over) {
				n.hooks.budget.hung.Add(-1)
			}
			<-n.hooks.budget.slots
			close(done)
		}()
		n.callHook(name, hook)
	})
	select {
	case <-done:
		return true
	case <-ctx.Done():
	case <-n.ctx.Done():
	}
	n.hooks.budget.hung.Add(1)
	if !state.CompareAndSwap(running, left) {
		n.hooks.budget.hung.Add(-1) // it has come back just now
		return true
	}
	n.hooks.budget.late.Add(1)
	n.log.Warn("gossip: a hook takes long; what waited for it goes on without it", "hook", name)
	return false
}
