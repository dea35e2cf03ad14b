package transport

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grapevine-go/grapevine/peer"
)

// wire is a line between two nodes that can be cut without either end being
// told: what is written vanishes, nothing arrives, and closing is not seen.
type wire struct {
	network *Network
	cut     atomic.Bool
	dials   atomic.Int32
}

type wireConn struct {
	net.Conn
	wire *wire
}

func (w *wire) dial(ctx context.Context, addr string) (net.Conn, error) {
	w.dials.Add(1)
	if w.cut.Load() {
		return nil, errors.New("no route")
	}
	conn, err := w.network.Dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	return &wireConn{conn, w}, nil
}

func (c *wireConn) Write(b []byte) (int, error) {
	if c.wire.cut.Load() {
		return len(b), nil
	}
	return c.Conn.Write(b)
}

func (c *wireConn) Read(b []byte) (int, error) {
	for {
		n, err := c.Conn.Read(b)
		if err != nil || !c.wire.cut.Load() {
			return n, err
		}
	}
}

func (c *wireConn) Close() error {
	if c.wire.cut.Load() {
		return c.Conn.SetReadDeadline(time.Unix(1, 0))
	}
	return c.Conn.Close()
}

// onWire starts "b", serving, and "a", whose connections go over a wire.
func onWire(t *testing.T, h handlerFunc) (*wire, *Transport, *Peer) {
	w := &wire{network: NewNetwork()}
	l, err := w.network.Listen("b:1")
	if err != nil {
		t.Fatal(err)
	}
	b := start(t, Config{ID: "b", Handler: h, Listener: l})
	return w, b, start(t, Config{ID: "a", Dial: w.dial}).Peer("b", "b:1")
}

func TestHalfOpenIsNoticedOnBothSides(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, b, p := onWire(t, echo)
		if _, err := ask(t, p, Control, nil, time.Second); err != nil {
			t.Fatal(err)
		}
		time.Sleep(keepQuiet - time.Second)
		w.cut.Store(true)
		began := time.Now()
		_, err := ask(t, p, Control, nil, time.Hour)
		if !errors.Is(err, ErrConnLost) || !MayHaveArrived(err) {
			t.Errorf("call into the void: %v", err)
		}
		if took := time.Since(began); took < DefaultIdleTimeout-DefaultPingInterval || took > DefaultIdleTimeout+DefaultPingInterval {
			t.Errorf("noticed after %v", took)
		}
		if _, err := ask(t, p, Control, nil, time.Hour); !errors.Is(err, ErrUnreachable) {
			t.Errorf("while down: %v", err)
		}
		time.Sleep(3 * DefaultPingInterval)
		if open := b.Served().Open; open != 0 {
			t.Errorf("the serving side still has %d connections", open)
		}
		w.cut.Store(false)
		time.Sleep(DefaultBackoffMax + time.Second)
		if _, err := ask(t, p, Control, nil, time.Second); err != nil {
			t.Errorf("after the cut was mended: %v", err)
		}
	})
}

// A connection that nothing uses is closed on both sides, later where somebody
// waited for it, and not while an answer is outstanding. The next call dials.
func TestUnusedConnectionIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, b, p := onWire(t, func(r Remote, c Class, request, dst []byte) []byte {
			if c == Sync {
				time.Sleep(keepQuiet + 5*time.Second)
			}
			return echo(r, c, request, dst)
		})
		for i, c := range []struct {
			class Class
			keep  time.Duration // after the answer
		}{{Control, keepQuiet}, {Foreground, keepForeground}, {Sync, 0}, {Control, keepQuiet}} {
			if _, err := ask(t, p, c.class, []byte("x"), time.Hour); err != nil {
				t.Fatalf("class %v: %v", c.class, err)
			}
			if c.keep > 0 {
				time.Sleep(c.keep - time.Second)
				if !p.Connected() || b.Served().Open != 1 {
					t.Errorf("class %v: closed too early", c.class)
				}
			}
			time.Sleep(3 * time.Second)
			if p.Connected() || b.Served().Open != 0 {
				t.Errorf("class %v: still open", c.class)
			}
			if got := int(w.dials.Load()); got != i+1 {
				t.Errorf("class %v: dialled %d times, not %d", c.class, got, i+1)
			}
		}
	})
}

// Calls that come just when the connection is given up go over the next one.
func TestNoCallIsLostWithAnUnusedConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _, p := onWire(t, echo)
		const callers, calls = 4, 100
		errs := make(chan error, callers*calls)
		var g sync.WaitGroup
		for range callers {
			g.Go(func() {
				rnd := rand.New(rand.NewPCG(1, 2)) // all at the same times
				for range calls {
					// The clock looks once in an interval; calls meet it then.
					time.Sleep(keepQuiet + time.Duration(rnd.IntN(3))*DefaultPingInterval)
					done := make(completion, 1)
					p.Call(Control, []byte("x"), time.Time{}, done, 0)
					errs <- <-done
				}
			})
		}
		g.Wait()
		close(errs)
		for err := range errs {
			if err != nil {
				t.Error(err)
			}
		}
		if n := w.dials.Load(); n < calls/10 {
			t.Errorf("%d connections: they were not given up", n)
		}
	})
}

type completion chan error

func (c completion) Complete(_ uint64, _ []byte, err error) { c <- err }

func TestRedialBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _, p := onWire(t, echo)
		w.cut.Store(true)
		if _, err := ask(t, p, Control, nil, time.Second); !errors.Is(err, ErrUnreachable) {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		// A pause is 1.5 s in the mean; the first ones are shorter.
		if n := w.dials.Load(); n < 20 || n > 90 {
			t.Errorf("dialled %d times in a minute", n)
		}
		before := w.dials.Load()
		for range 1000 {
			if _, err := ask(t, p, Control, nil, time.Second); !errors.Is(err, ErrUnreachable) {
				t.Fatal(err)
			}
		}
		if n := w.dials.Load(); n != before {
			t.Errorf("calls dialled %d times", n-before)
		}
	})
}

func TestDeadlineOfEachCallIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		_, _, p := onWire(t, func(_ Remote, _ Class, _, dst []byte) []byte { <-release; return dst })
		o := newOutcomes()
		began := time.Now()
		for i := range uint64(5) { // in the order of falling deadlines
			p.Call(Sync, nil, began.Add(time.Duration(5-i)*time.Second), o, 5-i)
		}
		for want := range uint64(5) {
			token, out := o.wait(t)
			late := time.Since(began.Add(time.Duration(token) * time.Second))
			if token != want+1 || !errors.Is(out.err, ErrTimeout) || late < 0 || late > 2*tickEvery {
				t.Errorf("call %d ended %v late with %v", token, late, out.err)
			}
		}
		close(release)
	})
}

// What expired or was canceled before there was a connection is never sent.
func TestUnsentCallsAreWithdrawn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := NewNetwork()
		l, _ := network.Listen("b:1")
		served := make(chan string, 10)
		start(t, Config{ID: "b", Listener: l, Handler: handlerFunc(func(_ Remote, _ Class, request, dst []byte) []byte {
			served <- string(request[:1])
			return dst
		})})
		p := start(t, Config{ID: "a", Dial: func(ctx context.Context, addr string) (net.Conn, error) {
			time.Sleep(time.Second)
			return network.Dial(ctx, addr)
		}}).Peer("b", "b:1")

		o := newOutcomes()
		soon, late := time.Now().Add(100*time.Millisecond), time.Now().Add(time.Minute)
		large := append([]byte("l"), make([]byte, 1<<20)...)
		p.Call(Foreground, []byte("e"), soon, o, 1)
		p.Call(Foreground, large, soon, o, 2)
		p.Cancel(p.Call(Foreground, []byte("c"), late, o, 3))
		p.Cancel(p.Call(Repair, large, late, o, 4))
		p.Call(Foreground, []byte("s"), late, o, 5)
		want := map[uint64]error{1: ErrTimeout, 2: ErrTimeout, 3: ErrCanceled, 4: ErrCanceled, 5: nil}
		for range want {
			token, out := o.wait(t)
			if !errors.Is(out.err, want[token]) || (out.err == nil) != (want[token] == nil) || MayHaveArrived(out.err) != (token == 5) {
				t.Errorf("call %d: %v, may have arrived: %v", token, out.err, MayHaveArrived(out.err))
			}
		}
		synctest.Wait()
		if s := <-served; s != "s" || len(served) > 0 {
			t.Errorf("served %q and %d more", s, len(served))
		}
	})
}

func TestGoodbyeAnswersWhatWasRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun, release := make(chan struct{}, 10), make(chan struct{})
		_, b, p := onWire(t, func(_ Remote, _ Class, request, dst []byte) []byte {
			begun <- struct{}{}
			<-release
			return append(dst, request...)
		})
		o := newOutcomes()
		p.Call(Sync, []byte("begun"), time.Time{}, o, 1)
		<-begun
		p.Call(Sync, []byte("waiting"), time.Time{}, o, 2)
		synctest.Wait()
		closed := make(chan struct{})
		go func() { b.Close(); close(closed) }()
		synctest.Wait()
		close(release)
		<-closed
		for range 2 {
			switch token, out := o.wait(t); {
			case token == 1 && string(out.reply) == "begun":
			case token == 2 && errors.Is(out.err, ErrOverloaded) && !MayHaveArrived(out.err):
			default:
				t.Errorf("call %d: %q, %v", token, out.reply, out.err)
			}
		}
		if _, err := ask(t, p, Control, nil, time.Second); !errors.Is(err, ErrUnreachable) {
			t.Errorf("after the goodbye: %v", err)
		}
	})
}

func TestCloseEndsEveryCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		_, _, p := onWire(t, func(_ Remote, _ Class, _, dst []byte) []byte { <-release; return dst })
		o := newOutcomes()
		for i := range uint64(100) {
			p.Call(Class(i)%numClasses, make([]byte, i*2000), time.Time{}, o, i)
		}
		synctest.Wait()
		p.t.Close()
		p.t.Close()
		for range 100 {
			if token, out := o.wait(t); !errors.Is(out.err, ErrClosed) {
				t.Errorf("call %d: %v", token, out.err)
			}
		}
		if _, err := ask(t, p, Control, nil, time.Second); !errors.Is(err, ErrClosed) || MayHaveArrived(err) {
			t.Errorf("after Close: %v", err)
		}
		if _, err := ask(t, p.t.Peer("c", "c:1"), Control, nil, time.Second); !errors.Is(err, ErrClosed) {
			t.Errorf("another peer after Close: %v", err)
		}
		close(release)
	})
}

func TestRemoveAndMove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := NewNetwork()
		a := start(t, Config{ID: "a", Dial: network.Dial, BackoffMin: time.Hour, BackoffMax: time.Hour})
		p := a.Peer("b", "old:1")
		ask(t, p, Control, nil, time.Second)
		l, _ := network.Listen("new:1")
		start(t, Config{ID: "b", Handler: handlerFunc(echo), Listener: l})
		if a.Peer("b", "new:1") != p {
			t.Error("two handles of one peer")
		}
		synctest.Wait() // the new address is dialled without waiting for the back-off
		if _, err := ask(t, p, Control, nil, time.Second); err != nil {
			t.Fatal(err)
		}
		a.Remove("b")
		a.Remove("nobody")
		if _, err := ask(t, p, Control, nil, time.Second); !errors.Is(err, ErrClosed) {
			t.Errorf("removed: %v", err)
		}
		if _, err := ask(t, a.Peer("b", "new:1"), Control, nil, time.Second); err != nil {
			t.Errorf("known again: %v", err)
		}
	})
}

func TestNewerConnectionReplacesTheOlder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, b, p := onWire(t, echo)
		if _, err := ask(t, p, Control, nil, time.Second); err != nil {
			t.Fatal(err)
		}
		again := start(t, Config{ID: "a", Boot: p.t.cfg.Boot, Dial: w.network.Dial}).Peer("b", "b:1")
		other := start(t, Config{ID: "a", Boot: peer.Boot{Counter: 9}, Dial: w.network.Dial}).Peer("b", "b:1")
		ask(t, again, Control, nil, time.Second)
		ask(t, other, Control, nil, time.Second)
		synctest.Wait()
		if open := b.Served().Open; open != 2 {
			t.Errorf("%d connections for two boots", open)
		}
	})
}

func TestBadIDsFail(t *testing.T) {
	a := start(t, Config{ID: "a"})
	if _, err := ask(t, a.Peer("not valid", "x:1"), Control, nil, time.Second); !errors.Is(err, peer.ErrID) || !errors.Is(err, ErrUnreachable) {
		t.Error(err)
	}
}
