package antientropy

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/grapevine-go/grapevine/peer"
)

var begin = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

func schedule(t *testing.T, cfg ScheduleConfig, distances ...int) *Schedule {
	t.Helper()
	cfg.Rand = rand.New(rand.NewPCG(1, 2))
	s, err := NewSchedule(cfg, begin)
	if err != nil {
		t.Fatal(err)
	}
	var list []Partner
	for i, d := range distances {
		list = append(list, Partner{ID: id(i), Distance: d})
	}
	s.SetPartners(begin, list)
	return s
}

func id(i int) peer.ID { return peer.ID(fmt.Sprintf("n%02d", i)) }

// next advances to the next round.
func next(t *testing.T, s *Schedule, now *time.Time) peer.ID {
	t.Helper()
	at, ok := s.Deadline()
	if !ok {
		t.Fatal("no deadline")
	}
	if at.After(*now) {
		if who, ok := s.Next(*now); ok {
			t.Fatalf("%v before the deadline", who)
		}
		*now = at
	}
	who, ok := s.Next(*now)
	if !ok {
		t.Fatal("nobody at the deadline")
	}
	return who
}

// counts has rounds carried out that are all equal, and counts them by partner.
func counts(t *testing.T, s *Schedule, rounds int) map[peer.ID]float64 {
	n, now := make(map[peer.ID]float64), begin
	for range rounds {
		who := next(t, s, &now)
		s.Equal(now, who)
		n[who] += 1 / float64(rounds)
	}
	return n
}

func TestScheduleUniform(t *testing.T) {
	n := counts(t, schedule(t, ScheduleConfig{Interval: time.Second}, 1, 5, 5, 9), 20_000)
	for i := range 4 {
		if p := n[id(i)]; math.Abs(p-.25) > .02 {
			t.Errorf("%v is chosen with %.3f", id(i), p)
		}
	}
}

// TestScheduleSpatial: with a = 2 the shares are those of the paper's section
// 3.1, but for what the age adds to those who are seldom chosen.
func TestScheduleSpatial(t *testing.T) {
	s := schedule(t, ScheduleConfig{Interval: time.Second, Spread: 2}, 1, 1, 2, 3)
	near := s.near
	for i, want := range []float64{(1 + 1./4) / 2, (1 + 1./4) / 2, 1. / 9, 1. / 16} {
		if math.Abs(near[i]-want) > 1e-12 {
			t.Errorf("weight %d: %v, want %v", i, near[i], want)
		}
	}
	n := counts(t, s, 20_000)
	if n[id(0)] < 1.5*n[id(2)] || n[id(2)] < n[id(3)] || n[id(3)] < .02 || math.Abs(n[id(0)]-n[id(1)]) > .02 {
		t.Errorf("shares %v", n)
	}
}

// TestScheduleDivergence: who is known to differ is chosen more often.
func TestScheduleDivergence(t *testing.T) {
	s, now, n := schedule(t, ScheduleConfig{Interval: time.Second}, 1, 1, 1, 1), begin, 0
	for range 2000 {
		who := next(t, s, &now)
		if who != id(2) {
			s.Equal(now, who)
			continue
		}
		n++
		s.Fail(who, 1000)
	}
	if n < 900 { // a quarter without
		t.Errorf("%d of 2000 rounds", n)
	}
}

func TestScheduleCalm(t *testing.T) {
	s, now := schedule(t, ScheduleConfig{Interval: time.Second, Calm: 8}, 1, 1), begin
	for range 4 {
		s.Equal(now, next(t, s, &now))
	}
	from := now
	for range 100 {
		s.Equal(now, next(t, s, &now))
	}
	if mean := now.Sub(from) / 100; mean < 7*time.Second || mean > 9*time.Second {
		t.Errorf("when nothing differs a round follows after %v", mean)
	}
	s.Differ(now, next(t, s, &now), 0)
	from = now
	if s.Equal(now, next(t, s, &now)); now.Sub(from) > 1500*time.Millisecond {
		t.Errorf("when something differed a round follows after %v", now.Sub(from))
	}
}

func TestScheduleHurry(t *testing.T) {
	s, now := schedule(t, ScheduleConfig{Interval: time.Minute}, 1, 1, 1), begin
	s.Hurry(id(1))
	s.Hurry("nobody")
	if who, ok := s.Next(now); !ok || who != id(1) {
		t.Fatalf("%v, %t", who, ok)
	}
	s.Fail(id(1), 0)
	if who, ok := s.Next(now.Add(14 * time.Second)); ok && who == id(1) {
		t.Error("tried again too soon")
	} else if ok {
		s.Equal(now, who)
	}
	now = now.Add(15 * time.Second)
	if who, ok := s.Next(now); !ok || who != id(1) {
		t.Fatalf("not tried again: %v, %t", who, ok)
	}
	s.Differ(now, id(1), 7)
	now = now.Add(15 * time.Second)
	if who, ok := s.Next(now); !ok || who != id(1) {
		t.Fatalf("with keys left: %v, %t", who, ok)
	}
	s.Equal(now, id(1))
	if who, ok := s.Next(now); ok && who == id(1) {
		t.Fatal("still urgent")
	}
}

// TestScheduleHunt: in place of a busy partner each other is tried once, and
// none while the limit is reached.
func TestScheduleHunt(t *testing.T) {
	s, now := schedule(t, ScheduleConfig{Interval: time.Hour, Hunt: 2}, 1, 1, 1, 1, 1), begin
	tried := map[peer.ID]bool{}
	who := next(t, s, &now)
	for range 3 {
		if tried[who] {
			t.Errorf("%v was tried twice", who)
		}
		tried[who] = true
		if other, ok := s.Next(now); ok {
			t.Fatalf("%v beside %v, against the limit", other, who)
		}
		s.Busy(who)
		who, _ = s.Next(now)
	}
	if len(tried) != 3 || who != "" {
		t.Errorf("tried %v, and then %q", tried, who)
	}
}

func TestScheduleSetPartners(t *testing.T) {
	s, now := schedule(t, ScheduleConfig{Interval: time.Second, Limit: 2}, 1, 1), begin
	a, b := next(t, s, &now), next(t, s, &now)
	if _, ok := s.Deadline(); ok || a == b {
		t.Fatalf("rounds with %v and %v, and another deadline", a, b)
	}
	s.SetPartners(now, []Partner{{ID: a}, {ID: "new"}})
	if who := next(t, s, &now); who != "new" {
		t.Errorf("%v", who)
	}
	s.Equal(now, b) // has gone: says nothing
	if _, ok := s.Next(now.Add(time.Hour)); ok {
		t.Error("a round that is under way was forgotten")
	}
	s.SetPartners(now, nil)
	if who, ok := s.Next(now.Add(time.Hour)); ok {
		t.Errorf("%v, of nobody", who)
	}
}

func TestScheduleConfig(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	good := ScheduleConfig{Interval: time.Second, Rand: random}
	for field, spoil := range map[string]func(*ScheduleConfig){
		"Interval": func(c *ScheduleConfig) { c.Interval = 0 },
		"Calm":     func(c *ScheduleConfig) { c.Calm = 1025 },
		"Spread":   func(c *ScheduleConfig) { c.Spread = math.NaN() },
		"Limit":    func(c *ScheduleConfig) { c.Limit = 2000 },
		"Hunt":     func(c *ScheduleConfig) { c.Hunt = -1 },
		"Rand":     func(c *ScheduleConfig) { c.Rand = nil },
	} {
		cfg := good
		spoil(&cfg)
		if _, err := NewSchedule(cfg, begin); !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v", field, err)
		}
	}
	if _, err := NewSchedule(good, begin); err != nil {
		t.Error(err)
	}
}

func TestBudget(t *testing.T) {
	b, now := NewBudget(1000), begin
	b.Use(now, 1000)
	if w := b.Wait(now); w <= 0 || w > time.Millisecond {
		t.Errorf("an empty budget waits %v", w)
	}
	b.Use(now, 500)
	w := b.Wait(now)
	if w < 500*time.Millisecond || w > 501*time.Millisecond {
		t.Errorf("a debt of half a second waits %v", w)
	}
	if now = now.Add(w); b.Wait(now) != 0 {
		t.Error("it is not over by then")
	}
	b.Use(now.Add(time.Hour), 1000) // no more than a second's worth is saved
	if b.Wait(now.Add(time.Hour)) == 0 {
		t.Error("an hour was saved up")
	}
	if b.Use(now, 5); b.Wait(now) < time.Millisecond {
		t.Error("a clock that goes back gives something")
	}
	var free Budget
	if free.Use(now, 1e18); free.Wait(now) != 0 || NewBudget(math.NaN()).Wait(now) != 0 {
		t.Error("the zero budget is bounded")
	}
	b = NewBudget(1e-9)
	if b.Use(now, 1e12); b.Wait(now) != math.MaxInt64 {
		t.Error(b.Wait(now))
	}
}
