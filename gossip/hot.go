package gossip

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/quorum"
)

// Reads of a hot key are coalesced: when several of one key are under way, those
// that come then wait, and one of them reads for all. They may not share a read
// that was under way when they began: what it returns may have been overwritten
// by a write that ended in between, and they would not be fresh. So they share one
// that is sent after all who share it have begun.

// hotReads is how many reads of a key are under way before others wait for the
// next, which is also how many are not looked at.
const hotReads = 4

// hot is the reads of a table that are under way.
type hot struct {
	reading atomic.Int64 // how many, of all keys

	mu   sync.Mutex
	keys map[string]hotKey
}

type hotKey struct {
	open int     // reads under way
	next *shared // that is to be sent when one of them has ended; nil: nobody waits
}

// shared is a read that several wait for. What it found is there when done is
// closed.
type shared struct {
	lead    chan struct{} // takes one: whoever gets it reads
	done    chan struct{}
	waiting int // under hot.mu
	cell    crdt.Cell
	err     error
}

// errNotRead is what is found when the one who was to read for all panicked.
var errNotRead = errors.New("not read")

// enter begins a read of a key. It returns what to wait for; nil: read at once.
// Tracked says that the end has to be told to leave.
func (h *hot) enter(key string) (s *shared, tracked bool) {
	if h.reading.Add(1) <= hotReads {
		return nil, false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.keys == nil {
		h.keys = make(map[string]hotKey)
	}
	k := h.keys[key]
	if k.open < hotReads {
		k.open++
		h.keys[key] = k
		return nil, true
	}
	if k.next == nil {
		k.next = &shared{lead: make(chan struct{}, 1), done: make(chan struct{}), err: errNotRead}
		h.keys[key] = k
	}
	k.next.waiting++
	return k.next, true
}

// leave ends a tracked read: the next one takes its place.
func (h *hot) leave(key string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	k := h.keys[key]
	if s := k.next; s != nil {
		k.next = nil // whoever comes now waits for the one after it
		h.keys[key] = k
		s.lead <- struct{}{}
		return
	}
	if k.open--; k.open == 0 {
		delete(h.keys, key)
		return
	}
	h.keys[key] = k
}

// desert ends the waiting for a read without its result. If nobody is left to lead
// it, another takes its place.
func (h *hot) desert(key string, s *shared) {
	h.mu.Lock()
	s.waiting--
	k := h.keys[key]
	if s.waiting == 0 && k.next == s {
		k.next = nil
		h.keys[key] = k
	}
	led := false
	if s.waiting == 0 {
		select {
		case <-s.lead:
			led = true
		default:
		}
	}
	h.mu.Unlock()
	if led {
		h.leave(key)
	}
}

// await waits for a shared read. Lead says that the caller has to read, for all
// who wait; else s has what was found, if there is no error.
func (t *table) await(ctx context.Context, key string, s *shared) (lead bool, err error) {
	begun := time.Now()
	timeout := time.NewTimer(t.n.cfg.Timeout)
	defer timeout.Stop()
	select {
	case <-s.lead:
		return true, nil
	case <-s.done:
		if s.err == nil {
			t.n.metrics.coalesced.Add(1)
			t.n.metrics.read(nil)
			t.n.metrics.took[opRead].Observe(time.Since(begun).Seconds())
		}
		return false, nil
	case <-timeout.C:
		err = quorum.ErrTimeout
	case <-ctx.Done():
		err = ended(ctx)
	case <-t.n.ctx.Done():
		err = t.n.alive()
	}
	t.hot.desert(key, s)
	t.n.metrics.read(err)
	return false, fmt.Errorf("gossip: table %q: %w", t.spec.Name, err)
}

// keep copies a cell that refers to memory of a call.
func keep(c *crdt.Cell) crdt.Cell {
	kept := *c
	kept.Value.Bytes = slices.Clone(c.Value.Bytes)
	return kept
}
