package replica

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/grapevine-go/grapevine/quorum"
)

// TestSpeedQuantile: what is said to be the time that 99 of 100 answers do not
// exceed is within an eighth of it, however many came before.
func TestSpeedQuantile(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s speed
		quick := time.Duration(rapid.IntRange(1, 1_000_000).Draw(t, "quick")) * time.Microsecond
		for range rapid.IntRange(1, 5000).Draw(t, "answers") + speedFresh {
			s.answered(quick, 0)
		}
		if got := time.Duration(s.slow.Load()); got < quick || got > quick+quick/7+time.Microsecond {
			t.Fatalf("%v, of answers that all took %v", got, quick)
		}
		// One in fifty that is slower decides, once enough are among the latest.
		for i := range 4 * speedWindow {
			if i%50 == 0 {
				s.answered(10*quick, 0)
			} else {
				s.answered(quick, 0)
			}
		}
		if got := time.Duration(s.slow.Load()); got < 10*quick {
			t.Fatalf("%v, where one in fifty takes %v", got, 10*quick)
		}
	})
}

// TestReadsAvoidTheSlow: the slow owner and one without room are asked last, and
// are asked again when they have become quick.
func TestReadsAvoidTheSlow(t *testing.T) {
	h := newCluster(t, spec, Rules{}, "a", "b", "c")
	a := h.nodes["a"]
	asked := func() string {
		var c Call
		send := c.Read(a.Replica, h.now, h.now.Add(time.Second), time.Hour, spec.Name, "key", 2)
		for i, target := range c.Op.Targets {
			if send&(1<<i) != 0 {
				return string(target.ID)
			}
		}
		return ""
	}
	slow := asked()
	at := func(id string) *speed {
		v := a.View()
		for i, m := range v.State.Members() {
			if string(m.ID) == id {
				return v.speeds[i]
			}
		}
		return nil
	}
	for range 20 {
		at(slow).answered(100*time.Millisecond, maxServing>>10)
	}
	other := asked()
	if other == slow || other == "" {
		t.Fatalf("%s is slow, and %q is asked", slow, other)
	}
	for range 60 {
		at(slow).answered(100*time.Microsecond, maxServing>>10)
		at(other).answered(100*time.Microsecond, maxServing>>10)
	}
	if got := asked(); got != slow {
		t.Errorf("%s is as quick as before, and %s is asked", slow, got)
	}
	at(slow).answered(100*time.Microsecond, scarce-1)
	if got := asked(); got != other {
		t.Errorf("%s has little room, and %s is asked", slow, got)
	}
}

// TestSpeculation: a read that waits longer than answers took lately asks one
// owner more, as long as there is room for that.
func TestSpeculation(t *testing.T) {
	h := newCluster(t, spec, Rules{}, "a", "b", "c")
	a := h.nodes["a"]
	a.write("key", "value")
	for _, s := range a.View().speeds {
		for range speedFresh {
			s.answered(2*time.Millisecond, maxServing>>10)
		}
	}
	a.hedges.room.Store(2 * hedgeShare)
	speculated := 0
	for range 12 {
		var c Call
		c.Read(a.Replica, h.now, h.now.Add(time.Second), 50*time.Millisecond, spec.Name, "key", 2)
		if wait := c.Op.Deadline().Sub(h.now); wait < 2*time.Millisecond || wait > 3*time.Millisecond {
			t.Fatalf("it waits for %v, where answers take 2ms", wait)
		}
		if c.Tick(h.now.Add(time.Millisecond)) != 0 {
			t.Fatal("it asks another before")
		}
		if c.Tick(h.now.Add(3*time.Millisecond)) != 0 {
			speculated++
		}
	}
	// Twice from what there was, and once from what these reads add.
	if got := a.Stats().Speculated; speculated != 3 || got != 3 {
		t.Errorf("%d of 12 reads speculated, %d are counted", speculated, got)
	}
	var c Call
	a.hedges.room.Store(0)
	c.Read(a.Replica, h.now, h.now.Add(time.Second), 50*time.Millisecond, spec.Name, "key", 2)
	if c.Tick(h.now.Add(time.Second)); c.Op.Cause != quorum.ErrTimeout {
		t.Errorf("at its deadline, without room: %v", c.Op.Cause)
	}
}

// TestProbe: an owner that has not answered for a second is asked to read beside
// the others, once.
func TestProbe(t *testing.T) {
	h := newCluster(t, spec, Rules{}, "a", "b", "c", "d")
	a, key := h.nodes["a"], "key"
	now := h.now
	for _, s := range a.View().speeds {
		s.last.Store(now.UnixNano())
	}
	asked := func() (n int) {
		var c Call
		c.Read(a.Replica, now, now.Add(timeout), time.Hour, spec.Name, key, 1)
		for i, target := range c.Op.Targets {
			if c.Op.Pending(i) && target.ID != "a" {
				n++
			}
		}
		return n
	}
	alone := asked()
	now = now.Add(probeAfter + time.Millisecond)
	probed, after := 0, 0
	for i := range 5 {
		if i < 3 {
			probed += asked() - alone
		} else {
			after += asked() - alone
		}
	}
	if probed != 2 || after != 0 { // one is asked in any case, or is this node
		t.Errorf("probed %d, later %d", probed, after)
	}
}

// TestSlowInTheZone: an owner in this zone comes before one in another, unless it
// is very slow.
func TestSlowInTheZone(t *testing.T) {
	v := &View{Self: -1, speeds: []*speed{new(speed), new(speed)}}
	near, far := quorum.Target{ID: "near", Member: 0, Local: true}, quorum.Target{ID: "far", Member: 1}
	first := func() string {
		targets := []quorum.Target{far, near}
		v.nearest(targets)
		return string(targets[0].ID)
	}
	for range 100 {
		v.speeds[0].answered(2*time.Millisecond, maxServing>>10)
		v.speeds[1].answered(time.Millisecond, maxServing>>10)
	}
	if first() != "near" {
		t.Error("the far one is asked")
	}
	for range 100 {
		v.speeds[0].answered(100*time.Millisecond, maxServing>>10)
	}
	if first() != "far" {
		t.Error("the slow one is asked")
	}
}

// TestSpeculationAsksWhoCounts: a local read that is slow asks nobody whose answer
// would not count.
func TestSpeculationAsksWhoCounts(t *testing.T) {
	var o quorum.Op
	now := time.UnixMilli(0)
	o.StartRead(quorum.LocalOne, now, now.Add(time.Second), time.Millisecond, []quorum.Target{
		{ID: "near", Current: true, Next: true, Local: true}, {ID: "far", Current: true, Next: true},
		{ID: "other", Current: true, Next: true, Local: true}})
	if send := o.Tick(now.Add(time.Millisecond)); send != 1<<2 {
		t.Errorf("asked %b, not the other one in the zone", send)
	}
	if send := o.Tick(now.Add(2 * time.Millisecond)); send != 0 {
		t.Errorf("asked %b in another zone", send)
	}
}
