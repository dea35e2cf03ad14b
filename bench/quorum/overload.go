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

// Second is what one second of load came to.
type Second struct {
	Phase   string  `json:"phase"` // see runOverload
	At      float64 `json:"at_s"`  // since the phase began, at its end
	Offered int     `json:"offered_per_s"`
	Good    int     `json:"good_per_s"`    // answered within patience
	Refused int     `json:"refused_per_s"` // answers of this kind: one operation may be refused several times
	Late    int     `json:"late_per_s"`    // answered later, timed out, or failed otherwise
	Unsent  int     `json:"unsent_per_s"`  // not begun within patience: maxCallers were waiting, or the machine had no time for it
	P99     float64 `json:"p99_ms_of_good"`
	CPU     float64 `json:"cpu_us_per_good"` // of the whole process, callers too
}

const (
	patience   = time.Second // of a caller
	overTimes  = 10          // the capacity
	maxCallers = 100_000     // what memory takes without a limit
	afterwards = 10 * time.Second
)

// tally counts the operations of a phase, second by second.
type tally struct {
	good, refused, late, unsent atomic.Int64

	cpu time.Duration // of the process, when the second began

	mu   sync.Mutex
	took []time.Duration
}

func newTally() *tally { return &tally{cpu: usage().cpu} }

// end takes how an operation ended that was due a while ago.
func (t *tally) end(took time.Duration, err error) {
	switch {
	case err == nil && took <= patience:
		if t.good.Add(1)%64 == 0 {
			t.mu.Lock()
			t.took = append(t.took, took)
			t.mu.Unlock()
		}
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
	cpu := usage().cpu
	s.CPU = float64((cpu - t.cpu).Microseconds()) / max(float64(s.Good)*over.Seconds(), 1)
	t.cpu = cpu
	return s
}

// overload is a cluster with what is asked of it.
type overload struct {
	*cluster
	keys  []string
	value []byte
	tell  func(Second)
}

// one does an operation, a write or a read, at a node of the caller's choice.
func (o *overload) one(rnd *rand.Rand) (err error) {
	lot := rnd.Uint64()
	table, key := o.tables[lot%uint64(len(o.tables))], o.keys[lot>>33%uint64(len(o.keys))]
	if lot>>32&1 == 0 {
		_, _, err = table.Get(context.Background(), key)
	} else {
		_, err = table.Put(context.Background(), key, o.value)
	}
	return err
}

// arrivals are operations that are due, of which each is taken by a caller that
// is free. Those of a millisecond come together.
type arrivals struct {
	*tally
	*overload
	ended atomic.Int64 // calls that were not refused

	mu      sync.Mutex
	due     []batch
	idle    []chan bool // callers that have nothing to do; the last has done so most lately
	callers int
	over    bool
}

// batch is how many operations are due since when.
type batch struct {
	at time.Time
	n  int
}

// take takes up to most of the operations that were due first. If there is none
// the caller is idle, and waits.
func (a *arrivals) take(me chan bool, most int) (b batch, wait bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.due) == 0 {
		if a.over {
			close(me)
		} else {
			a.idle = append(a.idle, me)
		}
		return b, true
	}
	first := &a.due[0]
	b = batch{first.at, min(most, first.n)}
	if first.n -= b.n; first.n == 0 {
		a.due = a.due[1:]
	}
	return b, false
}

// add adds operations, gives up those that nobody took within patience, and
// returns whether some wait from before.
func (a *arrivals) add(b batch) (wait bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(a.due) > 0 && b.at.Sub(a.due[0].at) > patience {
		a.unsent.Add(int64(a.due[0].n))
		a.due = a.due[1:]
	}
	wait = len(a.due) > 0
	if b.n > 0 {
		a.due = append(a.due, b)
	}
	return wait
}

// wake gives callers that are idle something to do, and returns how many there
// are too few, of those that there may be.
func (a *arrivals) wake(n int) (few int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for range min(n, len(a.idle)) {
		last := len(a.idle) - 1
		a.idle[last] <- true
		a.idle = a.idle[:last]
		n--
	}
	few = min(n, maxCallers-a.callers)
	a.callers += few
	return few
}

// end lets the callers go, when they are idle.
func (a *arrivals) end() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.over, a.due = true, nil
	for _, c := range a.idle {
		close(c)
	}
}

// caller does operations one after the other while there are any. A refused one
// costs no more than the call: the caller goes on with the next. Who was refused
// takes some together, which will mostly be refused as well; those behind one that
// is not have to wait for it.
func (a *arrivals) caller() {
	rnd, me := rand.New(rand.NewPCG(rand.Uint64(), 1)), make(chan bool, 1)
	most := 1
	for goOn := true; goOn; {
		b, wait := a.take(me, most)
		if wait {
			goOn = <-me
			continue
		}
		refused := 0
		for range b.n {
			if err := a.one(rnd); errors.Is(err, quorum.ErrOverloaded) {
				refused++
			} else {
				a.ended.Add(1)
				a.tally.end(time.Since(b.at), err)
			}
		}
		a.refused.Add(int64(refused))
		if most = 1; refused > 0 {
			most = 4
		}
	}
}

// offer makes perSecond operations due a second for d, whatever becomes of them:
// an open loop. What is refused is over. It does not wait for the last.
func (o *overload) offer(phase string, perSecond int, d time.Duration, waiting *sync.WaitGroup) {
	a := &arrivals{tally: newTally(), overload: o}
	start := time.Now()
	last, begun, before := start, 0, 0
	for now := start; now.Sub(start) < d; now = time.Now() {
		// As many callers as are about to wait for an answer, and some to spare: who
		// is not needed is idle at once, and too many would take the time from those
		// who serve.
		due := int(now.Sub(start).Seconds() * float64(perSecond))
		free := 8 + int(a.ended.Swap(0))*5/4
		if a.add(batch{now, due - begun}) {
			free += 64
		}
		begun = due
		for range a.wake(free) {
			waiting.Go(a.caller)
		}
		if over := now.Sub(last); over >= time.Second {
			o.tell(a.second(phase, now.Sub(start), over, int(float64(begun-before)/over.Seconds())))
			last, before = now, begun
		}
		time.Sleep(time.Millisecond)
	}
	a.end()
}

// crowd lets callers work for d. Each does an operation, thinks, and does the
// next; of what is refused it comes again after RetryAfter and a random part of as
// much, while its patience lasts.
func (o *overload) crowd(phase string, callers int, think, d time.Duration, waiting *sync.WaitGroup) {
	t := newTally()
	start := time.Now()
	var offered atomic.Int64
	for range callers {
		seed := rand.Uint64()
		waiting.Go(func() {
			rnd := rand.New(rand.NewPCG(seed, 1))
			if think > 0 {
				time.Sleep(time.Duration(rnd.Int64N(int64(think))))
			}
			for at := time.Now(); at.Sub(start) < d; at = time.Now() {
				offered.Add(1)
				err := o.one(rnd)
				for over := new(quorum.OverloadError); errors.As(err, &over); err = o.one(rnd) {
					t.refused.Add(1)
					wait := over.RetryAfter + time.Duration(rnd.Int64N(int64(over.RetryAfter)))
					if time.Since(at)+wait > patience {
						time.Sleep(patience - time.Since(at))
						break
					}
					time.Sleep(wait)
				}
				t.end(time.Since(at), err)
				if think > 0 {
					time.Sleep(think)
				}
			}
		})
	}
	for last := start; last.Sub(start) < d; {
		time.Sleep(min(time.Second, d-last.Sub(start)))
		now := time.Now()
		o.tell(t.second(phase, now.Sub(start), now.Sub(last), int(float64(offered.Swap(0))/now.Sub(last).Seconds())))
		last = now
	}
}

// runOverload measures the capacity with callers that work as fast as they are
// answered ("peak"), and offers half of it ("before"). Then it offers ten times as
// much, in the two ways that the package's comment tells ("open", "crowd"), each
// followed by half the capacity ("after").
func runOverload(out io.Writer, path string, peakFor, overFor time.Duration, nodes, n int, open bool) error {
	ctx := context.Background()
	if open {
		ctx = fault.WithoutAdmission(ctx)
	}
	c, err := startCluster(ctx, nodes, false, 0)
	if err != nil {
		return err
	}
	defer c.close()
	o := &overload{cluster: c, keys: make([]string, n), value: make([]byte, 100)}
	items := make([]gossip.Item[[]byte], n)
	for i := range o.keys {
		o.keys[i] = fmt.Sprintf("key-%08d", i)
		items[i] = gossip.Item[[]byte]{Key: o.keys[i], Value: o.value}
	}
	if err := errors.Join(c.tables[0].PutMany(ctx, items)...); err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "phase\ts\toffered/s\tgood/s\trefused/s\tlate/s\tunsent/s\tp99 ms\tCPU µs/good\t")
	var all []Second
	o.tell = func(s Second) {
		all = append(all, s)
		fmt.Fprintf(w, "%s\t%.0f\t%d\t%d\t%d\t%d\t%d\t%.1f\t%.1f\t\n", s.Phase, s.At, s.Offered, s.Good, s.Refused, s.Late, s.Unsent, s.P99, s.CPU)
		w.Flush()
	}
	var waiting sync.WaitGroup
	o.crowd("peak", 256, 0, peakFor, &waiting)
	waiting.Wait()
	peak := mean(all, "peak")
	o.offer("before", peak/2, afterwards/2, &waiting)
	o.offer("open", overTimes*peak, overFor, &waiting)
	o.offer("after open", peak/2, afterwards, &waiting)
	const think = 20 * time.Millisecond
	o.crowd("crowd", int(overTimes*float64(peak)*think.Seconds()), think, overFor, &waiting)
	o.offer("after crowd", peak/2, afterwards, &waiting)
	waiting.Wait()
	for _, phase := range []string{"open", "crowd"} {
		share, back := judge(all, phase, peak)
		fmt.Fprintf(out, "%s: goodput under overload × %.2f of the peak, for each second of processor × %.2f; less than 1 %% refused or late from %.0f s after it on\n", phase, share, perCPU(all, phase), back)
	}
	return verb.WriteJSON(path, all)
}

// mean is the goodput of a phase.
func mean(all []Second, phase string) (good int) {
	n := 0
	for _, s := range all {
		if s.Phase == phase {
			good, n = good+s.Good, n+1
		}
	}
	return good / max(n, 1)
}

// perCPU is the good answers for each second of processor in a phase, as a share of
// those of the peak: what neighbours on the machine do hardly changes it.
func perCPU(all []Second, phase string) float64 {
	cost := func(phase string) float64 {
		var good, us float64
		for _, s := range all {
			if s.Phase == phase {
				good, us = good+float64(s.Good), us+float64(s.Good)*s.CPU
			}
		}
		return us / max(good, 1)
	}
	return cost("peak") / max(cost(phase), 1e-9)
}

// judge returns the goodput of a phase as a share of the peak's, and how many
// seconds behind it the last of those in which more than one in a hundred was refused
// or late ended.
func judge(all []Second, phase string, peak int) (share, back float64) {
	for _, s := range all {
		if s.Phase == "after "+phase && s.Refused+s.Late+s.Unsent > s.Offered/100 {
			back = s.At
		}
	}
	return float64(mean(all, phase)) / float64(max(peak, 1)), back
}
