package gossip

import (
	"context"
	"net"
)

// SetDial gives the data plane another way to connect: one with faults.
func (c *Config) SetDial(dial func(ctx context.Context, addr string) (net.Conn, error)) {
	c.dial = dial
}
