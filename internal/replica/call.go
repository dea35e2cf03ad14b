package replica

import (
	"errors"
	"fmt"
	"math/bits"
	"time"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/internal/wire"
	"github.com/grapevine-go/grapevine/quorum"
	"github.com/grapevine-go/grapevine/quorum/session"
	"github.com/grapevine-go/grapevine/ring"
)

// Call is one operation of a client at its coordinator: a quorum.Op with its
// messages. Its driver sends [Call.Msg] to the targets that a method returns
// (this node itself may be one: that is a [Replica.Serve]), and brings every
// reply and every failure to [Call.Reply] with the token of its send. When the
// operation has ended ([Call.Ended]) replies may still come; the driver waits
// for them before it reuses the Call, which keeps its memory.
//
// A Call is not safe for concurrent use.
type Call struct {
	Op quorum.Op
	ID wire.OpID
	// Wish is what the next Read asks for beyond its answers.
	Wish Wish
	// Session is the session that the next Read or Write is part of; nil: none.
	// [Call.Record] tells it what came of that.
	Session *session.Session

	r        *Replica
	view     *View
	table    *Table
	name     string
	key      string
	part     int
	class    uint8
	verb     verb
	delta    []byte // of a write
	what     []byte // the operation that an owner makes; nil: the delta was made here
	begun    crdt.Time
	page     wire.Page
	have     crdt.Fingerprint
	msg      []byte
	encoded  bool // msg is that of round
	round    uint8
	buf      []byte // of local replies
	targets  []quorum.Target
	deadline time.Time
	restarts int
	started  time.Time
	atOnce   uint32        // targets that were asked when it began
	state    joined        // what a read joins into
	late     joined        // what is joined once that stands
	known    session.Table // the table, as sessions know it: by its name, which the cluster has once
	entered  bool          // the session waits to be told
	need     session.Need
}

type verb uint8

const (
	writing verb = iota
	reading
	paging
	making // of an operation: an owner makes it, and what it made is then written
)

// maxRestarts bounds how often a changing ring restarts an operation.
const maxRestarts = 16

// retained is the size from which a transport keeps a message instead of
// copying it; such a buffer is never written again.
const retained = 64 << 10

// Stamp returns a new stamp of this boot for a write.
func (r *Replica) Stamp(now time.Time) crdt.Stamp {
	return r.stamp(0, now)
}

// Write begins to join a delta into a key at W owners. The delta must not be
// changed until the call is over.
func (c *Call) Write(r *Replica, now, deadline time.Time, table, key string, delta []byte, w quorum.Level) (send uint32) {
	if !c.reset(r, now, deadline, table, writing, classForeground) {
		return 0
	}
	c.key, c.delta = key, delta
	c.part = ring.Partition(ring.Hash(key), c.table.Layout.Partitions())
	if len(key) > wire.MaxKey || len(delta) > r.cfg.MaxValue+256 {
		c.Op.End(quorum.ErrTooLarge)
		return 0
	}
	c.Op.Zones, c.Op.CountHints = c.Wish.Zones, c.Wish.Hints
	c.Wish = Wish{}
	if err := c.enter(); err != nil {
		c.Op.End(err)
		return 0
	}
	return c.timed(now, c.hint(now, c.Op.StartWrite(w, deadline, c.place())))
}

// Read begins to read a key from r owners; hedge is after how long one more is
// asked. The state is [Call.Cell] when it has ended.
func (c *Call) Read(r *Replica, now, deadline time.Time, hedge time.Duration, table, key string, n quorum.Level) (send uint32) {
	if !c.reset(r, now, deadline, table, reading, classForeground) {
		return 0
	}
	c.key = key
	c.part = ring.Partition(ring.Hash(key), c.table.Layout.Partitions())
	if len(key) > wire.MaxKey {
		c.Op.End(quorum.ErrTooLarge)
		return 0
	}
	if err := c.enter(); err != nil {
		c.Op.End(err)
		return 0
	}
	c.state.reset(c.table.Data)
	c.late.reset(c.table.Data)
	c.Op.State, c.Op.Late = &c.state, &c.late
	n = c.demand(n)
	targets := c.place()
	c.view.nearest(targets)
	c.r.hedges.read()
	send = c.Op.StartRead(n, now, deadline, hedge, targets)
	c.Op.HedgeAfter(now, c.view.hedgeAfter(targets, send, hedge))
	send = c.timed(now, c.probe(now, send))
	return c.first(now, send)
}

// ReadPage begins to read a page of a partition, keys only, from r owners.
// Into joins the replies.
func (c *Call) ReadPage(r *Replica, now, deadline time.Time, hedge time.Duration, table string, from uint64, limit int, n quorum.Level, into crdt.State) (send uint32) {
	if !c.reset(r, now, deadline, table, paging, classSync) {
		return 0
	}
	c.part = ring.Partition(from, c.table.Layout.Partitions())
	_, last := PartitionRange(c.part, c.table.Layout.Partitions())
	c.page = wire.Page{From: from, To: last, Limit: uint32(limit), Keys: true}
	c.Op.State = into
	send = c.Op.StartRead(n, now, deadline, hedge, c.place())
	return c.first(now, send)
}

// reset prepares the call for an operation; false if it has ended at once.
func (c *Call) reset(r *Replica, now, deadline time.Time, table string, verb verb, class uint8) bool {
	*c = Call{Op: c.Op, r: r, name: table, verb: verb, class: class, ID: r.newOp(), deadline: deadline,
		msg: c.msg[:0], buf: c.buf[:0], targets: c.targets[:0], state: c.state, late: c.late, Wish: c.Wish, Session: c.Session}
	if cap(c.msg) > retained {
		c.msg = nil
	}
	c.Op = quorum.Op{Targets: c.Op.Targets[:0]}
	return c.look()
}

// look takes the present view; false, with the operation ended, if it does not
// serve the table.
func (c *Call) look() bool {
	c.view = c.r.View()
	c.table = c.view.byName[c.name]
	switch {
	case c.view.ended != nil:
		c.Op.End(c.view.ended)
	case c.view.Self < 0:
		c.Op.End(ErrNotReady)
	case c.table == nil || c.table.Layout == nil:
		c.Op.End(fmt.Errorf("%w: no table %q", ErrTableMismatch, c.name))
	default:
		return true
	}
	return false
}

// place returns the replicas of the key's partition, and fallbacks if they may count.
func (c *Call) place() []quorum.Target {
	c.targets = c.view.targets(c.targets[:0], c.table, c.part)
	if c.Op.CountHints && c.table.Spec.Kind == ring.Ring {
		c.targets = c.view.fallbacks(c.targets, c.table, c.part)
	}
	return c.targets
}

// encode writes the message anew, for the present view, round and delta.
func (c *Call) encode(now time.Time) {
	if cap(c.msg) > retained {
		c.msg = nil // a transport may still hold it
	}
	var boots [quorum.MaxTargets]uint64
	owners := 0
	for i, t := range c.Op.Targets {
		if _, is := c.Op.Fallback(i); !is {
			boots[owners] = t.Nonce
			owners++
		}
	}
	h := c.r.header(c.view, wire.KindWrite, c.class, c.deadline.Sub(now))
	h.Table, h.Partition, h.Op, h.Have = c.table.Hash, uint32(c.part), c.ID, c.have
	h.Boots = wire.MakeBoots(boots[:owners])
	if c.Op.Mending() {
		c.msg = c.appendMend(&h)
		return
	}
	switch c.verb {
	case writing:
		c.msg = wire.AppendWrite(c.msg[:0], &h, c.key, c.delta)
	case reading:
		h.Kind = wire.KindRead
		c.msg = wire.AppendRead(c.msg[:0], &h, c.key)
	case paging:
		h.Kind = wire.KindPage
		c.msg = wire.AppendPage(c.msg[:0], &h, &c.page)
	case making:
		c.msg = c.appendMake(&h)
	}
}

// first completes the beginning of a read: what this node has itself is read
// at once, and the others are told of it, so that they need not send the same.
func (c *Call) first(now time.Time, send uint32) uint32 {
	if send&1 == 0 || !c.IsSelf(0) {
		return send
	}
	c.buf = c.r.Serve(now, c.Msg(now, 0), c.buf[:0])
	send = send&^1 | c.Reply(now, c.Token(0), c.buf, nil, false, nil)
	if c.verb == reading && !c.Ended() && !c.Op.Mending() && !c.state.isBottom() {
		c.have = c.state.Fingerprint(c.table.Spec.Key)
		c.encoded = false
	}
	return send
}

// Msg is the message to send to a target: to all owners the same, and to a
// fallback one of its own. It stays as it is until Msg is called in a later round;
// a large one is never written again.
func (c *Call) Msg(now time.Time, i int) []byte {
	if owner, is := c.Op.Fallback(i); is {
		return c.hintMsg(now, i, owner)
	}
	if !c.encoded || c.round != c.Op.Round {
		c.encode(now)
		c.encoded, c.round = true, c.Op.Round
	}
	return c.msg
}

// Class is the class to send it in.
func (c *Call) Class() uint8 { return c.class }

// Until is when the operation's replies are of no more use to its caller.
func (c *Call) Until() time.Time { return c.deadline }

// Table is the name of the table.
func (c *Call) Table() string { return c.name }

// Key is the key of a read or a write.
func (c *Call) Key() string { return c.key }

// Token marks a send to a target, for its reply.
func (c *Call) Token(i int) uint64 { return uint64(c.Op.Round)<<8 | uint64(i) }

// IsSelf reports whether a target is this node.
func (c *Call) IsSelf(i int) bool { return c.Op.Targets[i].ID == c.r.cfg.ID }

// Ended reports whether the operation has ended.
func (c *Call) Ended() bool { return c.Op.Phase == quorum.Ended }

// Err returns how the operation failed; nil if it did not.
func (c *Call) Err() error {
	if c.Op.Cause == nil {
		return nil
	}
	err := c.Op.Err([...]string{"write", "read", "scan", "write"}[c.verb], c.ID)
	if e, ok := err.(*quorum.Error); ok && (c.verb == writing || c.verb == making) {
		return e.Of(c.operation())
	}
	return err
}

// Cell returns what a read of registers has joined. It refers to the call's
// memory.
func (c *Call) Cell() crdt.Cell { return c.state.Cell() }

// Reply takes the reply to a send, or why there is none and whether the
// message may have arrived all the same. It returns the targets to send
// [Call.Msg] to now, with new tokens.
func (c *Call) Reply(now time.Time, token uint64, reply []byte, failure error, maybe bool, out *Effects) (send uint32) {
	return c.hint(now, c.reply(now, token, reply, failure, maybe, out))
}

func (c *Call) reply(now time.Time, token uint64, reply []byte, failure error, maybe bool, out *Effects) (send uint32) {
	round, i := uint8(token>>8), int(token&0xff)
	if failure != nil {
		c.Lost(token)
		return c.Op.Fail(round, i, failure, maybe)
	}
	a, err := wire.ParseReply(reply)
	if err != nil {
		return c.Op.Fail(round, i, err, true)
	}
	_, _ = c.r.clock.observe(a.Clock, now)
	switch a.Status {
	case wire.OK:
		c.measured(now, round, i, &a)
		return c.answer(now, round, i, &a, reply)
	case wire.StaleRing, wire.Moved:
		return c.stale(now, round, i, &a, out)
	}
	if c.verb == making {
		return c.declined(round, i, &a)
	}
	return c.Op.Fail(round, i, refusal(&a), false)
}

// Lost notes that a send has had no answer, and may not have got through: if it
// was of a write, a comparison with its target is due. Reply does so of what
// fails; a driver that leaves failures at the deadline to the deadline calls it.
func (c *Call) Lost(token uint64) {
	if round, i := uint8(token>>8), int(token&0xff); (c.verb == writing || c.verb == making) && round == c.Op.Round && !c.IsSelf(i) {
		if _, is := c.Op.Fallback(i); is {
			return // it has not missed anything of its own
		}
		c.r.mu.Lock()
		defer c.r.mu.Unlock()
		c.r.jobs.hurryTo(c.Op.Targets[i].ID)
	}
}

// refusal makes an error of a reply that refuses.
func refusal(a *wire.Reply) error {
	err := errReply(a)
	switch a.Status {
	case wire.Overloaded:
		return fmt.Errorf("%w: %w", quorum.ErrOverloaded, err)
	case wire.TooLarge:
		return fmt.Errorf("%w: %w", quorum.ErrTooLarge, err)
	case wire.TableMismatch:
		return fmt.Errorf("%w: %w", ErrTableMismatch, err)
	case wire.Skew:
		return fmt.Errorf("%w: %w", crdt.ErrSkew, err)
	}
	return fmt.Errorf("%w: %w", quorum.ErrRefused, err)
}

func (c *Call) answer(now time.Time, round uint8, i int, a *wire.Reply, reply []byte) (send uint32) {
	if c.verb == making {
		return c.made(round, i, a)
	}
	if c.verb != writing && !a.Synced && c.table.Spec.Kind == ring.Everywhere {
		c.Op.End(ErrNotReady) // there is nobody else to ask
		return 0
	}
	if c.verb == reading && c.Op.Mending() && round == c.Op.Round {
		return c.mended(round, i, a)
	}
	switch c.verb {
	case writing:
		j, err := a.Ack()
		if err != nil {
			return c.Op.Fail(round, i, err, true)
		}
		c.Op.Ack(round, i, j)
		return c.restamp(now)
	case paging:
		send, _ = c.Op.Answer(round, i, reply, a.Synced)
		return send
	}
	found, state, err := a.Found()
	if err != nil {
		return c.Op.Fail(round, i, err, false)
	}
	if found == wire.Equal {
		return c.Op.AnswerEqual(round, i, a.Synced)
	}
	send, _ = c.Op.Answer(round, i, state, a.Synced) // a state that is no state counts as a failure
	return send
}

// restamp writes a dominated write again, above what dominates it.
func (c *Call) restamp(now time.Time) (send uint32) {
	if c.Op.Phase != quorum.Restamp {
		return 0
	}
	if c.r.cfg.Rules.NoRestamp {
		c.Op.Phase = quorum.Asking
		c.Op.End(nil)
		return 0
	}
	c.r.stats.restamped.Add(1)
	stamp := c.r.stamp(c.Op.Dominated.Time, now)
	cell, err := crdt.DecodeCell(c.delta)
	if err != nil {
		c.Op.End(err)
		return 0
	}
	cell = cell.Restamp(stamp)
	c.delta = cell.AppendBinary(nil)
	c.encoded = false
	return c.Op.Restamped()
}

// stale takes a reply of a node that knows another ring state: the states are
// joined, and the operation begins anew with the owners of the result.
func (c *Call) stale(now time.Time, round uint8, i int, a *wire.Reply, out *Effects) (send uint32) {
	if round != c.Op.Round { // of targets that the operation has left behind
		c.Op.Stale(round, a.Status == wire.Moved)
		return 0
	}
	if out == nil {
		out = new(Effects)
		defer func() { c.r.enqueue(out.Sends) }()
	}
	if err := c.r.status(now, c.Op.Targets[i].ID, a, out); !errors.Is(err, errStale) {
		return c.Op.Fail(round, i, err, a.Status == wire.Moved)
	}
	if !c.Op.Stale(round, a.Status == wire.Moved) || !c.look() {
		return 0
	}
	if c.restarts++; c.restarts > maxRestarts {
		c.Op.End(quorum.ErrUnsettled)
		return 0
	}
	c.have, c.encoded = crdt.Fingerprint{}, false
	return c.Op.Restart(c.place())
}

// Behind returns the targets that a read found to lack something, once all
// that were asked have answered.
func (c *Call) Behind() (targets uint32) {
	if c.verb != reading || c.Op.Cause != nil {
		return 0
	}
	if c.JoinLate(); c.state.isBottom() {
		return 0
	}
	return c.Op.Behind(c.state.AppendBinary(c.buf[:0]))
}

// Repair sends what a read has joined to the targets, as a join like any
// other. It reports how many; those beyond what may be under way are left to
// the comparison of partitions.
func (c *Call) Repair(targets uint32, out *Effects) (n int) {
	h := c.r.header(c.view, wire.KindWrite, classRepair, c.r.cfg.Timeout)
	h.Table, h.Partition, h.Op = c.table.Hash, uint32(c.part), c.ID
	state := c.state.AppendBinary(nil)
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	for m := targets; m != 0 && len(c.r.jobs.open) < maxRepairs; m &= m - 1 {
		t := c.Op.Targets[bits.TrailingZeros32(m)]
		h.Boots = wire.MakeBoots([]uint64{t.Nonce})
		out.Sends = append(out.Sends, Send{To: t.ID, Class: classRepair, Token: c.r.jobs.expect(job{about: about{kind: repairJob, to: t.ID}}),
			Msg: wire.AppendWrite(nil, &h, c.key, state)})
		n++
	}
	c.r.stats.repairs.Add(uint64(n))
	return n
}

// Vetoed counts repairs that the application did not want.
func (c *Call) Vetoed(targets uint32) { c.r.stats.repairsVetoed.Add(uint64(bits.OnesCount32(targets))) }
