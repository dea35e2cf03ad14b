package replica

import (
	"encoding/binary"
	"iter"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/internal/wire"
	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/ring"
	"github.com/grapevine-go/grapevine/rumor"
)

// Tables that every member holds take the same way as others with "the owners"
// = this node: a write is joined here and ends, a read is local. What the join
// changed becomes a rumor, and what rumors leave behind is found by the sweep,
// which compares with a random member as it does with a co-owner.

// spread is the rumor mongering of a replica. Its lock is taken after no other
// and before no other.
type spread struct {
	mu     sync.Mutex
	cfg    rumor.Config
	core   *rumor.Core
	steer  *rumor.Controller
	out    rumor.Effects // emptied before the lock is released
	open   map[uint64]letter
	sent   []uint64 // tokens of what may be sent again, in the order of time
	kept   int      // bytes of these messages
	resent uint64   // bodies in messages that were sent again
	token  uint64
	queue  []Send
	ready  atomic.Bool // something is in the queue
	delay  Delays
	bytes  uint64        // of messages sent
	limit  atomic.Uint32 // a rumor.Limit
	pace   pace
	missed uint64 // rumors dropped for want of room, as of the last tick
}

// letter is a message with rumors that was not answered yet.
type letter struct {
	to     peer.ID
	at     time.Time
	msg    []byte // to be sent again; nil: it is not
	bodies int    // in it
	tries  int    // how often it was
	failed bool   // there will be no answer
}

// pace is what the controller is told of next.
type pace struct {
	due       time.Time
	roundTrip time.Duration // smoothed
	before    SpreadStats   // when it was told last
}

// paceEvery is how often the controller is told.
const paceEvery = time.Second

// spreadToken marks the tokens of messages with rumors.
const spreadToken = 1 << 63

// maxHot bounds the bytes of the hot list; larger values are left to the sweep.
const maxHot = 8 << 20

// asker stands for the member whose message is answered: what is for it goes
// into the reply, so its name is not looked up.
const asker peer.ID = "\x00"

func (s *spread) init(r *Replica) {
	target := r.cfg.Target
	if target == (rumor.Target{}) {
		target = rumor.DefaultTarget()
	}
	steer, err := rumor.NewController(target)
	if err != nil {
		panic(err) // whoever made the configuration has to validate it
	}
	s.steer, s.open = steer, make(map[uint64]letter)
	s.cfg = rumor.Config{Policy: rumor.DefaultPolicy(), Interval: steer.Plan().Interval, HotBytes: maxHot, Rotate: time.Minute,
		Rand: rand.New(rand.NewPCG(r.cfg.Nonce, 0x72756d6f))}
	s.cfg.Policy.Fanout = rumor.MaxCopies
	if s.core, err = rumor.New(&s.cfg, (*others)(r), time.Unix(0, 0)); err != nil {
		panic(err) // it is the default
	}
	s.core.Tune(steer.Plan())
}

// others are the members as the core draws them.
type others Replica

// Sample implements [rumor.Peers].
func (o *others) Sample(rand *rand.Rand, near bool) peer.ID {
	return (*Replica)(o).View().others.Sample(rand, near)
}

// Successor implements [rumor.Peers].
func (o *others) Successor(order uint64, near bool) peer.ID {
	return (*Replica)(o).View().others.Successor(order, near)
}

// All implements [rumor.Peers].
func (o *others) All() iter.Seq[peer.ID] { return (*Replica)(o).View().others.All() }

// othersOf lists whom rumors are told to: all that have not left, but those
// believed dead, who would swallow them.
func othersOf(v *View) *rumor.Members {
	var self rumor.Member
	var all []rumor.Member
	for i, m := range v.State.Members() {
		switch o := (rumor.Member{ID: m.ID, Zone: m.Zone}); {
		case i == v.Self:
			self = o
		case m.Status != ring.Left && !v.down[i]:
			all = append(all, o)
		}
	}
	return rumor.NewMembers(self, all)
}

// originate makes a rumor of what a write has just changed here.
func (r *Replica) originate(now time.Time, t *Table, hash uint64, key []byte) {
	told := rumor.Rumor{Key: wire.RumorKey(t.Hash, key)}
	if !t.Data.tell(&told, hash, key) {
		return
	}
	s := &r.spread
	s.mu.Lock()
	defer s.mu.Unlock()
	s.core.Originate(now, told, &s.out)
	s.post(r, now)
}

// tell puts the present state of the key into the rumor; false if there is none.
func (d *Data) tell(told *rumor.Rumor, hash uint64, key []byte) (found bool) {
	if told.Body, found = d.AppendState(nil, hash, key); found {
		told.Version = d.rumorVersion(hash, key)
	}
	return found
}

// rumorVersion names the state of a key: equal states have equal names at all
// nodes.
func (d *Data) rumorVersion(hash uint64, key []byte) uint64 {
	f := d.Fingerprint(hash, key)
	return binary.BigEndian.Uint64(f[:])
}

// post encodes what the core wants sent, into the queue. A full queue loses
// messages as a network does. The class is one that gives way to users who wait,
// and that lets go of connections soon: over the hours everybody tells everybody.
func (s *spread) post(r *Replica, now time.Time) {
	v := r.View()
	for i := range s.out.Sends {
		send := &s.out.Sends[i]
		if send.To == asker || len(s.queue) >= maxQueue {
			continue
		}
		h := r.header(v, wire.KindRumor, classSync, r.cfg.Timeout)
		s.mail(letter{to: send.To, at: now, msg: wire.AppendRumors(nil, &h, &send.Message), bodies: len(send.Message.Rumors)})
	}
	s.ready.Store(len(s.queue) > 0)
	s.out.Reset()
}

// A message that is not answered in time is sent again, twice at most: what is
// lost on the way does not cost a copy, so that fewer copies are enough. One that
// was just slow comes twice, and joins to nothing.
const (
	maxResends = 2
	minWait    = 30 * time.Millisecond // or four round trips
	maxUnsure  = 4 << 20               // bytes of messages that are kept for it
)

// mail puts a message into the queue.
func (s *spread) mail(l letter) {
	s.token++
	token := spreadToken | s.token
	s.bytes += uint64(len(l.msg))
	s.queue = append(s.queue, Send{To: l.to, Class: classSync, Token: token, Msg: l.msg})
	if l.tries >= maxResends || s.kept+len(l.msg) > maxUnsure {
		l.msg = nil
	} else {
		s.sent = append(s.sent, token)
		s.kept += len(l.msg)
	}
	s.open[token] = l
}

// again sends again what was not answered in time by members believed alive.
func (s *spread) again(now time.Time, v *View) {
	due := now.Add(-max(minWait, 4*s.pace.roundTrip))
	n := 0
	for ; n < len(s.sent) && len(s.queue) < maxQueue; n++ {
		token := s.sent[n]
		l, waits := s.open[token]
		if waits && l.at.After(due) {
			break
		}
		if !waits {
			continue
		}
		again := letter{to: l.to, at: now, msg: l.msg, bodies: l.bodies, tries: l.tries + 1}
		s.kept -= len(l.msg)
		if l.msg = nil; l.failed {
			delete(s.open, token)
		} else {
			s.open[token] = l // an answer that comes late is one
		}
		if v.reachable(l.to) {
			s.mail(again)
			s.resent += uint64(again.bodies)
		}
	}
	s.sent = slices.Delete(s.sent, 0, n)
	s.ready.Store(len(s.queue) > 0)
}

// Flush adds what spreads at once to the effects: a driver calls it after a
// [Replica.Serve] or a write. What it does not take goes with the next tick.
func (r *Replica) Flush(out *Effects) {
	s := &r.spread
	if !s.ready.Load() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out.Sends = append(out.Sends, s.queue...)
	clear(s.queue)
	s.queue = s.queue[:0]
	s.ready.Store(false)
}

// SpreadStats is what a replica has counted of its rumors since it was started,
// and what is hot now.
type SpreadStats struct {
	rumor.Stats
	Resent   uint64 // of Sent, the bodies that were sent again because no answer came
	Hot      int    // rumors
	HotBytes int    // of their keys and bodies
	Bytes    uint64 // of messages sent
	Plan     rumor.Plan
	Delays   *Delays
}

// SpreadStats returns the counts.
func (r *Replica) SpreadStats() SpreadStats {
	s := &r.spread
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts()
}

func (s *spread) counts() SpreadStats {
	stats := s.core.Stats()
	stats.Sent += s.resent
	return SpreadStats{Stats: stats, Resent: s.resent, Hot: s.core.HotLen(), HotBytes: s.core.HotBytes(), Bytes: s.bytes, Plan: s.steer.Plan(), Delays: &s.delay}
}

// replan tells the controller what has been seen since it was told last.
func (s *spread) replan(now time.Time, members int) {
	p, period := &s.pace, paceEvery
	if !p.due.IsZero() {
		period += now.Sub(p.due)
	}
	was, is := &p.before, s.counts()
	s.core.Tune(s.steer.Observe(rumor.Measured{
		Period: period, Members: members, Expected: is.Expected - was.Expected, Heard: is.Heard - was.Heard,
		Delay: p.roundTrip / 2, Updates: is.Originated + is.Useful - was.Originated - was.Useful,
		Sent: is.Sent - was.Sent, Bytes: is.Bytes - was.Bytes,
	}))
	p.before, p.due = is, now.Add(paceEvery)
	s.limit.Store(uint32(s.steer.Plan().Limit))
}

// TargetLimit returns what keeps the target of spreading from being met.
func (r *Replica) TargetLimit() rumor.Limit { return rumor.Limit(r.spread.limit.Load()) }

// spreadTick tells the core the time.
func (r *Replica) spreadTick(now time.Time, out *Effects) {
	s := &r.spread
	s.mu.Lock()
	if !now.Before(s.pace.due) {
		s.replan(now, r.View().others.Len()+1)
	}
	if at, ok := s.core.Deadline(); ok && !now.Before(at) {
		s.core.Tick(now, &s.out)
		s.post(r, now)
	}
	if len(s.sent) > 0 {
		s.again(now, r.View())
	}
	overflow := s.core.Stats().Overflow
	missed := overflow - s.missed
	s.missed = overflow
	s.mu.Unlock()
	if missed > 0 {
		r.hurryToSome()
	}
	r.Flush(out)
}

// rumors takes a request that carries rumors.
func (s *serving) rumors(q *wire.Request) []byte {
	m, err := q.Rumors()
	if err != nil {
		return s.refuse(wire.Malformed, err.Error())
	}
	reply := s.r.hear(s.now, asker, &m)
	s.fill(wire.OK)
	return wire.AppendRumorReply(s.dst, &s.head, &reply)
}

// rumorReply takes the reply to a message with rumors, or that there is none.
func (r *Replica) rumorReply(now time.Time, token uint64, reply []byte, failure error, out *Effects) {
	s := &r.spread
	s.mu.Lock()
	from, known := s.open[token]
	if failure != nil && from.msg != nil {
		from.failed = true
		s.open[token] = from // it is sent again in a while
	} else {
		delete(s.open, token)
		s.kept -= len(from.msg)
	}
	if failure == nil && known {
		s.pace.roundTrip += (now.Sub(from.at) - s.pace.roundTrip) / 8
	}
	s.mu.Unlock()
	if failure != nil || !known {
		return
	}
	a, err := wire.ParseReply(reply)
	if err != nil || a.Status != wire.OK {
		return
	}
	_, _ = r.clock.observe(a.Clock, now) // counted where it is served
	if m, err := a.Rumors(); err == nil && !m.Empty() {
		r.hear(now, from.to, &m)
		r.Flush(out)
	}
}

// hear joins what a message tells, lets the core decide what follows, and
// returns what is for the asker.
func (r *Replica) hear(now time.Time, from peer.ID, m *rumor.Message) (reply rumor.Message) {
	v := r.View()
	r.joinRumors(now, v, m)
	for i := range m.Have {
		m.Have[i].Lacks = v.lacks(&m.Have[i])
	}
	s := &r.spread
	s.mu.Lock()
	defer s.mu.Unlock()
	s.core.Receive(now, from, m, &s.out)
	for _, f := range s.out.Fetches {
		if told, ok := v.fetch(f.Ref); ok {
			s.answer(f.To, told)
		}
	}
	for i := range s.out.Sends {
		if s.out.Sends[i].To == asker {
			reply.CopyFrom(&s.out.Sends[i].Message) // one at most, and those of fetches joined to it
		}
	}
	s.post(r, now)
	return reply
}

// answer adds a body that was asked for by name, and is hot no more, to what is
// sent to a member.
func (s *spread) answer(to peer.ID, told rumor.Rumor) {
	for i := range s.out.Sends {
		if send := &s.out.Sends[i]; send.To == to {
			send.Message.Rumors = append(send.Message.Rumors, told)
			return
		}
	}
	s.out.Sends = append(s.out.Sends, rumor.Send{To: to, Message: rumor.Message{Rumors: []rumor.Rumor{told}}})
}

// joinRumors joins the bodies of a message and says which were news. What is of
// no table here, or cannot be joined, is taken out of the message: it must not
// be told on.
func (r *Replica) joinRumors(now time.Time, v *View, m *rumor.Message) {
	kept := m.Rumors[:0]
	for i := range m.Rumors {
		if r.joinRumor(now, v, &m.Rumors[i]) {
			kept = append(kept, m.Rumors[i])
		} else {
			r.stats.refused.Add(1)
		}
	}
	m.Rumors = kept
}

func (r *Replica) joinRumor(now time.Time, v *View, told *rumor.Rumor) (ok bool) {
	t, key, hash, ok := v.subject(told.Key)
	if !ok {
		return false
	}
	latest, err := t.Data.typ.Latest(told.Body)
	if err != nil || latest > crdt.TimeOf(now.Add(hardSkew)) {
		return false
	}
	j, err := t.Data.Join(hash, key, told.Body)
	if err != nil {
		return false
	}
	if told.News = j.Changed; j.Changed {
		t.Data.recent.mark(hash)
		r.spread.delay.add(now.Sub(latest.Wall()))
		t.Data.tell(told, hash, key) // what is told on is the join, in memory of its own
	}
	return true
}

// subject finds what a rumor is about; false if that is not held here.
func (v *View) subject(name string) (t *Table, key []byte, hash uint64, ok bool) {
	table, k, ok := wire.SplitRumorKey(name)
	if t = v.byHash[table]; !ok || t == nil || t.Data == nil || t.Spec.Kind != ring.Everywhere {
		return nil, nil, 0, false
	}
	return t, []byte(k), ring.Hash(k), true
}

// lacks reports whether a state that is announced is not the one here. That may
// be a newer one; then a body is asked for in vain.
func (v *View) lacks(ref *rumor.Ref) bool {
	t, key, hash, ok := v.subject(ref.Key)
	return ok && t.Data.rumorVersion(hash, key) != ref.Version
}

// fetch gives the present state of what was asked for.
func (v *View) fetch(ref rumor.Ref) (told rumor.Rumor, ok bool) {
	t, key, hash, ok := v.subject(ref.Key)
	if ok {
		told.Key, told.Salt, told.Hops = ref.Key, uint32(ref.Version), 255
		ok = t.Data.tell(&told, hash, key)
	}
	return told, ok
}
