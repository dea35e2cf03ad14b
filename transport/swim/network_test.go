package swim

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"
)

// memory is a network within the process, for synctest: everything waits on
// channels. Packets to nobody vanish, streams to nobody are refused.
type memory struct {
	mu    sync.Mutex
	hosts map[string]*host
	port  uint16
}

type host struct {
	net     *memory
	addr    *net.TCPAddr
	packets chan memoryPacket
	streams chan net.Conn
	closed  chan struct{}
	once    sync.Once
}

type memoryPacket struct {
	b    []byte
	from net.Addr
}

func newMemory() *memory { return &memory{hosts: map[string]*host{}, port: 10000} }

func (m *memory) listen(_ netip.Addr, _ uint16) (sockets, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.port++
	h := &host{
		net: m, addr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: int(m.port)},
		packets: make(chan memoryPacket, 4096), streams: make(chan net.Conn, 512),
		closed: make(chan struct{}),
	}
	m.hosts[h.addr.String()] = h
	return sockets{packets: memoryPackets{h}, streams: memoryStreams{h}, dial: m.dial}, nil
}

func (m *memory) find(addr string) *host {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.hosts[addr]
}

func (m *memory) dial(_ context.Context, addr string) (net.Conn, error) {
	h := m.find(addr)
	if h == nil {
		return nil, errors.New("connection refused")
	}
	near, far := net.Pipe()
	select {
	case h.streams <- far:
		return near, nil
	default:
		return nil, errors.New("connection refused: backlog full")
	}
}

func (h *host) close() error {
	h.once.Do(func() {
		h.net.mu.Lock()
		delete(h.net.hosts, h.addr.String())
		h.net.mu.Unlock()
		close(h.closed)
	})
	return nil
}

type memoryPackets struct{ *host }

func (p memoryPackets) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case in := <-p.packets:
		return copy(b, in.b), in.from, nil
	case <-p.closed:
		return 0, nil, net.ErrClosed
	}
}

func (p memoryPackets) WriteTo(b []byte, to net.Addr) (int, error) {
	if h := p.net.find(to.String()); h != nil {
		select {
		case h.packets <- memoryPacket{append([]byte(nil), b...), p.addr}:
		default:
		}
	}
	return len(b), nil
}

func (p memoryPackets) Close() error                     { return p.close() }
func (p memoryPackets) LocalAddr() net.Addr              { return p.addr }
func (p memoryPackets) SetDeadline(time.Time) error      { return nil }
func (p memoryPackets) SetReadDeadline(time.Time) error  { return nil }
func (p memoryPackets) SetWriteDeadline(time.Time) error { return nil }

type memoryStreams struct{ *host }

func (s memoryStreams) Accept() (net.Conn, error) {
	select {
	case c := <-s.streams:
		return c, nil
	case <-s.closed:
		return nil, net.ErrClosed
	}
}

func (s memoryStreams) Close() error   { return s.close() }
func (s memoryStreams) Addr() net.Addr { return s.addr }

// partition puts nodes on sides and can cut the sides off from each other:
// packets across vanish and streams across are not opened. It works the same
// over memory and over real sockets.
type partition struct {
	mu   sync.Mutex
	side map[string]int
	cut  bool
}

func newPartition() *partition { return &partition{side: map[string]int{}} }

func (p *partition) set(cut bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = cut
}

func (p *partition) blocked(from int, to string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	side, known := p.side[to]
	return p.cut && known && side != from
}

// on gives a listen function for a node on a side.
func (p *partition) on(side int, below listenFunc) listenFunc {
	return func(addr netip.Addr, port uint16) (sockets, error) {
		s, err := below(addr, port)
		if err != nil {
			return s, err
		}
		p.mu.Lock()
		p.side[s.listenAddr().String()] = side
		p.mu.Unlock()
		dial := s.dial
		s.packets = cutPackets{s.packets, p, side}
		s.dial = func(ctx context.Context, addr string) (net.Conn, error) {
			if p.blocked(side, addr) {
				return nil, errors.New("network is unreachable")
			}
			return dial(ctx, addr)
		}
		return s, nil
	}
}

type cutPackets struct {
	net.PacketConn
	p    *partition
	side int
}

func (c cutPackets) WriteTo(b []byte, to net.Addr) (int, error) {
	if c.p.blocked(c.side, to.String()) {
		return len(b), nil
	}
	return c.PacketConn.WriteTo(b, to)
}
