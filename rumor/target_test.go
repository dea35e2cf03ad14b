package rumor

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/grapevine-go/grapevine/peer"
)

var calm = Target{Within: 500 * time.Millisecond, Coverage: 0.999}

func controller(t *testing.T, target Target) *Controller {
	t.Helper()
	c, err := NewController(target)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// period is what one node of a hundred sees in a second of some updates, where
// that share of the copies is lost.
func period(r *rand.Rand, plan Plan, updates int, loss float64) Measured {
	m := Measured{Period: time.Second, Members: 100, Delay: 2 * time.Millisecond, Updates: uint64(updates)}
	for range updates * plan.K {
		m.Expected++
		m.Sent++
		m.Bytes += 200
		if r.Float64() >= loss {
			m.Heard++
		}
	}
	return m
}

// What a controller settles on reaches the coverage, and it stays there: from
// one node's few measurements too, through changes of the loss.
func TestControllerSettles(t *testing.T) {
	for _, updates := range []int{1, 20, 500} {
		for seed := range uint64(10) {
			r := rand.New(rand.NewPCG(seed, 1))
			c := controller(t, calm)
			for _, loss := range []float64{0, 0.2, 0.02, 0.1} {
				for range 600 / min(updates, 20) * 4 {
					c.Observe(period(r, c.Plan(), updates, loss))
				}
				changes, most, least := 0, 0, MaxCopies
				for range 60 {
					before := c.Plan().K
					if c.Observe(period(r, c.Plan(), updates, loss)).K != before {
						changes++
					}
					most, least = max(most, c.Plan().K), min(least, c.Plan().K)
				}
				if math.Pow(loss*0.7, float64(least)) > 1-calm.Coverage {
					t.Errorf("%d updates a second, loss %v, seed %d: %d copies (%+v)", updates, loss, seed, least, c.Plan())
				}
				if most-least > 1 || changes > 6 {
					t.Errorf("%d updates a second, loss %v, seed %d: %d changes, from %d to %d copies", updates, loss, seed, changes, least, most)
				}
				if needed := math.Log(0.001) / math.Log(loss*2+0.01); float64(least) > max(needed+2, MinCopies) {
					t.Errorf("%d updates a second, loss %v, seed %d: %d copies, twice the loss needs %.1f", updates, loss, seed, least, needed)
				}
			}
		}
	}
}

// What cannot be met is said, with why; and unsaid when it can be again.
func TestControllerLimits(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, tc := range []struct {
		name   string
		target Target
		m      func(Plan) Measured
		want   Limit
	}{
		{"calm", calm, func(p Plan) Measured { return period(r, p, 20, 0.01) }, NoLimit},
		{"nothing written", calm, func(Plan) Measured { return Measured{Period: time.Second, Members: 100} }, NoLimit},
		{"half is lost", calm, func(p Plan) Measured { return period(r, p, 50, 0.6) }, LimitLoss},
		{"slow", calm, func(p Plan) Measured {
			m := period(r, p, 5, 0)
			m.Delay = 300 * time.Millisecond
			return m
		}, LimitDelay},
		{"no room", Target{Within: time.Second, Coverage: 0.999, Budget: 1000}, func(p Plan) Measured { return period(r, p, 50, 0) }, LimitBudget},
		{"room enough", Target{Within: time.Second, Coverage: 0.999, Budget: 100_000}, func(p Plan) Measured { return period(r, p, 50, 0) }, NoLimit},
	} {
		c := controller(t, tc.target)
		for range 100 {
			c.Observe(tc.m(c.Plan()))
		}
		if p := c.Plan(); p.Limit != tc.want || p.K < MinCopies || p.K > MaxCopies {
			t.Errorf("%s: %+v, want limit %v", tc.name, p, tc.want)
		}
		for range 100 {
			c.Observe(period(r, c.Plan(), 1, 0))
		}
		if p := c.Plan(); p.Limit != NoLimit {
			t.Errorf("%s, and then calm: %+v", tc.name, p)
		}
	}
}

// A cycle gathers only where there is something to gather, and no longer than
// the target allows.
func TestControllerPace(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	c := controller(t, calm)
	if p := c.Observe(period(r, c.Plan(), 5, 0)); p.Rush == 0 || p.Expect > calm.Within {
		t.Errorf("few updates: %+v", p)
	}
	busy := c.Observe(period(r, c.Plan(), 5000, 0))
	if busy.Rush != 0 || busy.Interval < minInterval || busy.Interval > maxInterval || busy.Expect > calm.Within {
		t.Errorf("many updates: %+v", busy)
	}
}

func TestTargetErrors(t *testing.T) {
	_, err := NewController(Target{Within: time.Hour, Coverage: 1, Budget: -1})
	if !errors.Is(err, ErrTarget) {
		t.Fatal(err)
	}
	if _, err := NewController(Target{Within: time.Second, Coverage: math.NaN()}); !errors.Is(err, ErrTarget) {
		t.Error(err)
	}
	for l := NoLimit; l <= LimitBudget; l++ {
		if l.String() == "" {
			t.Error(l)
		}
	}
}

// Tuning changes how many copies what is originated from then on has, and what
// is told on keeps the number of its origin.
func TestTune(t *testing.T) {
	s := newSingle(t, 50, Policy{Mode: Push, Targets: Structured, Fanout: 8, K: 4}, nil)
	s.Tune(Plan{K: 2, Interval: time.Second})
	s.originate("here", 10)
	s.receive("n05", Message{Rumors: []Rumor{{Key: "there", Version: 1, K: 6, News: true}}})
	copies := make(map[string]int)
	for range 5 {
		for _, send := range s.cycle() {
			for _, r := range send.Message.Rumors {
				copies[r.Key]++
				if want := map[string]int16{"here": 2, "there": 6}[r.Key]; r.K != want {
					t.Errorf("%s is sent with K = %d", r.Key, r.K)
				}
			}
		}
	}
	if copies["here"] != 2 || copies["there"] != 6 {
		t.Errorf("%v", copies)
	}
	s.Tune(Plan{K: 2, Rush: 1, Interval: time.Second})
	s.out.Reset()
	if s.originate("at once", 10); len(s.out.Sends) != 2 {
		t.Errorf("%d messages at once", len(s.out.Sends))
	}
}

// With Rotate the targets stay the same for a while, and then are others.
func TestRotate(t *testing.T) {
	s := newSingle(t, 200, Policy{Mode: Push, Targets: Structured, Fanout: 4, K: 4}, func(c *Config) { c.Rotate = time.Minute })
	targets := func(key string) (to []peer.ID) {
		s.originate(key, 10)
		for _, send := range s.cycle() {
			to = append(to, send.To)
		}
		return to
	}
	first := targets("a")
	if again := targets("b"); !slices.Equal(first, again) {
		t.Errorf("%v, and in the same minute %v", first, again)
	}
	s.now = s.now.Add(time.Minute)
	if later := targets("c"); slices.Equal(first, later) {
		t.Errorf("%v a minute later too", later)
	}
}
