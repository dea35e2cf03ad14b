// Package admit decides how much a node takes on at once, so that under overload
// it answers what it can and refuses the rest immediately, where without a limit
// everything would wait and then time out.
//
// The signal is the mean duration of operations in a short window, as in DAGOR
// (Zhou et al., "Overload Control for Scaling WeChat Microservices", SoCC 2018,
// section 4.2.1, which takes the mean queueing time of a window and not a
// percentile, a utilisation or a length: those say little of what a caller
// waits). The limit follows it as congestion windows follow delay: additive
// increase while there is demand for it, multiplicative decrease by the ratio of
// the wanted and the measured delay, as TCP Vegas (Brakmo et al., SIGCOMM 1994)
// compares with what an idle path takes. What an idle path takes is the least that
// a window has measured lately, as BBR takes it (Cardwell et al., ACM Queue 2016,
// "windowed min-RTT"), for each kind of operations: a cluster whose owners are far
// away is slow, but not overloaded, also if some reads need none of them.
//
// By Little's law the limit settles near capacity × wanted delay. Work of less
// urgent classes gets a smaller share of it each, and so is refused first.
//
// A [Limit] is a plain value without clock, lock or I/O. In a node, counters are
// collected with atomics beside it, and [Limit.Update] is called once a window.
package admit

import "time"

// The bounds of a limit, in operations under way.
const (
	Floor = 64     // what the limit never falls below
	Start = 1024   // where it begins
	Most  = 16_384 // about what fits into 64 MiB with their memory
)

// Window is how long measurements are collected before the limit follows them.
const Window = 100 * time.Millisecond

// Limit is an adaptive limit of the operations that are under way at once. Make
// it with [New].
type Limit struct {
	most  int
	delay time.Duration
	retry time.Duration
	stall time.Duration // since an operation ended, while some were under way
	hold  time.Duration // how long what was begun under a greater limit is still measured

	kinds   [Kinds]idle
	windows int // of this period
}

// Kinds is how many kinds of operations a limit tells apart. What one kind takes
// where nothing queues says nothing of another: a node answers some reads by itself,
// and waits for owners that are far with a write.
const Kinds = 6

// idle is what an operation of a kind takes where nothing queues: the least mean of
// this period and of the one before; never where nothing was measured.
type idle struct{ least, before time.Duration }

// period is for how many windows the least mean holds, and once more as many: a
// path that has become longer is known after half a minute to a minute.
const period = int(30 * time.Second / Window)

// never is longer than any operation takes.
const never = time.Duration(1) << 62

// New returns a limit that lets operations queue for about delay on average.
// Delay is positive.
func New(delay time.Duration) Limit {
	l := Limit{most: Start, delay: delay, retry: Window}
	for k := range l.kinds {
		l.kinds[k] = idle{never, never}
	}
	return l
}

// Most returns how many operations may be under way at once.
func (l *Limit) Most() int { return l.most }

// Delay returns the mean duration that the limit aims at, at most, for a kind of
// operations from 0 to Kinds-1.
func (l *Limit) Delay(kind int) time.Duration {
	if base := min(l.kinds[kind].least, l.kinds[kind].before); base < never {
		return base + max(base/4, l.delay) // far away a delay varies by more
	}
	return l.delay
}

// slowest is the greatest Delay of all kinds.
func (l *Limit) slowest() (d time.Duration) {
	for k := range l.kinds {
		d = max(d, l.Delay(k))
	}
	return d
}

// Measured is what was measured in a window.
type Measured struct {
	Kinds   [Kinds]Took
	Refused int // operations that were refused
	Peak    int // how many were under way at most
}

// Took is what the operations of a kind that ended in a window took.
type Took struct {
	Ended int
	Timed int           // those whose duration says something of what operations take
	Sum   time.Duration // of their durations, each by Cap
	Whole time.Duration // the same without Cap
}

// Add counts an operation of the kind with what it took. Most is the kind's Cap.
func (t *Took) Add(took, most time.Duration) {
	t.Ended++
	t.Timed++
	t.Sum += min(took, most)
	t.Whole += took
}

// sum sums up the kinds: what ended, what was timed, what that took, and what it
// may have taken.
func (l *Limit) sum(m *Measured) (ended, timed int, took, wanted time.Duration) {
	for k, t := range m.Kinds {
		ended += t.Ended
		timed += t.Timed
		took += t.Sum
		wanted += time.Duration(t.Timed) * l.Delay(k)
	}
	return ended, timed, took, wanted
}

// learn takes what the kinds take. That of one which is not seen for two periods is
// forgotten.
func (l *Limit) learn(m *Measured) {
	if l.windows > period {
		l.windows = 0
		for k := range l.kinds {
			l.kinds[k] = idle{never, l.kinds[k].least}
		}
	}
	timed := 0
	for k, t := range m.Kinds {
		if t.Timed > 0 { // without the cap, or else what is far would seem near
			l.kinds[k].least = min(l.kinds[k].least, t.Whole/time.Duration(t.Timed))
			timed = 1
		}
	}
	l.windows += timed
}

// Update takes what was measured in a window. A window without an end changes
// nothing while nothing was under way, and counts as one of great delay
// otherwise.
func (l *Limit) Update(m Measured) {
	if m.Peak == 0 {
		return
	}
	l.learn(&m)
	ended, timed, took, wanted := l.sum(&m)
	l.pace(ended, m.Refused)
	if ended == 0 {
		if l.stall += Window; l.stall > max(l.slowest(), stalled) {
			l.shrink(2)
		}
		return
	}
	l.stall = 0
	if timed == 0 || l.hold > 0 {
		l.hold -= Window
		return
	}
	switch {
	case took > wanted:
		l.hold = took / time.Duration(timed) // as TCP, once in a round trip
		l.shrink(float64(took) / float64(wanted))
	case m.Peak >= l.most/2: // the limit is needed
		l.most = min(Most, l.most+max(l.most/8, 8))
	}
}

// stalled is for how long nothing ends where something is wrong.
const stalled = 5 * Window

// shrink divides the limit, by 2 at most: one window is one opinion.
func (l *Limit) shrink(by float64) { l.most = max(Floor, int(float64(l.most)/min(by, 2))) }

// Cap bounds what a single operation of a kind counts as: a few that wait for an
// owner that hangs must not look like a load on all.
func (l *Limit) Cap(kind int) time.Duration { return l.Delay(kind) + 4*l.delay }

// MostRetry bounds what those who are refused are asked to wait.
const MostRetry = 5 * time.Second

// pace follows how many come for each that is served. If those who were refused
// come again after so many windows, as many come in a window as can be served.
func (l *Limit) pace(ended, refused int) {
	wanted := max(l.slowest(), Window)
	wanted = min(wanted+wanted*time.Duration(refused)/time.Duration(max(ended, 1)), MostRetry)
	l.retry += (wanted - l.retry) / 4
}

// RetryAfter is when to come again after a refusal: when what is under way now has
// ended, and later the more are refused for each that is served, so that those
// who obey come about as often as they can be served. Callers spread their returns
// over it once more.
func (l *Limit) RetryAfter() time.Duration { return l.retry }

// Share returns how many operations may be under way when one of a class is
// admitted: of all for rank 0 (somebody waits for it), and less for each class
// that is shed before it: 7/8, 3/4, 5/8, and 1/2 for rank 4 and above.
func Share(most, rank int) int { return most * (8 - min(max(rank, 0), 4)) / 8 }
