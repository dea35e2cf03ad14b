package transport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/grapevine-go/grapevine/peer"
)

// handlerFunc adapts a function.
type handlerFunc func(from Remote, class Class, request, dst []byte) []byte

func (f handlerFunc) Serve(from Remote, class Class, request, dst []byte) []byte {
	return f(from, class, request, dst)
}

func echo(_ Remote, _ Class, request, dst []byte) []byte { return append(dst, request...) }

// outcome is how a call ended.
type outcome struct {
	reply []byte
	err   error
}

// outcomes is a Completion that keeps what it was told, by token.
type outcomes struct {
	mu    sync.Mutex
	ended map[uint64]outcome
	twice bool
	told  chan uint64
}

func newOutcomes() *outcomes {
	return &outcomes{ended: map[uint64]outcome{}, told: make(chan uint64, 1<<17)}
}

func (o *outcomes) Complete(token uint64, reply []byte, err error) {
	o.mu.Lock()
	_, o.twice = o.ended[token]
	o.ended[token] = outcome{bytes.Clone(reply), err}
	o.mu.Unlock()
	o.told <- token
}

// wait returns the outcome of the next call that ended.
func (o *outcomes) wait(t testing.TB) (uint64, outcome) {
	t.Helper()
	select {
	case token := <-o.told:
		o.mu.Lock()
		defer o.mu.Unlock()
		if o.twice {
			t.Fatal("a call completed twice")
		}
		return token, o.ended[token]
	case <-time.After(20 * time.Second):
		t.Fatal("a call did not complete")
	}
	return 0, outcome{}
}

// ask makes one call and waits for it.
func ask(t testing.TB, p *Peer, class Class, request []byte, timeout time.Duration) ([]byte, error) {
	t.Helper()
	o := newOutcomes()
	p.Call(class, request, time.Now().Add(timeout), o, 7)
	token, out := o.wait(t)
	if token != 7 {
		t.Fatalf("completed with token %d", token)
	}
	return out.reply, out.err
}

// start starts a transport for a test. Fields that are not set get defaults
// for the test: loopback TCP, quick timers.
func start(t testing.TB, cfg Config) *Transport {
	t.Helper()
	if cfg.Boot.IsZero() {
		cfg.Boot = peer.Boot{Counter: 1, Nonce: rand.Uint64()}
	}
	if cfg.Cluster == "" {
		cfg.Cluster = "test"
	}
	if cfg.Handler != nil && cfg.Listener == nil {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		cfg.Listener = l
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.NewTextHandler(testWriter{t}, nil))
	}
	tr, err := Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tr.Close() })
	return tr
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Logf("%s", bytes.TrimSpace(b))
	return len(b), nil
}

// pair starts a serving node "b" and an asking node "a", and gives a's handle
// of b.
func pair(t testing.TB, h handlerFunc, change ...func(*Config)) *Peer {
	t.Helper()
	server := Config{ID: "b", Handler: h}
	client := Config{ID: "a"}
	for _, f := range change {
		f(&server)
		f(&client)
	}
	b := start(t, server)
	return start(t, client).Peer("b", b.Addr().String())
}

func TestCallOfEverySizeAndClass(t *testing.T) {
	p := pair(t, echo)
	for _, size := range []int{0, 1, 100, 4096, maxSmall - 1, maxSmall, maxSmall + 1, maxPayload, maxPayload + 1, maxFrame, maxFrame + 1, 1 << 20, 17<<20 + 3} {
		request := make([]byte, size)
		for i := range request {
			request[i] = byte(i * 7 >> 3)
		}
		for class := range numClasses {
			if size > 1<<20 && class != Foreground {
				continue
			}
			reply, err := ask(t, p, class, request, 10*time.Second)
			if err != nil || !bytes.Equal(reply, request) {
				t.Fatalf("%v, %d bytes: %d bytes back, %v", class, size, len(reply), err)
			}
		}
	}
}

func TestManyCallsAtOnce(t *testing.T) {
	p := pair(t, func(_ Remote, _ Class, request, dst []byte) []byte { return append(append(dst, request...), '!') })
	o := newOutcomes()
	const n = 20000
	for i := range uint64(n) {
		p.Call(Class(i%uint64(numClasses)), fmt.Append(nil, i), time.Time{}, o, i)
	}
	refused := 0
	for range n {
		token, out := o.wait(t)
		switch {
		case errors.Is(out.err, ErrOverloaded):
			refused++
		case out.err != nil || string(out.reply) != fmt.Sprintf("%d!", token):
			t.Fatalf("call %d: %q, %v", token, out.reply, out.err)
		}
	}
	t.Logf("%d of %d refused", refused, n)
}

func TestUnreachableFailsFastAndRecovers(t *testing.T) {
	network := NewNetwork()
	a := start(t, Config{ID: "a", Dial: network.Dial, BackoffMax: 60 * time.Millisecond})
	p := a.Peer("b", "b:1")
	if _, err := ask(t, p, Control, nil, time.Second); !errors.Is(err, ErrUnreachable) || MayHaveArrived(err) {
		t.Fatalf("nobody listens: %v", err)
	}
	l, err := network.Listen("b:1")
	if err != nil {
		t.Fatal(err)
	}
	up := make(chan Remote, 1)
	start(t, Config{ID: "b", Handler: handlerFunc(echo), Listener: l, OnConnect: func(r Remote) { up <- r }})
	if r := <-up; r.ID != "a" {
		t.Fatalf("%+v connected", r)
	}
	for !p.Connected() {
		if _, err := ask(t, p, Control, nil, time.Second); err != nil && !errors.Is(err, ErrUnreachable) {
			t.Fatal(err)
		}
	}
	if _, err := ask(t, p, Control, nil, time.Second); err != nil {
		t.Fatal(err)
	}
}

func TestContextOfDialIsEndedByClose(t *testing.T) {
	dialled := make(chan struct{})
	a := start(t, Config{ID: "a", Dial: func(ctx context.Context, _ string) (net.Conn, error) {
		close(dialled)
		<-ctx.Done()
		return nil, ctx.Err()
	}})
	o := newOutcomes()
	a.Peer("b", "b:1").Call(Foreground, []byte("x"), time.Time{}, o, 1)
	<-dialled
	a.Close()
	if _, out := o.wait(t); !errors.Is(out.err, ErrClosed) || MayHaveArrived(out.err) {
		t.Fatalf("%v", out.err)
	}
}

func TestClassNames(t *testing.T) {
	seen := map[string]bool{}
	for c := range numClasses + 1 {
		if s := c.String(); s == "" || seen[s] {
			t.Errorf("class %d is %q", c, s)
		} else {
			seen[s] = true
		}
	}
}
