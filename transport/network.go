package transport

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// Network is a network in memory: the transport's form for tests. Its
// connections are streams with a bounded buffer in each direction, and obey
// deadlines. It works inside a testing/synctest bubble. Its methods may be
// called from any goroutine.
type Network struct {
	mu        sync.Mutex
	listeners map[string]*memListener
}

// NewNetwork makes a network on which nobody listens.
func NewNetwork() *Network { return &Network{listeners: map[string]*memListener{}} }

// memBuffer is what one direction of a connection holds before a write waits.
const memBuffer = 256 << 10

// Listen makes addr, any string, an address of the network until the listener
// is closed. An address in use is an error.
func (n *Network) Listen(addr string) (net.Listener, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.listeners[addr] != nil {
		return nil, fmt.Errorf("transport: network address %q in use", addr)
	}
	l := &memListener{network: n, addr: memAddr(addr), conns: make(chan net.Conn, 128), closed: make(chan struct{})}
	n.listeners[addr] = l
	return l, nil
}

// Dial connects to addr; it is of the form that [Config] wants. Where nobody
// listens, or too many connections wait to be accepted, it fails at once.
func (n *Network) Dial(ctx context.Context, addr string) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	l := n.listeners[addr]
	if l == nil {
		return nil, fmt.Errorf("transport: nobody listens on network address %q", addr)
	}
	there, back := newMemPipe(), newMemPipe()
	select {
	case l.conns <- &memConn{in: there, out: back, local: l.addr, remote: "dialler"}:
		return &memConn{in: back, out: there, local: "dialler", remote: l.addr}, nil
	default:
		return nil, fmt.Errorf("transport: the listener on network address %q is too slow", addr)
	}
}

type memAddr string

func (a memAddr) Network() string { return "memory" }
func (a memAddr) String() string  { return string(a) }

type memListener struct {
	network *Network
	addr    memAddr
	conns   chan net.Conn
	closed  chan struct{}
	once    sync.Once
}

func (l *memListener) Addr() net.Addr { return l.addr }

func (l *memListener) Accept() (net.Conn, error) {
	select {
	case <-l.closed:
		return nil, net.ErrClosed
	default:
	}
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close frees the address and closes the connections that nobody accepted.
func (l *memListener) Close() error {
	l.once.Do(func() {
		l.network.mu.Lock()
		delete(l.network.listeners, string(l.addr))
		l.network.mu.Unlock()
		close(l.closed)
		for {
			select {
			case c := <-l.conns:
				c.Close()
			default:
				return
			}
		}
	})
	return nil
}

type memConn struct {
	in, out       *memPipe
	local, remote memAddr
}

func (c *memConn) Read(b []byte) (int, error)         { return c.in.read(b) }
func (c *memConn) Write(b []byte) (int, error)        { return c.out.write(b) }
func (c *memConn) LocalAddr() net.Addr                { return c.local }
func (c *memConn) RemoteAddr() net.Addr               { return c.remote }
func (c *memConn) SetReadDeadline(t time.Time) error  { c.in.reading.set(c.in, t); return nil }
func (c *memConn) SetWriteDeadline(t time.Time) error { c.out.writing.set(c.out, t); return nil }

func (c *memConn) SetDeadline(t time.Time) error {
	c.in.reading.set(c.in, t)
	c.out.writing.set(c.out, t)
	return nil
}

// Close ends both directions; what was written can still be read at the other
// end.
func (c *memConn) Close() error {
	c.in.close(true)
	c.out.close(false)
	return nil
}

// CloseWrite ends the outgoing direction alone.
func (c *memConn) CloseWrite() error {
	c.out.close(false)
	return nil
}

// memPipe is one direction of a connection.
type memPipe struct {
	mu      sync.Mutex
	changed sync.Cond
	buf     []byte
	// ended: nothing more is written. deaf: nobody reads any more.
	ended, deaf      bool
	reading, writing memDeadline
}

func newMemPipe() *memPipe {
	p := &memPipe{}
	p.changed.L = &p.mu
	return p
}

func (p *memPipe) read(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		switch {
		case p.deaf:
			return 0, net.ErrClosed
		case p.reading.passed:
			return 0, os.ErrDeadlineExceeded
		case len(p.buf) > 0:
			n := copy(b, p.buf)
			p.buf = p.buf[:copy(p.buf, p.buf[n:])]
			p.changed.Broadcast()
			return n, nil
		case p.ended:
			return 0, io.EOF
		}
		p.changed.Wait()
	}
}

func (p *memPipe) write(b []byte) (written int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		switch room := memBuffer - len(p.buf); {
		case p.ended || p.deaf:
			return written, net.ErrClosed
		case p.writing.passed:
			return written, os.ErrDeadlineExceeded
		case room > 0:
			n := min(room, len(b))
			p.buf = append(p.buf, b[:n]...)
			b, written = b[n:], written+n
			p.changed.Broadcast()
		}
		if len(b) == 0 {
			return written, nil
		}
		if len(p.buf) == memBuffer {
			p.changed.Wait()
		}
	}
}

func (p *memPipe) close(reader bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if reader {
		p.deaf = true
	} else {
		p.ended = true
	}
	p.reading.stop()
	p.writing.stop()
	p.changed.Broadcast()
}

// memDeadline is the deadline of one side of a pipe, guarded by its lock.
type memDeadline struct {
	passed bool
	timer  *time.Timer
}

func (d *memDeadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
	}
}

func (d *memDeadline) set(p *memPipe, at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	d.stop()
	d.passed = !at.IsZero() && !at.After(time.Now())
	if !at.IsZero() && !d.passed {
		var timer *time.Timer
		timer = time.AfterFunc(time.Until(at), func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			d.passed = d.passed || d.timer == timer
			p.changed.Broadcast()
		})
		d.timer = timer
	} else {
		d.timer = nil
	}
	p.changed.Broadcast()
}
