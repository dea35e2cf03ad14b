package replica

import (
	"sync/atomic"
	"time"
)

// Delays counts how long updates took to come here from where they were
// written, by the clocks of both nodes. It is safe for concurrent use.
type Delays struct {
	counts [len(DelayBounds) + 1]atomic.Uint64
	sum    atomic.Int64 // ns
}

// DelayBounds are the upper bounds of the classes of [Delays], in seconds; one
// class more has the rest.
var DelayBounds = [...]float64{.001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10}

// add counts a delay; one that clocks that disagree make negative is none.
func (d *Delays) add(took time.Duration) {
	took = max(took, 0)
	class := len(DelayBounds)
	for i, bound := range DelayBounds {
		if took.Seconds() <= bound {
			class = i
			break
		}
	}
	d.counts[class].Add(1)
	d.sum.Add(int64(took))
}

// Counts returns how many delays there were in all, their sum, and how many
// were not above each bound.
func (d *Delays) Counts() (count uint64, sum time.Duration, upTo [len(DelayBounds)]uint64) {
	sum = time.Duration(d.sum.Load())
	for i := range d.counts {
		count += d.counts[i].Load()
		if i < len(upTo) {
			upTo[i] = count
		}
	}
	return count, sum, upTo
}
