package transport

import (
	"sync/atomic"
	"time"
)

// counters are summed over connections.
type counters struct {
	bytesIn, bytesOut, framesIn, framesOut, connections, refused atomic.Int64
}

// Traffic counts what went over the network since the start.
type Traffic struct {
	BytesIn, BytesOut   int64 // above TLS
	FramesIn, FramesOut int64
	Connections         int64 // established, ended ones included
	Refused             int64 // requests that were not sent, or not served, because the peer has no room
}

func (c *counters) traffic() Traffic {
	return Traffic{
		BytesIn: c.bytesIn.Load(), BytesOut: c.bytesOut.Load(),
		FramesIn: c.framesIn.Load(), FramesOut: c.framesOut.Load(),
		Connections: c.connections.Load(), Refused: c.refused.Load(),
	}
}

// PeerStats is what is known of the way to a peer.
type PeerStats struct {
	Traffic
	Remote        Remote        // zero while not connected
	Calls         int           // in flight
	Limit         int           // of those of class Foreground that may be in flight
	InFlightBytes int           // of their requests
	QueuedBytes   int           // of requests not written yet
	RoundTrip     time.Duration // smoothed, from pings; 0 until measured or while not connected
}

// Stats gives the figures of this peer's outgoing connection. It may be called
// at any time from any goroutine.
func (p *Peer) Stats() PeerStats {
	s := PeerStats{Traffic: p.stats.traffic()}
	l := p.link.Load()
	if l == nil {
		return s
	}
	l.mu.Lock()
	s.Calls, s.InFlightBytes = l.calls.n, l.inFlight
	s.Limit = l.pace.limit.Most()
	s.QueuedBytes = l.queued + int(l.bulk.Load())
	s.Remote = l.remote
	l.mu.Unlock()
	s.RoundTrip = time.Duration(l.rtt.Load())
	return s
}

// ServedStats is what the peers' connections to this node amount to.
type ServedStats struct {
	Traffic
	Open int // connections now
}

// Served gives the figures of the connections that peers opened to this node.
// It may be called at any time from any goroutine.
func (t *Transport) Served() ServedStats {
	t.mu.Lock()
	defer t.mu.Unlock()
	return ServedStats{Traffic: t.served.traffic(), Open: len(t.inbound)}
}
