package gossiptest

import (
	"time"

	"github.com/grapevine-go/grapevine/ring"
)

// in returns the nodes that belong to the cluster, those that crashed and will
// come back included.
func (c *Cluster) in() []*Node {
	in := c.live[:0]
	for _, n := range c.Nodes {
		if n.in {
			in = append(in, n)
		}
	}
	c.live = in
	return in
}

// changeOne lets a node that is outside join or one that is inside leave. One
// change waits for the end of the other, unless they may overlap.
func (c *Cluster) changeOne() {
	if !c.run.Faults.Overlap && !c.calm() {
		return
	}
	n := c.Nodes[c.World.Rand.IntN(len(c.Nodes))]
	switch {
	case !n.in && n.replica == nil:
		c.net.n.Joins++
		n.in = true
		n.restart()
	case n.in && n.serving() && len(c.in()) > c.run.N:
		c.net.n.Leaves++
		n.leave()
	}
}

// status is the node's own, as it knows it; Left while it is no member.
func (n *Node) status() ring.Status {
	if n.replica != nil {
		if s, ok := n.replica.View().Status(); ok {
			return s
		}
	}
	return ring.Left
}

// serving reports whether the node is up and an owner like any other.
func (n *Node) serving() bool { return !n.paused && n.status() == ring.Serving }

// leave hands the node's partitions over, says so, and ends its life when
// others have heard it.
func (n *Node) leave() {
	n.c.World.Note('l', uint64(n.index), 0, nil)
	n.replica.SetStatus(n.now(), ring.Leaving, &n.effects)
	n.send()
	n.in = false
	n.handOver(n.life)
}

// handOver looks again and again whether the node may go.
func (n *Node) handOver(life int) {
	n.c.World.After(50*time.Millisecond, func() {
		if n.life != life {
			return
		}
		n.whenAwake(func() {
			switch s := n.status(); {
			case s == ring.Leaving && len(n.replica.HandedOver()) == 0:
				n.replica.SetStatus(n.now(), ring.Left, &n.effects)
				n.send()
			case s == ring.Left && n.gone():
				n.crash()
				return
			}
			n.handOver(life)
		})
	})
}

// gone reports whether every node of the cluster knows that this one left.
func (n *Node) gone() bool {
	for _, o := range n.c.in() {
		if o.replica == nil {
			return false
		}
		if m, ok := o.replica.View().State.Member(n.ID); !ok || m.Status != ring.Left {
			return false
		}
	}
	return true
}

// changed cuts the network, now and then, at the moment when a node has taken
// the second step of its change and told nobody yet: what the others know is
// then as old as it can be.
func (n *Node) changed() {
	s := n.status()
	if s == n.was {
		return
	}
	n.was = s
	f := n.c.net.faults
	if (s == ring.Serving || s == ring.Left) && f.Churn > 0 && f.Partition > 0 && n.c.World.chance(0.5) {
		n.c.cutSome(n.index)
	}
}
