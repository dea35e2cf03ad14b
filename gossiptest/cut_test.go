package gossiptest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/internal/replica"
	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/quorum"
)

// ownersSeen is who a node takes for the owners of each partition.
func ownersSeen(n *Node) (all [][]peer.ID) {
	v := n.replica.View()
	layout := v.Table(tableName).Layout
	for p := range layout.Partitions() {
		var ids []peer.ID
		for _, t := range layout.Targets(p) {
			ids = append(ids, v.State.Members()[t.Member].ID)
		}
		all = append(all, ids)
	}
	return all
}

// do carries out one operation and returns its error and, of a read, the value.
func (c *Cluster) do(n *Node, begin func(call *replica.Call, now, deadline time.Time) uint32) (value string, err error) {
	ended := false
	n.start(c.run.Timeout, begin, func(call *replica.Call) {
		ended = true
		if err = call.Err(); err == nil {
			cell := call.Cell()
			b, _ := cell.Get(0)
			value = string(b)
		}
	})
	c.World.RunUntil(time.Minute, func() bool { return ended })
	return value, err
}

func (c *Cluster) put(n *Node, key, value string) error {
	_, err := c.do(n, func(call *replica.Call, now, deadline time.Time) uint32 {
		cell := crdt.Put(n.replica.Stamp(now), []byte(value), 0)
		return call.Write(n.replica, now, deadline, tableName, key, cell.AppendBinary(nil), quorum.Level(c.run.W))
	})
	return err
}

func (c *Cluster) get(n *Node, key string) (string, error) {
	return c.do(n, func(call *replica.Call, now, deadline time.Time) uint32 {
		return call.Read(n.replica, now, deadline, c.run.Timeout/4, tableName, key, quorum.Level(c.run.R))
	})
}

// TestOneOfFiveCutOff: nobody's owners change, on neither side, however long the
// cut lasts and whatever membership believes; the majority goes on with all
// keys, the one that is alone says that it cannot, and what it missed is there
// when the cut is over.
func TestOneOfFiveCutOff(t *testing.T) {
	c := newCluster(Run{Seed: 1, Nodes: 5, Faults: Faults{MinDelay: time.Millisecond, MaxDelay: 10 * time.Millisecond}}.withDefaults())
	if !c.form() {
		t.Fatal("the cluster did not form")
	}
	before := ownersSeen(c.Nodes[0])
	alone := c.Nodes[4]
	c.net.partition(c.Nodes, map[int]bool{alone.index: true}, false)
	for _, n := range c.Nodes[:4] {
		n.replica.Verdict(alone.ID, alone.nonce, false)
		alone.replica.Verdict(n.ID, n.nonce, false)
	}
	c.World.RunUntil(10*time.Minute, func() bool { return false })

	unchanged := func(when string) {
		for _, n := range c.Nodes {
			if !slices.EqualFunc(before, ownersSeen(n), slices.Equal) {
				t.Errorf("%s: %v has other owners", when, n)
			}
		}
	}
	unchanged("during the cut")
	for i := range 40 {
		key := fmt.Sprint("key-", i)
		if err := c.put(c.Nodes[i%4], key, "majority"); err != nil {
			t.Errorf("%s at the majority: %v", key, err)
		}
		if v, err := c.get(c.Nodes[(i+1)%4], key); v != "majority" || err != nil {
			t.Errorf("%s at the majority: %q, %v", key, v, err)
		}
		err := c.put(alone, key, "minority")
		if !errors.Is(err, quorum.ErrUnavailable) || !errors.Is(err, quorum.ErrNotApplied) {
			t.Errorf("%s at the one cut off: %v", key, err)
		}
		if _, err := c.get(alone, key); !errors.Is(err, quorum.ErrUnavailable) {
			t.Errorf("%s read at the one cut off: %v", key, err)
		}
	}

	c.heal()
	if !c.World.RunUntil(2*time.Minute, c.converged) {
		t.Fatalf("owners differ after the cut: %v", c.safeDifferent())
	}
	unchanged("after the cut")
	for i := range 40 {
		key := fmt.Sprint("key-", i)
		if v, found := c.final(key); v != "majority" || !found {
			t.Errorf("%s is %q at its owners", key, v)
		}
		if v, err := c.get(alone, key); v != "majority" || err != nil {
			t.Errorf("%s at the one that was cut off: %q, %v", key, v, err)
		}
	}
}

// TestCutOffUnnoticed: as long as membership has not noticed, the one that is
// cut off sends and nobody answers; what it wrote may be anywhere.
func TestCutOffUnnoticed(t *testing.T) {
	c := newCluster(Run{Seed: 2, Nodes: 5}.withDefaults())
	if !c.form() {
		t.Fatal("the cluster did not form")
	}
	alone := c.Nodes[4]
	c.net.partition(c.Nodes, map[int]bool{alone.index: true}, false)
	err := c.put(alone, "key", "minority")
	if !errors.Is(err, quorum.ErrUnknown) || !errors.Is(err, quorum.ErrTimeout) && !errors.Is(err, quorum.ErrUnavailable) {
		t.Error(err)
	}
}

// TestJoinWithData: a node joins a cluster that holds data. No read misses a
// key meanwhile, at any node, and afterwards the newcomer has what it owns.
func TestJoinWithData(t *testing.T) {
	c := newCluster(Run{Seed: 3, Nodes: 3, Spares: 1, Faults: Faults{MinDelay: time.Millisecond, MaxDelay: 10 * time.Millisecond}}.withDefaults())
	if !c.form() {
		t.Fatal("the cluster did not form")
	}
	const keys = 60
	for i := range keys {
		if err := c.put(c.Nodes[i%3], fmt.Sprint("key-", i), fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	newcomer := c.Nodes[3]
	newcomer.in = true
	newcomer.restart()
	during := 0
	for i := 0; !c.calm() || i < keys; i++ {
		if !c.calm() {
			during++
		}
		for _, n := range c.Nodes {
			key := fmt.Sprint("key-", i%keys)
			v, err := c.get(n, key)
			if errors.Is(err, replica.ErrNotReady) && n == newcomer {
				c.World.RunUntil(10*time.Millisecond, func() bool { return false })
				continue
			}
			if v != fmt.Sprint(i%keys) || err != nil {
				t.Fatalf("%s at %v: %q, %v", key, n, v, err)
			}
		}
		if i > 100*keys {
			t.Fatal("the node does not come to serve")
		}
	}
	if during == 0 {
		t.Error("nothing was read while the node joined")
	}
	owned := newcomer.replica.View().Table(tableName)
	held := 0
	for p := range c.run.Partitions {
		if slices.ContainsFunc(owned.Layout.Current(p), func(m uint16) bool {
			return newcomer.replica.View().State.Members()[m].ID == newcomer.ID
		}) {
			held += len(newcomer.dump(p))
		}
	}
	if held == 0 || !c.converged() {
		t.Errorf("the newcomer holds %d keys, all agree: %t", held, c.converged())
	}
}
