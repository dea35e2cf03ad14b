package gossiptest

import (
	"container/heap"
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
	Rand  *rand.Rand
	now   time.Time
	queue events
	seq   uint64
	hash  hash.Hash64
	count int
}

// NewWorld returns a world whose course depends on nothing but the seed and
// what is asked of it.
func NewWorld(seed uint64) *World {
	return &World{Rand: rand.New(rand.NewPCG(seed, 0x67726170)), now: epoch, hash: fnv.New64a()}
}

// Now returns the virtual time.
func (w *World) Now() time.Time { return w.now }

// Elapsed returns how much virtual time has passed.
func (w *World) Elapsed() time.Duration { return w.now.Sub(epoch) }

// After calls f when d of virtual time has passed. Events of one instant
// happen in the order in which they were asked for.
func (w *World) After(d time.Duration, f func()) {
	w.seq++
	heap.Push(&w.queue, event{at: w.now.Add(max(d, 0)), seq: w.seq, f: f})
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
}

// Hash digests all that was noted so far.
func (w *World) Hash() uint64 { return w.hash.Sum64() }

// RunUntil lets events happen until done reports true, none is left, or limit
// of virtual time has passed. It reports whether done did.
func (w *World) RunUntil(limit time.Duration, done func() bool) bool {
	end := w.now.Add(limit)
	for !done() {
		if len(w.queue) == 0 || w.queue[0].at.After(end) {
			w.now = end
			return false
		}
		e := heap.Pop(&w.queue).(event)
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

type event struct {
	at  time.Time
	seq uint64
	f   func()
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	if !e[i].at.Equal(e[j].at) {
		return e[i].at.Before(e[j].at)
	}
	return e[i].seq < e[j].seq
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	old := *e
	x := old[len(old)-1]
	old[len(old)-1] = event{}
	*e = old[:len(old)-1]
	return x
}
