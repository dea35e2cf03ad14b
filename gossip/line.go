package gossip

import (
	"context"
	"errors"
	"time"
)

// The lines of a load are of operations that wait for a place.

// grant gives the places that are free to those who wait.
func (l *load) grant() {
	for {
		l.mu.Lock()
		w := l.next()
		if w == nil || !l.acquire() {
			l.mu.Unlock()
			return
		}
		l.turn = 1 - w.line
		l.dismiss(w)
		l.mu.Unlock()
		w.told <- nil
	}
}

// next returns who gets the next place; nil: nobody waits. The caller holds mu.
func (l *load) next() *waiter {
	if w := l.lines[l.turn].first; w != nil {
		return w
	}
	return l.lines[1-l.turn].first
}

// dismiss ends a wait; who waited is still to be told. The caller holds mu.
func (l *load) dismiss(w *waiter) {
	l.lines[w.line].remove(w)
	l.waiting.Add(-1)
	l.patient.Add(-int64(w.line))
	l.held.Add(-int64(w.bytes))
}

// wait waits for a place.
func (l *load) wait(ctx context.Context, patience time.Duration, bytes int) (time.Duration, error) {
	w := l.waiters.Get().(*waiter)
	begun := time.Since(l.start)
	w.until, w.bytes, w.line = begun+max(l.age, patience), bytes, 0
	if patience > 0 {
		w.line = 1
	}
	l.mu.Lock()
	if l.closed != nil {
		l.mu.Unlock()
		return 0, l.closed
	}
	l.lines[w.line].add(w)
	l.soonest = min(l.soonest, w.until)
	l.held.Add(int64(bytes))
	l.patient.Add(int64(w.line))
	l.waiting.Add(1)
	l.mu.Unlock()
	l.grant()
	l.queued.Add(1)
	err := w.wait(ctx)
	if err == errDeserts {
		err = l.desert(w, ended(ctx))
	}
	l.waiters.Put(w)
	return time.Since(l.start) - begun, err
}

// desert ends a wait whose caller goes for a reason. If it has got a place
// meanwhile, it gives that back.
func (l *load) desert(w *waiter, cause error) error {
	l.mu.Lock()
	waits := w.waits
	if waits {
		l.dismiss(w)
	}
	l.mu.Unlock()
	if waits {
		return cause
	}
	if err := <-w.told; err != nil {
		return err
	}
	l.leave()
	return cause
}

// expire refuses those who have waited for too long, who came first first, and
// closes the window if it is over. It is called every now and then.
func (l *load) expire(at time.Time) {
	l.close(at)
	if l.waiting.Load() == 0 {
		return
	}
	l.grant() // the limit may have risen
	now := at.Sub(l.start)
	l.mu.Lock()
	defer l.mu.Unlock()
	if now < l.soonest {
		return
	}
	l.soonest = never
	l.each(func(w *waiter) {
		if w.until <= now {
			l.dismiss(w)
			w.told <- l.refuse()
		} else {
			l.soonest = min(l.soonest, w.until)
		}
	})
}

// each tells f of all who wait, whom it may dismiss. The caller holds mu.
func (l *load) each(f func(*waiter)) {
	for i := range l.lines {
		for w := l.lines[i].first; w != nil; {
			next := w.next
			f(w)
			w = next
		}
	}
}

// never is later than any operation waits for.
const never = time.Duration(1) << 62

// shut ends all waits, and those that were to come, for a reason.
func (l *load) shut(why error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = why
	l.each(func(w *waiter) {
		l.dismiss(w)
		w.told <- why
	})
}

// waiter is an operation that waits for a place.
type waiter struct {
	told       chan error // that it has one, or why not
	until      time.Duration
	bytes      int
	line       int  // which one
	waits      bool // it is in the line
	prev, next *waiter
}

// errDeserts: the caller's context has ended.
var errDeserts = errors.New("gossip: not waited for")

// wait waits to be told. Most callers' contexts end, if not the simplest; the
// node's end is told to all who wait.
func (w *waiter) wait(ctx context.Context) error {
	if ctx.Done() == nil {
		return <-w.told
	}
	select {
	case err := <-w.told:
		return err
	case <-ctx.Done():
		return errDeserts
	}
}

// line is a queue in which anybody may give up.
type line struct{ first, last *waiter }

func (q *line) add(w *waiter) {
	w.waits, w.prev, w.next = true, q.last, nil
	if q.last == nil {
		q.first = w
	} else {
		q.last.next = w
	}
	q.last = w
}

func (q *line) remove(w *waiter) {
	if w.prev == nil {
		q.first = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		q.last = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.waits, w.prev, w.next = false, nil, nil
}
