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
// compares with what an idle path takes. What an idle path takes is measured at
// the lower bound of the limit, where nothing can have queued: a cluster whose
// owners are far away is slow, but not overloaded, and its limit grows again.
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
	Floor = 256    // what the limit never falls below
	Start = 4096   // where it begins
	Most  = 16_384 // about what fits into 64 MiB with their memory
)

// Window is how long measurements are collected before the limit follows them.
const Window = 100 * time.Millisecond

// Limit is an adaptive limit of the operations that are under way at once. Make
// it with [New].
type Limit struct {
	most  int
	delay time.Duration
	base  time.Duration // what an operation takes where nothing queues, at most
	stall time.Duration // since an operation ended, while some were under way
	hold  time.Duration // how long what was begun under a greater limit is still measured
}

// New returns a limit that lets operations queue for about delay on average.
// Delay is positive.
func New(delay time.Duration) Limit { return Limit{most: Start, delay: delay} }

// Most returns how many operations may be under way at once.
func (l *Limit) Most() int { return l.most }

// Delay returns the mean duration that the limit aims at, at most.
func (l *Limit) Delay() time.Duration { return l.base + l.delay }

// Update takes what was measured in a window: how many operations ended, what
// they took on average, and how many were under way at most. A window without an
// end changes nothing while nothing was under way, and counts as one of great
// delay otherwise.
func (l *Limit) Update(ended int, mean time.Duration, peak int) {
	switch {
	case peak == 0:
		return
	case ended == 0:
		if l.stall += Window; l.stall > l.Delay() {
			l.shrink(2)
		}
		return
	}
	l.stall = 0
	switch {
	case peak <= Floor: // nothing has queued
		l.base = mean
	default:
		l.base = min(l.base, mean)
	}
	if l.hold > 0 {
		l.hold -= Window
		return
	}
	switch wanted := l.Delay(); {
	case mean > wanted:
		l.hold = mean // as TCP, once in a round trip
		l.shrink(float64(mean) / float64(wanted))
	case peak >= l.most/2: // the limit is needed
		l.most = min(Most, l.most+max(l.most/8, 8))
	}
}

// shrink divides the limit, by 2 at most: one window is one opinion.
func (l *Limit) shrink(by float64) { l.most = max(Floor, int(float64(l.most)/min(by, 2))) }

// Cap bounds a single measurement: a few operations that wait for an owner that
// hangs must not look like a load on all.
func (l *Limit) Cap(took time.Duration) time.Duration { return min(took, l.base+4*l.delay) }

// RetryAfter is when to come again after a refusal: after about what an operation
// takes at the limit, so that what is under way now has ended. Callers spread
// their returns over it once more.
func (l *Limit) RetryAfter() time.Duration { return max(l.Delay(), Window) }

// Share returns how many operations may be under way when one of a class is
// admitted: of all for rank 0 (somebody waits for it), and less for each class
// that is shed before it: 7/8, 3/4, 5/8, and 1/2 for rank 4 and above.
func Share(most, rank int) int { return most * (8 - min(max(rank, 0), 4)) / 8 }
