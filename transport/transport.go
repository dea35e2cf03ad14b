package transport

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/grapevine-go/grapevine/peer"
)

// Transport is a node's end of the data plane. Its methods may be called from
// any goroutine, but Close not from inside a [Handler] or [Completion].
type Transport struct {
	cfg     Config
	base    time.Time // what the clock counts from
	ctx     context.Context
	stop    context.CancelFunc
	running sync.WaitGroup // all goroutines
	served  counters
	greets  chan struct{} // a place for each handshake
	wake    chan struct{} // the clock goroutine looks again
	due     atomic.Int64  // when it will anyway

	mu      sync.Mutex
	closed  bool
	peers   map[peer.ID]*Peer
	inbound map[life]*inbound
	logged  map[error]time.Time
}

// life is one boot of a node: it has one connection to here, the newest.
type life struct {
	id   peer.ID
	boot peer.Boot
}

// Start begins to serve. The error lists everything wrong with the
// configuration, as [Config.Validate] does; nothing was started then, and the
// listener is closed.
func Start(cfg Config) (*Transport, error) {
	if err := cfg.Validate(); err != nil {
		if cfg.Listener != nil {
			cfg.Listener.Close()
		}
		return nil, err
	}
	t := &Transport{
		cfg: cfg.withDefaults(), base: time.Now(),
		greets: make(chan struct{}, maxGreets), wake: make(chan struct{}, 1),
		peers: map[peer.ID]*Peer{}, inbound: map[life]*inbound{}, logged: map[error]time.Time{},
	}
	t.ctx, t.stop = context.WithCancel(context.Background())
	t.running.Go(t.clock)
	if t.cfg.Listener != nil {
		t.running.Go(t.listen)
	}
	return t, nil
}

// Addr gives the address at which peers reach this node, nil without a listener.
func (t *Transport) Addr() net.Addr {
	if t.cfg.Listener == nil {
		return nil
	}
	return t.cfg.Listener.Addr()
}

// Peer gives the handle of a node, which it makes where needed, and notes its
// address for the next time it is dialled. It does not dial. After Close, and
// for an id that is not valid, calls on the handle fail.
func (t *Transport) Peer(id peer.ID, addr string) *Peer {
	t.mu.Lock()
	p := t.peers[id]
	if p == nil {
		p = &Peer{t: t, id: id, addr: addr}
		switch err := id.Validate(); {
		case t.closed:
			p.state = peerRemoved
		case err != nil:
			p.state, p.lastErr = peerDown, fmt.Errorf("%w: %w", ErrUnreachable, err)
			p.retryAt = forever
		default:
			p.ctx, p.stop = context.WithCancel(t.ctx)
			t.peers[id] = p
		}
	}
	t.mu.Unlock()
	p.moved(addr)
	return p
}

// Remove closes the connection to a node, ends its calls with [ErrClosed] and
// forgets it. Handles that are still held are of no more use.
func (t *Transport) Remove(id peer.ID) {
	t.mu.Lock()
	p := t.peers[id]
	delete(t.peers, id)
	t.mu.Unlock()
	if p != nil {
		p.close()
	}
}

// Close says goodbye to the peers, ends every open call with [ErrClosed] and
// returns when no goroutine is left; it waits for what is being served. It is
// idempotent and returns nil.
func (t *Transport) Close() error {
	t.mu.Lock()
	t.closed = true
	peers, inbound := t.snapshot(nil, nil)
	clear(t.peers)
	t.mu.Unlock()
	if t.cfg.Listener != nil {
		t.cfg.Listener.Close()
	}
	for _, p := range peers {
		p.close()
	}
	t.stop()
	for _, c := range inbound {
		c.interrupt()
	}
	t.running.Wait()
	return nil
}

func (t *Transport) snapshot(peers []*Peer, inbound []*inbound) ([]*Peer, []*inbound) {
	peers, inbound = peers[:0], inbound[:0]
	for _, p := range t.peers {
		peers = append(peers, p)
	}
	for _, c := range t.inbound {
		inbound = append(inbound, c)
	}
	return peers, inbound
}

// now is the transport's clock: nanoseconds, monotonic, positive.
func (t *Transport) now() int64 { return int64(time.Since(t.base)) + 1 }

// until gives a deadline by this clock.
func (t *Transport) until(deadline time.Time) int64 {
	if deadline.IsZero() {
		return forever
	}
	return min(int64(deadline.Sub(t.base))+1, forever)
}

// tickEvery is how exactly deadlines are kept: the clock goroutine looks at
// all of them at most this often.
const tickEvery = 10 * time.Millisecond

// clock expires calls, pings and redials: one goroutine, no timer per call. It
// sleeps until something is due.
func (t *Transport) clock() {
	var peers []*Peer
	var inbound []*inbound
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-t.ctx.Done():
			return
		case <-t.wake:
		case <-timer.C:
		}
		t.due.Store(forever)
		t.mu.Lock()
		peers, inbound = t.snapshot(peers, inbound)
		t.mu.Unlock()
		now, next := t.now(), forever
		for _, p := range peers {
			next = min(next, p.tick(now))
		}
		for _, c := range inbound {
			next = min(next, c.check(now))
		}
		next = max(next, now+int64(tickEvery))
		t.wakeAt(next)
		timer.Reset(time.Duration(next - now))
	}
}

// wakeAt lowers due to at, and reports whether that was news.
func (t *Transport) wakeAt(at int64) bool {
	for {
		due := t.due.Load()
		if at >= due {
			return false
		}
		if t.due.CompareAndSwap(due, at) {
			return true
		}
	}
}

// wakeBy makes the clock goroutine look at latest when at has come.
func (t *Transport) wakeBy(at int64) {
	if t.wakeAt(at) {
		select {
		case t.wake <- struct{}{}:
		default:
		}
	}
}

// Bounds on what strangers can make this node hold.
const (
	maxGreets  = 256  // handshakes at once
	maxInbound = 4096 // connections that peers opened
)

// listen accepts until the listener is closed.
func (t *Transport) listen() {
	for {
		conn, err := t.cfg.Listener.Accept()
		switch {
		case err == nil:
			t.greet(conn)
		case t.ctx.Err() != nil || errors.Is(err, net.ErrClosed):
			return
		default: // out of file descriptors, say: it passes
			t.cfg.Logger.Error("transport: accept", "err", err)
			select {
			case <-t.ctx.Done():
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
}

// greet starts the life of an accepted connection, unless too many begin.
func (t *Transport) greet(conn net.Conn) {
	select {
	case t.greets <- struct{}{}:
		t.running.Go(func() { t.host(conn) })
	default:
		conn.Close()
		t.logRefused(conn, fmt.Errorf("%w: in the handshake", ErrBusy))
	}
}

// host serves a connection that a peer opened, from the handshake to its end.
func (t *Transport) host(conn net.Conn) {
	defer conn.Close()
	s, err := t.welcome(t.ctx, conn)
	<-t.greets
	if err != nil {
		t.logRefused(conn, err)
		return
	}
	c := newInbound(t, s)
	if err := t.register(c); err != nil {
		t.logRefused(conn, err)
		return
	}
	t.cfg.OnConnect(s.remote)
	err = c.cause(c.serve())
	if t.ctx.Err() != nil {
		c.farewell()
	}
	t.unregister(c)
	c.end(err)
	level := slog.LevelDebug
	if errors.Is(err, ErrProtocol) || err == errHalfOpen {
		level = slog.LevelWarn
	}
	t.cfg.Logger.Log(t.ctx, level, "transport: connection from peer ended", "peer", s.remote.ID, "addr", s.remote.Addr, "err", err)
}

// register enters a connection; an older one of the same life gives way, for
// its dialling side keeps only the newest.
func (t *Transport) register(c *inbound) error {
	key := life{c.remote.ID, c.remote.Boot}
	t.mu.Lock()
	old := t.inbound[key]
	switch {
	case t.closed:
		t.mu.Unlock()
		return ErrClosed
	case old == nil && len(t.inbound) >= maxInbound:
		t.mu.Unlock()
		return ErrBusy
	}
	t.inbound[key] = c
	t.mu.Unlock()
	t.served.connections.Add(1)
	if old != nil {
		old.end(ErrConnLost)
	}
	t.wakeBy(0)
	return nil
}

func (t *Transport) unregister(c *inbound) {
	key := life{c.remote.ID, c.remote.Boot}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.inbound[key] == c {
		delete(t.inbound, key)
	}
}

// logRefused logs a connection that was not accepted: each kind of reason once
// a second, for anybody can cause it.
func (t *Transport) logRefused(conn net.Conn, err error) {
	kind := ErrProtocol
	for _, r := range refusals {
		if errors.Is(err, r.err) {
			kind = r.err
		}
	}
	t.mu.Lock()
	recent := time.Since(t.logged[kind]) < time.Second
	if !recent {
		t.logged[kind] = time.Now()
	}
	t.mu.Unlock()
	if !recent && t.ctx.Err() == nil {
		t.cfg.Logger.Warn("transport: connection refused", "addr", conn.RemoteAddr(), "err", err)
	}
}
