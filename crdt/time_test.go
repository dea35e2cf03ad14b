package crdt

import (
	"errors"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

const skew = 500 * time.Millisecond

// TestClock lets the wall clock jump and other nodes lie: readings rise, are
// not before the wall, and what was observed lies below the next.
func TestClock(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		last := TimeOf(time.UnixMilli(rapid.Int64Range(0, 5000).Draw(t, "last")))
		c := NewClock(last, skew)
		t.Repeat(map[string]func(*rapid.T){
			"now": func(t *rapid.T) {
				wall := time.UnixMilli(rapid.Int64Range(-10, 5000).Draw(t, "wall"))
				got := c.Now(wall)
				if got <= last || got < TimeOf(wall) || c.Last() != got {
					t.Fatalf("%v after %v at wall %v", got, last, wall.UnixMilli())
				}
				last = got
			},
			"observe": func(t *rapid.T) {
				wall := time.UnixMilli(rapid.Int64Range(0, 5000).Draw(t, "wall"))
				seen := Time(rapid.Uint64Range(0, 6000<<16).Draw(t, "seen"))
				err := c.Observe(seen, wall)
				tooFar := seen > last && seen.Millis() > wall.UnixMilli()+skew.Milliseconds()
				switch {
				case tooFar != errors.Is(err, ErrSkew):
					t.Fatalf("observing %v at %v: %v", seen, wall.UnixMilli(), err)
				case !tooFar:
					last = max(last, seen)
				}
				if c.Last() != last {
					t.Fatalf("the clock is at %v, not %v", c.Last(), last)
				}
			},
		})
	})
}

// TestClockRefusesTheFarFuture: the distance of these does not fit a Duration,
// so a check in nanoseconds would let some of them pass.
func TestClockRefusesTheFarFuture(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var c = NewClock(0, skew)
		wall := time.UnixMilli(1_700_000_000_000)
		far := Time(rapid.Uint64Range(uint64(TimeOf(wall.Add(skew+time.Millisecond))), math.MaxUint64).Draw(t, "far"))
		if err := c.Observe(far, wall); !errors.Is(err, ErrSkew) {
			t.Fatalf("observed %v: %v", far, err)
		}
		if c.Last() != 0 {
			t.Fatalf("the clock moved to %v", c.Last())
		}
	})
}

func TestClockRestored(t *testing.T) {
	wall := time.UnixMilli(1000)
	before := NewClock(0, skew)
	for range 3 {
		before.Now(wall)
	}
	after := NewClock(before.Last(), skew)
	if got := after.Now(time.UnixMilli(10)); got <= before.Last() {
		t.Errorf("after the restart %v, before it %v", got, before.Last())
	}
}

func TestClockAtTheEndOfTime(t *testing.T) {
	c := NewClock(math.MaxUint64, skew)
	if got := c.Now(time.UnixMilli(1000)); got != math.MaxUint64 {
		t.Errorf("the clock went back to %v", got)
	}
}

func TestTime(t *testing.T) {
	for _, tc := range []struct {
		wall   time.Time
		millis int64
		text   string
	}{
		{time.UnixMilli(-1), 0, "0+0"},
		{time.UnixMilli(0), 0, "0+0"},
		{time.UnixMilli(1_700_000_000_000), 1_700_000_000_000, "1700000000000+0"},
		{time.Date(10889, 8, 2, 5, 31, 50, 655e6, time.UTC), 1<<48 - 1, "281474976710655+0"},
		{time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC), 1<<48 - 1, "281474976710655+0"},
	} {
		got := TimeOf(tc.wall)
		if got.Millis() != tc.millis || got.Logical() != 0 || got.String() != tc.text || got.Wall().UnixMilli() != tc.millis {
			t.Errorf("TimeOf(%v) = %v with %d ms, wall %v", tc.wall, got, got.Millis(), got.Wall())
		}
	}
	if got := (TimeOf(time.UnixMilli(7)) + 3).String(); got != "7+3" {
		t.Error(got)
	}
}

// TestClockCarries: 65,536 readings in one millisecond end in the next.
func TestClockCarries(t *testing.T) {
	c := NewClock(0, 0)
	wall := time.UnixMilli(5)
	var last Time
	for range 1<<16 + 1 {
		last = c.Now(wall)
	}
	if last.Millis() != 6 || last.Logical() != 0 {
		t.Errorf("the last reading is %v", last)
	}
}

func BenchmarkClockNow(b *testing.B) {
	c := NewClock(0, skew)
	wall := time.UnixMilli(1_700_000_000_000)
	b.ReportAllocs()
	for b.Loop() {
		c.Now(wall)
	}
}
