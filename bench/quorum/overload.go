package quorum

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/grapevine-go/grapevine/bench/verb"
	"github.com/grapevine-go/grapevine/gossip"
	"github.com/grapevine-go/grapevine/internal/fault"
	"github.com/grapevine-go/grapevine/quorum"
)

// Second is what one second of an offered load came to.
type Second struct {
	Phase   string  `json:"phase"` // "peak": closed loop; "overload" and "after": open loop
	At      float64 `json:"at_s"`  // since the phase began, at its end
	Offered int     `json:"offered_per_s"`
	Good    int     `json:"good_per_s"` // answered within the timeout
	Refused int     `json:"refused_per_s"`
	Late    int     `json:"late_per_s"`   // timed out, or failed otherwise
	Unsent  int     `json:"unsent_per_s"` // maxCallers were waiting already, or the machine gave no time to send them
	P99     float64 `json:"p99_ms_of_good"`
}

const (
	overTimeout = time.Second // of an operation, where there is overload
	overTimes   = 10          // the capacity
	maxCallers  = 50_000      // what memory takes without a limit
	afterwards  = 10 * time.Second
	burst       = 20 // milliseconds of load that may be begun at once
)

// tally counts the operations of a phase, second by second.
type tally struct {
	good, refused, late, unsent atomic.Int64

	mu   sync.Mutex
	took []time.Duration
}

// end takes how an operation ended.
func (t *tally) end(took time.Duration, err error) {
	switch {
	case err == nil && took <= overTimeout:
		if t.good.Add(1)%64 == 0 {
			t.mu.Lock()
			t.took = append(t.took, took)
			t.mu.Unlock()
		}
	case errors.Is(err, quorum.ErrOverloaded):
		t.refused.Add(1)
	default:
		t.late.Add(1)
	}
}

// second takes what has been counted over a time.
func (t *tally) second(phase string, at, over time.Duration, offered int) Second {
	t.mu.Lock()
	defer t.mu.Unlock()
	per := func(n *atomic.Int64) int { return int(float64(n.Swap(0)) / over.Seconds()) }
	s := Second{Phase: phase, At: at.Seconds(), Offered: offered, Good: per(&t.good), Refused: per(&t.refused), Late: per(&t.late), Unsent: per(&t.unsent)}
	if slices.Sort(t.took); len(t.took) > 0 {
		s.P99 = float64(t.took[len(t.took)*99/100].Microseconds()) / 1e3
	}
	t.took = t.took[:0]
	return s
}

// one does an operation, a write or a read.
func (c *cluster) one(keys []string, value []byte) (err error) {
	table, key := c.tables[rand.IntN(len(c.tables))], keys[rand.IntN(len(keys))]
	if rand.IntN(2) == 0 {
		_, _, err = table.Get(context.Background(), key)
	} else {
		_, err = table.Put(context.Background(), key, value)
	}
	return err
}

// offer begins perSecond operations a second for d, whatever becomes of them, and
// tells each second. It does not wait for the last.
func (c *cluster) offer(phase string, perSecond int, d time.Duration, keys []string, value []byte, waiting *sync.WaitGroup, tell func(Second)) {
	t, callers := new(tally), new(atomic.Int64)
	start := time.Now()
	last, begun, before := start, 0, 0
	for now := start; now.Sub(start) < d; now = time.Now() {
		due := int(now.Sub(start).Seconds() * float64(perSecond))
		if missed := due - begun - perSecond*burst/1000; missed > 0 { // the machine did not let this goroutine run
			t.unsent.Add(int64(missed))
			begun += missed
		}
		for ; begun < due; begun++ {
			if callers.Load() >= maxCallers {
				t.unsent.Add(1)
				continue
			}
			callers.Add(1)
			waiting.Go(func() {
				defer callers.Add(-1)
				at := time.Now()
				err := c.one(keys, value)
				t.end(time.Since(at), err)
			})
		}
		if over := now.Sub(last); over >= time.Second {
			tell(t.second(phase, now.Sub(start), over, int(float64(begun-before)/over.Seconds())))
			last, before = now, begun
		}
		time.Sleep(time.Millisecond)
	}
}

// closed lets callers work as fast as they are answered, which finds the
// capacity.
func (c *cluster) closed(callers int, d time.Duration, keys []string, value []byte) Second {
	var t tally
	var done sync.WaitGroup
	start := time.Now()
	for range callers {
		done.Go(func() {
			for at := time.Now(); at.Sub(start) < d; at = time.Now() {
				err := c.one(keys, value)
				t.end(time.Since(at), err)
			}
		})
	}
	done.Wait()
	over := time.Since(start)
	s := t.second("peak", over, over, 0)
	s.Offered = s.Good + s.Refused + s.Late
	return s
}

// runOverload measures the capacity, offers 10 times as much for a while, and
// then half of it.
func runOverload(out io.Writer, path string, peakFor, overFor time.Duration, nodes, n int, open bool) error {
	ctx := context.Background()
	if open {
		ctx = fault.WithoutAdmission(ctx)
	}
	c, err := startCluster(ctx, nodes, false, overTimeout)
	if err != nil {
		return err
	}
	defer c.close()
	keys, value := make([]string, n), make([]byte, 100)
	items := make([]gossip.Item[[]byte], n)
	for i := range keys {
		keys[i] = fmt.Sprintf("key-%08d", i)
		items[i] = gossip.Item[[]byte]{Key: keys[i], Value: value}
	}
	if err := errors.Join(c.tables[0].PutMany(ctx, items)...); err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "phase\ts\toffered/s\tgood/s\trefused/s\tlate/s\tunsent/s\tp99 ms\t")
	var all []Second
	tell := func(s Second) {
		all = append(all, s)
		fmt.Fprintf(w, "%s\t%.0f\t%d\t%d\t%d\t%d\t%d\t%.1f\t\n", s.Phase, s.At, s.Offered, s.Good, s.Refused, s.Late, s.Unsent, s.P99)
		w.Flush()
	}
	peak := c.closed(256, peakFor, keys, value)
	tell(peak)
	var waiting sync.WaitGroup
	c.offer("overload", overTimes*peak.Good, overFor, keys, value, &waiting, tell)
	c.offer("after", peak.Good/2, afterwards, keys, value, &waiting, tell)
	waiting.Wait()
	share, back := judge(all)
	fmt.Fprintf(out, "%d nodes; goodput under overload: × %.2f of the peak; back to normal after %.0f s (nothing refused or late from then on)\n", nodes, share, back)
	return verb.WriteJSON(path, all)
}

// judge returns the goodput under overload as a share of the peak's, and after
// how many seconds without overload nothing was refused or late any more.
func judge(all []Second) (share, back float64) {
	var good, seconds int
	for _, s := range all {
		switch s.Phase {
		case "overload":
			good, seconds = good+s.Good, seconds+1
		case "after":
			if s.Refused+s.Late > 0 {
				back = s.At
			}
		}
	}
	return float64(good) / float64(max(seconds*all[0].Good, 1)), back
}
