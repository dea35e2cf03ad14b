package gossiptest

import (
	"fmt"
	"testing"
	"time"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/internal/replica"
	"github.com/grapevine-go/grapevine/quorum"
	"github.com/grapevine-go/grapevine/quorum/admit"
)

// door is what a node has under way, as package gossip counts it.
type door struct {
	limit admit.Limit
	under int
	now   admit.Measured
}

func (d *door) end(took time.Duration) {
	d.under--
	d.now.Kinds[0].Add(took, d.limit.Cap(0))
}

func (d *door) close() {
	d.limit.Update(d.now)
	d.now = admit.Measured{Peak: d.under}
}

// flood is a cluster whose nodes work for a while on each request, and what comes to
// it.
type flood struct {
	*Cluster
	h     History
	doors []*door // by node; nil: all are let in
	good  int     // operations that were applied, or answered
	said  int     // that were refused
	late  int     // that ended otherwise
}

// offer begins perSecond operations a second, whatever becomes of them: puts, and a
// get for each nine of them.
func (f *flood) offer(perSecond int, d time.Duration) {
	f.good, f.said, f.late = 0, 0, 0
	every, end := time.Second/time.Duration(perSecond), f.World.Elapsed()+d
	var arrive func()
	arrive = func() {
		if f.World.Elapsed() < end {
			f.begin(len(f.h.Ops))
			f.World.After(every, arrive)
		}
	}
	arrive()
	f.World.RunUntil(d, func() bool { return false })
}

func (f *flood) begin(i int) {
	n := f.Nodes[f.World.Rand.IntN(len(f.Nodes))]
	o := &Op{Node: n.index, Kind: PutOp, Key: key(f.World.Rand.IntN(f.run.Keys)), Value: fmt.Sprint("value ", i), Invoke: f.World.Elapsed()}
	if i%10 == 9 {
		o.Kind, o.Value = GetOp, ""
	}
	f.h.Ops = append(f.h.Ops, o)
	if d := f.door(n); d != nil {
		if d.under >= d.limit.Most() {
			d.now.Refused++
			f.said++
			o.Outcome, o.Return = NotApplied, f.World.Elapsed()
			return
		}
		d.under++
		d.now.Peak = max(d.now.Peak, d.under)
	}
	n.start(f.run.Timeout, func(c *replica.Call, now, deadline time.Time) uint32 {
		if o.Kind == GetOp {
			return c.Read(n.replica, now, deadline, 50*time.Millisecond, tableName, o.Key, quorum.Level(f.run.R))
		}
		cell := crdt.Put(n.replica.Stamp(now), []byte(o.Value), 0)
		return c.Write(n.replica, now, deadline, tableName, o.Key, cell.AppendBinary(nil), quorum.Level(f.run.W))
	}, func(c *replica.Call) {
		o.Return = f.World.Elapsed()
		o.result(c, n)
		if d := f.door(n); d != nil {
			d.end(o.Return - o.Invoke)
		}
		if o.Outcome == Applied {
			f.good++
		} else {
			f.late++
		}
	})
}

func (f *flood) door(n *Node) *door {
	if f.doors == nil {
		return nil
	}
	return f.doors[n.index]
}

// windows closes the windows of the doors for ever.
func (f *flood) windows() {
	for _, d := range f.doors {
		d.close()
	}
	f.World.After(admit.Window, f.windows)
}

// newFlood forms a cluster of three nodes.
func newFlood(t *testing.T, seed uint64, limited bool) *flood {
	t.Helper()
	run := Run{Seed: seed, Nodes: 3, Keys: 500, NoHints: true, Faults: Faults{MinDelay: time.Millisecond, MaxDelay: 2 * time.Millisecond}}
	f := &flood{Cluster: newCluster(run.withDefaults())}
	if !f.form() {
		t.Fatal("the cluster did not form")
	}
	f.net.faults, f.net.service, f.net.busy = run.Faults, time.Millisecond, map[int]time.Duration{}
	if limited {
		for range f.Nodes {
			f.doors = append(f.doors, &door{limit: admit.New(20 * time.Millisecond)})
		}
		f.windows()
	}
	return f
}

// capacity is how many operations a second the cluster can do: most are puts, and
// take a millisecond at two of three nodes beside the one that has begun them.
const capacity = 3 * 1000 / 2

// TestOverload is invariant 15: ten times as much as can be done is shed, and whoever
// is shed hears so; most of what can be done is done; when the load stops all is as
// before, and nothing that was refused was applied.
func TestOverload(t *testing.T) {
	for seed := range uint64(3) {
		f := newFlood(t, seed, true)
		f.offer(10*capacity, 3*time.Second) // until the limits are found
		f.offer(10*capacity, 5*time.Second)
		if f.good < 5*capacity*8/10 || f.said < 5*capacity*8 || f.late > f.good/10 {
			t.Errorf("seed %d: in 5 s %d of the %d that can be done were done, %d refused, %d late", seed, f.good, 5*capacity, f.said, f.late)
		}
		f.offer(capacity/2, 5*time.Second)
		f.offer(capacity/2, 2*time.Second)
		if f.good < capacity-capacity/20 || f.said+f.late > 0 {
			t.Errorf("seed %d: 5 s after it %d of %d were done, %d refused, %d late", seed, f.good, capacity, f.said, f.late)
		}
		f.heal()
		if !f.World.RunUntil(10*time.Minute, f.converged) {
			t.Fatalf("seed %d: owners differ ten minutes later", seed)
		}
		for _, v := range Check(&f.h, f.finals()) {
			t.Errorf("seed %d: %v", seed, v)
		}
	}
}

// TestOverloadWithoutLimit is the control: then next to nothing is done in time.
func TestOverloadWithoutLimit(t *testing.T) {
	f := newFlood(t, 1, false)
	f.offer(10*capacity, 3*time.Second)
	f.offer(10*capacity, 2*time.Second)
	if f.good > 2*capacity/5 {
		t.Errorf("in 2 s %d of the %d that can be done were done", f.good, 2*capacity)
	}
}
