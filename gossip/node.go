package gossip

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/grapevine-go/grapevine/internal/fault"
	"github.com/grapevine-go/grapevine/internal/replica"
	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/quorum/hint"
	"github.com/grapevine-go/grapevine/rumor"
	"github.com/grapevine-go/grapevine/transport"
	"github.com/grapevine-go/grapevine/transport/swim"
)

// Node is one member of a cluster, embedded in an application. All methods may
// be called from any goroutine, and from hooks.
type Node struct {
	cfg     Config
	log     *slog.Logger
	replica *replica.Replica
	swim    *swim.Swim
	data    *transport.Transport
	metrics *metrics
	calls   sync.Pool // of *call

	peers atomic.Pointer[map[peer.ID]*transport.Peer] // replaced as a whole, under peersMu

	peersMu  sync.Mutex
	ways     map[peer.ID]way // what peers was made from
	ctx      context.Context // ends with the node
	stop     context.CancelCauseFunc
	closed   chan struct{} // closed when the loop has closed everything
	changed  changed       // told whenever the view changes
	repairs  repairs
	probes   probes
	tracing  tracing
	hooks    hooks
	sessions sessions
	load     load
	news     chan struct{}         // a member has changed, for the hook
	limits   chan struct{}         // the target of spreading is met, or not, for the hook
	failure  atomic.Pointer[error] // the last of the machine's messages that got no answer
	warned   atomic.Uint64         // nonce of the boot that the operator was warned of
	leaving  chan struct{}         // a place for the one Leave that works
	sync     chan struct{}         // it is time to look whether something is to be compared
	synced   chan struct{}         // closed when nothing is compared any more
	lose     func() bool           // see package fault; may be nil
	late     func() time.Duration  // likewise
	opened   chan struct{}         // closed when all parts are there
}

// How often the machine is told the time, and how its exchanges are timed.
const (
	tickEvery       = 10 * time.Millisecond
	ringEvery       = 2 * time.Second
	retryEvery      = 300 * time.Millisecond
	exchangeTimeout = 5 * time.Second
	hedgeAfter      = 50 * time.Millisecond
)

// Start starts a node and returns when it has its place in the cluster: when it
// has learned the ring state from another node, or has begun a cluster itself
// (see [Config.Seeds]). It is then a member, but not filled with its data yet:
// see [Node.WaitReady].
//
// The error wraps [ErrConfig] for a bad configuration (all problems at once; a
// busy port and a Registerer that has these metrics already are found last and
// alone). It wraps ctx's error if that ended first, with why the seeds did not
// do: swim.ErrRefused, for one, where another cluster or key was found. Nothing
// is left running then. After Start has returned, ctx has no more effect on the
// node.
//
// Another node of this name that still runs is replaced: it stops with
// [ErrReplaced], and both log it as a warning or an error.
func Start(ctx context.Context, cfg Config) (*Node, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	n := &Node{cfg: cfg.withDefaults().withFaults(ctx), lose: fault.Loss(ctx), late: fault.Lateness(ctx)}
	n.log = n.cfg.Logger.With("node", string(n.cfg.Name))
	n.calls.New = func() any { return newCall(n) }
	n.ctx, n.stop = context.WithCancelCause(context.Background())
	n.peers.Store(new(map[peer.ID]*transport.Peer))
	n.changed.init()
	n.repairs.init()
	n.tracing.init(n.cfg.TracerProvider, n.cfg.Name)
	n.hooks.init()
	n.sessions.init(&n.cfg)
	n.load.init(n.cfg.Timeout, fault.NoAdmission(ctx))
	n.news, n.limits, n.leaving = make(chan struct{}, 1), make(chan struct{}, 1), make(chan struct{}, 1)
	n.sync, n.synced = make(chan struct{}, 1), make(chan struct{})
	n.opened, n.closed = make(chan struct{}), make(chan struct{})
	if err := n.open(); err != nil {
		n.stop(ErrClosed)
		n.shut()
		return nil, err
	}
	close(n.opened)
	go n.loop()
	n.hooks.run(n.repairLoop)
	if n.cfg.Hooks.Member != nil {
		n.hooks.run(n.memberLoop)
	}
	if n.cfg.Hooks.Target != nil {
		n.hooks.run(n.targetLoop)
	}
	if err := n.findCluster(ctx); err != nil {
		n.Close()
		return nil, fmt.Errorf("gossip: start %s: %w", n.cfg.Name, err)
	}
	return n, nil
}

// open opens the sockets and makes the parts.
func (n *Node) open() error {
	boot := peer.Boot{Nonce: newNonce()}
	listener, err := n.listen()
	if err != nil {
		return err
	}
	sc := n.cfg.swim(boot)
	addr := listener.Addr().(*net.TCPAddr).AddrPort()
	sc.Data = addr
	if n.cfg.Advertise != "" { // at the advertised host
		sc.Data = netip.AddrPortFrom(netip.IPv4Unspecified(), addr.Port())
	}
	sc.Logger = n.log
	sc.OnEvent, sc.OnReplaced = n.onEvent, n.onReplaced
	if n.swim, err = swim.Start(sc); err != nil {
		listener.Close()
		return configError(err)
	}
	self := n.swim.Self()
	n.replica = replica.New(replica.Config{
		ID: n.cfg.Name, Nonce: boot.Nonce, Cluster: n.cfg.Cluster, Zone: n.cfg.Zone, Weight: n.cfg.Weight,
		Addr: self.Addr.String(), Data: self.Data.String(),
		MaxValue: n.cfg.MaxValue, MaxSkew: n.cfg.MaxSkew, Rand: mathrand.New(mathrand.NewPCG(newNonce(), newNonce())),
		RingEvery: ringEvery, SweepEvery: n.cfg.SweepEvery, SyncRate: float64(n.cfg.SyncRate), Retry: retryEvery, Timeout: exchangeTimeout,
		Target: n.cfg.Target, Hints: hint.Config{MaxBytes: max(n.cfg.HintBytes, 0), MaxAge: n.cfg.HintAge},
	})
	n.metrics = newMetrics(n)
	if n.cfg.TLS == nil && !n.cfg.loopback() {
		n.log.Warn("gossip: the data plane is not encrypted; set TLS", "addr", addr.String())
	}
	data := transport.Config{
		ID: n.cfg.Name, Boot: boot, Cluster: n.cfg.Cluster, Listener: n.delayed(listener), TLS: n.cfg.TLS, Handler: (*served)(n),
		BackoffMax: time.Second, Logger: n.log,
	}
	if n.cfg.faults != nil {
		n.cfg.faults(&data)
	}
	if n.data, err = transport.Start(data); err != nil {
		return err
	}
	return n.metrics.register() // last: from now on they are collected
}

func (n *Node) listen() (net.Listener, error) {
	host, _, err := net.SplitHostPort(n.cfg.Bind)
	if err != nil {
		return nil, &FieldError{Field: "Bind", Problem: strconv.Quote(n.cfg.Bind), Err: err}
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(n.cfg.DataPort)))
	switch {
	case err == nil:
		return l, nil
	case errors.Is(err, syscall.EADDRINUSE), errors.Is(err, syscall.EACCES):
		return nil, &FieldError{Field: "DataPort", Problem: strconv.Itoa(n.cfg.DataPort), Err: err}
	}
	return nil, &FieldError{Field: "Bind", Problem: strconv.Quote(n.cfg.Bind), Err: err} // its host is none of this machine's
}

func newNonce() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return max(binary.BigEndian.Uint64(b[:]), 1)
}

// findCluster returns when the node has learned the ring state, or has begun a
// cluster.
func (n *Node) findCluster(ctx context.Context) error {
	if len(n.cfg.Seeds) == 0 {
		n.form()
		return nil
	}
	quiet := 0 // rounds in which nobody knew of a cluster
	var why error
	told := time.Now()
	for wait := 50 * time.Millisecond; !n.replica.Learned(); wait = min(2*wait, 2*time.Second) {
		err := n.joinSeeds(ctx)
		if time.Since(told) > 5*time.Second {
			told = time.Now()
			n.log.Warn("gossip: waiting for a cluster: none of the seeds that answer belongs to one, and one is begun only when all seeds answer",
				"seeds", n.cfg.Seeds, "error", err)
		}
		if why == nil || ctx.Err() == nil {
			why = err
		}
		if quiet++; err != nil || !n.replica.Alone() {
			quiet = 0
		}
		if quiet >= 3 {
			n.form()
			return nil
		}
		if err := n.sleep(ctx, wait); err != nil {
			return fmt.Errorf("no cluster found through %v: %w: %w", n.cfg.Seeds, err, n.whyAlone(why))
		}
	}
	return nil
}

// whyAlone says why there is no ring state yet, if that is not because of the
// seeds.
func (n *Node) whyAlone(seeds error) error {
	if failure := n.failure.Load(); seeds == nil && failure != nil {
		return *failure
	}
	if seeds == nil {
		return errors.New("nobody who answers belongs to one")
	}
	return seeds
}

// form begins a cluster of this node alone.
func (n *Node) form() {
	var out replica.Effects
	n.replica.Form(time.Now(), &out)
	n.carry(&out)
	n.log.Info("gossip: began a cluster", "cluster", n.cfg.Cluster)
}

// joinSeeds contacts every seed; the error tells of those that were not reached,
// and of another node of this name.
func (n *Node) joinSeeds(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, exchangeTimeout)
	defer cancel()
	var mu sync.Mutex
	var errs []error
	var g sync.WaitGroup
	for _, seed := range n.cfg.Seeds {
		g.Go(func() {
			_, err := n.swim.Join(ctx, seed)
			if err == nil {
				err = n.rival()
			}
			if err != nil {
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, err)
			}
		})
	}
	g.Wait()
	return errors.Join(errs...)
}

// rival is an error if another node of this name runs. Where there is a cluster,
// this one takes its place all the same, as the later boot: the operator must be
// told at once. Where the other is all that the seeds know, this node must not
// begin a second cluster beside it.
func (n *Node) rival() error {
	m, runs := n.swim.Rival()
	if !runs {
		return nil // a restart in time finds the last boot silent
	}
	if n.warned.Swap(m.Boot.Nonce) != m.Boot.Nonce {
		n.log.Warn("gossip: another node of this name is running; as soon as this one finds the cluster, it takes the other's place, and the other stops: names must be unique",
			"addr", m.Addr.String(), "boot", m.Boot.String())
	}
	return fmt.Errorf("another node named %s is running at %v", n.cfg.Name, m.Addr)
}

// sleep waits until d has passed or the view changes; the error is that of ctx
// or of the node's end.
func (n *Node) sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-n.changed.wait():
		return nil
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-n.ctx.Done():
		return context.Cause(n.ctx)
	}
}

// loop tells the machine the time, and closes everything in the end.
func (n *Node) loop() {
	defer n.shut()
	go n.syncLoop()
	defer func() { <-n.synced }()
	t := time.NewTicker(tickEvery)
	defer t.Stop()
	var out replica.Effects
	limit := rumor.NoLimit
	for {
		select {
		case <-n.ctx.Done():
			return
		case <-t.C:
		}
		now := time.Now()
		n.load.expire(now)
		n.replica.Tick(now, &out)
		n.carry(&out)
		select {
		case n.sync <- struct{}{}:
		default:
		}
		n.follow()
		limit = n.followTarget(limit)
		if err := n.replica.Err(); err != nil {
			n.log.Error("gossip: the node stops", "error", err)
			n.stop(err)
			return
		}
	}
}

// peer returns the way to a node; nil if its address is not known.
func (n *Node) peer(id peer.ID) *transport.Peer { return (*n.peers.Load())[id] }

// follow does what a changed view asks for: ways to new members, metrics,
// waking those who wait.
func (n *Node) follow() {
	if v := n.replica.View(); n.changed.news(v) {
		n.connect()
		_ = n.swim.SetCounter(v.Boot.Counter) // fails only when the node is closing
	}
}

// way is how a member is reached: a boot of it, and where that is.
type way struct {
	nonce uint64
	addr  string
}

// connect makes a way to every member that membership or the ring state has an
// address of.
func (n *Node) connect() {
	n.peersMu.Lock() // before looking: the last to come must not have an older view
	defer n.peersMu.Unlock()
	ways := n.known()
	for id, old := range n.ways {
		// An older boot may go on living, and answering, where it was.
		if ways[id].nonce != old.nonce {
			n.data.Remove(id)
		}
	}
	peers := make(map[peer.ID]*transport.Peer, len(ways))
	for id, w := range ways {
		peers[id] = n.data.Peer(id, w.addr)
	}
	n.ways = ways
	n.peers.Store(&peers)
}

// known gives the ways to the others. Of two boots it is the one that membership
// says is alive, unless the ring state knows that another came later.
func (n *Node) known() map[peer.ID]way {
	ways := make(map[peer.ID]way)
	s := n.replica.View().State
	for _, m := range s.Members() {
		ways[m.ID] = way{m.Boot.Nonce, m.Data}
	}
	for _, m := range n.swim.Members() {
		r, ok := s.Member(m.ID)
		later := ok && (!m.State.Live() || m.Boot.Counter != 0 && m.Boot.Counter < r.Boot.Counter)
		if m.Data.IsValid() && !later {
			ways[m.ID] = way{m.Boot.Nonce, m.Data.String()}
		}
	}
	delete(ways, n.cfg.Name)
	return ways
}

// Leave hands this node's partitions over to the others and says goodbye: the
// others fill themselves, the ring goes on without it, and membership hears
// that it left. If ctx ends first, its error is returned, wrapped with who the
// node was still waiting for, and the node is still a member that is leaving;
// Leave may be called again. Afterwards the node owns nothing, but its tables
// can be used until Close, which is to be called in any case.
func (n *Node) Leave(ctx context.Context) error {
	if err := n.alive(); err != nil {
		return err
	}
	if err := n.handOver(ctx); err != nil {
		return err
	}
	return n.unlessEnded(n.swim.Leave(ctx))
}

// unlessEnded is err, or why the node has stopped if that is why there is one.
func (n *Node) unlessEnded(err error) error {
	if end := n.alive(); err != nil && end != nil {
		return end
	}
	return err
}

// Close stops the node without a goodbye and returns when no goroutine of it is
// left but for a hook that runs, perhaps the one that called Close, and
// membership's that are about to end, with nothing to wait for. Operations
// under way end with [ErrClosed]; their outcome is unknown if they were sent.
// Close may be called again, and then does nothing. It returns nil.
func (n *Node) Close() error {
	n.stop(ErrClosed)
	<-n.closed
	return nil
}

// shut closes the parts that were opened.
func (n *Node) shut() {
	n.hooks.close()
	n.load.shut(n.alive())
	if n.swim != nil {
		_ = n.swim.Close()
	}
	if n.data != nil {
		_ = n.data.Close()
	}
	if n.metrics != nil {
		n.metrics.close()
	}
	close(n.closed)
}

// alive returns why the node does not work any more, or nil.
func (n *Node) alive() error {
	if n.ctx.Err() != nil {
		return context.Cause(n.ctx)
	}
	return nil
}

// Done is closed when the node stops: by [Node.Close], or because a newer boot
// of its name replaced it ([ErrReplaced]) or it was removed from the cluster
// ([ErrForgotten]). Err says which. It then closes its sockets by itself, and
// Close does no more than wait for that.
func (n *Node) Done() <-chan struct{} { return n.ctx.Done() }

// Err returns why the node has stopped; nil while it runs.
func (n *Node) Err() error { return n.alive() }

// Why a node stops by itself.
var (
	ErrReplaced  = replica.ErrReplaced
	ErrForgotten = replica.ErrForgotten
)
