package rumor

import (
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"time"

	"github.com/grapevine-go/grapevine/peer"
)

// Peers is a node's view of the other members, whatever it is kept in. The
// empty ID stands for none. Implementations decide what "random" prefers, say
// the near, and are asked from the core's calls only.
type Peers interface {
	// Sample draws a member other than the node itself; a near one of its zone,
	// if that has another.
	Sample(r *rand.Rand, near bool) peer.ID
	// Successor gives the member after the node in the order of that number, in
	// which members are sorted by a hash of the number and their ID, and in a near
	// order by a hash of the number and their zone first. All nodes must use the
	// same hashes.
	Successor(order uint64, near bool) peer.ID
	// All gives every member other than the node itself, once.
	All() iter.Seq[peer.ID]
}

// Limits of a [Config], in bytes.
const (
	MinMessage = 256
	MaxMessage = 1 << 20
)

// ErrConfig is wrapped by the errors of [Config.Validate], beside [ErrPolicy].
var ErrConfig = errors.New("rumor: invalid config")

// Config is what cores need; one value can serve many of them, and must not be
// changed while it does.
type Config struct {
	// Policy is how rumors spread.
	Policy Policy
	// Interval is the length of a cycle, above 0. Shorter: faster, and fewer
	// rumors share a message.
	Interval time.Duration
	// Rand is the source of chance; what it draws decides everything.
	Rand *rand.Rand
	// Message is how many bytes of a message a core fills, MinMessage to
	// MaxMessage; 0 stands for 1,200, which fits a packet. A rumor that does not
	// fit is announced by name and sent to who asks, in a message longer than
	// this.
	Message int
	// Rotate is for how long structured targets stay the same: all that is
	// originated in that time, by the clocks of the origins, takes the same orders,
	// so that a node talks to few others and keeps few connections. 0: each rumor
	// has orders of its own.
	Rotate time.Duration
	// HotBytes bounds the keys and bodies of hot rumors; 0 stands for 1 MiB.
	// What is over the bound is dropped, oldest first, counted, and left to
	// anti-entropy.
	HotBytes int
}

// Validate lists all problems at once, each naming its field. The errors wrap
// [ErrConfig] or [ErrPolicy].
func (c *Config) Validate() error {
	var errs []error
	if c.Interval <= 0 {
		errs = append(errs, fmt.Errorf("%w: Interval is %v, it must be above 0", ErrConfig, c.Interval))
	}
	if c.Rand == nil {
		errs = append(errs, fmt.Errorf("%w: Rand is nil", ErrConfig))
	}
	if c.Message != 0 && (c.Message < MinMessage || c.Message > MaxMessage) {
		errs = append(errs, fmt.Errorf("%w: Message is %d, allowed are %d to %d", ErrConfig, c.Message, MinMessage, MaxMessage))
	}
	if c.Rotate < 0 {
		errs = append(errs, fmt.Errorf("%w: Rotate is %v, it must not be below 0", ErrConfig, c.Rotate))
	}
	if c.HotBytes < 0 {
		errs = append(errs, fmt.Errorf("%w: HotBytes is %d, it must not be below 0", ErrConfig, c.HotBytes))
	}
	if err := c.Policy.Validate(); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// Stats counts what a core has seen since it was made.
type Stats struct {
	Originated uint64 // updates made here
	Useful     uint64 // rumors received that were news
	Duplicates uint64 // rumors received that were not
	Sent       uint64 // rumors sent with their bodies
	Announced  uint64 // rumors sent by name
	Asked      uint64 // rumors asked for by name
	Rejected   uint64 // contacts that others did not accept
	Overflow   uint64 // rumors dropped because HotBytes was reached

	// With structured targets and Patience: of the rumors whose copies were
	// counted, how many could be expected, and how many of those came.
	Expected, Heard uint64
}

// Core is the rumor mongering of one node. It is not safe for concurrent use.
type Core struct {
	cfg      *Config
	peers    Peers
	next     time.Time // of the grid of ticks: the first not yet taken
	hot      []item    // oldest first
	bytes    int       // of keys and bodies in hot
	turn     int       // where packing begins when not all that is hot fits
	accepted int       // contacts accepted in this cycle
	hunts    int       // contacts tried again in this cycle
	asked    []request
	stats    Stats

	// Of the policy, or as they were tuned; see [Core.Tune].
	k        int16
	links    []link // with tree targets
	rushes   int
	interval time.Duration
}

// New returns a core without rumors. Its ticks come an Interval apart, from a
// moment on that is drawn from the first Interval after now. The errors are
// those of [Config.Validate], and one that wraps [ErrConfig] if peers is nil.
func New(cfg *Config, peers Peers, now time.Time) (*Core, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if peers == nil {
		return nil, fmt.Errorf("%w: no peers", ErrConfig)
	}
	phase := time.Duration(cfg.Rand.Int64N(int64(cfg.Interval)))
	return &Core{cfg: cfg, peers: peers, next: now.Add(phase), k: int16(cfg.Policy.K), rushes: cfg.Policy.Rush, interval: cfg.Interval}, nil
}

// Tune makes the core follow a plan: its K holds for what is originated from now
// on, its Rush and Interval for all. It does nothing where the policy's targets
// are not structured.
func (c *Core) Tune(p Plan) {
	if c.cfg.Policy.Targets == Structured {
		c.k, c.rushes, c.interval = int16(min(max(p.K, 1), MaxK)), p.Rush, max(p.Interval, time.Millisecond)
	}
}

// Stats returns the counts. HotLen and HotBytes say what is hot now.
func (c *Core) Stats() Stats { return c.stats }

// HotLen is the number of rumors that are hot, those included that only wait.
func (c *Core) HotLen() int { return len(c.hot) }

// HotBytes is the length of their keys and bodies in bytes.
func (c *Core) HotBytes() int { return c.bytes }

// Originate takes an update that was made at this node. An older version of the
// key is not told any more. The body is kept and must not change.
func (c *Core) Originate(now time.Time, r Rumor, out *Effects) {
	c.stats.Originated++
	r.Hops, r.Count, r.K, r.Salt = 0, 0, c.k, c.salt(now)
	if c.cfg.Policy.Targets == Mail {
		c.mail(&r, out)
		return
	}
	it := c.learn(now, r)
	if it == nil {
		return
	}
	it.enter(&c.cfg.Policy, 0)
	switch {
	case c.cfg.Policy.Targets == Tree:
		c.branch(it, "", out)
	case c.rushes > 0:
		c.structured(it, out, len(out.Sends))
	}
}

// salt is that of a rumor which begins now.
func (c *Core) salt(now time.Time) uint32 {
	if c.cfg.Rotate > 0 {
		return uint32(scatter(uint64(now.UnixNano() / int64(c.cfg.Rotate))))
	}
	return c.cfg.Rand.Uint32()
}

// Receive takes a message whose rumors the caller has joined: it has set
// [Rumor.News] of each, and [Ref.Lacks] of what is announced. Where the join
// made something of two versions, it may also have put the joined Body and its
// Version in place. The message can be reused afterwards, its bodies not.
func (c *Core) Receive(now time.Time, from peer.ID, m *Message, out *Effects) {
	p := &c.cfg.Policy
	if m.Reject {
		c.rejected(out)
		return
	}
	if m.Contact && p.ConnectionLimit > 0 && !c.accept(now) {
		out.message(from).Reject = true
		return
	}
	for i := range m.Acks {
		c.feedback(&m.Acks[i])
	}
	first := len(out.Sends)
	reply := out.message(from)
	c.answer(from, m, reply, out)
	for i := range m.Rumors {
		c.hear(now, &m.Rumors[i], reply)
	}
	for i := range m.Have {
		c.consider(now, &m.Have[i], reply)
	}
	if reply.Empty() {
		out.drop()
	}
	switch {
	case p.Targets == Tree:
		c.grow(from, m, out)
	case c.rushes > 0:
		c.rush(m, out, first)
	}
}

// accept takes a connection, if this cycle allows another.
func (c *Core) accept(now time.Time) bool {
	if _, ticks := c.Deadline(); !ticks && !now.Before(c.next) { // cycles pass for the idle too
		c.advance(now)
		c.accepted = 0
	}
	c.accepted++
	return c.accepted <= c.cfg.Policy.ConnectionLimit
}

// answer gives what the sender asks for: all that is hot and not in its
// message, and what it wants by name.
func (c *Core) answer(from peer.ID, m *Message, reply *Message, out *Effects) {
	if m.Pull {
		room := c.room()
		for i := range c.hot {
			it := &c.hot[i]
			if it.quiet(&c.cfg.Policy) || mentions(m, &it.Rumor) {
				continue
			}
			if room -= c.put(it, reply, room); !c.cfg.Policy.Digest {
				it.contacts++
			}
		}
	}
	for i := range m.Want {
		if it := c.find(m.Want[i].Key); it != nil && it.Version == m.Want[i].Version {
			reply.Rumors = append(reply.Rumors, it.Rumor)
			c.stats.Sent++
		} else {
			out.Fetches = append(out.Fetches, Fetch{To: from, Ref: m.Want[i]})
		}
	}
}

// mentions reports whether the message shows that its sender knows the rumor.
func mentions(m *Message, r *Rumor) bool {
	for i := range m.Rumors {
		if m.Rumors[i].Key == r.Key && m.Rumors[i].Version == r.Version {
			return true
		}
	}
	for i := range m.Have {
		if m.Have[i].Key == r.Key && m.Have[i].Version == r.Version {
			return true
		}
	}
	return false
}

// hear takes one rumor of a message.
func (c *Core) hear(now time.Time, r *Rumor, reply *Message) {
	p := &c.cfg.Policy
	it := c.find(r.Key)
	if it != nil && it.Version != r.Version && !r.News {
		it = nil // what came is older than what is hot
	}
	if r.News {
		c.stats.Useful++
	} else {
		c.stats.Duplicates++
	}
	ack := Ack{Key: r.Key, Version: r.Version, Needed: r.News, Count: -1}
	switch {
	case p.Targets == Mail: // who is mailed tells nobody
	case r.News && (it == nil || it.Version != r.Version):
		told := *r
		told.Hops += min(1, 255-told.Hops)
		if it = c.learn(now, told); it != nil {
			it.heard = it.first(r.Count)
			it.enter(p, r.Count)
		}
	case it != nil:
		it.heard += it.first(r.Count)
		if r.News { // once more in the cycle in which it was new
			it.enter(p, r.Count)
			break
		}
		ack.Count = it.count
		if p.Mode == PushPull && !it.fresh {
			it.met(p, r.Count)
		}
	}
	if p.Feedback || p.Stop == MedianCounter || p.Targets == Tree && !r.News {
		reply.Acks = append(reply.Acks, ack)
	}
}

// feedback takes what a member says of a rumor that it was sent.
func (c *Core) feedback(a *Ack) {
	it := c.find(a.Key)
	switch {
	case it == nil || it.Version != a.Version:
	case a.Needed:
		it.useful = true
	default:
		it.met(&c.cfg.Policy, a.Count)
	}
}

// rejected tries another member, if hunting is allowed and not at its limit.
// The contact that failed was none.
func (c *Core) rejected(out *Effects) {
	c.stats.Rejected++
	p := &c.cfg.Policy
	for i := range c.hot {
		if it := &c.hot[i]; p.Mode&Push != 0 && !it.fresh && it.contacts > 0 {
			it.contacts--
			it.recent--
		}
	}
	if c.hunts < p.Hunt {
		c.hunts++
		c.contact(out, len(out.Sends))
	}
}

// Deadline returns when [Core.Tick] is next due. It reports false while there is
// nothing to do: no rumor is hot, and the policy does not pull.
func (c *Core) Deadline() (time.Time, bool) {
	return c.next, len(c.hot) > 0 || c.cfg.Policy.Mode&Pull != 0
}

// Tick ends a cycle and begins the next: it judges what the contacts of the
// last have shown, and makes new ones. Before [Core.Deadline] it does nothing.
func (c *Core) Tick(now time.Time, out *Effects) {
	if due, ok := c.Deadline(); !ok || now.Before(due) {
		return
	}
	c.advance(now)
	c.endCycle()
	c.accepted, c.hunts = 0, 0
	p := &c.cfg.Policy
	first := len(out.Sends)
	if p.Targets == Tree {
		c.remind(out)
		return
	}
	if p.Targets == Structured {
		for i := range c.hot {
			c.structured(&c.hot[i], out, first)
		}
		return
	}
	for range p.Fanout {
		c.contact(out, first)
	}
}

// advance moves the next tick past now, on its grid.
func (c *Core) advance(now time.Time) {
	if late := now.Sub(c.next); late >= 0 {
		c.next = c.next.Add((late/c.interval + 1) * c.interval)
	}
}
