package gossip

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grapevine-go/grapevine/quorum"
	"github.com/grapevine-go/grapevine/quorum/admit"
)

// crowded returns a load of which all places are taken.
func crowded(timeout time.Duration) *load {
	l := new(load)
	l.init(timeout, false)
	for range admit.Start {
		if _, err := l.enter(context.Background(), 0, 0); err != nil {
			panic(err)
		}
	}
	return l
}

// TestPlacesGoToWhoWaitsLongest: in the order in which they came, and a place that
// is given back to nobody is free.
func TestPlacesGoToWhoWaitsLongest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := crowded(time.Hour)
		got := make(chan int, 3)
		for i := range 3 {
			go func() {
				if _, err := l.enter(t.Context(), 0, 0); err != nil {
					t.Error(err)
				}
				got <- i
			}()
			synctest.Wait()
		}
		if n := l.waiting.Load(); n != 3 {
			t.Fatalf("%d wait", n)
		}
		for i := range 3 {
			l.leave()
			if first := <-got; first != i {
				t.Errorf("place %d went to number %d", i, first)
			}
		}
		l.leave()
		if under := l.under.Load(); under != admit.Start-1 {
			t.Errorf("%d of %d places are taken", under, admit.Start)
		}
	})
}

// TestLinesTakeTurns: however many wait with patience, there is room for others, and
// every second place.
func TestLinesTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := crowded(time.Hour)
		got := make(chan int, 4)
		wait := func(line int) {
			go func() {
				if _, err := l.enter(t.Context(), time.Duration(line)*time.Hour, 0); err == nil {
					got <- line
				}
			}()
		}
		for range 4 * admit.Start {
			wait(1)
		}
		synctest.Wait()
		for range 2 {
			wait(0)
		}
		synctest.Wait()
		if n := l.waiting.Load(); n != 4*admit.Start+2 {
			t.Fatalf("%d wait", n)
		}
		for i := range 4 {
			l.leave()
			if line := <-got; line != i%2 {
				t.Errorf("place %d went to line %d", i, line)
			}
		}
		l.shut(ErrClosed)
	})
}

// TestWhatWaitsIsBounded: by bytes too, which are free again when the wait ends.
func TestWhatWaitsIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := crowded(time.Hour)
		const size = waitingBytes / 4
		for _, patience := range []time.Duration{0, time.Hour, 0, time.Hour} {
			go func() { _, _ = l.enter(t.Context(), patience, size) }()
		}
		synctest.Wait()
		for _, patience := range []time.Duration{0, time.Hour} {
			if _, err := l.enter(t.Context(), patience, 1); !errors.Is(err, quorum.ErrOverloaded) {
				t.Error(err)
			}
		}
		l.leave()
		synctest.Wait()
		if held := l.held.Load(); held != 3*size {
			t.Errorf("%d bytes wait", held)
		}
		l.shut(ErrClosed)
		if held, patient := l.held.Load(), l.patient.Load(); held != 0 || patient != 0 {
			t.Errorf("%d bytes of nobody wait, and %d with patience", held, patient)
		}
	})
}

// TestWaitEnds: for who has waited too long, whose context ends, and with the
// node; none of them keeps a place.
func TestWaitEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := crowded(10 * time.Second) // a second of waiting
		ended := make(chan error, 3)
		wait := func(ctx context.Context) {
			go func() { _, err := l.enter(ctx, 0, 0); ended <- err }()
			synctest.Wait()
		}
		wait(context.Background())
		ctx, cancel := context.WithCancel(t.Context())
		wait(ctx)
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		time.Sleep(2 * time.Second)
		l.expire(time.Now())
		if err := <-ended; !errors.Is(err, quorum.ErrOverloaded) {
			t.Error(err)
		}
		wait(context.Background())
		l.shut(ErrClosed)
		if err := <-ended; err != ErrClosed {
			t.Error(err)
		}
		if _, err := l.enter(t.Context(), 0, 0); err != ErrClosed {
			t.Error(err)
		}
		if under, waiting := l.under.Load(), l.waiting.Load(); under != admit.Start || waiting != 0 {
			t.Errorf("%d under way, %d wait", under, waiting)
		}
	})
}

// TestTheRoomIsBounded: beyond it who comes is refused at once.
func TestTheRoomIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := crowded(time.Hour)
		for range admit.Start {
			go func() { _, _ = l.enter(t.Context(), 0, 0) }()
		}
		synctest.Wait()
		over := new(quorum.OverloadError)
		if _, err := l.enter(t.Context(), 0, 0); !errors.As(err, &over) || over.RetryAfter <= 0 || !errors.Is(err, quorum.ErrNotApplied) {
			t.Error(err)
		}
		l.shut(ErrClosed)
	})
}

// TestRetriesHaveABudget: one in ten operations may be tried again, and only what
// was refused.
func TestRetriesHaveABudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &Node{ctx: t.Context()}
		n.load.init(time.Minute, false)
		over := &quorum.OverloadError{RetryAfter: time.Second}
		retries := func() (times int) {
			for n.Again(t.Context(), over) {
				times++
			}
			return times
		}
		begun := time.Now()
		if got := retries(); got != mostRetries {
			t.Errorf("%d retries at the beginning", got)
		}
		if took := time.Since(begun); took < mostRetries*time.Second || took > 2*mostRetries*time.Second {
			t.Errorf("%d retries after a second, or two, each took %v", mostRetries, took)
		}
		for range 200 {
			if _, err := n.load.enter(t.Context(), 0, 0); err != nil {
				t.Fatal(err)
			}
			n.load.end(0, time.Now(), false)
		}
		time.Sleep(admit.Window)
		n.load.close(time.Now())
		if got := retries(); got != 200/retryShare {
			t.Errorf("%d retries after 200 operations", got)
		}
		for range 100 {
			n.load.kinds[0].ended.Add(100)
			time.Sleep(admit.Window)
			n.load.close(time.Now())
		}
		soon, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		unknown := &quorum.Error{Verb: "write", Outcome: quorum.Unknown, Cause: quorum.ErrOverloaded,
			Nodes: []quorum.NodeError{{ID: "a", Err: &quorum.OverloadError{Owner: true, RetryAfter: time.Second}}}}
		if n.Again(soon, over) || n.Again(t.Context(), quorum.ErrTimeout) || n.Again(t.Context(), nil) || n.Again(t.Context(), unknown) {
			t.Error("tried again what is too late, was not refused, or may have been applied")
		}
		refused := *unknown
		refused.Outcome = quorum.NotApplied
		if !n.Again(t.Context(), &refused) {
			t.Error("what owners refused was not tried again")
		}
	})
}

// BenchmarkRefused is what it takes to say no.
func BenchmarkRefused(b *testing.B) {
	n, err := Start(context.Background(), Config{Cluster: "refused", Name: "a", Bind: "127.0.0.1:0", Preset: Local})
	if err != nil {
		b.Fatal(err)
	}
	defer n.Close()
	table, err := Ring(n, "t", Registers[[]byte](), quorum.NWR{N: 1, W: 1, R: 1})
	if err != nil {
		b.Fatal(err)
	}
	n.load.waiting.Add(1 << 30)
	defer n.load.waiting.Add(-1 << 30)
	value := make([]byte, 100)
	for name, do := range map[string]func() error{
		"put": func() error { _, err := table.Put(b.Context(), "key", value); return err },
		"get": func() error { _, _, err := table.Get(b.Context(), "key"); return err },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					if err := do(); !errors.Is(err, quorum.ErrOverloaded) {
						b.Error(err)
					}
				}
			})
		})
	}
}

// TestQuickFailuresAreNoMeasure: owners that are far are not taken for overloaded, and
// neither are they after an outage in which everything fails at once.
func TestQuickFailuresAreNoMeasure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := new(load)
		l.init(time.Hour, false)
		seconds := func(n int, took time.Duration, failed bool) {
			for range n * int(time.Second/admit.Window) {
				begun := time.Now()
				time.Sleep(max(took, admit.Window))
				for range 100 {
					if !l.acquire() {
						t.Fatal("no place")
					}
					l.end(0, begun.Add(time.Since(begun)-took), failed)
				}
			}
		}
		far := 200 * time.Millisecond
		seconds(2, far, false)
		seconds(70, time.Microsecond, true)
		seconds(20, far, false)
		if most := l.most.Load(); most < admit.Start {
			t.Errorf("%d may be under way, %d before", most, admit.Start)
		}
		seconds(10, 10*far, true) // those that time out are one
		if most := l.most.Load(); most >= admit.Start {
			t.Errorf("%d may be under way where owners hang", most)
		}
	})
}
