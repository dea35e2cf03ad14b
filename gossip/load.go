package gossip

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/grapevine-go/grapevine/internal/wire"
	"github.com/grapevine-go/grapevine/quorum"
	"github.com/grapevine-go/grapevine/quorum/admit"
	"github.com/grapevine-go/grapevine/ring"
	"github.com/grapevine-go/grapevine/transport"
)

// load is what a node has under way for its callers, and how much that may be.
// Operations count with atomics; who notices that a window is over tells the
// limit what was measured.
type load struct {
	most    atomic.Int64 // 0: no limit
	refusal atomic.Pointer[quorum.OverloadError]
	refused atomic.Uint64
	yielded [transport.Repair + 1]atomic.Uint64 // messages that were not sent, by class

	under atomic.Int64 // operations
	peak  atomic.Int64 // of them, in this window
	ended atomic.Int64
	took  atomic.Int64 // nanoseconds, all that ended
	cap   atomic.Int64 // of one
	until atomic.Int64 // when the window ends, since start

	start time.Time
	mu    sync.Mutex // of limit
	limit admit.Limit
}

// queueing is which part of Config.Timeout operations may queue for on average.
const queueing = 50

// init makes a limit, or none; see package fault.
func (l *load) init(timeout time.Duration, none bool) {
	if l.start = time.Now(); none {
		return
	}
	l.limit = admit.New(max(timeout/queueing, time.Millisecond))
	l.publish(0)
}

// publish makes the limit known, and begins a window. The caller holds mu, or is
// alone.
func (l *load) publish(now time.Duration) {
	l.cap.Store(int64(l.limit.Cap(time.Hour)))
	l.refusal.Store(&quorum.OverloadError{RetryAfter: l.limit.RetryAfter()})
	l.until.Store(int64(now + admit.Window))
	l.most.Store(int64(l.limit.Most()))
}

// admit says whether there is room for one operation more; the error is shared.
// Where many ask at once a few more may come in.
func (l *load) admit() error {
	most := l.most.Load()
	if most == 0 || l.under.Load() < most {
		return nil
	}
	l.refused.Add(1)
	l.close(time.Now()) // also if nothing ends any more
	return l.refusal.Load()
}

// admit says whether the table may be used now. What a node answers by itself
// needs no room.
func (t *table) admit() error {
	if t.spec.Kind == ring.Everywhere {
		return nil
	}
	return t.n.load.admit()
}

// yields reports whether a message in the background has to wait for the callers
// of this node: read repair first, then comparisons, then hints. What makes
// owners complete or changes them does not: an overload may need it to end.
func (l *load) yields(c transport.Class, msg []byte) bool {
	if c < transport.Hint || c > transport.Repair || l.most.Load() == 0 {
		return false
	}
	// Classes are in the order of their urgency, beginning with Control.
	if l.under.Load() < int64(admit.Share(int(l.most.Load()), int(c-transport.Foreground))) {
		return false
	}
	if c == transport.Sync && !compares(msg) {
		return false
	}
	l.yielded[c].Add(1)
	return true
}

// compares reports whether a message is part of a comparison of tables. Rumors
// and what a change of the ring waits for are sent in the same class.
func compares(msg []byte) bool {
	q, err := wire.ParseRequest(msg)
	return err == nil && q.Table != 0 && (q.Kind == wire.KindDigest || q.Kind == wire.KindSync)
}

// begin counts an operation.
func (l *load) begin() {
	if n := l.under.Add(1); n > l.peak.Load() {
		l.peak.Store(n) // of two at once the lower may stay, for a window
	}
}

// end takes an operation off, and what it took.
func (l *load) end(begun time.Time) {
	now := time.Now()
	l.under.Add(-1)
	l.ended.Add(1)
	l.took.Add(min(int64(now.Sub(begun)), l.cap.Load()))
	l.close(now)
}

// close ends the window if it is over.
func (l *load) close(at time.Time) {
	now := at.Sub(l.start)
	if int64(now) < l.until.Load() || l.most.Load() == 0 || !l.mu.TryLock() {
		return
	}
	defer l.mu.Unlock()
	if int64(now) < l.until.Load() {
		return
	}
	ended, took := l.ended.Swap(0), l.took.Swap(0)
	l.limit.Update(int(ended), time.Duration(took/max(ended, 1)), int(l.peak.Swap(l.under.Load())))
	l.publish(now)
}

func (l *load) collect(gauge func(*prometheus.Desc, float64, ...string), counter func(*prometheus.Desc, uint64, ...string)) {
	counter(refusedDesc, l.refused.Load())
	for c := transport.Hint; c <= transport.Repair; c++ {
		counter(yieldedDesc, l.yielded[c].Load(), c.String())
	}
	gauge(underDesc, float64(l.under.Load()))
	gauge(mostDesc, float64(l.most.Load()))
}
