package gossip

import (
	"context"
	"net"
)

// SetDial gives the data plane another way to connect: one with faults.
func (c *Config) SetDial(dial func(ctx context.Context, addr string) (net.Conn, error)) {
	c.dial = dial
}

// SharedReads is how many reads of a table's node shared others' reads.
func SharedReads[T any](r *RegisterTable[T]) uint64 { return r.t.n.metrics.coalesced.Load() }

// HotKeys is how many keys of a table are taken for being read.
func HotKeys[T any](r *RegisterTable[T]) int {
	r.t.hot.mu.Lock()
	defer r.t.hot.mu.Unlock()
	return len(r.t.hot.keys)
}
