package gossip_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/grapevine-go/grapevine/gossip"
	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/transport"
)

// links is the data plane of a cluster with links that can be stalled: what is
// sent over a stalled link is lost, and nobody is told, however long it lasts: the
// silence breaks no connection. Membership has sockets of its own and notices
// nothing.
type links struct {
	mu      sync.Mutex
	stalled map[link]bool
	conns   map[*linkConn]bool
	healed  chan struct{} // closed by heal
}

// link is one direction: requests from a node to an address, and their replies.
type link struct {
	from peer.ID
	to   string
}

func newLinks() *links {
	return &links{stalled: make(map[link]bool), conns: make(map[*linkConn]bool), healed: make(chan struct{})}
}

// use is a change of a configuration for cluster.
func (l *links) use(cfg *gossip.Config) {
	from := cfg.Name
	dial := func(ctx context.Context, addr string) (net.Conn, error) {
		if err := l.wait(ctx, link{from, addr}); err != nil {
			return nil, err
		}
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
		if err != nil {
			return nil, err
		}
		c := &linkConn{Conn: conn, links: l, link: link{from, addr}}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.conns[c] = true
		return c, nil
	}
	cfg.SetFaults(func(data *transport.Config) { data.Dial, data.IdleTimeout = dial, time.Hour })
}

// wait holds a dialler up while the link is stalled.
func (l *links) wait(ctx context.Context, on link) error {
	for {
		l.mu.Lock()
		stalled, healed := l.stalled[on], l.healed
		l.mu.Unlock()
		if !stalled {
			return nil
		}
		select {
		case <-healed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// stall stalls the links from a node to others.
func (l *links) stall(t testing.TB, from *gossip.Node, to ...*gossip.Node) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, n := range to {
		l.stalled[link{from.ID(), self(t, n).Data.String()}] = true
	}
}

// heal ends all stalls. Connections that have lost something are broken.
func (l *links) heal() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.stalled)
	close(l.healed)
	l.healed = make(chan struct{})
	for c := range l.conns {
		if c.lost {
			c.Conn.Close()
		}
	}
}

// lossy reports whether the link is stalled; what the connection carries is then
// lost, and the connection with it.
func (l *links) lossy(c *linkConn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stalled[c.link] {
		c.lost = true
	}
	return c.lost
}

// linkConn is a connection of a link.
type linkConn struct {
	net.Conn
	links *links
	link  link
	lost  bool // under links.mu
}

func (c *linkConn) Write(p []byte) (int, error) {
	if c.links.lossy(c) {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

func (c *linkConn) Read(p []byte) (int, error) {
	for {
		n, err := c.Conn.Read(p)
		if err != nil || !c.links.lossy(c) {
			return n, err
		}
	}
}

func (c *linkConn) Close() error {
	c.links.mu.Lock()
	delete(c.links.conns, c)
	c.links.mu.Unlock()
	return c.Conn.Close()
}
