package pbs

import (
	"math/rand/v2"
	"time"
)

// MaxTrips is how many round trips [Trips] remembers.
const MaxTrips = 1024

// Trips remembers the latest [MaxTrips] round trips of a kind of request, each
// to one replica, those to the coordinator itself among them. The zero Trips is
// empty. It is not safe for concurrent use.
type Trips struct {
	took []time.Duration
	next int
}

// Add notes a round trip; the oldest goes when there is no room. A clock that
// went back makes it 0.
func (t *Trips) Add(took time.Duration) {
	took = max(took, 0)
	if len(t.took) < MaxTrips {
		t.took = append(t.took, took)
		return
	}
	t.took[t.next] = took
	t.next = (t.next + 1) % MaxTrips
}

// Len returns how many are remembered.
func (t *Trips) Len() int { return len(t.took) }

// delay draws one way of a round trip: its half, since the clocks of two nodes
// do not say where in between the request arrived.
func (t *Trips) delay() Delay {
	took := append([]time.Duration(nil), t.took...)
	return func(r *rand.Rand) time.Duration { return took[r.IntN(len(took))] / 2 }
}

// Observed is the model of what a node measured: round trips of writes and of
// reads, at least one each. It copies them.
func Observed(writes, reads *Trips) Model {
	w, r := writes.delay(), reads.delay()
	return Model{W: w, A: w, R: r, S: r, Few: true}
}

// AgeBounds are the upper bounds of the classes of [Truth]; one class more has
// what is older.
var AgeBounds = [...]time.Duration{
	time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond,
	50 * time.Millisecond, 100 * time.Millisecond, time.Second, 10 * time.Second,
}

// Truth counts reads whose answer was held against what all replicas had, by
// the age of the newest version when the read began. The zero Truth has none.
type Truth [len(AgeBounds) + 1]Sampled

// Sampled is one class of [Truth].
type Sampled struct {
	Reads uint64 // compared
	Stale uint64 // of them, those that did not return the newest version
}

// Add counts a read.
func (t *Truth) Add(age time.Duration, stale bool) {
	class := len(AgeBounds)
	for i, bound := range AgeBounds {
		if age <= bound {
			class = i
			break
		}
	}
	t[class].Reads++
	if stale {
		t[class].Stale++
	}
}

// Total sums the classes.
func (t *Truth) Total() (sum Sampled) {
	for _, s := range t {
		sum.Reads += s.Reads
		sum.Stale += s.Stale
	}
	return sum
}
