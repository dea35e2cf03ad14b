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
// "windowed min-RTT"): a cluster whose owners are far away is slow, but not
// overloaded.
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

	// What an operation takes where nothing queues: the least mean of this period
	// and of the one before.
	least, before time.Duration
	windows       int // of this period
}

// period is for how many windows the least mean holds, and once more as many: a
// path that has become longer is known after half a minute to a minute.
const period = int(30 * time.Second / Window)

// never is longer than any operation takes.
const never = time.Duration(1) << 62

// New returns a limit that lets operations queue for about delay on average.
// Delay is positive.
func New(delay time.Duration) Limit {
	return Limit{most: Start, delay: delay, retry: Window, least: never, before: never}
}

// Most returns how many operations may be under way at once.
func (l *Limit) Most() int { return l.most }

// Delay returns the mean duration that the limit aims at, at most.
func (l *Limit) Delay() time.Duration {
	if base := min(l.least, l.before); base < never {
		return base + max(base/4, l.delay) // far away a delay varies by more
	}
	return l.delay
}

// Measured is what was measured in a window.
type Measured struct {
	Ended   int           // operations that ended
	Refused int           // and that were refused
	Mean    time.Duration // what those that ended took, by Cap, as far as that says anything; 0: it does not
	Whole   time.Duration // the same without Cap; 0: as Mean
	Peak    int           // how many were under way at most
}

// Update takes what was measured in a window. A window without an end changes
// nothing while nothing was under way, and counts as one of great delay
// otherwise.
func (l *Limit) Update(m Measured) {
	if m.Peak == 0 {
		return
	}
	l.pace(m)
	if m.Ended == 0 {
		if l.stall += Window; l.stall > max(l.Delay(), stalled) {
			l.shrink(2)
		}
		return
	}
	l.stall = 0
	if m.Mean <= 0 {
		l.hold -= Window
		return
	}
	if l.windows++; l.windows > period {
		l.windows, l.before, l.least = 0, l.least, never
	}
	l.least = min(l.least, max(m.Mean, m.Whole)) // or else what is far would seem near
	if l.hold > 0 {
		l.hold -= Window
		return
	}
	switch wanted := l.Delay(); {
	case m.Mean > wanted:
		l.hold = m.Mean // as TCP, once in a round trip
		l.shrink(float64(m.Mean) / float64(wanted))
	case m.Peak >= l.most/2: // the limit is needed
		l.most = min(Most, l.most+max(l.most/8, 8))
	}
}

// stalled is for how long nothing ends where something is wrong.
const stalled = 5 * Window

// shrink divides the limit, by 2 at most: one window is one opinion.
func (l *Limit) shrink(by float64) { l.most = max(Floor, int(float64(l.most)/min(by, 2))) }

// Cap bounds a single measurement: a few operations that wait for an owner that
// hangs must not look like a load on all.
func (l *Limit) Cap(took time.Duration) time.Duration { return min(took, l.Delay()+4*l.delay) }

// MostRetry bounds what those who are refused are asked to wait.
const MostRetry = 5 * time.Second

// pace follows how many come for each that is served. If those who were refused
// come again after so many windows, as many come in a window as can be served.
func (l *Limit) pace(m Measured) {
	wanted := max(l.Delay(), Window)
	wanted = min(wanted+wanted*time.Duration(m.Refused)/time.Duration(max(m.Ended, 1)), MostRetry)
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
