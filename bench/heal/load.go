package heal

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// load is what clients have felt.
type load struct {
	took   []time.Duration // in order, from when an operation was due
	ran    []time.Duration // and from when it began
	errors int
	rate   float64 // operations a second
}

// callers share the load; each does one operation after the other, and those that
// are late do not wait for their turn.
const callers = 8

// load has clients work on the other table at all nodes until ended says so, which
// is asked every 20 ms, or the time is over. Each starts its operations by the clock:
// how long one took is counted from when it was due, which tells of what comes of a
// busy processor too, and from when it began.
func (c *cluster) load(s setting, ended func() bool, most time.Duration) (l load) {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	begun := time.Now()
	var mu sync.Mutex
	var done sync.WaitGroup
	for i := range callers {
		done.Go(func() {
			took, ran, errors := c.client(ctx, i, s, begun)
			mu.Lock()
			defer mu.Unlock()
			l.took = append(l.took, took...)
			l.ran = append(l.ran, ran...)
			l.errors += errors
		})
	}
	for time.Since(begun) < most && !ended() {
		time.Sleep(20 * time.Millisecond)
	}
	stop()
	done.Wait()
	slices.Sort(l.took)
	slices.Sort(l.ran)
	l.rate = float64(len(l.took)) / time.Since(begun).Seconds()
	return l
}

func (c *cluster) client(ctx context.Context, id int, s setting, begun time.Time) (took, ran []time.Duration, errors int) {
	random := rand.New(rand.NewPCG(3, uint64(id)))
	table, value := c.other[id%len(c.other)], make([]byte, s.value)
	every := time.Duration(float64(time.Second) * callers / float64(s.load))
	for due := begun.Add(every * time.Duration(id) / callers); ; due = due.Add(every) {
		if wait(ctx, time.Until(due)) != nil {
			return took, ran, errors
		}
		key := name(random.IntN(10_000))
		started := time.Now()
		var err error
		if random.IntN(2) == 0 {
			_, _, err = table.Get(context.Background(), key)
		} else {
			_, err = table.Put(context.Background(), key, value)
		}
		if err != nil {
			errors++
		}
		took = append(took, time.Since(due))
		ran = append(ran, time.Since(started))
	}
}

// quantile is in microseconds.
func quantile(took []time.Duration, q float64) float64 {
	if len(took) == 0 {
		return 0
	}
	return float64(took[int(q*float64(len(took)-1))].Nanoseconds()) / 1e3
}
