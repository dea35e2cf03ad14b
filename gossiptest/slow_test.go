package gossiptest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/grapevine-go/grapevine/internal/replica"
	"github.com/grapevine-go/grapevine/quorum"
)

// readers lets clients at every node read keys for a while, one after the other,
// and returns how long the reads took, sorted.
func (c *Cluster) readers(t *testing.T, active time.Duration) (took []time.Duration) {
	t.Helper()
	end := c.World.Elapsed() + active
	open := 0
	var client func(n *Node, i int)
	client = func(n *Node, i int) {
		if c.World.Elapsed() >= end {
			open--
			return
		}
		begun := c.World.Elapsed()
		n.start(c.run.Timeout, func(call *replica.Call, now, deadline time.Time) uint32 {
			return call.Read(n.replica, now, deadline, 50*time.Millisecond, tableName, fmt.Sprint("key ", i%100), quorum.Level(c.run.R))
		}, func(call *replica.Call) {
			if err := call.Err(); err != nil {
				t.Errorf("read: %v", err)
			}
			took = append(took, c.World.Elapsed()-begun)
			c.World.After(c.World.between(0, time.Millisecond), func() { client(n, i+7) })
		})
	}
	for i, n := range c.Nodes {
		for range 2 {
			open++
			client(n, i)
		}
	}
	c.World.RunUntil(active+time.Minute, func() bool { return open == 0 })
	slices.Sort(took)
	return took
}

// TestSlowOwner: an owner whose answers take 100 ms slows 99 % of the others'
// reads by a fifth at the most, also right after it has become slow, and it is
// asked again when it is quick.
func TestSlowOwner(t *testing.T) {
	for seed := range uint64(3) {
		c := newCluster(Run{Seed: seed, Nodes: 5, Faults: Faults{MinDelay: time.Millisecond, MaxDelay: 2 * time.Millisecond}}.withDefaults())
		if !c.form() {
			t.Fatal("the cluster did not form")
		}
		c.net.faults = c.run.Faults
		p99 := func(took []time.Duration) time.Duration { return took[len(took)*99/100] }
		c.readers(t, 2*time.Second)
		before := c.readers(t, 5*time.Second)
		c.net.slow = map[int]time.Duration{1: 100 * time.Millisecond}
		slow := c.readers(t, 5*time.Second)
		if p99(slow) > p99(before)*6/5 {
			t.Errorf("seed %d: 99 %% of reads take %v, with a slow owner %v", seed, p99(before), p99(slow))
		}
		if slow[len(slow)-1] <= p99(before) {
			t.Errorf("seed %d: no read noticed the slow owner", seed)
		}
		s := c.stats()
		if s.Speculated == 0 || s.Speculated > uint64(len(slow))/10 {
			t.Errorf("seed %d: %d speculations in %d reads", seed, s.Speculated, len(slow))
		}
		c.net.slow = nil
		c.readers(t, 12*time.Second)
		after := c.readers(t, 5*time.Second)
		if p99(after) > p99(before)*6/5 || after[len(after)/2] > before[len(before)/2]*6/5 {
			t.Errorf("seed %d: afterwards 99 %% of reads take %v, before %v", seed, p99(after), p99(before))
		}
	}
}

// TestSlowCluster: where all owners are slow of a sudden, they are not asked twice
// as much.
func TestSlowCluster(t *testing.T) {
	c := newCluster(Run{Seed: 1, Nodes: 5, Faults: Faults{MinDelay: time.Millisecond, MaxDelay: 2 * time.Millisecond}}.withDefaults())
	if !c.form() {
		t.Fatal("the cluster did not form")
	}
	c.net.faults = c.run.Faults
	c.readers(t, 2*time.Second)
	c.net.slow = make(map[int]time.Duration)
	for i := range c.Nodes {
		c.net.slow[i] = 20 * time.Millisecond
	}
	before := c.stats()
	reads := len(c.readers(t, 5*time.Second))
	s := c.stats()
	asked := s.Speculated - before.Speculated
	if most := uint64(reads/10 + 5*16); asked > most || asked == 0 {
		t.Errorf("%d reads asked %d more, %d at the most", reads, asked, most)
	}
}
