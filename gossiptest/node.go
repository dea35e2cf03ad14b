package gossiptest

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"time"

	"github.com/grapevine-go/grapevine/internal/replica"
	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/ring"
	"github.com/grapevine-go/grapevine/rumor"
)

// Node is one node of a simulated cluster, over all its lives.
type Node struct {
	ID peer.ID

	c       *Cluster
	index   int
	in      bool // a member, or on the way to it
	was     ring.Status
	nonce   uint64
	replica *replica.Replica // nil: crashed
	life    int              // counts boots, so that what belongs to an earlier one is recognised
	skew    time.Duration
	paused  bool
	held    []func() // what waits for the end of a pause
	effects replica.Effects
}

// tickEvery is how often a node's machine is told the time.
const tickEvery = 20 * time.Millisecond

// callTimeout is how long the background exchanges wait for an answer.
const callTimeout = 500 * time.Millisecond

// now is the node's wall clock.
func (n *Node) now() time.Time { return n.c.World.Now().Add(n.skew) }

// whenAwake does f now, or when the node's pause ends.
func (n *Node) whenAwake(f func()) {
	if n.paused {
		n.held = append(n.held, f)
		return
	}
	f()
}

// boot starts the node's next life, with empty memory.
func (n *Node) boot() {
	n.life++
	n.nonce = n.c.World.Rand.Uint64() | 1
	n.replica = replica.New(replica.Config{
		ID: n.ID, Nonce: n.nonce, Cluster: "sim", Weight: 1,
		MaxValue: 1 << 20, MaxSkew: time.Second,
		Rand:      rand.New(rand.NewPCG(n.c.World.Rand.Uint64(), 1)),
		RingEvery: 500 * time.Millisecond, SweepEvery: n.c.run.Sweep, Retry: 200 * time.Millisecond, Timeout: callTimeout,
		Hints:    n.c.run.hints(),
		Target:   rumor.Target{Within: time.Second, Coverage: 0.999},
		ListUpTo: n.c.run.listUpTo(),
		Rules:    n.c.run.rules(),
	})
	n.c.World.Note('b', uint64(n.index), n.nonce, nil)
	n.tick(n.life)
}

// tick tells the machine the time, again and again while this life lasts.
func (n *Node) tick(life int) {
	if n.life != life || n.replica == nil {
		return
	}
	n.whenAwake(func() {
		if n.life == life && n.replica != nil {
			n.replica.Tick(n.now(), &n.effects)
			n.replica.Synchronize(n.now(), &n.effects)
			n.send()
		}
	})
	n.c.World.After(tickEvery, func() { n.tick(life) })
}

// send carries out the machine's effects.
func (n *Node) send() {
	n.changed()
	if n.replica != nil {
		n.replica.Flush(&n.effects)
	}
	sends := n.effects.Sends
	n.effects = replica.Effects{}
	for _, s := range sends {
		to := n.c.byID[s.To]
		if to == nil {
			continue
		}
		life, token := n.life, s.Token
		n.c.net.call(n, to, s.Msg, callTimeout, func(reply []byte, err error) {
			n.whenAwake(func() {
				if n.life == life && n.replica != nil {
					n.replica.Reply(n.now(), token, reply, err, &n.effects)
					n.send()
				}
			})
		})
	}
}

// crash ends the node's life without a word; its memory is gone.
func (n *Node) crash() {
	n.replica, n.paused, n.held = nil, false, nil
	n.life++
	n.c.World.Note('c', uint64(n.index), 0, nil)
	n.c.announce(n, n.nonce, false)
}

// restart begins a new life, of which everybody hears after a while.
func (n *Node) restart() {
	n.boot()
	n.c.announce(n, n.nonce, true)
	for _, o := range n.c.Nodes { // what a joining node is told of the others
		if o != n && o.replica != nil {
			n.replica.Verdict(o.ID, o.nonce, true)
		}
	}
}

// pause stops the node for a while; what arrives meanwhile is done at its end.
func (n *Node) pause(d time.Duration) {
	n.paused = true
	life := n.life
	n.c.World.After(d, func() {
		if n.life == life {
			n.wake()
		}
	})
}

func (n *Node) wake() {
	n.paused = false
	held := n.held
	n.held = nil
	for _, f := range held {
		n.whenAwake(f)
	}
}

// operation is a replica.Call under way at a node.
type operation struct {
	n      *Node
	call   replica.Call
	life   int
	open   int
	done   func(*replica.Call)
	over   bool // the end was reported
	handed bool // hints were left
	fixed  bool // what a read found behind was repaired
}

// start drives a call that begin starts; done is called once, when it has ended
// or when the node dies (with nil).
func (n *Node) start(deadline time.Duration, begin func(c *replica.Call, now, deadline time.Time) (send uint32), done func(*replica.Call)) {
	o := &operation{n: n, life: n.life, done: done}
	now := n.now()
	o.send(begin(&o.call, now, now.Add(deadline)))
	o.tick()
}

func (o *operation) alive() bool { return o.n.life == o.life && o.n.replica != nil }

// send sends to the others first and lets this node answer last.
func (o *operation) send(targets uint32) {
	for targets != 0 {
		local := uint32(0)
		for m := targets; m != 0; m &= m - 1 {
			i := bits.TrailingZeros32(m)
			if o.call.IsSelf(i) {
				local = 1 << i
				continue
			}
			o.sendTo(i)
		}
		targets = 0
		if local != 0 {
			now := o.n.now()
			i := bits.TrailingZeros32(local)
			reply := o.n.replica.Serve(now, o.call.Msg(now, i), nil)
			targets = o.call.Reply(now, o.call.Token(i), reply, nil, false, &o.n.effects)
			o.n.send()
		}
	}
	o.settle()
}

func (o *operation) sendTo(i int) {
	token := o.call.Token(i)
	to := o.n.c.byID[o.call.Op.Targets[i].ID]
	o.open++
	o.n.c.net.call(o.n, to, o.call.Msg(o.n.now(), i), o.n.c.run.patience(), func(reply []byte, err error) {
		o.n.whenAwake(func() {
			o.open--
			if !o.alive() {
				o.finish(nil)
				return
			}
			send := o.call.Reply(o.n.now(), token, reply, err, true, &o.n.effects)
			o.n.send()
			o.send(send)
		})
	})
}

// tick tells the operation the time.
func (o *operation) tick() {
	if o.over {
		return
	}
	o.n.c.World.After(tickEvery/2, func() {
		o.n.whenAwake(func() {
			if !o.alive() {
				o.finish(nil)
				return
			}
			o.send(o.call.Tick(o.n.now()))
			o.tick()
		})
	})
}

// settle reports the end, and repairs when nothing is under way any more.
func (o *operation) settle() {
	if !o.call.Ended() {
		return
	}
	o.finish(&o.call)
	if o.open == 0 && !o.handed && o.alive() {
		o.handed = true
		o.call.Handoff(o.n.now())
	}
	if o.open == 0 && !o.fixed && o.n.c.run.ReadRepair && o.alive() {
		o.fixed = true
		if behind := o.call.Behind(); behind != 0 {
			o.call.Repair(behind, &o.n.effects)
			o.n.send()
		}
	}
}

func (o *operation) finish(c *replica.Call) {
	if !o.over {
		o.over = true
		o.done(c)
	}
}

// String names the node and its life.
func (n *Node) String() string { return fmt.Sprintf("%s (life %d)", n.ID, n.life) }
