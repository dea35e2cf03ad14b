package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"
)

// history is what one client knows of one key, which it alone writes. Values
// are never used twice.
type history struct {
	key     string
	acked   string          // the last value whose write was acknowledged; empty: none
	pending map[string]bool // values whose writes have an unknown outcome
}

// wrote notes how a write ended.
func (h *history) wrote(value string, o outcome) {
	switch o {
	case applied:
		h.acked = value
	case unknown:
		h.pending[value] = true
	}
}

// check judges what a read found. Only two kinds of values are right: the last
// that was acknowledged, and those whose outcome is unknown, which may become
// visible at any time, or never. Nothing is right only while nothing was
// acknowledged.
func (h *history) check(value string, found bool) error {
	switch {
	case found && (value == h.acked || h.pending[value]):
		return nil
	case !found && h.acked == "":
		return nil
	case !found:
		return fmt.Errorf("%s: %q was acknowledged and is gone", h.key, h.acked)
	}
	return fmt.Errorf("%s: read %q, which is neither the acknowledged %q nor one of %d with an unknown outcome",
		h.key, value, h.acked, len(h.pending))
}

// outcome is how a write ended, as far as its client knows.
type outcome int

const (
	applied outcome = iota
	notApplied
	unknown
)

// outcomeOf reads the outcome off the reply. Without a reply it is unknown: the
// connection broke, and the node may have done it or not. Without a connection
// it is not applied.
func outcomeOf(err error) outcome {
	var reply redis.Error
	var network *net.OpError
	switch {
	case err == nil:
		return applied
	case errors.As(err, &network) && network.Op == "dial":
		return notApplied
	case errors.As(err, &reply) && !strings.HasPrefix(err.Error(), "UNKNOWN ") && strings.Contains(err.Error(), "not applied"):
		return notApplied
	}
	return unknown
}

// checker is a number of clients with their histories.
type checker struct {
	addrs   []string
	nodes   []*redis.Client
	clients [][]*history

	acked, refused, unknown, reads, readErrors atomic.Int64
}

// keysPerClient is small, so that keys are often overwritten, and large enough
// that all partitions are met.
const keysPerClient = 200

func newChecker(addrs []string, clients int) *checker {
	c := &checker{addrs: addrs}
	c.connect()
	for i := range clients {
		var histories []*history
		for j := range keysPerClient {
			histories = append(histories, &history{key: fmt.Sprintf("check:%d:%d", i, j), pending: map[string]bool{}})
		}
		c.clients = append(c.clients, histories)
	}
	return c
}

func (c *checker) connect() {
	for _, addr := range c.addrs {
		c.nodes = append(c.nodes, redis.NewClient(&redis.Options{Addr: addr, MaxRetries: -1, DialTimeout: time.Second}))
	}
}

func (c *checker) close() {
	for _, node := range c.nodes {
		node.Close()
	}
	c.nodes = nil
}

// run writes and reads until end is closed; the error is the first wrong read.
func (c *checker) run(ctx context.Context, end <-chan struct{}) error {
	g, ctx := errgroup.WithContext(ctx)
	for i, histories := range c.clients {
		g.Go(func() error {
			random := rand.New(rand.NewPCG(uint64(i), 1))
			for n := 0; ; n++ {
				select {
				case <-end:
					return nil
				case <-ctx.Done():
					return context.Cause(ctx)
				default:
				}
				h := histories[random.IntN(len(histories))]
				node := c.nodes[random.IntN(len(c.nodes))]
				if random.IntN(2) == 0 {
					c.write(ctx, node, h, fmt.Sprintf("%s=%d", h.key, n))
				} else if err := c.read(ctx, node, h); err != nil {
					return err
				}
			}
		})
	}
	return g.Wait()
}

func (c *checker) write(ctx context.Context, node *redis.Client, h *history, value string) {
	o := outcomeOf(node.Set(ctx, h.key, value, 0).Err())
	h.wrote(value, o)
	switch o {
	case applied:
		c.acked.Add(1)
	case notApplied:
		c.refused.Add(1)
	default:
		c.unknown.Add(1)
	}
}

// read reads a key and judges what it finds; that a node does not answer is no
// wrong answer.
func (c *checker) read(ctx context.Context, node *redis.Client, h *history) error {
	value, err := node.Get(ctx, h.key).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		c.readErrors.Add(1)
		return nil
	}
	c.reads.Add(1)
	return h.check(value, err == nil)
}

// readAll reads every key through every node, with everything at rest: now
// every node must answer. The clients are new ones, because a go-redis client
// goes on for a second to give the error of a node that could not be reached.
func (c *checker) readAll(ctx context.Context) error {
	c.close()
	c.connect()
	for _, h := range slices.Concat(c.clients...) {
		for _, node := range c.nodes {
			value, err := node.Get(ctx, h.key).Result()
			if err != nil && !errors.Is(err, redis.Nil) {
				return fmt.Errorf("%s: reading it at the end through %s: %w", h.key, node.Options().Addr, err)
			}
			c.reads.Add(1)
			if err := h.check(value, err == nil); err != nil {
				return fmt.Errorf("at the end, through %s: %w", node.Options().Addr, err)
			}
		}
	}
	return nil
}
