package transport

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/grapevine-go/grapevine/peer"
)

// cutConn breaks after so many bytes, in the middle of whatever goes over it.
type cutConn struct {
	net.Conn
	left atomic.Int64
}

func (c *cutConn) Write(b []byte) (int, error) {
	if left := c.left.Add(-int64(len(b))); left < 0 {
		c.Conn.Write(b[:max(0, int64(len(b))+left)])
		c.Conn.Close()
		return 0, net.ErrClosed
	}
	return c.Conn.Write(b)
}

func (c *cutConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.left.Add(-int64(n)) < 0 {
		c.Conn.Close()
		return 0, net.ErrClosed
	}
	return n, err
}

// tally knows what was served and how each call ended.
type tally struct {
	t      *testing.T
	mu     sync.Mutex
	served map[uint64]int
	ended  map[uint64]error
	calls  sync.WaitGroup

	restart chan struct{} // the serving node is to say goodbye and come back
}

func (y *tally) Serve(_ Remote, _ Class, request, dst []byte) []byte {
	y.mu.Lock()
	y.served[binary.BigEndian.Uint64(request)]++
	restart := len(y.served)%400 == 0
	y.mu.Unlock()
	if restart {
		select {
		case y.restart <- struct{}{}:
		default:
		}
	}
	return append(dst, request...)
}

func (y *tally) Complete(token uint64, reply []byte, err error) {
	defer y.calls.Done()
	if err == nil && binary.BigEndian.Uint64(reply) != token {
		y.t.Errorf("call %d got the reply of %d", token, binary.BigEndian.Uint64(reply))
	}
	y.mu.Lock()
	defer y.mu.Unlock()
	if _, twice := y.ended[token]; twice {
		y.t.Errorf("call %d completed twice", token)
	}
	y.ended[token] = err
}

// Whatever breaks, a call completes once, a request is served at most once, one
// that was answered was served, and one that "cannot have arrived" was not.
func TestOutcomesAreTrueWhileConnectionsBreak(t *testing.T) {
	y := &tally{t: t, served: map[uint64]int{}, ended: map[uint64]error{}, restart: make(chan struct{}, 1)}
	network := NewNetwork()
	stop := make(chan struct{})
	var serving sync.WaitGroup
	serving.Go(func() { y.serveOn(network, stop) })
	up := make(chan struct{}, 1)
	a := start(t, Config{ID: "a", BackoffMin: time.Millisecond, BackoffMax: time.Millisecond,
		OnConnect: func(Remote) {
			select {
			case up <- struct{}{}:
			default:
			}
		},
		Dial: func(ctx context.Context, addr string) (net.Conn, error) {
			conn, err := network.Dial(ctx, addr)
			if err != nil {
				return nil, err
			}
			c := &cutConn{Conn: conn}
			c.left.Store(rand.Int64N(2 << 20))
			return c, nil
		}})
	var next atomic.Uint64
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() { chaosCaller(a, y, &next, up) })
	}
	callers.Wait()
	y.calls.Wait()
	close(stop)
	serving.Wait()
	report(t, y, next.Load())
}

// serveOn serves, and now and then says goodbye and comes back, until stop.
func (y *tally) serveOn(network *Network, stop chan struct{}) {
	for again := true; again; {
		l, err := network.Listen("b:1")
		if err != nil {
			y.t.Error(err)
			return
		}
		b, err := Start(Config{ID: "b", Boot: peer.Boot{Nonce: rand.Uint64()}, Cluster: "test", Listener: l, Handler: y})
		if err != nil {
			y.t.Error(err)
			return
		}
		select {
		case <-y.restart:
		case <-stop:
			again = false
		}
		b.Close()
	}
}

// chaosCaller makes calls of all sizes and classes, cancels some, and gives
// some a deadline that they miss.
func chaosCaller(a *Transport, y *tally, next *atomic.Uint64, up chan struct{}) {
	p := a.Peer("b", "b:1")
	for i := range 1000 {
		if i > 0 && !p.Connected() && rand.IntN(10) > 0 {
			select { // in vain if another caller is woken first: that one goes on
			case <-up:
			case <-time.After(20 * time.Millisecond):
			}
		}
		token := next.Add(1)
		size := 8 + rand.IntN(200)
		if rand.IntN(20) == 0 {
			size = rand.IntN(300<<10) + 8
		}
		request := binary.BigEndian.AppendUint64(make([]byte, 0, size), token)[:size]
		var deadline time.Time
		if rand.IntN(4) == 0 {
			deadline = time.Now().Add(rand.N(2 * time.Millisecond))
		}
		done := make(chan struct{})
		y.calls.Add(1)
		id := p.Call(Class(rand.IntN(int(numClasses))), request, deadline, completions{y, done}, token)
		if rand.IntN(4) == 0 {
			p.Cancel(id)
		}
		if rand.IntN(2) == 0 {
			<-done
		}
	}
}

// completions tells the tally, then whoever waits.
type completions struct {
	*tally
	done chan struct{}
}

func (c completions) Complete(token uint64, reply []byte, err error) {
	c.tally.Complete(token, reply, err)
	close(c.done)
}

func report(t *testing.T, y *tally, calls uint64) {
	y.mu.Lock()
	defer y.mu.Unlock()
	kinds := map[string]int{}
	for token := uint64(1); token <= calls; token++ {
		err, ended := y.ended[token]
		switch served := y.served[token]; {
		case !ended:
			t.Errorf("call %d did not complete", token)
		case served > 1:
			t.Errorf("call %d was served %d times", token, served)
		case err == nil && served == 0:
			t.Errorf("call %d was answered but not served", token)
		case !MayHaveArrived(err) && served > 0:
			t.Errorf("call %d was served and ended with %v", token, err)
		}
		text := "answered"
		if err != nil {
			text = fmt.Sprintf("%.40s (arrived: %v)", err, MayHaveArrived(err))
		}
		kinds[text]++
	}
	for text, n := range kinds {
		t.Logf("%5d %s", n, text)
	}
	if kinds["answered"] == 0 {
		t.Error("no call was answered")
	}
}
