package gossip

import (
	"io"
	"net"
	"sync"
	"time"
)

// delayed makes the node slow, if that is wished.
func (n *Node) delayed(l net.Listener) net.Listener {
	if n.late == nil {
		return l
	}
	return lateListener{l, n.late}
}

// lateListener is the data plane of a node that is to be slow: what others send
// arrives so much later; see package fault.
type lateListener struct {
	net.Listener
	by func() time.Duration
}

// Accept implements net.Listener.
func (l lateListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &lateConn{Conn: conn, by: l.by, chunks: make(chan chunk, 1024), closed: make(chan struct{})}
	go c.receive()
	return c, nil
}

// lateConn holds back what it has received. Its goroutine ends when the
// connection does.
type lateConn struct {
	net.Conn
	by     func() time.Duration
	chunks chan chunk
	closed chan struct{}
	end    sync.Once
	rest   []byte // of the chunk that is being read
}

// chunk is what was received at once, and when it may be read.
type chunk struct {
	data []byte
	due  time.Time
}

func (c *lateConn) receive() {
	defer close(c.chunks)
	for {
		buf := make([]byte, 16<<10)
		n, err := c.Conn.Read(buf)
		if err != nil {
			return
		}
		select {
		case c.chunks <- chunk{buf[:n], time.Now().Add(c.by())}:
		case <-c.closed:
			return
		}
	}
}

// Read implements net.Conn.
func (c *lateConn) Read(p []byte) (int, error) {
	if len(c.rest) == 0 {
		next, ok := <-c.chunks
		if !ok {
			return 0, io.EOF
		}
		if wait := time.Until(next.due); wait > 0 {
			select {
			case <-time.After(wait):
			case <-c.closed:
				return 0, net.ErrClosed
			}
		}
		c.rest = next.data
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// Close implements net.Conn.
func (c *lateConn) Close() error {
	c.end.Do(func() { close(c.closed) })
	return c.Conn.Close()
}
