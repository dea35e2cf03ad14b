package admit_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/grapevine-go/grapevine/quorum/admit"
)

// server serves from one queue, first come first served, perSecond operations,
// each of which takes idle beside its turn. Time goes in steps of a millisecond.
type server struct {
	perSecond int
	idle      time.Duration
	queue     []time.Duration // when each was sent
	served    float64
}

// outcome is what a second of load came to.
type outcome struct{ good, late, refused int }

// patience is how long a caller waits.
const patience = time.Second

// run offers load (operations a second, by second) and returns what each second
// came to. Without a limit everything is admitted.
func run(s *server, limit *admit.Limit, offered []int) (seconds []outcome) {
	var now time.Duration
	var m admit.Measured
	var accrued float64
	for _, load := range offered {
		var o outcome
		for range 1000 {
			now += time.Millisecond
			for accrued += float64(load) / 1000; accrued >= 1; accrued-- {
				if limit != nil && len(s.queue) >= limit.Most() {
					o.refused++
					continue
				}
				s.queue = append(s.queue, now)
			}
			m.Peak = max(m.Peak, len(s.queue))
			for s.served += float64(s.perSecond) / 1000; s.served >= 1; s.served-- {
				if len(s.queue) == 0 || s.queue[0]+s.idle > now {
					s.served = 0
					break
				}
				took := now - s.queue[0]
				s.queue = s.queue[1:]
				if o.good++; took > patience+s.idle {
					o.good--
					o.late++
				}
				if limit != nil {
					m.Kinds[0].Add(took, limit.Cap(0))
				}
			}
			if limit != nil && now%admit.Window == 0 {
				limit.Update(m)
				m = admit.Measured{Peak: len(s.queue)}
			}
		}
		seconds = append(seconds, o)
	}
	return seconds
}

// window is one in which the limit was reached and a hundred operations of a kind
// have ended, each after took.
func window(limit *admit.Limit, kind int, took time.Duration, refused int) {
	m := admit.Measured{Peak: limit.Most(), Refused: refused}
	for range 100 {
		m.Kinds[kind].Add(took, limit.Cap(kind))
	}
	limit.Update(m)
}

// repeat offers the same for some seconds.
func repeat(load, seconds int) []int {
	list := make([]int, seconds)
	for i := range list {
		list[i] = load
	}
	return list
}

// TestOverloadKeepsGoodput: at ten times the capacity of any server, near or
// far, at least 80 % of it is answered in time after ten seconds; when the load
// stops, nothing is refused within 5 s.
func TestOverloadKeepsGoodput(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &server{
			perSecond: rapid.IntRange(1000, 20_000).Draw(t, "capacity"),
			idle:      time.Duration(rapid.IntRange(0, 400).Draw(t, "idle ms")) * time.Millisecond,
		}
		limit := admit.New(100 * time.Millisecond)
		// What is under way takes idle each, so that no limit above Floor may be
		// needed for as much as the server can do.
		load := append(repeat(10*s.perSecond, 40), repeat(s.perSecond/2, 15)...)
		seconds := run(s, &limit, load)
		good := 0
		for _, o := range seconds[20:40] {
			good += o.good
		}
		if good < 20*s.perSecond*8/10 {
			t.Fatalf("%d answered in time of %d that it can do: %v", good, 20*s.perSecond, seconds)
		}
		for i, o := range seconds[45:] {
			if o.refused > 0 || o.late > 0 {
				t.Fatalf("%d s after the load: %+v", i+5, o)
			}
		}
	})
}

// TestNoLimitCollapses: the same load without a limit leaves nothing that is in
// time, and the server is still busy with what nobody waits for when the load
// has stopped.
func TestNoLimitCollapses(t *testing.T) {
	seconds := run(&server{perSecond: 5000}, nil, append(repeat(50_000, 20), repeat(2500, 5)...))
	if o := seconds[19]; o.good != 0 || o.late != 5000 {
		t.Errorf("in the last second of load: %+v", o)
	}
	if o := seconds[24]; o.good != 0 || o.late != 5000 {
		t.Errorf("5 s after the load: %+v", o)
	}
}

// TestFarIsNotOverloaded: what an operation takes anyhow is no overload, and a
// limit that was cut when that became more comes back within a minute.
func TestFarIsNotOverloaded(t *testing.T) {
	limit := admit.New(100 * time.Millisecond)
	for range 200 {
		window(&limit, 0, 200*time.Millisecond, 0)
	}
	if limit.Most() != admit.Most {
		t.Fatalf("where an operation takes 200 ms anyhow, the limit is %d", limit.Most())
	}
	for range 200 {
		window(&limit, 0, 600*time.Millisecond, 0)
	}
	if limit.Most() != admit.Floor {
		t.Fatalf("after 20 s of delay the limit is %d", limit.Most())
	}
	for range 600 {
		window(&limit, 0, 600*time.Millisecond, 0)
	}
	if limit.Most() < admit.Start {
		t.Errorf("where an operation takes 600 ms since a minute, the limit is %d", limit.Most())
	}
}

// TestFartherThanTheCap: nor is it where a single operation takes longer than what
// one is counted as.
func TestFartherThanTheCap(t *testing.T) {
	for _, took := range []time.Duration{20 * time.Millisecond, 30 * time.Millisecond, 200 * time.Millisecond, 3 * time.Second} {
		limit := admit.New(5 * time.Millisecond)
		for range 900 {
			window(&limit, 0, took, 0)
		}
		if limit.Most() != admit.Most {
			t.Errorf("where an operation takes %v anyhow, the limit is %d", took, limit.Most())
		}
	}
}

// TestKindsAreToldApart: that some operations are quick does not make others slow,
// whichever came first, nor where both end in one window. When those others take
// longer than they do, that counts.
func TestKindsAreToldApart(t *testing.T) {
	limit := admit.New(5 * time.Millisecond)
	const local, far = 20 * time.Microsecond, 100 * time.Millisecond
	for range 100 {
		window(&limit, 5, far, 0)
		window(&limit, 0, local, 0)
		both := admit.Measured{Peak: limit.Most()}
		both.Kinds[0].Add(local, limit.Cap(0))
		both.Kinds[5].Add(far, limit.Cap(5))
		limit.Update(both)
	}
	if limit.Most() != admit.Most {
		t.Fatalf("where nothing queues the limit is %d", limit.Most())
	}
	for range 80 {
		window(&limit, 5, 2*far, 0)
	}
	if limit.Most() > admit.Most/8 {
		t.Errorf("where one kind queues the limit is %d", limit.Most())
	}
}

// TestRetryAfterFollowsTheRefusals: so many are refused for each that is served
// that they may come again so many windows later, and no later than is bearable.
func TestRetryAfterFollowsTheRefusals(t *testing.T) {
	limit := admit.New(time.Millisecond)
	after := func(refused int) time.Duration {
		for range 50 {
			window(&limit, 0, time.Millisecond, refused)
		}
		return limit.RetryAfter().Round(admit.Window)
	}
	for _, c := range []struct {
		refused int
		want    time.Duration
	}{{0, admit.Window}, {900, time.Second}, {100_000, admit.MostRetry}, {0, admit.Window}} {
		if got := after(c.refused); got != c.want {
			t.Errorf("%d refused for 100 that are served: %v, not %v", c.refused, got, c.want)
		}
	}
}

// TestSharesAreOrdered: the less urgent is refused first.
func TestSharesAreOrdered(t *testing.T) {
	last := admit.Share(admit.Floor, 0)
	if last != admit.Floor {
		t.Fatalf("of %d, the most urgent class gets %d", admit.Floor, last)
	}
	for rank := 1; rank <= 4; rank++ {
		if s := admit.Share(admit.Floor, rank); s >= last || s < admit.Floor/2 {
			t.Errorf("rank %d gets %d, the one above it %d", rank, s, last)
		} else {
			last = s
		}
	}
}

// TestStallShrinks: operations that do not end are a load as well.
func TestStallShrinks(t *testing.T) {
	limit := admit.New(time.Millisecond)
	limit.Update(admit.Measured{})
	for range 5 {
		limit.Update(admit.Measured{Peak: 10})
	}
	if limit.Most() != admit.Start {
		t.Fatalf("after half a second in which nothing ended: %d", limit.Most())
	}
	limit.Update(admit.Measured{Peak: 10})
	if limit.Most() != admit.Start/2 {
		t.Errorf("after more than that: %d", limit.Most())
	}
}
