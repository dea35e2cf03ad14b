package replica

import (
	"sync"
	"time"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/internal/wire"
)

// made remembers what became of the operations that this boot was asked to make,
// so that a request which comes again does not make one twice: the delta of what
// was made, and which attempt was refused.
//
// It is bounded by bytes and by age. What was begun before something that was
// forgotten may have been forgotten itself: it is not made. That is told by the
// clock readings of the callers' nodes alone, so that it holds however long a
// request was on its way.
type made struct {
	shards [madeShards]madeShard
}

const (
	madeShards  = 16
	madeBytes   = 64 << 20 / madeShards // of a shard
	madeFor     = 10 * time.Minute
	bytesOfMade = 160 // of an entry, beside its delta
)

// madeShard is the part of some ids. Its lock is held while a request is served,
// so that copies of one request are served one after the other.
type madeShard struct {
	mu      sync.Mutex
	ops     map[wire.OpID]*madeOp
	queue   []*madeOp // by arrival, the oldest first
	bytes   int
	horizon crdt.Time // the latest beginning of what was forgotten
}

// madeOp is what became of an operation.
type madeOp struct {
	id      wire.OpID
	begun   crdt.Time
	at      time.Time // when it was heard of first
	attempt uint32    // refused, as are those before
	delta   []byte    // nil: it was not made
}

func (m *made) init() {
	for i := range m.shards {
		m.shards[i].ops = make(map[wire.OpID]*madeOp)
	}
}

// of returns the shard of an id.
func (m *made) of(id wire.OpID) *madeShard {
	return &m.shards[(id.Hi^id.Lo)*0x9e3779b97f4a7c15>>60%madeShards]
}

// The methods below are called with the shard's lock held.

// forgot reports whether an operation that is not known may have been made.
func (s *madeShard) forgot(id wire.OpID, begun crdt.Time) bool {
	return s.ops[id] == nil && begun <= s.horizon
}

// keep notes what became of an operation: its delta, or that the attempt was
// refused.
func (s *madeShard) keep(now time.Time, id wire.OpID, a *wire.Apply, delta []byte) {
	e := s.ops[id]
	if e == nil {
		e = &madeOp{id: id, begun: a.Begun, at: now}
		s.ops[id] = e
		s.queue = append(s.queue, e)
		s.bytes += bytesOfMade
	}
	e.attempt, e.delta = max(e.attempt, a.Attempt), delta
	s.bytes += len(delta)
	for len(s.queue) > 1 && (s.bytes > madeBytes || now.Sub(s.queue[0].at) > madeFor) {
		s.forget()
	}
}

// forget forgets the operation that was heard of first.
func (s *madeShard) forget() {
	e := s.queue[0]
	s.queue[0] = nil
	s.queue = s.queue[1:]
	s.bytes -= bytesOfMade + len(e.delta)
	s.horizon = max(s.horizon, e.begun)
	delete(s.ops, e.id)
}
