package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/grapevine-go/grapevine/examples/cachecluster/node"
	"github.com/grapevine-go/grapevine/gossip"
	"github.com/grapevine-go/grapevine/peer"
)

// Config says what the demonstration runs on.
type Config struct {
	// Files is the directory whose files are stored. Default: the source tree
	// of the Go installation.
	Files string
	// Out takes the story.
	Out io.Writer
}

// The five nodes; the first takes all the writes, and the third gets lost.
var names = []peer.ID{"a", "b", "c", "d", "e"}

const lost = 2

// Timeouts of the waits that end by themselves unless something is wrong.
const (
	startTimeout = time.Minute
	syncTimeout  = 5 * time.Minute
	agreeTimeout = 2 * time.Minute
)

// cluster is the nodes and a client for each; those of the lost node are nil
// while it is away.
type cluster struct {
	cfg     Config
	nodes   []*node.Node
	clients []*redis.Client
	before  map[string]uint64 // what was counted at nodes that are gone
}

// Run tells the story. The error says what did not hold, or what broke.
func Run(ctx context.Context, cfg Config) error {
	files, err := findFiles(cfg.Files)
	if err != nil {
		return err
	}
	c := &cluster{cfg: cfg, nodes: make([]*node.Node, len(names)), clients: make([]*redis.Client, len(names)), before: map[string]uint64{}}
	defer c.close()
	if err := c.startAll(ctx); err != nil {
		return err
	}
	c.say("%d nodes are up: N=3 owners a key, W=2 confirm a write, R=2 answer a read", len(names))

	stored, err := c.store(ctx, files)
	if err != nil {
		return err
	}
	c.lose()
	without, err := c.readBack(ctx, "read back without "+string(names[lost]), stored.files)
	if err != nil {
		return err
	}
	during, took, err := c.bringBack(ctx, stored.files)
	if err != nil {
		return err
	}
	agreed, err := c.compareAll(ctx, stored.files)
	if err != nil {
		return err
	}
	c.report(stored, without, during, took, agreed)
	return nil
}

func (c *cluster) say(format string, args ...any) {
	fmt.Fprintf(c.cfg.Out, format+"\n", args...)
}

// startAll starts the first node and, through it, the others.
func (c *cluster) startAll(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := c.start(ctx, 0); err != nil {
		return err
	}
	errs := make([]error, len(names))
	var starting sync.WaitGroup
	for i := 1; i < len(names); i++ {
		starting.Go(func() { errs[i] = c.start(ctx, i) })
	}
	starting.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return c.settled(ctx)
}

// start starts one node, with empty memory and a boot of its own.
func (c *cluster) start(ctx context.Context, i int) error {
	var seeds []string
	for _, n := range c.nodes {
		if n != nil {
			seeds = append(seeds, n.Gossip().Addr().String())
			break // one is enough
		}
	}
	n, err := node.Start(ctx, node.Config{
		Gossip: gossip.Config{
			Cluster: "demo", Name: names[i], Bind: "127.0.0.1:0", Preset: gossip.Local, Seeds: seeds,
			SweepEvery: time.Second,
		},
		Redis: "127.0.0.1:0",
	})
	if err != nil {
		return err
	}
	c.nodes[i] = n
	c.clients[i] = redis.NewClient(&redis.Options{Addr: n.Redis(), MaxRetries: -1})
	return nil
}

// settled waits until every node is ready, and sees all the others alive under
// one ring.
func (c *cluster) settled(ctx context.Context) error {
	for _, n := range c.nodes {
		if err := n.Gossip().WaitReady(ctx); err != nil {
			return err
		}
	}
	return poll(ctx, "all nodes see each other", func() bool {
		for _, n := range c.nodes {
			s := n.Gossip().Status()
			if s.Alive != len(names) || s.RingVersion != c.nodes[0].Gossip().Status().RingVersion {
				return false
			}
		}
		return true
	})
}

// poll waits for a condition that nothing announces.
func poll(ctx context.Context, what string, ok func() bool) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("waiting until %s: %w", what, ctx.Err())
		}
	}
	return nil
}

// lose cuts a node off: no goodbye, nothing finished, its memory gone. The
// others are not given time to notice.
func (c *cluster) lose() {
	n := c.nodes[lost]
	c.say("cutting %s off without goodbye, with the %d keys that it keeps", names[lost], localKeys(n))
	for name, count := range n.Gossip().Counts() {
		c.before[name] += count
	}
	c.clients[lost].Close()
	n.Kill()
	c.nodes[lost], c.clients[lost] = nil, nil
}

func localKeys(n *node.Node) int {
	for _, t := range n.Gossip().Tables() {
		if t.Name == node.TableName {
			return t.Live
		}
	}
	return 0
}

// bringBack starts the lost node again, with nothing but its name, and waits
// until it is synced. Meanwhile a client keeps reading through the others, and
// through the returned one as soon as that answers, and must never see anything
// but what was stored: also while an owner is there that has lost everything.
func (c *cluster) bringBack(ctx context.Context, files []file) (reads measured, took time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, syncTimeout)
	defer cancel()
	others := slices.Delete(slices.Clone(c.clients), lost, lost+1)
	var back atomic.Pointer[redis.Client]
	var synced atomic.Bool
	var background sync.WaitGroup
	var readErr error
	background.Go(func() { reads, readErr = readUntil(ctx, files, others, &back, &synced) })

	begun := time.Now()
	if err = c.start(ctx, lost); err == nil {
		back.Store(c.clients[lost])
		c.say("%s is back with empty memory and boot %v; reading through all nodes while it is filled", names[lost], c.nodes[lost].Gossip().Status().Boot)
		err = c.settled(ctx)
	}
	took = time.Since(begun)
	synced.Store(true)
	background.Wait()
	if err := errors.Join(err, readErr); err != nil {
		return reads, 0, err
	}
	n := c.nodes[lost]
	c.say("%s is synced after %v: %d keys; %d reads meanwhile, all right", names[lost], took.Round(time.Millisecond), localKeys(n), len(reads.took))
	return reads, took, nil
}

// counts sums what all nodes have counted, those that are gone included.
func (c *cluster) counts() map[string]uint64 {
	sum := make(map[string]uint64)
	for name, count := range c.before {
		sum[name] += count
	}
	for _, n := range c.nodes {
		for name, count := range n.Gossip().Counts() {
			sum[name] += count
		}
	}
	return sum
}

func (c *cluster) close() {
	for i, n := range c.nodes {
		if n != nil {
			c.clients[i].Close()
			n.Kill()
		}
	}
}
