package transport

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/grapevine-go/grapevine/peer"
)

// peerState says what becomes of a call while there is no link to put it on.
type peerState uint8

const (
	peerIdle    peerState = iota // not dialled, or not used for a while: the next call dials
	peerDialing                  // for the first time: calls queue on the link
	peerUp                       // connected
	peerDown                     // failed or lost: calls fail until it is redialled
	peerRemoved                  // calls fail
)

// Peer is the handle of another node: requests to it go through here. Its
// methods may be called from any goroutine.
type Peer struct {
	t     *Transport
	id    peer.ID
	link  atomic.Pointer[link] // takes calls; nil while idle or down
	stats counters
	ctx   context.Context // ends with the peer
	stop  context.CancelFunc

	mu        sync.Mutex
	addr      string
	state     peerState
	redialing bool
	attempts  int   // failures in a row
	retryAt   int64 // when down
	lastErr   error // why down
}

// ID gives the name of the node this handle is for.
func (p *Peer) ID() peer.ID { return p.id }

// Connected reports whether there is a connection that takes calls.
func (p *Peer) Connected() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state == peerUp
}

// Call sends a request and returns at once; done is told the outcome under
// token, possibly before Call returns. The first call dials, and calls wait for
// that; while a peer that failed is redialled in the background, calls end with
// [ErrUnreachable] at once. A connection that no request used for a while (ten
// seconds; five minutes after one of class [Foreground]) is closed, and the next
// call dials again. A request of up to 64 KiB is copied; a larger one
// must stay unchanged until the call has completed. At deadline the call ends
// with [ErrTimeout], some 10 ms late at most; the zero time means none. A class
// that does not exist counts as the least urgent.
//
// The result is for [Peer.Cancel]; it is zero if the call has ended already
// because nothing could be sent.
func (p *Peer) Call(class Class, request []byte, deadline time.Time, done Completion, token uint64) CallID {
	class = min(class, numClasses-1)
	until := p.t.until(deadline)
	for {
		l := p.link.Load()
		if l != nil {
			id, err := l.call(class, request, until, done, token)
			if err == nil {
				p.t.wakeBy(until)
				return CallID{l, id}
			}
			if err != errLinkDown {
				done.Complete(token, nil, err)
				return CallID{}
			}
		}
		if err := p.findLink(l); err != nil {
			done.Complete(token, nil, err)
			return CallID{}
		}
	}
}

// Cancel withdraws a call: it completes with [ErrCanceled], and the peer is told
// not to serve it if it has not begun. A call that has ended is left alone.
func (p *Peer) Cancel(id CallID) {
	if id.link != nil && id.link.peer == p {
		id.link.end(id.id, nil, ErrCanceled)
	}
}

// findLink sees to it that there is another link than the one that failed, or
// says why there is none.
func (p *Peer) findLink(failed *link) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch l := p.link.Load(); {
	case p.state == peerRemoved:
		return unsent(ErrClosed)
	case p.state == peerIdle:
		p.state = peerDialing
		l := newLink(p)
		p.link.Store(l)
		p.start(l)
		return nil
	case l != nil && l != failed:
		return nil
	case p.lastErr != nil:
		return p.lastErr
	}
	return ErrUnreachable
}

// start dials in the background. The caller holds mu.
func (p *Peer) start(l *link) {
	addr := p.addr
	p.t.running.Add(1)
	go func() {
		defer p.t.running.Done()
		p.run(l, addr)
	}()
}

// run is the life of a link.
func (p *Peer) run(l *link, addr string) {
	s, err := p.t.dial(p.ctx, p.id, addr)
	if err != nil {
		p.failed(l, fmt.Errorf("%w: %s at %s: %w", ErrUnreachable, p.id, addr, err))
		return
	}
	if !p.connected(l, s) {
		s.conn.Close()
		l.shut(ErrClosed)
		return
	}
	p.t.cfg.OnConnect(s.remote)
	since := time.Now()
	if err = l.cause(l.read(s.conn)); err != errUnused {
		p.lost(l, addr, err, time.Since(since))
	}
}

// connected makes l the link that takes calls.
func (p *Peer) connected(l *link, s session) bool {
	p.mu.Lock()
	if p.state == peerRemoved {
		p.mu.Unlock()
		return false
	}
	p.stats.connections.Add(1)
	p.state, p.redialing, p.lastErr = peerUp, false, nil
	p.link.Store(l)
	p.mu.Unlock()
	l.establish(s)
	p.t.wakeBy(0)
	p.t.cfg.Logger.Debug("transport: connected", "peer", p.id, "boot", s.remote.Boot, "addr", s.remote.Addr)
	return true
}

// failed is the end of a link that was never established.
func (p *Peer) failed(l *link, err error) {
	p.mu.Lock()
	news := p.lastErr == nil || p.lastErr.Error() != err.Error()
	p.attempts++
	end := p.down(err)
	p.mu.Unlock()
	if news && end != ErrClosed {
		p.t.cfg.Logger.Warn("transport: cannot reach peer", "peer", p.id, "err", err)
	}
	l.shut(end)
}

// lost is the end of an established link.
func (p *Peer) lost(l *link, addr string, err error, lived time.Duration) {
	p.mu.Lock()
	if p.attempts++; lived > p.t.cfg.BackoffMax {
		p.attempts = 0
	}
	end := p.down(fmt.Errorf("%w: %s at %s: connection lost: %w", ErrUnreachable, p.id, addr, err))
	p.mu.Unlock()
	if end != ErrClosed {
		p.t.cfg.Logger.Info("transport: connection lost", "peer", p.id, "addr", addr, "err", err)
		end = ErrConnLost
	}
	l.shut(end)
}

// down makes calls fail with err until the peer is redialled, or with ErrClosed
// for good. The caller holds mu.
func (p *Peer) down(err error) error {
	p.link.Store(nil)
	p.redialing = false
	if p.state == peerRemoved {
		return ErrClosed
	}
	p.state, p.lastErr = peerDown, err
	bound := p.t.cfg.BackoffMax
	if shift := min(p.attempts, 30); bound>>shift > p.t.cfg.BackoffMin {
		bound = p.t.cfg.BackoffMin << shift
	}
	p.retryAt = p.t.now() + rand.Int64N(int64(bound))
	p.t.wakeBy(p.retryAt)
	return err
}

// moved takes a new address; a peer that is down is tried there at once.
func (p *Peer) moved(addr string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.addr == addr {
		return
	}
	p.addr = addr
	if p.state == peerDown {
		p.attempts, p.retryAt = 0, 0
		p.t.wakeBy(0)
	}
}

// close ends the peer; its calls complete with ErrClosed.
func (p *Peer) close() {
	p.mu.Lock()
	p.state = peerRemoved
	l := p.link.Load()
	p.mu.Unlock()
	p.stop()
	if l != nil {
		l.abort(ErrClosed)
	}
}

// tick does what is due: it expires calls, pings, redials. It returns when it
// is next due. Only the transport's clock goroutine calls it.
func (p *Peer) tick(now int64) int64 {
	due := forever
	if l := p.link.Load(); l != nil {
		due = l.expire(now)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.state == peerUp:
		switch l := p.link.Load(); {
		case l == nil:
		case l.retire(now):
			p.state = peerIdle
			p.link.Store(nil)
		default:
			due = min(due, l.check(now))
		}
	case p.state == peerDown && !p.redialing && p.retryAt <= now:
		p.redialing = true
		p.start(newLink(p))
	case p.state == peerDown && !p.redialing:
		due = min(due, p.retryAt)
	}
	return due
}
