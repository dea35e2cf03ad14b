package gossiptest

import (
	"encoding/binary"
	"hash"
	"hash/fnv"
	"math/rand/v2"
	"time"
)

// epoch is when virtual time begins; any date does.
var epoch = time.Date(2030, time.January, 1, 0, 0, 0, 0, time.UTC)

// World is virtual time: a queue of events, a seeded random source and a hash
// of everything that happened. It is not safe for concurrent use.
type World struct {
	Rand *rand.Rand
	// Trace, if it is set, is told every fact that enters the hash.
	Trace func(at time.Duration, what byte, a, b uint64, data []byte)

	now   time.Duration // since epoch
	queue events
	seq   uint64
	hash  hash.Hash64
	count int
}

// NewWorld returns a world whose course depends on nothing but the seed and
// what is asked of it.
func NewWorld(seed uint64) *World {
	return &World{Rand: rand.New(rand.NewPCG(seed, 0x67726170)), hash: fnv.New64a()}
}

// Now returns the virtual time.
func (w *World) Now() time.Time { return epoch.Add(w.now) }

// Elapsed returns how much virtual time has passed.
func (w *World) Elapsed() time.Duration { return w.now }

// After calls f when d of virtual time has passed. Events of one instant
// happen in the order in which they were asked for.
func (w *World) After(d time.Duration, f func()) {
	w.seq++
	w.queue.push(event{at: w.now + max(d, 0), seq: w.seq, f: f})
}

// Note enters a fact into the hash of the run.
func (w *World) Note(what byte, a, b uint64, data []byte) {
	var buf [25]byte
	buf[0] = what
	binary.BigEndian.PutUint64(buf[1:], uint64(w.Elapsed()))
	binary.BigEndian.PutUint64(buf[9:], a)
	binary.BigEndian.PutUint64(buf[17:], b)
	w.hash.Write(buf[:])
	w.hash.Write(data)
	w.count++
	if w.Trace != nil {
		w.Trace(w.now, what, a, b, data)
	}
}

// Hash digests all that was noted so far.
func (w *World) Hash() uint64 { return w.hash.Sum64() }

// RunUntil lets events happen until done reports true, none is left, or limit
// of virtual time has passed. It reports whether done did.
func (w *World) RunUntil(limit time.Duration, done func() bool) bool {
	end := w.now + limit
	for !done() {
		if len(w.queue) == 0 || w.queue[0].at > end {
			w.now = end
			return false
		}
		e := w.queue.pop()
		w.now = e.at
		e.f()
	}
	return true
}

// chance is true with probability p.
func (w *World) chance(p float64) bool { return p > 0 && w.Rand.Float64() < p }

// between draws a duration from [low, high).
func (w *World) between(low, high time.Duration) time.Duration {
	if high <= low {
		return low
	}
	return low + time.Duration(w.Rand.Int64N(int64(high-low)))
}

// event is something that happens at a time; events of one time happen in the
// order of their numbers.
type event struct {
	at  time.Duration
	seq uint64
	f   func()
}

func (e *event) before(o *event) bool {
	return e.at < o.at || e.at == o.at && e.seq < o.seq
}

// events is a heap: container/heap's boxes would be a third of a run's time.
type events []event

func (q *events) push(e event) {
	h := append(*q, e)
	i := len(h) - 1
	for i > 0 {
		up := (i - 1) / 2
		if !h[i].before(&h[up]) {
			break
		}
		h[i], h[up] = h[up], h[i]
		i = up
	}
	*q = h
}

func (q *events) pop() event {
	h := *q
	first, last := h[0], len(h)-1
	h[0], h[last] = h[last], event{}
	h = h[:last]
	for i := 0; ; {
		least := 2*i + 1
		if least >= last {
			break
		}
		if right := least + 1; right < last && h[right].before(&h[least]) {
			least = right
		}
		if !h[least].before(&h[i]) {
			break
		}
		h[i], h[least] = h[least], h[i]
		i = least
	}
	*q = h
	return first
}
