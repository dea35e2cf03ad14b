package gossiptest

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/internal/replica"
	"github.com/grapevine-go/grapevine/ring"
	"github.com/grapevine-go/grapevine/store"
)

const flagsName = "flags"

// openFlags opens a table that every member holds, at one node.
func (c *Cluster) openFlags(n *Node) error {
	spec := ring.Table{Name: flagsName, Kind: ring.Everywhere, Type: "register(bytes)", Codec: 1, Partitions: 4}
	err := n.replica.Open(n.now(), spec, replica.Register("bytes"), &n.effects)
	n.send()
	return err
}

// setFlag writes at one node, where the write ends.
func (c *Cluster) setFlag(n *Node, key, value string) error {
	_, err := c.do(n, func(call *replica.Call, now, deadline time.Time) uint32 {
		cell := crdt.Put(n.replica.Stamp(now), []byte(value), 0)
		return call.Write(n.replica, now, deadline, flagsName, key, cell.AppendBinary(nil), 1)
	})
	n.send()
	return err
}

// flags returns what a node holds, byte by byte; nil while it is not filled.
func (n *Node) flags() map[string][]byte {
	if n.replica == nil || n.replica.View().Table(flagsName) == nil {
		return nil
	}
	t := n.replica.View().Table(flagsName)
	all := make(map[string][]byte)
	for p := range t.Data.Partitions() {
		if !t.Data.Synced(p) {
			return nil
		}
		t.Data.Page(p, 0, ^uint64(0), func(e store.Entry) bool {
			all[string(e.Key)] = e.State.AppendBinary(nil)
			return true
		})
	}
	return all
}

// flagsAgree reports whether all members hold the same, with so many keys.
func (c *Cluster) flagsAgree(keys int) bool {
	var first map[string][]byte
	for i, n := range c.in() {
		all := n.flags()
		if i == 0 {
			first = all
		}
		if all == nil || len(all) != keys || len(first) != keys {
			return false
		}
		for k, state := range all {
			if !bytes.Equal(first[k], state) {
				return false
			}
		}
	}
	return true
}

// flagCluster is a cluster with a table that every member holds.
func flagCluster(t *testing.T, run Run) *Cluster {
	t.Helper()
	c := newCluster(run.withDefaults())
	if !c.form() {
		t.Fatal("the cluster did not form")
	}
	if err := c.openFlags(c.Nodes[0]); err != nil {
		t.Fatal(err)
	}
	if !c.World.RunUntil(time.Minute, func() bool { return c.calm() && c.flagsAgree(0) }) {
		t.Fatal("the empty table was not filled")
	}
	c.net.faults = run.Faults
	return c
}

// TestEverywhereSpreads: on a network without faults rumors alone tell everybody,
// in a few cycles, and no comparison is needed.
func TestEverywhereSpreads(t *testing.T) {
	c := flagCluster(t, Run{Seed: 1, Nodes: 20, Sweep: time.Hour, Faults: Faults{MinDelay: time.Millisecond, MaxDelay: 5 * time.Millisecond}})
	for i := range 30 {
		if err := c.setFlag(c.Nodes[i%20], fmt.Sprint("flag-", i%10), fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	before := c.World.Elapsed()
	if !c.World.RunUntil(5*time.Second, func() bool { return c.flagsAgree(10) }) {
		t.Fatal("not everybody heard")
	}
	t.Logf("all of 20 nodes agree %v after the last of 30 writes", c.World.Elapsed()-before)
}

// TestEverywhereConverges: with loss, cuts, crashes, and members that come, all
// members hold the same in the end, and what the last writer of each key wrote.
func TestEverywhereConverges(t *testing.T) {
	crashes, cuts, joins, writes := 0, 0, 0, 0
	for seed := range seeds(40) {
		run := Run{Seed: seed, Nodes: 6, Spares: 2, Sweep: 2 * time.Second, Faults: Faults{
			Loss: .2, Duplicate: .05, MinDelay: time.Millisecond, MaxDelay: 50 * time.Millisecond, Straggle: .01,
			Crash: 3 * time.Second, Pause: 4 * time.Second, Partition: 4 * time.Second, Asymmetric: true, Churn: 4 * time.Second,
		}}
		c := flagCluster(t, run)
		end := c.World.Elapsed() + 20*time.Second
		c.mischief(end)
		wrote := 0
		for c.World.Elapsed() < end {
			n := c.Nodes[c.World.Rand.IntN(len(c.Nodes))]
			if n.replica != nil && !n.paused && n.serving() {
				if c.setFlag(n, fmt.Sprint("flag-", wrote%10), fmt.Sprint(wrote)) == nil {
					wrote++
				}
			}
			c.World.RunUntil(100*time.Millisecond, func() bool { return false })
		}
		c.heal()
		c.World.RunUntil(30*time.Second, c.calm)
		for i := range 10 { // what was written at a node that crashed may be lost
			if err := c.setFlag(c.in()[i%len(c.in())], fmt.Sprint("flag-", i), "last"); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
		}
		if !c.World.RunUntil(2*time.Minute, func() bool { return c.calm() && c.flagsAgree(10) }) {
			for _, n := range c.in() {
				t.Logf("%v: %d flags, %d fills open", n, len(n.flags()), n.replica.Fills()[flagsName])
			}
			t.Fatalf("seed %d: members differ two minutes after healing", seed)
		}
		crashes, cuts, joins, writes = crashes+c.net.n.Crashes, cuts+c.net.n.Parts, joins+c.net.n.Joins, writes+wrote
	}
	if (crashes == 0 || joins == 0) && !underRace || cuts == 0 || writes < 20 { // few seeds need not have each
		t.Errorf("%d crashes, %d cuts, %d joins, %d writes: the faults had no effect", crashes, cuts, joins, writes)
	}
}

// TestEverywhereHeals: what is written on one side of a cut is found by
// comparing, and only so: rumors have ended when the cut does.
func TestEverywhereHeals(t *testing.T) {
	for _, sweep := range []time.Duration{time.Second, time.Hour} {
		c := flagCluster(t, Run{Seed: 1, Nodes: 8, Sweep: sweep, Faults: Faults{MinDelay: time.Millisecond, MaxDelay: 5 * time.Millisecond}})
		c.net.partition(c.Nodes, map[int]bool{0: true, 1: true, 2: true}, false)
		for i := range 8 {
			if err := c.setFlag(c.Nodes[i], fmt.Sprint("flag-", i), "cut"); err != nil {
				t.Fatal(err)
			}
		}
		c.World.RunUntil(30*time.Second, func() bool { return false })
		if c.flagsAgree(8) {
			t.Fatal("the cut had no effect")
		}
		c.heal()
		if healed := c.World.RunUntil(time.Minute, func() bool { return c.flagsAgree(8) }); healed != (sweep == time.Second) {
			t.Errorf("compared every %v, all agree a minute after the cut: %t", sweep, healed)
		}
	}
}

// TestEverywhereNotReady: a member that came back empty has no silent zero: it
// refuses to read until it is filled, and takes writes meanwhile.
func TestEverywhereNotReady(t *testing.T) {
	c := flagCluster(t, Run{Seed: 3, Nodes: 4, Sweep: time.Second, Faults: Faults{MinDelay: 20 * time.Millisecond, MaxDelay: 30 * time.Millisecond}})
	if err := c.setFlag(c.Nodes[0], "flag", "on"); err != nil {
		t.Fatal(err)
	}
	if !c.World.RunUntil(10*time.Second, func() bool { return c.flagsAgree(1) }) {
		t.Fatal("not everybody heard")
	}
	n := c.Nodes[3]
	n.crash()
	n.restart()
	refused := 0
	for {
		value, err := c.do(n, func(call *replica.Call, now, deadline time.Time) uint32 {
			return call.Read(n.replica, now, deadline, time.Second, flagsName, "flag", 1)
		})
		if err == nil {
			if value != "on" {
				t.Errorf("read %q", value)
			}
			break
		}
		if !errors.Is(err, replica.ErrNotReady) {
			t.Fatal(err)
		}
		refused++
		c.World.RunUntil(time.Millisecond, func() bool { return false })
	}
	if refused == 0 {
		t.Error("no read was refused")
	}
}
