package heal

import (
	"context"
	"net"
	"sync"
)

// links are the data plane of a cluster of which one node can be cut off: what is
// sent to it or by it is lost, and nobody is told.
type links struct {
	mu     sync.Mutex
	cut    string // address of the node that is cut off; empty: none
	conns  map[*conn]bool
	healed chan struct{} // closed by heal
}

func newLinks() *links {
	return &links{conns: make(map[*conn]bool), healed: make(chan struct{})}
}

// dial is how a node opens connections; own returns its own address.
func (l *links) dial(own func() string) func(context.Context, string) (net.Conn, error) {
	return func(ctx context.Context, addr string) (net.Conn, error) {
		if healed, cut := l.state(own(), addr); cut {
			select {
			case <-healed:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		c, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
		if err != nil {
			return nil, err
		}
		k := &conn{Conn: c, links: l, from: own, to: addr}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.conns[k] = true
		return k, nil
	}
}

func (l *links) state(from, to string) (healed chan struct{}, cut bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.healed, l.cut != "" && (l.cut == from || l.cut == to)
}

func (l *links) isolate(addr string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = addr
}

// heal ends the cut. Connections that have lost something are broken.
func (l *links) heal() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = ""
	close(l.healed)
	for c := range l.conns {
		if c.lost {
			c.Conn.Close()
		}
	}
}

// conn is a connection that loses what it carries while one of its ends is cut
// off, and everything from then on.
type conn struct {
	net.Conn
	links *links
	from  func() string // known only when the node has started
	to    string
	lost  bool // under links.mu
}

func (c *conn) lossy() bool {
	_, cut := c.links.state(c.from(), c.to)
	c.links.mu.Lock()
	defer c.links.mu.Unlock()
	c.lost = c.lost || cut
	return c.lost
}

func (c *conn) Write(p []byte) (int, error) {
	if c.lossy() {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

func (c *conn) Read(p []byte) (int, error) {
	for {
		if n, err := c.Conn.Read(p); err != nil || !c.lossy() {
			return n, err
		}
	}
}

func (c *conn) Close() error {
	c.links.mu.Lock()
	delete(c.links.conns, c)
	c.links.mu.Unlock()
	return c.Conn.Close()
}
