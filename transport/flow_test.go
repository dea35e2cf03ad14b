package transport

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"runtime"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grapevine-go/grapevine/peer"
)

// A long answer of a lower class is served beside the urgent ones.
func TestUrgentCallsPassASlowOne(t *testing.T) {
	release := make(chan struct{})
	p := pair(t, func(_ Remote, class Class, request, dst []byte) []byte {
		if class == Sync {
			<-release
		}
		return append(dst, request...)
	})
	o := newOutcomes()
	p.Call(Sync, []byte("page"), time.Time{}, o, 1)
	for range 100 {
		if _, err := ask(t, p, Foreground, []byte("get"), 5*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	close(release)
	if _, out := o.wait(t); string(out.reply) != "page" {
		t.Fatalf("%q, %v", out.reply, out.err)
	}
}

// The worker serves the most urgent of what waits.
func TestWorkerServesByClass(t *testing.T) {
	begun, release := make(chan struct{}), make(chan struct{})
	var order []Class
	p := pair(t, func(_ Remote, class Class, request, dst []byte) []byte {
		if len(request) > 0 {
			begun <- struct{}{}
			<-release
			return dst
		}
		order = append(order, class)
		return dst
	})
	o := newOutcomes()
	p.Call(Scrub, []byte("first"), time.Time{}, o, 0)
	<-begun
	for i, class := range []Class{Scrub, Sync, Repair, Rebalance, Hint, Sync} {
		p.Call(class, nil, time.Time{}, o, uint64(i+1))
	}
	// A control call that follows on the connection proves that all are queued.
	if _, err := ask(t, p, Control, nil, 5*time.Second); err != nil {
		t.Fatal(err)
	}
	order = nil
	close(release)
	for range 7 {
		o.wait(t)
	}
	for i := range len(order) - 1 {
		if order[i] > order[i+1] {
			t.Fatalf("served in the order %v", order)
		}
	}
}

func TestCancelReachesTheWorkersQueue(t *testing.T) {
	begun, release := make(chan struct{}), make(chan struct{})
	served := make(chan string, 10)
	p := pair(t, func(_ Remote, class Class, request, dst []byte) []byte {
		if class == Control {
			return dst
		}
		served <- string(request[:1])
		if request[0] == 'f' {
			close(begun)
			<-release
		}
		return dst
	})
	o := newOutcomes()
	p.Call(Sync, []byte("first"), time.Time{}, o, 0)
	<-begun
	small := p.Call(Sync, []byte("small"), time.Time{}, o, 1)
	large := p.Call(Sync, append([]byte("large"), make([]byte, 3<<20)...), time.Time{}, o, 2)
	p.Call(Sync, []byte("kept"), time.Time{}, o, 3)
	ask(t, p, Control, nil, 5*time.Second)
	p.Cancel(small)
	p.Cancel(large)
	p.Cancel(small)
	p.Cancel(CallID{})
	for want := range uint64(2) {
		if token, out := o.wait(t); token != want+1 || !errors.Is(out.err, ErrCanceled) || !MayHaveArrived(out.err) {
			t.Errorf("call %d: %v", token, out.err)
		}
	}
	ask(t, p, Control, nil, 5*time.Second)
	close(release)
	o.wait(t)
	o.wait(t)
	if got := <-served + <-served; got != "fk" || len(served) > 0 {
		t.Errorf("served %q and %d more", got, len(served))
	}
	if s := p.Stats(); s.Calls != 0 || s.InFlightBytes != 0 {
		t.Errorf("%+v", s)
	}
}

// A request that expired while it waited on the serving side is not served.
func TestExpiredRequestsAreDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		served := make(chan string, 10)
		_, _, p := onWire(t, func(_ Remote, _ Class, request, dst []byte) []byte {
			served <- string(request)
			time.Sleep(time.Second)
			return dst
		})
		o := newOutcomes()
		now := time.Now()
		for i, class := range []Class{Sync, Foreground} {
			p.Call(class, []byte("slow"), now.Add(time.Minute), o, uint64(3*i))
			p.Call(class, []byte("expires"), now.Add(500*time.Millisecond), o, uint64(3*i+1))
			p.Call(class, []byte("waits"), now.Add(time.Minute), o, uint64(3*i+2))
		}
		for range 6 {
			if token, out := o.wait(t); (token%3 == 1) != errors.Is(out.err, ErrTimeout) {
				t.Errorf("call %d: %v", token, out.err)
			}
		}
		close(served)
		for s := range served {
			if s == "expires" {
				t.Error("served an expired request")
			}
		}
	})
}

func TestLimits(t *testing.T) {
	release := make(chan struct{})
	p := pair(t, func(_ Remote, class Class, request, dst []byte) []byte {
		if class == Sync {
			<-release
		}
		if len(request) == 1 {
			return make([]byte, 200<<10)
		}
		return dst
	}, func(c *Config) {
		c.MaxMessage, c.MaxInFlight = 1<<20, 2<<20
		if c.ID == "a" {
			c.MaxMessage = 100 << 10
		} else {
			c.MaxMessage = 300 << 10
		}
	})
	if _, err := ask(t, p, Foreground, make([]byte, 100<<10+1), time.Second); !errors.Is(err, ErrTooLarge) || MayHaveArrived(err) {
		t.Errorf("above our limit: %v", err)
	}
	if _, err := ask(t, p, Foreground, []byte("x"), time.Second); !errors.Is(err, ErrReplyTooLarge) || !MayHaveArrived(err) {
		t.Errorf("reply above our limit: %v", err)
	}
	o := newOutcomes()
	for i := range uint64(25) {
		p.Call(Sync, make([]byte, 100<<10), time.Time{}, o, i)
	}
	for range 5 {
		if token, out := o.wait(t); token < 20 || !errors.Is(out.err, ErrOverloaded) || MayHaveArrived(out.err) {
			t.Errorf("call %d: %v", token, out.err)
		}
	}
	if s := p.Stats(); s.Calls != 20 || s.InFlightBytes != 2000<<10 {
		t.Errorf("%+v", s)
	}
	close(release)
	for range 20 {
		if token, out := o.wait(t); out.err != nil {
			t.Errorf("call %d: %v", token, out.err)
		}
	}
}

// The peer's limit is only known once there is a connection.
func TestLimitOfThePeer(t *testing.T) {
	b := start(t, Config{ID: "b", Handler: handlerFunc(echo), MaxMessage: 1000})
	p := start(t, Config{ID: "a"}).Peer("b", b.Addr().String())
	o := newOutcomes()
	for i, size := range []int{1000, 1001, 1 << 20} {
		p.Call(Foreground, make([]byte, size), time.Time{}, o, uint64(i))
	}
	for range 3 {
		if token, out := o.wait(t); token == 0 && out.err != nil || token > 0 && (!errors.Is(out.err, ErrTooLarge) || MayHaveArrived(out.err)) {
			t.Errorf("call %d: %v", token, out.err)
		}
	}
	if _, err := ask(t, p, Foreground, make([]byte, 1001), time.Second); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
}

// More large messages at once than the receiver has room for: they wait for
// each other, and none is lost.
func TestLargeMessagesShareTheBudget(t *testing.T) {
	p := pair(t, echo, func(c *Config) {
		c.MaxMessage, c.MaxInFlight = 1<<20, 3<<20
		if c.ID == "a" {
			c.MaxInFlight = 64 << 20 // more than the serving side takes at once
		}
	})
	o := newOutcomes()
	const n = 30
	for i := range uint64(n) {
		p.Call(Class(i)%numClasses, bytes.Repeat([]byte{byte(i)}, 900<<10), time.Time{}, o, i)
	}
	for range n {
		token, out := o.wait(t)
		if out.err != nil && !errors.Is(out.err, ErrOverloaded) {
			t.Fatalf("call %d: %v", token, out.err)
		}
		if want := bytes.Repeat([]byte{byte(token)}, 900<<10); out.err == nil && !bytes.Equal(out.reply, want) {
			t.Fatalf("call %d: wrong reply", token)
		}
	}
}

// A peer that asks and never reads is held back: what is queued for it stays
// bounded, whatever it sends.
func TestDeafPeerIsHeldBack(t *testing.T) {
	answered := make(chan struct{}, 1)
	tr := start(t, Config{ID: "b", Handler: handlerFunc(func(_ Remote, _ Class, _, dst []byte) []byte {
		select {
		case answered <- struct{}{}:
		default:
		}
		return append(dst, make([]byte, 10<<10)...)
	})})
	frames := map[string]func([]byte, uint64) []byte{
		"requests": func(b []byte, i uint64) []byte {
			return append(appendHeader(b, kindRequest, Foreground, i, 4), 0, 0, 0, 0)
		},
		"jobs": func(b []byte, i uint64) []byte {
			return append(appendHeader(b, kindRequest, Scrub, i, 4), 0, 0, 0, 0)
		},
		"pings": func(b []byte, i uint64) []byte {
			return append(appendHeader(b, kindPing, Control, 0, 8), make([]byte, 8)...)
		},
		"announcements": func(b []byte, i uint64) []byte {
			b = appendHeader(b, kindRequestOpen, Foreground, i, 8)
			b = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, 0), 70<<10)
			return appendHeader(b, kindCancel, Foreground, i, 0)
		},
	}
	for name, frame := range frames {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := dialRaw(t, tr)
			conn.(*net.TCPConn).SetReadBuffer(4 << 10)
			h := testHello()
			h.id = peer.ID(name)
			conn.Write(appendHello(nil, h))
			if _, err := readHello(conn); err != nil {
				t.Fatal(err)
			}
			var c *inbound
			for c == nil {
				runtime.Gosched()
				tr.mu.Lock()
				c = tr.inbound[life{h.id, h.boot}]
				tr.mu.Unlock()
			}
			var batch []byte
			for i := range uint64(1000) {
				batch = frame(batch, i+1)
			}
			seal(batch)
			conn.SetWriteDeadline(time.Now().Add(500 * time.Millisecond))
			sent, worst := 0, 0
			for sent < 64<<20 {
				n, err := conn.Write(batch)
				if sent += n; err != nil {
					break
				}
				c.mu.Lock()
				worst = max(worst, c.queued)
				c.mu.Unlock()
			}
			if worst > batchSize+maxReadBuffer+2*maxFrame {
				t.Errorf("%d bytes were queued for a peer that does not read", worst)
			}
			t.Logf("took %d bytes, queued %d at most", sent, worst)
			conn.Close()
		})
	}
}

// A peer that breaks the rules loses its connection, and nothing else happens.
func TestViolationsEndTheConnection(t *testing.T) {
	tr := start(t, Config{ID: "b", Handler: handlerFunc(echo), MaxMessage: 1 << 20})
	u32 := func(numbers ...uint32) (b []byte) {
		for _, n := range numbers {
			b = binary.BigEndian.AppendUint32(b, n)
		}
		return b
	}
	frame := func(k kind, c Class, stream uint64, payload []byte) []byte {
		b := append(appendHeader(nil, k, c, stream, len(payload)), payload...)
		seal(b)
		return b
	}
	corrupt := frame(kindRequest, Foreground, 1, u32(0))
	corrupt[len(corrupt)-1]++
	open := frame(kindRequestOpen, Sync, 1, u32(0, 1<<20))
	tests := map[string][]byte{
		"checksum":            corrupt,
		"kind":                frame(99, 0, 1, nil),
		"class":               frame(kindRequest, 7, 1, u32(0)),
		"flag":                frame(kindRequest, 0x80, 1, u32(0)),
		"short request":       frame(kindRequest, 0, 1, nil),
		"reply":               frame(kindReply, 0, 1, nil),
		"goodbye":             frame(kindGoAway, 0, 1, nil),
		"too large":           frame(kindRequestOpen, Sync, 1, u32(0, 1<<20+1)),
		"empty":               frame(kindRequestOpen, Sync, 1, u32(0, 0)),
		"opened twice":        append(open, open...),
		"more than announced": append(open, bytes.Repeat(frame(kindData, Sync, 1, make([]byte, maxPayload)), 1+1<<20/maxPayload)...),
	}
	for name, sent := range tests {
		conn := dialRaw(t, tr)
		conn.Write(appendHello(nil, testHello()))
		if _, err := readHello(conn); err != nil {
			t.Fatal(err)
		}
		conn.Write(sent)
		if _, err := io.Copy(io.Discard, conn); err != nil && !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
