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
