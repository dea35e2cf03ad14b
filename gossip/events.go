package gossip

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/grapevine-go/grapevine/peer"
)

// events are changes of members on their way to the application's hook. Each
// member has one place in the queue, with the newest facts: a hook that takes
// its time delays only itself, and the queue cannot grow beyond the members.
type events struct {
	wake chan struct{}

	mu     sync.Mutex
	order  []peer.ID // members with something to tell, oldest first
	latest map[peer.ID]Event
	told   map[peer.ID]Member // the living, as the hook knows them
}

func (e *events) init() {
	e.wake = make(chan struct{}, 1)
	e.latest, e.told = make(map[peer.ID]Event), make(map[peer.ID]Member)
}

// add takes a change.
func (e *events) add(ev Event) {
	e.mu.Lock()
	if _, waiting := e.latest[ev.Member.ID]; !waiting {
		e.order = append(e.order, ev.Member.ID)
	}
	e.latest[ev.Member.ID] = ev
	e.mu.Unlock()
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// next takes the oldest member with something to tell, as a change since what
// the hook was told last; false if there is none.
func (e *events) next() (ev Event, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for len(e.order) > 0 {
		id := e.order[0]
		e.order = e.order[1:]
		ev = e.latest[id]
		delete(e.latest, id)
		before, known := e.told[id]
		switch live := ev.Member.State.Live(); {
		case live:
			e.told[id] = ev.Member
			if !known || before.Boot.Nonce != ev.Member.Boot.Nonce {
				ev.Kind = Joined
			} else if ev.Kind != Updated {
				ev.Kind = Updated // it went and came back before anybody was told
			}
			return ev, true
		case known:
			delete(e.told, id)
			return ev, true
		}
	}
	return ev, false
}

// eventLoop tells the hook.
func (n *Node) eventLoop() {
	for {
		select {
		case <-n.ctx.Done():
			return
		case <-n.events.wake:
		}
		for ev, ok := n.events.next(); ok && n.ctx.Err() == nil; ev, ok = n.events.next() {
			n.eventHook.call(n, "Member", func() { n.cfg.Hooks.Member(ev) })
		}
	}
}

// hooking is a goroutine that calls hooks: Close waits for it, but not while a
// hook runs, which may be what called Close.
type hooking struct {
	inside atomic.Bool
	done   chan struct{} // closed when the goroutine has ended
}

// run starts the goroutine.
func (h *hooking) run(loop func()) {
	h.done = make(chan struct{})
	go func() {
		defer close(h.done)
		loop()
	}()
}

// call calls a hook. One that panics is logged: it must not take the node with
// it.
func (h *hooking) call(n *Node, name string, hook func()) {
	h.inside.Store(true)
	defer h.inside.Store(false)
	defer func() {
		if p := recover(); p != nil {
			n.log.Error("gossip: a hook panicked", "hook", name, "panic", p)
		}
	}()
	hook()
}

// wait returns when the goroutine has ended or is inside a hook, also one that
// began a moment ago.
func (h *hooking) wait() {
	for h.done != nil && !h.inside.Load() {
		select {
		case <-h.done:
			return
		case <-time.After(tickEvery):
		}
	}
}
