package transport

import (
	"encoding/binary"
	"sync/atomic"
	"time"
)

// pulse finds out whether the other end is still there. It counts intervals
// rather than time, so that a process that was stopped for a while does not take
// its own absence for the other side's.
type pulse struct {
	out      *outbox
	interval int64
	limit    int  // silent intervals after which the connection is dead
	steady   bool // pings also where there is traffic, to measure the round trip
	received atomic.Int64
	rtt      atomic.Int64 // ns, smoothed; 0 until measured

	// Only the transport's clock goroutine uses these.
	seen   int64
	silent int
	next   int64
}

func (p *pulse) init(out *outbox, cfg Config, steady bool) {
	p.out, p.steady, p.interval = out, steady, int64(cfg.PingInterval)
	p.limit = int((cfg.IdleTimeout + cfg.PingInterval - 1) / cfg.PingInterval)
	if !steady {
		p.limit++ // the first silent interval is what makes it ping
	}
}

// beat does what is due: it pings, or finds that the other side is gone. It
// returns when it is next due.
func (p *pulse) beat(now int64) (next int64, dead bool) {
	switch {
	case p.next == 0:
		p.next = now + p.interval
		p.ping(now)
		return p.next, false
	case now < p.next:
		return p.next, false
	}
	p.next = now + p.interval
	if got := p.received.Load(); got != p.seen {
		p.seen, p.silent = got, 0
	} else if p.silent++; p.silent >= p.limit {
		return p.next, true
	}
	if p.steady || p.silent > 0 {
		p.ping(now)
	}
	return p.next, false
}

func (p *pulse) ping(now int64) {
	p.out.mu.Lock()
	defer p.out.mu.Unlock()
	p.out.trim()
	p.signal(kindPing, uint64(now))
}

// signal queues a ping or a pong; while many wait already, one more says
// nothing new.
func (p *pulse) signal(k kind, token uint64) {
	if p.out.queues[Control].pending() > maxFrame {
		return
	}
	var payload [8]byte
	binary.BigEndian.PutUint64(payload[:], token)
	p.out.push(k, Control, 0, nil, payload[:])
	p.out.kick()
}

// answer takes a ping or a pong of the other side.
func (p *pulse) answer(f frame, now int64) {
	token := binary.BigEndian.Uint64(f.payload)
	if f.kind == kindPing {
		p.out.mu.Lock()
		p.signal(kindPong, token)
		p.out.mu.Unlock()
		return
	}
	trip := now - int64(token)
	if trip <= 0 || trip > int64(time.Hour) {
		return // not an answer to a ping of ours
	}
	if old := p.rtt.Load(); old > 0 {
		trip = old + (trip-old)/8 // RFC 6298, section 2
	}
	p.rtt.Store(trip)
}

// check keeps the beat of a connection and closes it when the other side is
// gone. It returns when it is next due.
func (p *pulse) check(now int64) int64 {
	next, dead := p.beat(now)
	if dead {
		p.out.mu.Lock()
		p.out.fail(errHalfOpen)
		p.out.mu.Unlock()
	}
	return next
}
