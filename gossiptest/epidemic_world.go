package gossiptest

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"time"

	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/rumor"
)

// outbreak is the world of one run of an [Epidemic]. Nodes are numbers; their
// names are the four bytes of those.
type outbreak struct {
	Epidemic
	seed  uint64
	rand  *rand.Rand // of the world
	cfg   rumor.Config
	cores []*rumor.Core
	views []view
	state []nodeState
	names string
	order orders
	queue calendar
	post  mailbox
	out   rumor.Effects
	now   time.Duration // since the epoch
	begun time.Duration // when the present update was made

	version uint64 // of the present update
	hot     int    // nodes with hot rumors
	body    []byte

	delays                               []time.Duration // of the nodes reached, in order
	bodies, control, messages, bytes     int
	received, duplicates, lost, invented int
	swallowed, events, lastHop           int
	doubled, barred, crossed             int
	hash                                 uint64
}

// nodeState is what the world knows of a node.
type nodeState struct {
	knows  bool
	dead   bool
	hot    bool
	queued bool          // a tick is in the queue
	at     time.Duration // when it was reached
}

const updateKey = "update"

func newOutbreak(e Epidemic, seed uint64) (*outbreak, error) {
	o := &outbreak{
		Epidemic: e, seed: mix(seed), rand: rand.New(rand.NewPCG(seed, 0x65706964)),
		cores: make([]*rumor.Core, e.Nodes), views: make([]view, e.Nodes), state: make([]nodeState, e.Nodes),
		order: orders{n: e.Nodes, zones: e.Zones}, body: make([]byte, e.Body), hash: seed,
	}
	o.cfg = rumor.Config{Policy: e.Policy, Interval: e.Interval, Rand: rand.New(rand.NewPCG(seed, 0x72756d6f)), Message: max(rumor.MinMessage, e.Body+256)}
	names := make([]byte, 4*e.Nodes)
	for i := range o.cores {
		binary.LittleEndian.PutUint32(names[4*i:], uint32(i))
		o.views[i] = view{o, uint32(i)}
		core, err := rumor.New(&o.cfg, &o.views[i], epoch)
		if err != nil {
			return nil, err
		}
		if e.Plan != (rumor.Plan{}) {
			core.Tune(e.Plan)
		}
		o.cores[i] = core
	}
	o.names = string(names)
	for i := range o.body {
		o.body[i] = byte(o.rand.Uint32())
	}
	return o, nil
}

// die ends the share of the nodes that is to be dead. The origin lives.
func (o *outbreak) die() {
	for left := int(o.Dead * float64(o.Nodes)); left > 0; {
		if i := 1 + o.rand.IntN(o.Nodes-1); !o.state[i].dead {
			o.state[i].dead = true
			left--
		}
	}
}

// forget makes the world ready for another update. The cores keep what they have
// learned.
func (o *outbreak) forget() {
	for i := range o.state {
		o.state[i].knows, o.state[i].at = false, 0
	}
	o.version++
	o.begun, o.delays = o.now, o.delays[:0]
	o.bodies, o.control, o.messages, o.bytes, o.lastHop = 0, 0, 0, 0, 0
	o.received, o.duplicates, o.lost, o.invented, o.swallowed, o.crossed = 0, 0, 0, 0, 0, 0
}

// zone is that of a node.
func (o *outbreak) zone(i uint32) int { return int(i) % max(o.Zones, 1) }

func (o *outbreak) dead(i int) bool { return o.state[i].dead }

func (o *outbreak) name(i uint32) peer.ID { return peer.ID(o.names[4*i : 4*i+4]) }

func number(id peer.ID) uint32 {
	return uint32(id[0]) | uint32(id[1])<<8 | uint32(id[2])<<16 | uint32(id[3])<<24
}

func (o *outbreak) time() time.Time { return epoch.Add(o.now) }

// begin makes the update at a node.
func (o *outbreak) begin(origin uint32) {
	o.reach(origin, 0)
	o.cores[origin].Originate(o.time(), rumor.Rumor{Key: updateKey, Version: o.version, Body: o.body}, &o.out)
	o.after(origin)
}

// reach notes that a node knows from now on.
func (o *outbreak) reach(i uint32, hops int) {
	s := &o.state[i]
	s.knows, s.at = true, o.now
	o.delays = append(o.delays, o.now-o.begun)
	o.lastHop = max(o.lastHop, hops)
}

// after takes what a call of a core asked for.
func (o *outbreak) after(i uint32) {
	o.events++
	s := &o.state[i]
	if hot := o.cores[i].HotLen() > 0; hot != s.hot {
		if s.hot = hot; hot {
			o.hot++
		} else {
			o.hot--
		}
	}
	for j := range o.out.Sends {
		o.send(i, number(o.out.Sends[j].To), &o.out.Sends[j].Message)
	}
	for _, f := range o.out.Fetches { // any node that was told can answer
		o.send(i, number(f.To), &rumor.Message{Rumors: []rumor.Rumor{{Key: updateKey, Version: o.version, Body: o.body, Hops: 1}}})
	}
	o.out.Reset()
	if !o.Cycles && !s.queued {
		if due, ok := o.cores[i].Deadline(); ok {
			s.queued = true
			o.queue.add(due.Sub(epoch), tickOf(i))
		}
	}
}

// send counts a message and gives it to the network.
func (o *outbreak) send(from, to uint32, m *rumor.Message) {
	o.messages++
	o.bodies += len(m.Rumors)
	if o.zone(from) != o.zone(to) {
		o.crossed += len(m.Rumors)
	}
	o.bytes += m.Size()
	if len(m.Rumors) == 0 {
		o.control++
	}
	switch {
	case o.Loss > 0 && o.rand.Float64() < o.Loss:
		o.lost++
	case o.barredFrom(from, to):
		o.barred++
	case o.state[to].dead:
		o.swallowed++
	case o.Cycles:
		o.post.put(from, to, m)
	default:
		o.carry(from, to, m)
		if o.Twice > 0 && o.rand.Float64() < o.Twice {
			o.doubled++
			o.carry(from, to, m)
		}
	}
}

// carry delivers a message after a delay.
func (o *outbreak) carry(from, to uint32, m *rumor.Message) {
	delay := o.MinDelay
	if o.MaxDelay > delay {
		delay += time.Duration(o.rand.Int64N(int64(o.MaxDelay - delay)))
	}
	o.queue.add(o.now+delay, mailOf(o.post.put(from, to, m)))
	o.post.line = o.post.line[:0] // the calendar has it
}

// barredFrom reports whether a cut keeps a message back: it divides the nodes
// with the highest numbers from the others.
func (o *outbreak) barredFrom(from, to uint32) bool {
	if o.Cut == 0 || o.now-o.begun >= o.CutFor {
		return false
	}
	first := uint32(float64(o.Nodes) * (1 - o.Cut))
	return (from >= first) != (to >= first)
}

// outside reports whether a node has not joined yet. The origin is there from
// the beginning.
func (o *outbreak) outside(i uint32) bool {
	if o.Joining == 0 || o.now-o.begun >= o.JoinAt {
		return false
	}
	return i > 0 && float64(mix(o.seed^uint64(i)<<1)>>11)/(1<<53) < o.Joining
}

// deliver hands a message to its receiver and says what of it is news.
func (o *outbreak) deliver(mail uint32) {
	l := o.post.letter(mail)
	s := &o.state[l.to]
	news := !s.knows || o.Cycles && s.at == o.now
	for j := range l.Rumors {
		r := &l.Rumors[j]
		r.News = news
	}
	for j := range l.Have {
		l.Have[j].Lacks = !s.knows
	}
	o.note(uint64(l.from)<<32 | uint64(l.to))
	o.cores[l.to].Receive(o.time(), o.name(l.from), &l.Message, &o.out)
	if len(o.out.Sends) > 0 && o.out.Sends[0].Message.Reject {
		o.bodies -= len(l.Rumors) // a connection is refused before anything is sent on it
		o.bytes -= l.Size()
	} else {
		for j := range l.Rumors {
			o.arrived(l.to, &l.Rumors[j])
		}
	}
	to := l.to
	o.post.free(mail)
	o.after(to)
}

// arrived notes one body that was received.
func (o *outbreak) arrived(to uint32, r *rumor.Rumor) {
	o.received++
	if o.state[to].knows {
		o.duplicates++
		return
	}
	if r.Key != updateKey || r.Version != o.version || !bytes.Equal(r.Body, o.body) {
		o.invented++
	}
	o.reach(to, int(r.Hops)+1)
}

// note enters a fact into the hash of the run.
func (o *outbreak) note(x uint64) {
	o.hash = (o.hash ^ x ^ uint64(o.now)<<20) * 0x9e3779b97f4a7c15
	o.hash ^= o.hash >> 29
}

func (o *outbreak) tick(i uint32) {
	o.note(uint64(i) + 1<<63)
	o.cores[i].Tick(o.time(), &o.out)
	o.after(i)
}

// runCycles runs in lock-step: all ticks, then all messages until none is left.
func (o *outbreak) runCycles() {
	o.begin(0)
	for (o.hot > 0 || o.post.waiting > 0) && o.now+o.Interval <= o.Limit {
		o.now += o.Interval
		for i := range o.cores {
			if _, due := o.cores[i].Deadline(); due && !o.state[i].dead {
				o.tick(uint32(i))
			}
		}
		o.post.shuffle(o.rand) // so that no number is first in line where connections are limited
		for mail, ok := o.post.next(); ok; mail, ok = o.post.next() {
			o.deliver(mail)
		}
	}
}

// runDeadlines spreads an update in virtual time.
func (o *outbreak) runDeadlines(origin uint32) {
	o.begin(origin)
	if o.Policy.Mode&rumor.Pull != 0 { // who pulls is never idle
		for i := range o.cores {
			if !o.state[i].dead && !o.state[i].queued {
				o.after(uint32(i))
			}
		}
	}
	for o.hot > 0 || o.post.waiting > 0 {
		now, e, ok := o.queue.next()
		if !ok || now-o.begun > o.Limit {
			return
		}
		o.now = now
		i, isTick := e.tick()
		switch {
		case !isTick:
			o.deliver(e.mail())
		case o.outside(i):
			o.queue.add(now+o.Interval, e)
		default:
			o.state[i].queued = false
			o.tick(i)
		}
	}
}
