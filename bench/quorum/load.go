package quorum

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/grapevine-go/grapevine/gossip"
	"github.com/grapevine-go/grapevine/internal/fault"
	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/quorum"
)

type cluster struct {
	late   atomic.Int64 // by how much the last node is
	nodes  []*gossip.Node
	tables []*gossip.RegisterTable[[]byte]
}

// startCluster starts nodes on loopback, the last of which can be made slow, and
// waits until all are ready. A timeout of 0 is the default.
func startCluster(ctx context.Context, n int, slow bool, timeout time.Duration) (*cluster, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	c := new(cluster)
	for i := range n {
		cfg := gossip.Config{Cluster: "bench", Name: peer.ID(fmt.Sprintf("n%d", i)), Bind: "127.0.0.1:0", Preset: gossip.Local, Timeout: timeout}
		if i > 0 {
			cfg.Seeds = []string{c.nodes[0].Addr().String()}
		}
		started := ctx
		if slow && i == n-1 {
			started = fault.WithLateness(ctx, func() time.Duration { return time.Duration(c.late.Load()) })
		}
		node, err := gossip.Start(started, cfg)
		if err != nil {
			c.close()
			return nil, err
		}
		c.nodes = append(c.nodes, node)
	}
	if err := c.open(ctx); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// open opens the table on every node, when they agree on the ring.
func (c *cluster) open(ctx context.Context) error {
	for !c.agree() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
	for _, n := range c.nodes {
		t, err := gossip.Ring(n, "bench", gossip.Registers[[]byte](), quorum.NWR{N: 3, W: 2, R: 2})
		if err != nil {
			return err
		}
		c.tables = append(c.tables, t)
	}
	for !c.agree() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
	return nil
}

func (c *cluster) agree() bool {
	for _, n := range c.nodes {
		s := n.Status()
		if !s.Ready || s.Alive != len(c.nodes) || s.RingVersion != c.nodes[0].Status().RingVersion {
			return false
		}
	}
	return true
}

func (c *cluster) close() {
	for _, n := range c.nodes {
		n.Close()
	}
}

// load lets callers work for a while, spread over the nodes. The first tenth of
// the time is not counted.
func (c *cluster) load(s setting, d time.Duration) (Row, error) {
	keys := make([]string, s.keys)
	value := make([]byte, s.value)
	for i := range keys {
		keys[i] = fmt.Sprintf("key-%08d", i)
	}
	items := make([]gossip.Item[[]byte], len(keys))
	for i, k := range keys {
		items[i] = gossip.Item[[]byte]{Key: k, Value: value}
	}
	for i, err := range c.tables[0].PutMany(context.Background(), items) {
		if err != nil {
			return Row{}, fmt.Errorf("put %s: %w", keys[i], err)
		}
	}
	callers := make([]caller, s.callers)
	var ready, done sync.WaitGroup
	begin := make(chan time.Time)
	for i := range callers {
		ready.Add(1)
		done.Go(func() {
			callers[i].took = make([]uint32, 0, 1<<16)
			ready.Done()
			callers[i].run(c.tables[i%len(c.tables)], s, keys, slices.Clone(value), rand.New(rand.NewPCG(1, uint64(i))), <-begin, d)
		})
	}
	ready.Wait()
	start := time.Now().Add(d / 10)
	for range callers {
		begin <- start
	}
	time.Sleep(time.Until(start))
	before := usage()
	done.Wait()
	return row(s, callers, before, usage(), len(c.nodes)), nil
}

// caller does one operation after the other.
type caller struct {
	took   []uint32 // nanoseconds, of those that began after the start
	errors int
}

func (c *caller) run(t *gossip.RegisterTable[[]byte], s setting, keys []string, value []byte, rnd *rand.Rand, start time.Time, d time.Duration) {
	ctx := context.Background()
	end := start.Add(d)
	for now := time.Now(); now.Before(end); {
		key := keys[rnd.IntN(len(keys))]
		var err error
		if rnd.IntN(100) < s.reads {
			_, _, err = t.Get(ctx, key)
		} else {
			_, err = t.Put(ctx, key, value)
		}
		after := time.Now()
		if now.After(start) {
			c.took = append(c.took, uint32(min(after.Sub(now), 4*time.Second)))
			if err != nil {
				c.errors++
			}
		}
		now = after
	}
}

// used is what the process has used since it began.
type used struct {
	at            time.Time
	cpu           time.Duration
	mallocs, size uint64
}

func usage() used {
	var r syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return used{at: time.Now(), cpu: time.Duration(r.Utime.Nano() + r.Stime.Nano()), mallocs: m.Mallocs, size: m.TotalAlloc}
}

func row(s setting, callers []caller, a, b used, nodes int) Row {
	var all []uint32
	r := Row{Bench: "quorum", Nodes: nodes, N: 3, W: 2, R: 2, Callers: s.callers, Value: s.value, Reads: s.reads, Keys: s.keys}
	for _, c := range callers {
		all = append(all, c.took...)
		r.Errors += c.errors
	}
	r.finish(all, a, b)
	return r
}

// finish computes the figures from the durations and what was used.
func (r *Row) finish(took []uint32, a, b used) {
	slices.Sort(took)
	r.Ops = len(took)
	if r.Ops == 0 {
		return
	}
	n := float64(r.Ops)
	r.Seconds = b.at.Sub(a.at).Seconds()
	r.OpsPerS = n / r.Seconds
	r.P50 = float64(took[len(took)/2]) / 1e3
	r.P99 = float64(took[len(took)*99/100]) / 1e3
	r.CPU = float64((b.cpu - a.cpu).Microseconds()) / n
	r.Allocs = float64(b.mallocs-a.mallocs) / n
	r.AllocBytes = float64(b.size-a.size) / n
}

// pingPong measures a message there and back over one loopback connection.
func pingPong(d time.Duration, size int) (Row, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return Row{}, err
	}
	defer l.Close()
	var echo sync.WaitGroup
	defer echo.Wait()
	echo.Go(func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		buf := make([]byte, size)
		for {
			if _, err := io.ReadFull(c, buf); err != nil {
				return
			}
			if _, err := c.Write(buf); err != nil {
				return
			}
		}
	})
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		return Row{}, err
	}
	defer c.Close()
	buf := make([]byte, size)
	took := make([]uint32, 0, 1<<18)
	before := usage()
	for now := time.Now(); now.Before(before.at.Add(d)); {
		if _, err := c.Write(buf); err != nil {
			return Row{}, err
		}
		if _, err := io.ReadFull(c, buf); err != nil {
			return Row{}, err
		}
		after := time.Now()
		took = append(took, uint32(after.Sub(now)))
		now = after
	}
	r := Row{Bench: "ping-pong", Callers: 1, Value: size}
	r.finish(took, before, usage())
	return r, nil
}
