package swim

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/memberlist"
)

const (
	maxPacket  = 65536   // no datagram is larger
	recvBuffer = 2 << 20 // asked of the kernel, so that bursts of packets are not lost
	maxInbound = 256     // streams from others at once; memberlist serves 128 exchanges
)

var errQuiet = errors.New("swim: closing")

// sockets is the network below: packets, streams, and a way to open one. The
// addresses are IP addresses with ports.
type sockets struct {
	packets net.PacketConn
	streams net.Listener
	dial    func(ctx context.Context, addr string) (net.Conn, error)
}

// transport carries memberlist's packets and streams. Unlike memberlist's own
// it knows every stream that is open, so that a context can end one and Close
// all of them, and it bounds how many others may open.
//
// It runs two goroutines, one per socket, that end with Shutdown.
type transport struct {
	sockets
	advertise netip.AddrPort
	log       *slog.Logger
	packetCh  chan *memberlist.Packet
	streamCh  chan net.Conn

	ctx    context.Context // ends with Shutdown
	cancel context.CancelFunc
	wg     sync.WaitGroup

	quiet atomic.Bool            // nothing is sent any more
	probe atomic.Pointer[[]byte] // see release

	mu       sync.Mutex
	open     map[*stream]struct{}
	inbound  int
	attempts map[string]*attempt
}

// attempt is a join under way. Memberlist's Join takes no context, but it
// hands the name in front of an address ("name/host:port") to the transport:
// the attempt is found by it.
type attempt struct {
	ctx context.Context
	err error // why the dial failed
}

var _ memberlist.NodeAwareTransport = (*transport)(nil)

func newTransport(s sockets, advertise netip.AddrPort, log *slog.Logger) *transport {
	t := &transport{
		sockets: s, advertise: advertise, log: log,
		packetCh: make(chan *memberlist.Packet),
		streamCh: make(chan net.Conn),
		open:     make(map[*stream]struct{}),
		attempts: make(map[string]*attempt),
	}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	t.wg.Go(t.readPackets)
	t.wg.Go(t.acceptStreams)
	return t
}

func (t *transport) PacketCh() <-chan *memberlist.Packet { return t.packetCh }
func (t *transport) StreamCh() <-chan net.Conn           { return t.streamCh }

func (t *transport) FinalAdvertiseAddr(string, int) (net.IP, int, error) {
	return t.advertise.Addr().AsSlice(), int(t.advertise.Port()), nil
}

func (t *transport) WriteTo(b []byte, addr string) (time.Time, error) {
	return t.WriteToAddress(b, memberlist.Address{Addr: addr})
}

func (t *transport) WriteToAddress(b []byte, a memberlist.Address) (time.Time, error) {
	if t.quiet.Load() {
		if a.Name == releaseName {
			t.probe.Store(&b)
		}
		return time.Time{}, errQuiet
	}
	to, err := netip.ParseAddrPort(a.Addr)
	if err != nil {
		return time.Time{}, err
	}
	_, err = t.packets.WriteTo(b, net.UDPAddrFromAddrPort(to))
	return time.Now(), err
}

func (t *transport) DialTimeout(addr string, timeout time.Duration) (net.Conn, error) {
	return t.DialAddressTimeout(memberlist.Address{Addr: addr}, timeout)
}

// DialAddressTimeout opens a stream that ends with the transport, and with the
// context of the attempt that it belongs to.
func (t *transport) DialAddressTimeout(a memberlist.Address, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(t.ctx, timeout)
	defer cancel()
	t.mu.Lock()
	at := t.attempts[a.Name]
	t.mu.Unlock()
	if at != nil {
		defer context.AfterFunc(at.ctx, cancel)()
	}
	conn, err := t.dial(ctx, a.Addr)
	if err != nil {
		if at != nil {
			at.err = err
		}
		return nil, err
	}
	// Memberlist writes the cluster's name before it sets its own deadline.
	_ = conn.SetDeadline(time.Now().Add(timeout))
	s := &stream{Conn: conn, t: t}
	if !t.track(s) {
		return nil, errQuiet
	}
	if at != nil {
		s.detach = context.AfterFunc(at.ctx, func() { _ = conn.Close() })
	}
	return s, nil
}

// begin and finish frame an attempt: dials to its name obey its context.
func (t *transport) begin(name string, at *attempt) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.attempts[name] = at
}

func (t *transport) finish(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.attempts, name)
}

// inject hands memberlist a packet that did not come from the network. The
// caller has not shut the transport down yet.
func (t *transport) inject(b []byte) {
	select {
	case t.packetCh <- &memberlist.Packet{Buf: b, From: t.packets.LocalAddr(), Timestamp: time.Now()}:
	case <-t.ctx.Done():
	}
}

// readPackets hands datagrams to memberlist until the socket is closed. The
// buffer is reused: a packet costs its own size, not the largest possible.
func (t *transport) readPackets() {
	buf := make([]byte, maxPacket)
	var wait backoff
	for {
		n, from, err := t.packets.ReadFrom(buf)
		now := time.Now()
		if err != nil {
			if !wait.after(t, "reading a packet", err) {
				return
			}
			continue
		}
		wait = 0
		if n == 0 {
			continue
		}
		p := &memberlist.Packet{Buf: append([]byte(nil), buf[:n]...), From: from, Timestamp: now}
		select {
		case t.packetCh <- p:
		case <-t.ctx.Done():
			return
		}
	}
}

// acceptStreams hands streams to memberlist until the socket is closed.
func (t *transport) acceptStreams() {
	var wait backoff
	for {
		conn, err := t.streams.Accept()
		if err != nil {
			if !wait.after(t, "accepting a stream", err) {
				return
			}
			continue
		}
		wait = 0
		s := &stream{Conn: conn, t: t, inbound: true}
		if !t.track(s) {
			continue
		}
		select {
		case t.streamCh <- s:
		case <-t.ctx.Done():
			_ = s.Close()
			return
		}
	}
}

// backoff is how long a loop rests after errors in a row, 5 ms to 1 s.
type backoff time.Duration

// after rests; it reports false when the transport ends.
func (b *backoff) after(t *transport, doing string, err error) bool {
	if t.ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
		return false
	}
	*b = min(max(2**b, backoff(5*time.Millisecond)), backoff(time.Second))
	t.log.Error("swim: "+doing+" failed", "error", err, "wait", time.Duration(*b))
	select {
	case <-time.After(time.Duration(*b)):
		return true
	case <-t.ctx.Done():
		return false
	}
}

// track notes an open stream. It closes it and reports false when the
// transport ends, or when others opened too many.
func (t *transport) track(s *stream) bool {
	t.mu.Lock()
	full := t.ctx.Err() != nil || s.inbound && t.inbound >= maxInbound
	if !full {
		t.open[s] = struct{}{}
		if s.inbound {
			t.inbound++
		}
	}
	t.mu.Unlock()
	if full {
		_ = s.Conn.Close()
	}
	return !full
}

func (t *transport) untrack(s *stream) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.open[s]; ok && s.inbound {
		t.inbound--
	}
	delete(t.open, s)
}

// Shutdown closes the sockets and every stream and waits for the goroutines of
// the transport. Memberlist's own end with their streams.
func (t *transport) Shutdown() error {
	t.mu.Lock()
	t.cancel()
	open := make([]*stream, 0, len(t.open))
	for s := range t.open {
		open = append(open, s)
	}
	t.mu.Unlock()
	for _, s := range open {
		_ = s.Conn.Close()
	}
	err := errors.Join(t.packets.Close(), t.streams.Close())
	t.wg.Wait()
	return err
}

// stream is an open stream that the transport knows.
type stream struct {
	net.Conn
	t       *transport
	inbound bool
	detach  func() bool // from the context of its attempt; may be nil
}

// Write closes a stream on failure: memberlist forgets the one on which it
// could not write the cluster's name.
func (s *stream) Write(b []byte) (int, error) {
	n, err := s.Conn.Write(b)
	if err != nil {
		_ = s.Close()
	}
	return n, err
}

// Close closes the stream; more than once is allowed.
func (s *stream) Close() error {
	if s.detach != nil {
		s.detach()
	}
	s.t.untrack(s)
	return s.Conn.Close()
}
