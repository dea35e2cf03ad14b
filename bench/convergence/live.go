package convergence

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"
)

// liveRow is one system of real nodes in this process, over loopback: how its
// updates came, and what an idle node takes.
type liveRow struct {
	System  string   `json:"system"`
	N       int      `json:"n"`
	Loss    float64  `json:"loss"`
	Updates int      `json:"updates"`
	Body    int      `json:"body_bytes"`
	T50     *float64 `json:"t50"` // ms, medians over the updates
	T99     *float64 `json:"t99"`
	T100    *float64 `json:"t100"`
	Worst   *float64 `json:"t100_worst"`
	Copies  float64  `json:"copies_per_node"`
	Control float64  `json:"control_per_node"`
	Late    int      `json:"late"`   // updates that were not everywhere after late
	Missed  int      `json:"missed"` // updates that were not everywhere at the end

	IdleHeap       float64 `json:"idle_heap_bytes_per_node"`
	IdleGoroutines float64 `json:"idle_goroutines_per_node"`
	IdleCPU        float64 `json:"idle_cpu_per_node"` // share of one processor
}

const (
	livePause = 100 * time.Millisecond // between updates
	late      = 3 * time.Second
	liveSweep = 5 * time.Second
	liveEnd   = 4 * liveSweep // after the last update
	idleFor   = 3 * time.Second
)

// system is a cluster of real nodes that spread updates. A node that hears of
// an update for the first time says so to its [tally].
type system interface {
	write(node, update int, body []byte) error
	sent() (copies, control float64) // by all nodes since the start
	io.Closer
}

// starter starts the nodes of a system, which lose that share of their messages.
type starter func(ctx context.Context, n int, loss float64, t *tally) (system, error)

var systems = []struct {
	name  string
	start starter
}{{"grapevine", startGrapevine}, {"memberlist", startMemberlist}}

// tally records when which node heard of which update first.
type tally struct {
	mu    sync.Mutex
	begun []time.Time
	heard [][]time.Duration // by update, in the order of arrival
	seen  map[[2]int]bool
	open  atomic.Int64 // pairs of update and node that are to come
}

func newTally(updates, n int) *tally {
	t := &tally{begun: make([]time.Time, updates), heard: make([][]time.Duration, updates), seen: make(map[[2]int]bool)}
	t.open.Store(int64(updates * n))
	return t
}

func (t *tally) begin(update int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.begun[update] = time.Now()
}

// hear notes that a node knows an update, and drops what no update was.
func (t *tally) hear(node, update int) {
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if update < 0 || update >= len(t.begun) || t.begun[update].IsZero() || t.seen[[2]int{node, update}] {
		return
	}
	t.seen[[2]int{node, update}] = true
	t.heard[update] = append(t.heard[update], now.Sub(t.begun[update]))
	t.open.Add(-1)
}

// live measures real nodes of both systems in one run.
func (o *options) live(out io.Writer) (rows []liveRow, err error) {
	sizes, losses := []int{16, 64, 128}, []float64{0, 0.05, 0.2}
	if o.chosen["n"] {
		sizes = []int{o.e.Nodes}
	}
	if o.chosen["loss"] {
		losses = []float64{o.e.Loss}
	}
	fmt.Fprintf(out, "Real nodes in one process over loopback: %d updates of %d bytes, one every %v, each at a random node; %s, %d CPUs\n\n",
		o.or(100), o.e.Body, livePause, runtime.Version(), runtime.NumCPU())
	for _, n := range sizes {
		for _, loss := range losses {
			for _, s := range systems {
				r, err := o.liveOne(s.name, s.start, n, loss)
				if err != nil {
					return rows, fmt.Errorf("%s, %d nodes: %w", s.name, n, err)
				}
				rows = append(rows, r)
				printLive(out, []liveRow{r}, len(rows) == 1)
			}
		}
	}
	return rows, nil
}

func (o *options) liveOne(name string, start starter, n int, loss float64) (r liveRow, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	before := usage()
	updates := o.or(100)
	t := newTally(updates, n)
	s, err := start(ctx, n, loss, t)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	r = liveRow{System: name, N: n, Loss: loss, Updates: updates, Body: o.e.Body}
	time.Sleep(o.settle) // what the start gave rise to, its connections above all
	r.idle(before)
	rand := rand.New(rand.NewPCG(o.seed, 0x6c697665))
	body := make([]byte, o.e.Body)
	copies, control := s.sent()
	for u := range updates {
		t.begin(u)
		if err := s.write(rand.IntN(n), u, body); err != nil {
			return r, err
		}
		time.Sleep(livePause)
	}
	for end := time.Now().Add(liveEnd); t.open.Load() > 0 && time.Now().Before(end); {
		time.Sleep(livePause)
	}
	c, k := s.sent()
	r.Copies, r.Control = (c-copies)/float64(n*updates), (k-control)/float64(n*updates)
	r.sumUp(t)
	return r, nil
}

// idle measures the nodes while nothing is written.
func (r *liveRow) idle(before resources) {
	first := usage()
	time.Sleep(idleFor)
	last := usage()
	n := float64(r.N)
	r.IdleHeap = (last.heap - before.heap) / n
	r.IdleGoroutines = (last.goroutines - before.goroutines) / n
	r.IdleCPU = (last.cpu - first.cpu).Seconds() / idleFor.Seconds() / n
}

func (r *liveRow) sumUp(t *tally) {
	t.mu.Lock()
	defer t.mu.Unlock()
	at := func(share float64) (ms []float64) {
		for _, heard := range t.heard {
			if i := int(math.Ceil(share * float64(r.N))); i <= len(heard) {
				ms = append(ms, heard[i-1].Seconds()*1000)
			} else {
				ms = append(ms, math.Inf(1))
			}
		}
		slices.Sort(ms)
		return ms
	}
	finite := func(ms float64) *float64 {
		if math.IsInf(ms, 1) {
			return nil
		}
		return &ms
	}
	all := at(1)
	for _, ms := range all {
		if ms > float64(late/time.Millisecond) {
			r.Late++
		}
		if math.IsInf(ms, 1) {
			r.Missed++
		}
	}
	middle := len(all) / 2
	r.T50, r.T99, r.T100, r.Worst = finite(at(0.5)[middle]), finite(at(0.99)[middle]), finite(all[middle]), finite(all[len(all)-1])
}

func printLive(out io.Writer, rows []liveRow, heads bool) {
	table := tabwriter.NewWriter(out, 11, 0, 1, ' ', tabwriter.AlignRight)
	if heads {
		fmt.Fprintln(table, "system\tnodes\tloss\tt50 ms\tt99\tt100\tworst\tcopies\tcontrol\tlate\tmissed\tidle KiB\tgoroutines\tCPU %\t")
	}
	for _, r := range rows {
		fmt.Fprintf(table, "%s\t%d\t%.2f\t%s\t%s\t%s\t%s\t%.2f\t%.2f\t%d\t%d\t%.0f\t%.1f\t%.2f\t\n", r.System, r.N, r.Loss,
			figure(r.T50, 0), figure(r.T99, 0), figure(r.T100, 0), figure(r.Worst, 0), r.Copies, r.Control, r.Late, r.Missed,
			r.IdleHeap/1024, r.IdleGoroutines, r.IdleCPU*100)
	}
	table.Flush()
}
