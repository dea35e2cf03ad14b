package heal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/grapevine-go/grapevine/gossip"
	"github.com/grapevine-go/grapevine/internal/fault"
	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/quorum"
)

// nodes is the size of the cluster; the last one is cut off.
const nodes = 3

type cluster struct {
	links *links
	nodes []*gossip.Node
	table *gossip.RegisterTable[[]byte]   // what differs
	other []*gossip.RegisterTable[[]byte] // what clients work on meanwhile, at each node
}

func start(ctx context.Context, s setting) (*cluster, error) {
	c := &cluster{links: newLinks()}
	for i := range nodes {
		var own atomic.Pointer[string]
		own.Store(new(string))
		cfg := gossip.Config{Cluster: "bench", Name: peer.ID(fmt.Sprintf("n%d", i)), Bind: "127.0.0.1:0", Preset: gossip.Local, SyncRate: s.rate,
			SweepEvery: time.Second, Timeout: time.Second,
			HintBytes: -1} // it is comparisons that are measured
		if i > 0 {
			cfg.Seeds = []string{c.nodes[0].Addr().String()}
		}
		node, err := gossip.Start(fault.WithDial(ctx, c.links.dial(func() string { return *own.Load() })), cfg)
		if err != nil {
			return nil, errors.Join(err, c.stop())
		}
		c.nodes = append(c.nodes, node)
		addr := data(node)
		own.Store(&addr)
	}
	if err := c.open(ctx); err != nil {
		return nil, errors.Join(err, c.stop())
	}
	return c, nil
}

// data is the address of a node's data plane.
func data(n *gossip.Node) string {
	for _, m := range n.Members() {
		if m.ID == n.ID() {
			return m.Data.String()
		}
	}
	return ""
}

func (c *cluster) open(ctx context.Context) (err error) {
	if err := c.agree(ctx); err != nil {
		return err
	}
	nwr := quorum.NWR{N: 3, W: 2, R: 2}
	for _, n := range c.nodes {
		if c.table, err = gossip.Ring(n, "healed", gossip.Registers[[]byte](), nwr); err != nil {
			return err
		}
		t, err := gossip.Ring(n, "load", gossip.Registers[[]byte](), nwr)
		if err != nil {
			return err
		}
		c.other = append(c.other, t)
	}
	if c.table, err = gossip.Ring(c.nodes[0], "healed", gossip.Registers[[]byte](), nwr); err != nil {
		return err
	}
	return c.agree(ctx)
}

// agree waits until all are ready and know the same ring.
func (c *cluster) agree(ctx context.Context) error {
	for {
		agreed := true
		for _, n := range c.nodes {
			s := n.Status()
			agreed = agreed && s.Ready && s.Alive == len(c.nodes) && s.RingVersion == c.nodes[0].Status().RingVersion
		}
		if agreed {
			return nil
		}
		if err := wait(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func (c *cluster) stop() (err error) {
	for _, n := range c.nodes {
		err = errors.Join(err, n.Close())
	}
	return err
}

// moved is the bytes that comparisons have moved; each is counted where the
// comparison was begun.
func (c *cluster) moved() (bytes int) {
	for _, n := range c.nodes {
		counts := n.Counts()
		bytes += int(counts["sync_bytes_sent"] + counts["sync_bytes_received"])
	}
	return bytes
}

// states are what a node keeps of the table.
func states(n *gossip.Node) (map[string]string, error) {
	all := make(map[string]string)
	err := n.Dump("healed", func(s gossip.LocalState) error {
		all[s.Key] = string(s.State)
		return nil
	})
	return all, err
}

// differing counts the keys, and the bytes of their newest states, in which the last
// node is not equal to the first.
func (c *cluster) differing() (keys, bytes int, err error) {
	first, err := states(c.nodes[0])
	if err != nil {
		return 0, 0, err
	}
	last, err := states(c.nodes[nodes-1])
	for key, state := range first {
		if last[key] != state {
			keys++
			bytes += len(key) + len(state)
		}
	}
	return keys, bytes, err
}

func name(i int) string { return fmt.Sprintf("key-%08d", i) }

// measure does everything.
func measure(s setting, progress io.Writer) (r Row, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), s.cut+5*time.Minute)
	defer cancel()
	// Three nodes in three processes would have so many, and the system would share
	// the processors between them: a comparison at one takes no turn from the others.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(nodes * runtime.NumCPU()))
	r = Row{Keys: s.keys, Value: s.value, Cut: s.cut.Seconds(), Rate: s.rate}
	fmt.Fprintf(progress, "heal: filling three nodes with %d keys\n", s.keys)
	c, err := start(ctx, s)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, c.stop()) }()
	if err := c.fill(ctx, s); err != nil {
		return r, err
	}
	before := c.load(s, func() bool { return false }, min(s.cut, 10*time.Second))
	fmt.Fprintf(progress, "heal: one node is cut off for %v\n", s.cut)
	c.links.isolate(data(c.nodes[nodes-1]))
	if r.Writes, err = c.write(ctx, s); err != nil {
		return r, err
	}
	if err := wait(ctx, 3*time.Second); err != nil { // what is younger would be left to arrive by itself
		return r, err
	}
	if r.Differ, r.Bytes, err = c.differing(); err != nil {
		return r, err
	}
	fmt.Fprintf(progress, "heal: %d keys differ; the cut heals\n", r.Differ)
	if err := c.heal(s, &r, before); err != nil {
		return r, err
	}
	return r, nil
}

func (c *cluster) fill(ctx context.Context, s setting) error {
	items := make([]gossip.Item[[]byte], s.keys)
	for i := range items {
		items[i] = gossip.Item[[]byte]{Key: name(i), Value: make([]byte, s.value)}
	}
	for from := 0; from < len(items); from += 1000 {
		for i, err := range c.table.PutMany(ctx, items[from:min(from+1000, len(items))]) {
			if err != nil {
				return fmt.Errorf("put %s: %w", items[from+i].Key, err)
			}
		}
	}
	for { // the third owner's copies arrive
		if n, _, err := c.differing(); n == 0 || err != nil {
			return err
		}
		if err := wait(ctx, 200*time.Millisecond); err != nil {
			return err
		}
	}
}

// write writes while the cut lasts, at its rate.
func (c *cluster) write(ctx context.Context, s setting) (n int, err error) {
	const batches = 20 // a second
	random := rand.New(rand.NewPCG(1, 2))
	begun := time.Now()
	for time.Since(begun) < s.cut {
		items := make([]gossip.Item[[]byte], 0, s.ops/batches+1)
		for due := int(time.Since(begun).Seconds() * float64(s.ops)); n < due && len(items) < cap(items)*4; n++ {
			value := make([]byte, s.value)
			value[0], value[s.value-1] = byte(n), byte(n>>8)
			items = append(items, gossip.Item[[]byte]{Key: name(random.IntN(s.keys)), Value: value})
		}
		for i, err := range c.table.PutMany(ctx, items) {
			if err != nil {
				return n, fmt.Errorf("put %s: %w", items[i].Key, err)
			}
		}
		if err := wait(ctx, time.Second/batches); err != nil {
			return n, err
		}
	}
	return n, nil
}

// healWithin is how long it may take.
const healWithin = time.Minute

// heal ends the cut, and measures until nothing differs.
func (c *cluster) heal(s setting, r *Row, before load) error {
	last := c.nodes[nodes-1]
	moved, swept := c.moved(), last.Counts()["swept"]
	begun := time.Now()
	c.links.heal()
	ended := func() bool { return int(last.Counts()["swept"]-swept) >= r.Differ }
	after := c.load(s, ended, healWithin)
	r.Healed = time.Since(begun).Seconds()
	for n := 1; n > 0; { // usually at once: what came otherwise is not counted above
		var err error
		if n, _, err = c.differing(); err != nil {
			return err
		}
		if n > 0 {
			if time.Since(begun) > 2*healWithin {
				return fmt.Errorf("%d keys still differ", n)
			}
			time.Sleep(100 * time.Millisecond)
			r.Healed = time.Since(begun).Seconds()
		}
	}
	r.Moved = c.moved() - moved
	r.Ratio = float64(r.Moved) / float64(max(r.Bytes, 1))
	r.Load, r.Errors = before.rate, before.errors+after.errors
	r.P50Before, r.P99Before, r.RanBefore = quantile(before.took, .5), quantile(before.took, .99), quantile(before.ran, .99)
	r.P50, r.P99, r.Ran = quantile(after.took, .5), quantile(after.took, .99), quantile(after.ran, .99)
	return nil
}
