package swim

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"math/bits"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/memberlist"

	"github.com/grapevine-go/grapevine/peer"
)

// Errors of calls that come too late. Nothing has changed.
var (
	ErrClosed = errors.New("swim: closed")
	ErrLeft   = errors.New("swim: the node has left; start it anew to come back")
)

// Swim is a running member of a cluster. All methods may be called at any
// time, from any goroutine, from callbacks too.
//
// Beside memberlist's goroutines it owns four: two read the sockets (see
// transport), one delivers events, one rejoins. All end with Close.
type Swim struct {
	cfg   Config
	log   *slog.Logger
	dir   *directory
	tr    *transport
	keys  *memberlist.Keyring // nil: plaintext
	lines *logWriter
	ml    *memberlist.Memberlist
	mlc   *memberlist.Config

	ctx      context.Context // ends with Close
	cancel   context.CancelFunc
	wg       sync.WaitGroup // the goroutine that rejoins
	closing  sync.Once
	attempts atomic.Uint64 // of joins, for their names
	rejoined atomic.Uint64

	life sync.Mutex // serializes what changes the node's own state
	left bool

	keyLock sync.Mutex // serializes key rotation

	mu   sync.Mutex // memberlist takes it under its own lock: only to copy
	meta meta
}

// Start opens the sockets and begins to answer others. The node is alone until
// Join, or until another joins it.
//
// An error is a *[FieldError] (or several, joined): of Bind when the address is
// taken, wrapping [syscall.EADDRINUSE]. Nothing is left open then.
func Start(cfg Config) (*Swim, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	socks, advertise, err := cfg.open()
	if err != nil {
		return nil, err
	}
	s := newSwim(cfg, advertise)
	s.tr = newTransport(socks, advertise, s.log)
	s.mlc = s.memberlistConfig()
	if s.ml, err = memberlist.Create(s.mlc); err != nil {
		s.cancel()
		_ = s.tr.Shutdown()
		return nil, fmt.Errorf("swim: %w", err)
	}
	if len(cfg.Keys) == 0 && !advertise.Addr().IsLoopback() {
		s.log.Warn("swim: membership packets are not encrypted; set Keys", "addr", advertise)
	}
	go s.deliver()
	if s.cfg.Rejoin > 0 {
		s.wg.Go(s.rejoinLoop)
	}
	return s, nil
}

// open binds the sockets and finds the address to advertise.
func (c Config) open() (sockets, netip.AddrPort, error) {
	fail := func(field, value string, err error) (sockets, netip.AddrPort, error) {
		return sockets{}, netip.AddrPort{}, &FieldError{Field: field, Problem: strconv.Quote(value), Err: err}
	}
	addr, port, err := c.bindAddress()
	if err != nil {
		return fail("Bind", c.Bind, err)
	}
	listen := c.listen
	if listen == nil {
		listen = listenNet
	}
	socks, err := listen(addr, port)
	if err != nil {
		return fail("Bind", c.Bind, err)
	}
	advertise, err := c.advertiseAddress(socks.listenAddr())
	if err != nil {
		_ = socks.streams.Close()
		_ = socks.packets.Close()
		return fail("Advertise", c.Advertise, err)
	}
	return socks, advertise, nil
}

// newSwim fills in the defaults.
func newSwim(cfg Config, advertise netip.AddrPort) *Swim {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Data.Addr().IsUnspecified() {
		cfg.Data = netip.AddrPortFrom(advertise.Addr(), cfg.Data.Port())
	}
	if cfg.Rejoin == 0 {
		cfg.Rejoin = cfg.Preset.timings().PushPullInterval / 3
	}
	s := &Swim{
		cfg: cfg, log: cfg.Logger, dir: newDirectory(cfg.ID, cfg.Boot.Nonce),
		meta: meta{
			id: cfg.ID, boot: cfg.Boot, versions: cfg.Versions, zone: cfg.Zone, weight: cfg.Weight,
			data: netip.AddrPortFrom(cfg.Data.Addr().Unmap(), cfg.Data.Port()),
		},
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.lines = &logWriter{log: s.log, closing: s.ctx}
	return s
}

// memberlistConfig is the preset with this package behind every hook.
func (s *Swim) memberlistConfig() *memberlist.Config {
	d := delegate{s}
	c := s.cfg.Preset.timings()
	c.Name = wireName(s.cfg.ID, s.cfg.Boot.Nonce)
	c.Label = s.cfg.Cluster
	c.Transport = s.tr
	c.BindPort = int(s.tr.advertise.Port())
	c.Delegate, c.Events, c.Alive, c.Ping = d, d, d, d
	c.DisableTcpPingsForNode = d.unanswered
	c.Logger = log.New(s.lines, "", 0)
	// The packets are small and mostly names and addresses: compressing each
	// costs more than it saves.
	c.EnableCompression = false
	if len(s.cfg.Keys) > 0 {
		c.Keyring, _ = memberlist.NewKeyring(clones(s.cfg.Keys), clones(s.cfg.Keys)[0]) // validated
		s.keys = c.Keyring
	}
	if s.cfg.tune != nil {
		s.cfg.tune(c)
	}
	return c
}

// Members gives one entry per known id, sorted by id: this node, the live
// ones, and the most recent 1024 of those that failed or left. Where several
// boots of an id are known it is the newest, and a boot whose counter is known
// never gives way to an older one.
func (s *Swim) Members() []Member { return s.dir.members() }

// Member gives what is known of an id; ok is false if nothing is.
func (s *Swim) Member(id peer.ID) (m Member, ok bool) { return s.dir.member(id) }

// Self gives this node as the others see it. Its State is Alive or Left.
func (s *Swim) Self() Member {
	m, _ := s.dir.member(s.cfg.ID)
	return m
}

// Stats are figures for an operator, counted since Start.
type Stats struct {
	Rejoins uint64 // attempts to rejoin that somebody answered
	Refused uint64 // contacts refused, on either side, and malformed messages ignored
	Health  int    // Lifeguard's local health: 0 is well, 7 is this node itself being slow or cut off
}

// Stats gives the present figures.
func (s *Swim) Stats() Stats {
	return Stats{
		Rejoins: s.rejoined.Load(),
		Refused: s.lines.refused.count(),
		Health:  s.ml.GetHealthScore(),
	}
}

// Update tells the cluster another zone and weight of this node. It returns
// without waiting until the others know. Errors: a *[FieldError] of Zone,
// ErrClosed, ErrLeft; nothing has changed then.
func (s *Swim) Update(zone string, weight uint32) error {
	if err := (meta{id: "x", boot: peer.Boot{Nonce: 1}, zone: zone}).check(); err != nil {
		return zoneError(zone)
	}
	return s.announce(func(m *meta) { m.zone, m.weight = zone, weight })
}

// SetCounter tells the cluster the counter of this node's boot, for a node
// that has learned it after Start. A counter that is not above the present one
// changes nothing. Errors: ErrClosed, ErrLeft.
func (s *Swim) SetCounter(counter uint64) error {
	return s.announce(func(m *meta) { m.boot.Counter = max(m.boot.Counter, counter) })
}

// announce changes what this node tells about itself.
func (s *Swim) announce(change func(*meta)) error {
	s.life.Lock()
	defer s.life.Unlock()
	if err := s.usable(); err != nil {
		return err
	}
	s.broadcast(change)
	return nil
}

// usable reports whether the node takes part. The caller holds life.
func (s *Swim) usable() error {
	switch {
	case s.ctx.Err() != nil:
		return ErrClosed
	case s.left:
		return ErrLeft
	}
	return nil
}

// broadcast hands the changed metadata to memberlist, which gossips it. The
// caller holds life.
func (s *Swim) broadcast(change func(*meta)) {
	s.mu.Lock()
	change(&s.meta)
	s.mu.Unlock()
	// The error says that the message was not sent within the time given: it
	// is queued all the same, and waiting is for those who need to.
	_ = s.ml.UpdateNode(1)
}

// Leave says goodbye, so that the others see the node as Left rather than
// waiting for it to fail, and waits until word has spread: at LAN about a
// second and a half for a few nodes. When ctx ends before, the error is ctx's,
// the goodbye is under way all the same, and who misses it will see a failure.
// Further calls do nothing. Close is still to be called. Errors: ErrClosed.
func (s *Swim) Leave(ctx context.Context) error {
	s.life.Lock()
	err := s.usable()
	spread := s.spreadTime()
	if err == nil {
		s.left = true
		s.broadcast(func(m *meta) { m.leaving = true })
	}
	s.life.Unlock()
	switch {
	case errors.Is(err, ErrLeft):
		return nil
	case err != nil:
		return err
	}
	// Memberlist does not tell its listeners a node that left from one that
	// failed, so the metadata says it, and memberlist's own goodbye, which
	// would take the place of that message, follows when it has spread.
	if err := s.rest(ctx, spread); err != nil {
		return err
	}
	s.life.Lock()
	if s.ctx.Err() == nil {
		_ = s.ml.Leave(1) // as UpdateNode: queued at once
	}
	s.life.Unlock()
	return s.rest(ctx, spread)
}

// rest waits for d.
func (s *Swim) rest(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return fmt.Errorf("swim: leave: %w", context.Cause(ctx))
	case <-s.ctx.Done():
		return ErrClosed
	}
}

// spreadTime is how long a rumor needs to reach everybody: the number of those
// who know at least doubles with each gossip interval, and two are spare.
func (s *Swim) spreadTime() time.Duration {
	n := s.ml.NumMembers()
	if n < 2 {
		return 0
	}
	return time.Duration(bits.Len(uint(n))+2) * s.mlc.GossipInterval
}

// Close stops the node without a goodbye and frees its sockets. When it
// returns every goroutine has ended or is about to, with nothing to wait for,
// and no callback will start; one that runs, perhaps the one that called
// Close, runs to its end. Further calls do nothing.
func (s *Swim) Close() error {
	var err error
	s.closing.Do(func() {
		s.life.Lock() // nobody is between usable and memberlist
		s.cancel()
		s.life.Unlock()
		s.release()
		err = s.ml.Shutdown()
		s.wg.Wait()
	})
	return err
}

// deliver calls the callbacks.
func (s *Swim) deliver() {
	replaced := s.cfg.OnReplaced == nil
	for {
		select {
		case <-s.dir.wake:
		case <-s.ctx.Done():
			return
		}
		for s.ctx.Err() == nil {
			ev, ok := s.dir.next()
			if !ok {
				break
			}
			if s.cfg.OnEvent != nil {
				s.cfg.OnEvent(ev)
			}
		}
		if m, ok := s.dir.takeRival(); ok && !replaced && s.answers(m, pingTries) {
			replaced = true
			s.cfg.OnReplaced(m)
		}
	}
}

// Rival gives another boot of this node's own id that runs now, be it older or
// newer: it has answered a ping. It waits for the answer for as long as a probe
// does (Local 0.2 s, LAN 0.5 s, WAN 3 s), and not at all if no such boot is
// believed alive. A lost packet hides a rival; whoever must be sure asks again.
func (s *Swim) Rival() (m Member, ok bool) {
	m, ok = s.dir.believedRival()
	return m, ok && s.answers(m, 1)
}

// pingTries is how often a rival is pinged before the node stops for it:
// packets get lost.
const pingTries = 3

// answers reports whether a member answers a ping now. To be believed alive is
// not enough to stop a node: its own last life is, for a while.
func (s *Swim) answers(m Member, tries int) bool {
	name := wireName(m.ID, m.Boot.Nonce)
	for range tries {
		_, err := s.ml.Ping(name, net.UDPAddrFromAddrPort(m.Addr))
		if s.ctx.Err() != nil {
			return false // release has put the answer in
		}
		if err == nil {
			return true
		}
	}
	return false
}
