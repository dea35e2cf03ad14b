package gossip

import (
	"maps"
	"slices"
	"sync"

	"github.com/grapevine-go/grapevine/peer"
)

// hooks are the goroutines that call the application. Close waits for them, but
// not for a hook: it may be the one that called Close.
type hooks struct {
	mu     sync.Mutex
	change sync.Cond
	live   int  // goroutines
	inside int  // of them in a hook
	closed bool // no hook begins any more
	budget budget
}

func (h *hooks) init() {
	h.change.L = &h.mu
	h.budget.init()
}

// run starts a goroutine that calls hooks.
func (h *hooks) run(loop func()) {
	h.mu.Lock()
	h.live++
	h.mu.Unlock()
	go func() {
		defer h.count(&h.live, -1)
		loop()
	}()
}

func (h *hooks) count(what *int, by int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	*what += by
	h.change.Broadcast()
}

// enter announces a hook; false if there are to be none any more.
func (h *hooks) enter() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return false
	}
	h.inside++
	return true
}

// close returns when no goroutine is left that is not inside a hook.
func (h *hooks) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for h.live > h.inside {
		h.change.Wait()
	}
}

// callHook calls a hook, unless the node is closing. One that panics does not
// take the node with it.
func (n *Node) callHook(name string, hook func()) {
	if !n.hooks.enter() {
		return
	}
	defer n.hooks.count(&n.hooks.inside, -1)
	defer func() {
		if p := recover(); p != nil {
			n.log.Error("gossip: a hook panicked", "hook", name, "panic", p)
		}
	}()
	hook()
}

// memberLoop tells the application what has changed since it was told last: one
// entry per member is all that can pile up while a hook runs.
func (n *Node) memberLoop() {
	told := make(map[peer.ID]Member)
	for {
		select {
		case <-n.ctx.Done():
			return
		case <-n.news:
			n.tellChanges(told)
		}
	}
}

// tellChanges calls the hook for each member that is not as it was told. One
// that membership has forgotten meanwhile is told to have failed.
func (n *Node) tellChanges(told map[peer.ID]Member) {
	ids := slices.Collect(maps.Keys(told))
	for _, m := range n.swim.Members() {
		ids = append(ids, m.ID)
	}
	slices.Sort(ids)
	for _, id := range slices.Compact(ids) {
		before, known := told[id]
		now, ok := n.member(id)
		if told[id] = now; !ok {
			delete(told, id)
			now = before
			now.State = Failed
		}
		kind, news := changeOf(before, now, known && before.State.Live())
		if news && id != n.cfg.Name && n.ctx.Err() == nil {
			n.callHook("Member", func() { n.cfg.Hooks.Member(Event{Kind: kind, Member: now}) })
		}
	}
}

// changeOf says what turned before into now. Suspicion and round trips are no
// news, nor is the place in the ring, which does not come from membership.
func changeOf(before, now Member, lived bool) (kind EventKind, news bool) {
	switch {
	case now.State.Live() && (!lived || now.Boot.Nonce != before.Boot.Nonce):
		return Joined, true
	case lived && now.State == Left:
		return Parted, true
	case lived && !now.State.Live():
		return Failure, true
	}
	before.State, before.RTT = now.State, now.RTT
	before.Status, before.InRing = now.Status, now.InRing
	return Updated, lived && now != before
}
