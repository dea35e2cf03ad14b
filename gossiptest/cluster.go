package gossiptest

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/internal/replica"
	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/ring"
	"github.com/grapevine-go/grapevine/store"
)

// Cluster is a cluster of simulated nodes with one ring table.
type Cluster struct {
	World *World
	Nodes []*Node

	run  Run
	net  *network
	byID map[peer.ID]*Node
	live []*Node // memory of in
}

// tableName is the one table of the simulated cluster.
const tableName = "registers"

// happenings names what enters the hash: by whom (or of which kind), what with.
var happenings = map[byte]string{
	'b': "boot of node", 'c': "crash of node", 'l': "leaving of node", 's': "served by node", 'o': "end of an operation of kind",
}

// newCluster boots the nodes; the first forms the cluster, and the others find
// it as nodes do.
func newCluster(run Run) *Cluster {
	w := NewWorld(run.Seed)
	if run.Trace != nil {
		w.Trace = func(at time.Duration, what byte, a, b uint64, data []byte) {
			run.Trace(fmt.Sprintf("%12v %s %d %x, %d bytes", at, happenings[what], a, b, len(data)))
		}
	}
	c := &Cluster{World: w, run: run, byID: make(map[peer.ID]*Node)}
	c.net = &network{w: w, cut: make(map[[2]int]bool)} // without faults until the cluster has formed
	c.net.faults.MaxDelay = time.Millisecond
	for i := range run.Nodes + run.Spares {
		n := &Node{ID: peer.ID(fmt.Sprintf("n%d", i)), c: c, index: i, in: i < run.Nodes, skew: w.between(-run.Faults.Skew, run.Faults.Skew+1)}
		c.Nodes = append(c.Nodes, n)
		c.byID[n.ID] = n
	}
	for i, n := range c.in() {
		n.boot()
		if i == 0 {
			n.replica.Form(n.now(), &n.effects)
			n.send()
		}
	}
	for _, n := range c.in() {
		for _, o := range c.in() {
			if n != o {
				n.replica.Verdict(o.ID, o.nonce, true)
			}
		}
	}
	return c
}

// form waits until every node serves, and opens the table.
func (c *Cluster) form() bool {
	serving := func() bool {
		return !slices.ContainsFunc(c.in(), func(n *Node) bool { return !n.serving() })
	}
	if !c.World.RunUntil(time.Minute, serving) {
		return false
	}
	n, typ := c.Nodes[0], c.run.typ()
	spec := ring.Table{Name: tableName, Type: typ.Name, Codec: typ.Codec, N: uint8(c.run.N), W: uint8(c.run.W), Partitions: uint32(c.run.Partitions)}
	if err := n.replica.Open(n.now(), spec, typ, &n.effects); err != nil {
		panic(err) // the specification is the run's
	}
	n.send()
	return c.World.RunUntil(time.Minute, c.calm)
}

// announce lets every other node hear, after a delay of its own, that a boot of
// a node is alive or dead.
func (c *Cluster) announce(n *Node, nonce uint64, alive bool) {
	for _, o := range c.Nodes {
		if o == n {
			continue
		}
		life := o.life
		c.World.After(c.World.between(20*time.Millisecond, 1500*time.Millisecond), func() {
			if o.life == life && o.replica != nil {
				o.replica.Verdict(n.ID, nonce, alive)
			}
		})
	}
}

// calm reports that nobody comes or goes, that every node is up, knows the same
// ring state, and has all of its partitions synced.
func (c *Cluster) calm() bool {
	var version uint64
	for _, n := range c.Nodes {
		if n.in != (n.replica != nil) || n.in && !n.serving() {
			return false
		}
		if !n.in {
			continue
		}
		v := n.replica.View()
		if version == 0 {
			version = v.Version()
		}
		if v.Version() != version || v.Table(tableName) == nil || len(n.replica.Fills()) > 0 {
			return false
		}
	}
	return true
}

// table returns a node's table; nil while it has none.
func (n *Node) table() *replica.Table {
	if n.replica == nil {
		return nil
	}
	return n.replica.View().Table(tableName)
}

// dump returns a node's local states of the partitions that it owns, by key.
func (n *Node) dump(partition int) map[string][]byte {
	d := make(map[string][]byte)
	t := n.table()
	t.Data.Page(partition, 0, ^uint64(0), func(e store.Entry) bool {
		d[string(e.Key)] = e.State.AppendBinary(nil)
		return true
	})
	return d
}

// owners returns the nodes that own a partition.
func (c *Cluster) owners(partition int) (owners []*Node) {
	v := c.in()[0].replica.View()
	for _, m := range v.Table(tableName).Layout.Current(partition) {
		owners = append(owners, c.byID[v.State.Members()[m].ID])
	}
	return owners
}

// converged reports whether all owners' local states are equal, byte by byte.
func (c *Cluster) converged() bool {
	if !c.calm() {
		return false
	}
	for p := range c.run.Partitions {
		owners := c.owners(p)
		first, _ := owners[0].table().Data.Digest(p)
		for _, o := range owners[1:] {
			if d, _ := o.table().Data.Digest(p); d != first {
				return false
			}
		}
	}
	return true
}

// different returns the keys whose states differ between owners: what a
// digest must not hide.
func (c *Cluster) different() (keys []string) {
	for p := range c.run.Partitions {
		owners := c.owners(p)
		first := owners[0].dump(p)
		for _, o := range owners[1:] {
			d := o.dump(p)
			for k, s := range d {
				if !bytes.Equal(first[k], s) {
					keys = append(keys, k)
				}
			}
			for k := range first {
				if d[k] == nil {
					keys = append(keys, k)
				}
			}
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// final returns what a key holds at its owners once they agree.
func (c *Cluster) final(key string) (value string, found bool) {
	p := ring.Partition(ring.Hash(key), c.run.Partitions)
	state := c.owners(p)[0].dump(p)[key]
	if state == nil {
		return "", false
	}
	cell, err := crdt.DecodeCell(state)
	if err != nil {
		return "corrupt: " + err.Error(), true
	}
	b, ok := cell.Get(0)
	return string(b), ok
}
