package gossiptest

import (
	"errors"
	"time"
)

// Faults is how bad the world is. The zero Faults is a perfect network and
// nodes that never fail.
type Faults struct {
	Loss       float64       // probability that a message (a request or a reply) is lost
	Duplicate  float64       // probability that a request arrives twice
	MinDelay   time.Duration // one way
	MaxDelay   time.Duration // one way; delays differ, so messages overtake each other
	Straggle   float64       // probability that a message takes stragglesBy times as long
	Skew       time.Duration // clocks are up to this far from the world's, to either side
	Crash      time.Duration // mean time between crashes; 0: none. A crashed node comes back empty
	Pause      time.Duration // mean time between pauses of a node; 0: none
	Partition  time.Duration // mean time between cuts of the network; 0: none
	Asymmetric bool          // some cuts are one-way
	Churn      time.Duration // mean time between nodes that join or leave; 0: none
	Overlap    bool          // joins and leaves do not wait for each other, nor for crashed nodes
}

// Counters tells what the faults did, so that a test can show that each knob
// has an effect.
type Counters struct {
	Messages, Lost, Duplicated, Cut  int
	Straggled                        int
	Crashes, Restarts, Pauses, Parts int
	Joins, Leaves, OneWay            int
	Retries                          int // of operations whose outcome was unknown
	Fallbacks, Hints                 int // that counted in the place of owners
}

var errLost = errors.New("no answer in time")

// network carries requests and replies between the nodes of a cluster.
type network struct {
	w      *World
	faults Faults
	cut    map[[2]int]bool       // from, to
	slow   map[int]time.Duration // by node: how much longer its answers take
	n      Counters

	// service is how long a node works on a request; 0: no time. Requests wait for
	// their turn, and one whose sender has given up by then is dropped.
	service time.Duration
	busy    map[int]time.Duration // by node: until when
}

// stragglesBy is how many times as long a straggler takes.
const stragglesBy = 20

// delay draws a one-way delay.
func (n *network) delay() time.Duration {
	d := n.w.between(n.faults.MinDelay, n.faults.MaxDelay)
	if n.w.chance(n.faults.Straggle) {
		n.n.Straggled++
		return stragglesBy * d
	}
	return d
}

// passes decides whether a message from one node to another gets through.
func (n *network) passes(from, to int) bool {
	n.n.Messages++
	if n.cut[[2]int{from, to}] {
		n.n.Cut++
		return false
	}
	if n.w.chance(n.faults.Loss) {
		n.n.Lost++
		return false
	}
	return true
}

// call carries a request to a node and its reply back. done is called exactly
// once: with the reply, or when the timeout has passed. The receiver's serve
// may be called twice.
func (n *network) call(from, to *Node, request []byte, timeout time.Duration, done func(reply []byte, err error)) {
	answered := false
	finish := func(reply []byte, err error) {
		if !answered {
			answered = true
			done(reply, err)
		}
	}
	n.w.After(timeout, func() { finish(nil, errLost) })
	request = append([]byte(nil), request...)
	n.deliver(from, to, request, timeout, finish)
	if n.w.chance(n.faults.Duplicate) {
		n.n.Duplicated++
		n.deliver(from, to, request, timeout, finish)
	}
}

func (n *network) deliver(from, to *Node, request []byte, timeout time.Duration, finish func([]byte, error)) {
	if !n.passes(from.index, to.index) {
		return
	}
	serve := func() {
		to.whenAwake(func() {
			if to.replica == nil {
				return
			}
			reply := to.replica.Serve(to.now(), request, nil)
			n.w.Note('s', uint64(to.index), uint64(len(request)), reply)
			if n.passes(to.index, from.index) {
				n.w.After(n.delay()+n.slow[to.index], func() { finish(reply, nil) })
			}
		})
	}
	n.w.After(n.delay(), func() {
		if n.service == 0 {
			serve()
		} else if wait := n.turn(to, timeout); wait < timeout {
			n.w.After(wait, serve)
		}
	})
}

// turn gives a request its turn at a node, and returns how long that takes. Who
// would have given up by then takes no turn.
func (n *network) turn(to *Node, timeout time.Duration) time.Duration {
	now := n.w.Elapsed()
	at := max(n.busy[to.index], now) + n.service
	if at-now < timeout {
		n.busy[to.index] = at
	}
	return at - now
}

// partition cuts every message between the nodes in side and the others; one
// way only, into side, if asymmetric.
func (n *network) partition(nodes []*Node, side map[int]bool, asymmetric bool) {
	n.n.Parts++
	if asymmetric {
		n.n.OneWay++
	}
	for _, a := range nodes {
		for _, b := range nodes {
			if !side[a.index] && side[b.index] || !asymmetric && side[a.index] && !side[b.index] {
				n.cut[[2]int{a.index, b.index}] = true
			}
		}
	}
}

func (n *network) heal() { clear(n.cut) }
