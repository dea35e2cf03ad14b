package gossiptest

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestWorldOrder: events happen in the order of their times, those of one time
// in the order in which they were asked for, also those that others ask for.
func TestWorldOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := NewWorld(1)
		type done struct {
			at    time.Duration
			asked int
		}
		var order []done
		asked := 0
		var ask func(delays []int, depth int)
		ask = func(delays []int, depth int) {
			for _, d := range delays {
				at := w.Elapsed() + time.Duration(max(d, 0))
				me := done{at, asked}
				asked++
				w.After(time.Duration(d), func() {
					if w.Elapsed() != me.at || !w.Now().Equal(epoch.Add(me.at)) {
						t.Fatalf("at %v, not %v", w.Elapsed(), me.at)
					}
					order = append(order, me)
					if depth > 0 {
						ask(delays[:len(delays)/2], depth-1)
					}
				})
			}
		}
		ask(rapid.SliceOfN(rapid.IntRange(-1, 5), 0, 20).Draw(t, "delays"), 2)
		w.RunUntil(time.Hour, func() bool { return false })
		if len(order) != asked {
			t.Fatalf("%d of %d events happened", len(order), asked)
		}
		if !slices.IsSortedFunc(order, func(a, b done) int {
			if a.at != b.at {
				return int(a.at - b.at)
			}
			return a.asked - b.asked
		}) {
			t.Fatalf("not in order: %v", order)
		}
	})
}

// TestRunUntil ends when it is done, or when the time is up.
func TestRunUntil(t *testing.T) {
	w := NewWorld(1)
	n := 0
	for i := range 10 {
		w.After(time.Duration(i)*time.Second, func() { n++ })
	}
	if !w.RunUntil(time.Minute, func() bool { return n == 3 }) || w.Elapsed() != 2*time.Second {
		t.Errorf("%d events, %v", n, w.Elapsed())
	}
	if w.RunUntil(3*time.Second, func() bool { return false }) || n != 6 || w.Elapsed() != 5*time.Second {
		t.Errorf("%d events, %v", n, w.Elapsed())
	}
	if w.RunUntil(time.Hour, func() bool { return false }) || n != 10 || w.Elapsed() != time.Hour+5*time.Second {
		t.Errorf("%d events, %v", n, w.Elapsed())
	}
}

// TestHash: whatever is noted, and when, is in the hash.
func TestHash(t *testing.T) {
	note := func(d time.Duration, what byte, a, b uint64, data string) uint64 {
		w := NewWorld(1)
		w.After(d, func() { w.Note(what, a, b, []byte(data)) })
		w.RunUntil(time.Minute, func() bool { return false })
		return w.Hash()
	}
	first := note(1, 'x', 1, 2, "d")
	if note(1, 'x', 1, 2, "d") != first {
		t.Error("the same has another hash")
	}
	for i, other := range []uint64{note(2, 'x', 1, 2, "d"), note(1, 'y', 1, 2, "d"), note(1, 'x', 3, 2, "d"), note(1, 'x', 1, 3, "d"), note(1, 'x', 1, 2, "e")} {
		if other == first {
			t.Errorf("difference %d is not in the hash", i)
		}
	}
}
