package gossip

import (
	"context"
	"errors"
	"slices"
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
	// Read by all operations, and seldom written.
	most    atomic.Int64              // 0: no limit
	room    atomic.Int64              // how many may wait for one of those places
	cap     [admit.Kinds]atomic.Int64 // nanoseconds, of what one operation counts as
	quick   [admit.Kinds]atomic.Int64 // nanoseconds: a failure before that says nothing of what operations take
	until   atomic.Int64              // when the window ends, since start
	refusal atomic.Pointer[quorum.OverloadError]
	_       [64]byte

	under atomic.Int64 // operations
	peak  atomic.Int64 // of them, in this window
	kinds [admit.Kinds]took
	_     [64]byte

	waiting atomic.Int64 // in the lines
	patient atomic.Int64 // of them, in that of the patient
	held    atomic.Int64 // bytes that they hold
	_       [64]byte

	refused atomic.Uint64 // not beside what those need who are served
	_       [64]byte

	yielded [transport.Repair + 1]atomic.Uint64 // messages that were not sent, by class
	queued  atomic.Uint64                       // operations that waited
	start   time.Time
	age     time.Duration // that an operation may have waited
	waiters sync.Pool     // of *waiter

	mu      sync.Mutex    // of what follows
	lines   [2]line       // of those who wait for as long as it takes the others, and of the patient
	turn    int           // whose the next place is, if both wait
	soonest time.Duration // when the first of them has waited for too long, or before
	limit   admit.Limit
	known   uint64 // of refused, when the window began
	// budget is for those who try again, see Node.Again.
	budget int

	closed error // why nobody waits any more
}

// took is what the operations of a kind took that have ended in this window.
type took struct {
	ended atomic.Int64
	quit  atomic.Int64 // of them: failures that were quick
	sum   atomic.Int64 // nanoseconds, of the others, none more than cap
	more  atomic.Int64 // and what they took beyond that
}

// take takes what has been counted, and begins anew.
func (k *took) take() admit.Took {
	ended, sum := int(k.ended.Swap(0)), k.sum.Swap(0)
	return admit.Took{Ended: ended, Timed: ended - int(k.quit.Swap(0)), Sum: time.Duration(sum), Whole: time.Duration(sum + k.more.Swap(0))}
}

// kindOf tells apart what operations wait for: how many owners, to read or to write.
func kindOf(op opKind, owners int) int {
	kind := min(max(owners, 1), admit.Kinds/2) - 1
	if op == opWrite {
		kind += admit.Kinds / 2
	}
	return kind
}

// queueing is for how long operations that are under way may hold each other up
// on average. It is short for what a caller bears, because it is long for the
// processor: the more are under way, the more each of them costs, by memory that
// is in no cache any more. Those for which there is no room wait before they have
// begun, which costs nothing but their caller's goroutine.
const queueing = 5 * time.Millisecond

// How long operations may wait for room: as many wait as can be served in
// waitingFor, so that who is let in is served in time, and who is not hears of it at
// once. Where they are served more slowly than it had seemed, they have waited in
// vain after a part of Config.Timeout.
//
// The line is short. It has to bridge the moments in which nobody comes; a longer one
// adds to what all wait, and to the goroutines among which the processor's caches are
// shared.
const (
	waitingFor   = 10 * time.Millisecond
	waitingPart  = 10
	waitingBytes = 64 << 20 // of the values that they are to write
)

// init makes a limit, or none; see package fault.
func (l *load) init(timeout time.Duration, none bool) {
	l.budget = mostRetries * retryShare
	l.waiters.New = func() any { return &waiter{told: make(chan error, 1)} }
	if l.start, l.age = time.Now(), timeout/waitingPart; none {
		return
	}
	l.limit = admit.New(queueing)
	l.publish(0)
	l.room.Store(admit.Start)
}

// publish makes the limit known, and begins a window. The caller holds mu, or is
// alone.
func (l *load) publish(now time.Duration) {
	for k := range admit.Kinds {
		l.cap[k].Store(int64(l.limit.Cap(k)))
		l.quick[k].Store(int64(l.limit.Delay(k)))
	}
	l.refusal.Store(&quorum.OverloadError{RetryAfter: l.limit.RetryAfter()})
	l.until.Store(int64(now + admit.Window))
	l.most.Store(int64(l.limit.Most()))
}

// enter takes a place for an operation that holds some bytes. Where all are taken it
// waits for one, if not too many wait already; the error is shared. It returns how
// long it waited.
//
// Those with patience wait in a line of their own, which is longer, and the lines
// take turns: however many of one kind come, the other gets half of the places, if
// it needs so many.
func (l *load) enter(ctx context.Context, patience time.Duration, bytes int) (waited time.Duration, err error) {
	if l.waiting.Load() == 0 && l.acquire() {
		return 0, nil
	}
	if err := l.full(patience, bytes); err != nil {
		return 0, err
	}
	return l.wait(ctx, patience, bytes)
}

// full refuses where too many wait, or where they hold too much.
func (l *load) full(patience time.Duration, bytes int) error {
	patient, most := l.patient.Load(), l.most.Load()
	length, room := l.waiting.Load()-patient, l.room.Load()
	if patience > 0 {
		length, room = patient, admit.Most
	}
	if most == 0 || length < room && l.held.Load()+int64(bytes) <= waitingBytes {
		return nil
	}
	return l.refuse()
}

func (l *load) refuse() error {
	l.refused.Add(1)
	return l.refusal.Load()
}

// degrade takes a place for a read that was refused and makes do with one owner.
// That costs so little that there are as many places again for it.
func (l *load) degrade() error {
	if most := l.most.Load(); most > 0 && l.under.Load() >= 2*most {
		return l.refuse()
	}
	l.also()
	return nil
}

// hold is for how long an answer is to be held back, of most: the longer the more
// wait for places.
func (l *load) hold(most time.Duration) time.Duration {
	waiting, room := l.waiting.Load(), max(l.room.Load(), 1)
	return most * time.Duration(min(waiting, room)) / time.Duration(room)
}

// acquire takes a place if there is one.
func (l *load) acquire() bool {
	for most := l.most.Load(); ; {
		under := l.under.Load()
		if most > 0 && under >= most {
			return false
		}
		if l.under.CompareAndSwap(under, under+1) {
			if under >= l.peak.Load() {
				l.peak.Store(under + 1) // of two at once the lower may stay, for a window
			}
			return true
		}
	}
}

// also takes a place beside one that the caller has, whether there is one or not.
func (l *load) also() { l.under.Add(1) }

// leave gives a place back, to whoever has waited for longest.
func (l *load) leave() {
	l.under.Add(-1)
	if l.waiting.Load() > 0 { // who begins to wait looks for a place after having said so
		l.grant()
	}
}

// enter takes a place for an operation on the table, which end gives back. What a
// node answers by itself needs none.
func (t *table) enter(ctx context.Context, bytes int) (waited time.Duration, err error) {
	if t.spec.Kind == ring.Everywhere {
		return 0, nil
	}
	return t.n.load.enter(ctx, t.overload.Wait, bytes)
}

// also takes a place beside one that the caller has.
func (t *table) also(context.Context, int) (time.Duration, error) {
	if t.spec.Kind != ring.Everywhere {
		t.n.load.also()
	}
	return 0, nil
}

// degrade takes a place for a read that was refused.
func (t *table) degrade(context.Context, int) (time.Duration, error) { return 0, t.n.load.degrade() }

// degrades says whether a read that has failed is to make do with one owner: where
// to say that it did, or nil, and with which options.
func (t *table) degrades(err error, opts []quorum.Option) (degraded *bool, less []quorum.Option) {
	if len(opts) == 0 {
		return nil, nil
	}
	level, _ := t.nwr.Resolve(opts)
	if degraded = level.Degraded; degraded != nil {
		*degraded = false
	}
	if degraded == nil || !errors.Is(err, quorum.ErrOverloaded) {
		return nil, nil
	}
	return degraded, append(slices.Clone(opts), quorum.R(quorum.One), quorum.Repair(quorum.RepairOff))
}

// leave gives back a place for which there was no operation.
func (t *table) leave() {
	if t.spec.Kind != ring.Everywhere {
		t.n.load.leave()
	}
}

// full refuses an operation for which there is no room, not even to wait.
func (t *table) full() error {
	if t.spec.Kind == ring.Everywhere {
		return nil
	}
	return t.n.load.full(t.overload.Wait, 0)
}

// hold holds an answer back, if the table's policy says so. Whoever has it holds no
// place any more.
func (k *call) hold(ctx context.Context, t *table) {
	if t.overload.Delay <= 0 || k.batch != nil || t.spec.Kind == ring.Everywhere {
		return
	}
	d := t.n.load.hold(t.overload.Delay)
	if d <= 0 {
		return
	}
	begun := time.Now()
	k.timer.Reset(d)
	select {
	case <-k.timer.C:
	case <-ctx.Done():
	case <-k.n.ctx.Done():
	}
	k.timer.Stop()
	k.queued += time.Since(begun)
}

// end gives back the place of an operation that has ended, with what it took.
func (t *table) end(k *call) {
	if t.spec.Kind != ring.Everywhere {
		k.mu.Lock()
		kind, failed := kindOf(k.op, k.c.Op.Needed()), k.c.Op.Cause != nil
		k.mu.Unlock()
		t.n.load.end(kind, k.begun, failed)
	}
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

// end takes an operation off, and what it took. What failed sooner than operations
// take is no measure: owners that are far would seem near, and then overloaded when
// they can be reached again.
func (l *load) end(kind int, begun time.Time, failed bool) {
	now := time.Now()
	k, took := &l.kinds[kind], int64(now.Sub(begun))
	k.ended.Add(1)
	if failed && took < l.quick[kind].Load() {
		k.quit.Add(1)
	} else {
		most := l.cap[kind].Load()
		if took > most {
			k.more.Add(took - most)
		}
		k.sum.Add(min(took, most))
	}
	l.leave()
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
	over := now - time.Duration(l.until.Load()) + admit.Window
	refused := l.refused.Load()
	m := admit.Measured{Refused: int(refused - l.known), Peak: int(l.peak.Swap(l.under.Load()))}
	ended := 0
	for k := range m.Kinds {
		m.Kinds[k] = l.kinds[k].take()
		ended += m.Kinds[k].Ended
	}
	l.limit.Update(m)
	l.known = refused
	l.budget = min(l.budget+ended, mostRetries*retryShare)
	l.publish(now)
	if ended > 0 { // else it is no measure
		l.room.Store(min(max(int64(ended)*int64(waitingFor)/int64(over), admit.Start), admit.Most))
	}
}

func (l *load) collect(gauge func(*prometheus.Desc, float64, ...string), counter func(*prometheus.Desc, uint64, ...string)) {
	counter(refusedDesc, l.refused.Load())
	for c := transport.Hint; c <= transport.Repair; c++ {
		counter(yieldedDesc, l.yielded[c].Load(), c.String())
	}
	counter(queuedDesc, l.queued.Load())
	gauge(waitingDesc, float64(l.waiting.Load()))
	gauge(underDesc, float64(l.under.Load()))
	gauge(mostDesc, float64(l.most.Load()))
}
