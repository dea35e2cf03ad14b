package gossiptest

import (
	"testing"
	"time"

	"github.com/grapevine-go/grapevine/rumor"
)

// A controller whose cores spread one update a period meets its target through
// changes of the size and the loss, and K does not swing.
func TestTargetInEpidemics(t *testing.T) {
	target := rumor.Target{Within: 500 * time.Millisecond, Coverage: 0.999}
	c, err := rumor.NewController(target)
	if err != nil {
		t.Fatal(err)
	}
	seed := uint64(0)
	observe := func(e Epidemic) Spread {
		seed++
		e.Plan = c.Plan()
		s, err := e.Run(seed)
		if err != nil {
			t.Fatal(err)
		}
		n := float64(s.Alive)
		c.Observe(rumor.Measured{Period: time.Second, Members: e.Nodes, Expected: uint64(n * s.Expected), Heard: uint64(n * s.Heard),
			Delay: (e.MinDelay + e.MaxDelay) / 2, Updates: 1, Sent: uint64(n * s.Traffic), Bytes: uint64(n * s.Bytes)})
		return s
	}
	for _, w := range []struct {
		nodes int
		loss  float64
		slow  time.Duration
	}{{64, 0, 0}, {64, 0.2, 0}, {1000, 0.2, 0}, {1000, 0.01, 0}, {1000, 0.05, 30 * time.Millisecond}, {30, 0.05, 0}, {300, 0, 0}} {
		e := lan(w.nodes)
		e.Loss, e.MaxDelay = w.loss, e.MaxDelay+w.slow
		for range 20 {
			observe(e)
		}
		const runs = 30
		settled, changes, missed, late := c.Plan(), 0, 0.0, 0
		for range runs {
			s := observe(e)
			if c.Plan().K != settled.K {
				changes++
			}
			missed += s.Residue / runs
			if s.T99 > target.Within.Seconds() {
				late++
			}
		}
		if changes > runs/3 || missed > 1-target.Coverage || late > 0 || c.Plan().Limit != rumor.NoLimit {
			t.Errorf("%+v: %d changes, residue %v, %d runs late, %+v", w, changes, missed, late, c.Plan())
		}
		t.Logf("%+v: %+v", w, c.Plan())
	}
}
