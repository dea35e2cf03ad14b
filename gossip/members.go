package gossip

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/grapevine-go/grapevine/internal/replica"
	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/ring"
	"github.com/grapevine-go/grapevine/transport/swim"
)

// Member is what this node knows of a member at one moment: a plain value.
type Member struct {
	ID     peer.ID
	Boot   peer.Boot      // the life of it that is known; zero counter: not told yet
	Addr   netip.AddrPort // of membership
	Data   netip.AddrPort // of the data plane
	Zone   string
	Weight uint32
	State  State         // what membership believes
	Status ring.Status   // its place in the ring, which does not follow from State
	InRing bool          // whether it has a place in the ring at all
	RTT    time.Duration // smoothed round trip; 0: not measured
}

// State is what membership believes of a member.
type State = swim.State

// The states of a member.
const (
	Alive   = swim.Alive
	Suspect = swim.Suspect
	Failed  = swim.Dead
	Left    = swim.Left
)

// EventKind says what happened to a member.
type EventKind = swim.EventKind

// The kinds of events.
const (
	Joined  = swim.Join
	Parted  = swim.Leave
	Failure = swim.Fail
	Updated = swim.Update
)

// Event is a change of another member, see [Hooks.Member].
type Event struct {
	Kind   EventKind
	Member Member
}

// ID returns the node's name.
func (n *Node) ID() peer.ID { return n.cfg.Name }

// Addr returns the address under which others reach this node's membership: a
// seed for them.
func (n *Node) Addr() netip.AddrPort { return n.swim.Self().Addr }

// Members returns every member that is known, this node included, by id: the
// living, the failed, and those that left.
func (n *Node) Members() []Member {
	known := make(map[peer.ID]Member)
	for _, m := range n.replica.View().State.Members() {
		known[m.ID] = inRing(m)
	}
	for _, s := range n.swim.Members() {
		known[s.ID] = n.merge(s, known[s.ID])
	}
	members := make([]Member, 0, len(known))
	for _, m := range known {
		members = append(members, m)
	}
	slices.SortFunc(members, func(a, b Member) int { return cmp.Compare(a.ID, b.ID) })
	return members
}

// inRing is what the ring state says of a member.
func inRing(m ring.Member) Member {
	addr, _ := netip.ParseAddrPort(m.Addr)
	data, _ := netip.ParseAddrPort(m.Data)
	return Member{ID: m.ID, Boot: m.Boot, Addr: addr, Data: data, Zone: m.Zone, Weight: m.Weight,
		State: Failed, Status: m.Status, InRing: true}
}

// merge adds what membership says to what the ring state says.
func (n *Node) merge(s swim.Member, m Member) Member {
	m.ID, m.Addr, m.Data, m.State, m.RTT = s.ID, s.Addr, s.Data, s.State, s.RTT
	switch {
	case m.Boot.Nonce != s.Boot.Nonce:
		m.Boot = s.Boot
	case m.Status == ring.Left && s.State == Failed:
		m.State = Left // membership's goodbye spreads as a rumor, which may miss some
	}
	if !m.InRing {
		m.Zone, m.Weight = s.Zone, s.Weight
	}
	return m
}

// member is what is known of one member; false if membership knows nothing.
func (n *Node) member(id peer.ID) (Member, bool) {
	s, ok := n.swim.Member(id)
	if !ok {
		return Member{}, false
	}
	var m Member
	if r, ok := n.replica.View().State.Member(id); ok {
		m = inRing(r)
	}
	return n.merge(s, m), true
}

// onEvent brings what membership believes to the machine, at once: the machine
// must not wait for the hook, which may be waiting for the machine. It runs on
// membership's delivery goroutine.
func (n *Node) onEvent(e swim.Event) {
	select {
	case <-n.opened:
	case <-n.ctx.Done():
		return
	}
	n.replica.Verdict(e.Member.ID, e.Member.Boot.Nonce, e.Member.State.Live())
	n.follow()
	n.log.Info("gossip: member "+e.Kind.String(), "member", string(e.Member.ID), "boot", e.Member.Boot.String(), "addr", e.Member.Addr.String())
	select {
	case n.news <- struct{}{}:
	default:
	}
}

// onReplaced hears that another boot of this node's name is alive. Which of
// both goes is decided by the ring state, which knows who came later.
func (n *Node) onReplaced(m swim.Member) {
	n.log.Warn("gossip: another node has this name", "addr", m.Addr.String(), "boot", m.Boot.String())
}

// Join contacts seeds, besides those of the configuration, and returns how many
// answered: for members that become known later. The node finds lost members
// again by itself. The error says why none answered; nothing changed then.
func (n *Node) Join(ctx context.Context, seeds ...string) (int, error) {
	if err := n.alive(); err != nil {
		return 0, err
	}
	answered, err := n.swim.Join(ctx, seeds...)
	return answered, n.unlessEnded(err)
}

// Forget removes a member that will not come back: the others take over its
// partitions. A node that is forgotten although it lives stops with
// [ErrForgotten]. It reports whether there was such a member in the ring; this
// node itself is none to forget, see [Node.Leave].
func (n *Node) Forget(id peer.ID) bool {
	if n.alive() != nil || id == n.cfg.Name {
		return false
	}
	var out replica.Effects
	ok := n.replica.Forget(time.Now(), id, &out)
	n.carry(&out)
	return ok
}

// Status is where a node stands.
type Status struct {
	ID          peer.ID
	Boot        peer.Boot
	Serving     bool           // it has its place in the ring
	Synced      bool           // all of its partitions hold all that was acknowledged
	Ready       bool           // Serving, Synced, and not alone in the ring while others live
	Alive       int            // members that are asked, being believed alive; this one included
	RingVersion uint64         // hash of the ring state: equal on nodes that know the same
	Unsynced    map[string]int // partitions that are not synced, by table
}

// Status returns where the node stands.
func (n *Node) Status() Status {
	v := n.replica.View()
	s := Status{ID: n.cfg.Name, Boot: v.Boot, RingVersion: v.Version(), Unsynced: n.replica.Fills()}
	status, ok := v.Status()
	s.Serving = ok && status == ring.Serving && n.alive() == nil
	s.Synced = ok && len(s.Unsynced) == 0
	s.Alive = n.asked(v)
	// A node that began a cluster by itself and sees others is about to learn of
	// theirs.
	settled := s.Alive == 1 || len(v.State.Members()) > 1
	s.Ready = s.Serving && s.Synced && settled
	return s
}

// asked counts the members that are asked when they are needed: in the ring by
// what the machine has heard, which is what operations go by and may be a moment
// behind membership, or ahead of it where a node is back. Those without a place
// in the ring are alive if membership says so.
func (n *Node) asked(v *replica.View) (count int) {
	for i, m := range v.State.Members() {
		if m.Status != ring.Left && !v.Down(i) {
			count++
		}
	}
	for _, m := range n.swim.Members() {
		if r, ok := v.State.Member(m.ID); m.State.Live() && (!ok || r.Status == ring.Left) {
			count++
		}
	}
	return count
}

// WaitReady returns when the node has its place in the ring and every partition
// that it owns is synced: it then counts in every quorum. The error is ctx's,
// with what is missing, or that of the node's end.
func (n *Node) WaitReady(ctx context.Context) error {
	for {
		s := n.Status()
		if s.Ready {
			return nil
		}
		if err := n.sleep(ctx, 20*time.Millisecond); err != nil {
			return fmt.Errorf("gossip: %s is not ready (serving %t, unsynced partitions %v): %w", n.cfg.Name, s.Serving, s.Unsynced, err)
		}
	}
}

// WaitSynced returns when every partition that the node owns holds all that was
// acknowledged: at once if it does, after a start without data when the others have
// filled it, as fast as [Config.SyncRate] allows. Unlike [Node.WaitReady] it does
// not wait for others to be heard of. The error is ctx's, with what is missing, or
// that of the node's end.
func (n *Node) WaitSynced(ctx context.Context) error {
	for {
		s := n.Status()
		if s.Synced && n.alive() == nil {
			return nil
		}
		if err := n.sleep(ctx, 20*time.Millisecond); err != nil {
			return fmt.Errorf("gossip: %s is not synced (serving %t, unsynced partitions %v): %w", n.cfg.Name, s.Serving, s.Unsynced, err)
		}
	}
}

// handOver makes the others take over this node's partitions.
func (n *Node) handOver(ctx context.Context) error {
	select {
	case n.leaving <- struct{}{}:
		defer func() { <-n.leaving }()
	case <-ctx.Done():
		return fmt.Errorf("gossip: leave: another Leave is under way: %w", ctx.Err())
	}
	if s, ok := n.replica.View().Status(); ok && s == ring.Left {
		return nil
	}
	var out replica.Effects
	n.replica.SetStatus(time.Now(), ring.Leaving, &out)
	n.carry(&out)
	for {
		waiting := n.replica.HandedOver()
		if len(waiting) == 0 {
			break
		}
		if err := n.sleep(ctx, 20*time.Millisecond); err != nil {
			return fmt.Errorf("gossip: leave: %v did not take over yet: %w", waiting, err)
		}
	}
	// What is hot here may be nowhere else. A second is enough for it, and who
	// goes on writing must not keep the node for ever.
	for end := time.Now().Add(time.Second); n.replica.SpreadStats().Hot > 0 && time.Now().Before(end); {
		if err := n.pause(ctx, tickEvery); err != nil {
			return fmt.Errorf("gossip: leave: the last updates are not told yet: %w", err)
		}
	}
	if err := n.drainHints(ctx); err != nil {
		return fmt.Errorf("gossip: leave: hints are not delivered yet: %w", err)
	}
	n.replica.SetStatus(time.Now(), ring.Left, &out)
	return n.tell(ctx, &out)
}

// tell sends what the machine wants to have sent and waits until all of it was
// answered, or has failed: what a node says last must have left it before it
// closes.
func (n *Node) tell(ctx context.Context, out *replica.Effects) error {
	d := &delivery{n: n, done: make(chan struct{})}
	if d.open.Store(int64(len(out.Sends))); len(out.Sends) == 0 {
		return nil
	}
	n.carryTo(d, out)
	select {
	case <-d.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("gossip: leave: not everybody knows yet: %w", ctx.Err())
	}
}

// delivery counts the replies to messages that somebody waits for.
type delivery struct {
	n    *Node
	open atomic.Int64
	done chan struct{}
}

// Complete implements transport.Completion.
func (d *delivery) Complete(token uint64, reply []byte, err error) {
	(*background)(d.n).Complete(token, reply, err)
	if d.open.Add(-1) == 0 {
		close(d.done)
	}
}

// changed wakes those who wait for the view to change.
type changed struct {
	mu   sync.Mutex
	view *replica.View
	ch   chan struct{}
}

func (c *changed) init() { c.ch = make(chan struct{}) }

// wait returns a channel that is closed with the next change.
func (c *changed) wait() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ch
}

// news reports whether v is another view than the last.
func (c *changed) news(v *replica.View) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.view == v {
		return false
	}
	c.view = v
	close(c.ch)
	c.ch = make(chan struct{})
	return true
}
