package transport

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

// waiter is the least a blocking caller needs.
type waiter chan error

func (w waiter) Complete(_ uint64, _ []byte, err error) { w <- err }

func benchCalls(b *testing.B, p *Peer, class Class, callers, size int) {
	w := make(waiter, 1)
	p.Call(class, nil, time.Now().Add(time.Second), w, 0)
	if err := <-w; err != nil {
		b.Fatal(err)
	}
	var left atomic.Int64
	left.Store(int64(b.N))
	b.ReportAllocs()
	b.ResetTimer()
	done := make(chan struct{})
	for range callers {
		go func() {
			defer func() { done <- struct{}{} }()
			request, w := make([]byte, size), make(waiter, 1)
			for left.Add(-1) >= 0 {
				p.Call(class, request, time.Now().Add(time.Second), w, 0)
				if err := <-w; err != nil {
					b.Error(err)
				}
			}
		}()
	}
	for range callers {
		<-done
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
}

func BenchmarkCall(b *testing.B) {
	for _, mode := range []string{"plain", "tls"} {
		var secure *tls.Config
		if mode == "tls" {
			secure = testTLS(b, "a", "b")
		}
		for _, callers := range []int{1, 16, 64, 256} {
			for _, size := range []int{100, 1024} {
				b.Run(fmt.Sprintf("%s/callers=%d/size=%d", mode, callers, size), func(b *testing.B) {
					p := pair(b, echo, func(c *Config) { c.TLS = secure })
					benchCalls(b, p, Foreground, callers, size)
				})
			}
		}
	}
}

// BenchmarkLoneCaller compares a caller with no others in flight with the same
// bytes over a bare connection. The ways take turns, so that a busy machine slows
// all of them; figures are medians over turns.
//
//   - raw: one goroutine writes and reads a bare connection;
//   - hop: another goroutine reads it and wakes the first through a channel,
//     which is the least that any multiplexed connection costs a blocking caller;
//   - call: Peer.Call, and a channel to wait for its completion;
//   - chain: Peer.Call again from inside Complete, with nobody to wake.
func BenchmarkLoneCaller(b *testing.B) {
	const turn = 50
	for _, size := range []int{100, 1024} {
		b.Run(fmt.Sprintf("size=%d", size), func(b *testing.B) {
			request, buf := make([]byte, size), make([]byte, size)
			bare, read := rawEcho(b, size), rawEcho(b, size)
			p, w, c := pair(b, echo), make(waiter, 1), &chain{done: make(chan error, 1), request: request}
			go func() {
				buf := make([]byte, size)
				for {
					if _, err := io.ReadFull(read, buf); err != nil {
						return
					}
					w <- nil
				}
			}()
			ways := []struct {
				name string
				once func()
				rest int // times that once is called
			}{
				{"raw", func() { bare.Write(request); io.ReadFull(bare, buf) }, turn},
				{"hop", func() { read.Write(request); <-w }, turn},
				{"call", func() { p.Call(Foreground, request, time.Now().Add(5*time.Second), w, 0); <-w }, turn},
				{"chain", func() { p.Call(Foreground, request, time.Now().Add(5*time.Second), c, turn-1); <-c.done }, 1},
			}
			c.peer = p
			times := make([][]time.Duration, len(ways))
			b.ReportAllocs()
			for b.Loop() {
				for i, way := range ways {
					began := time.Now()
					for range way.rest {
						way.once()
					}
					times[i] = append(times[i], time.Since(began)/turn)
				}
			}
			b.ReportMetric(0, "ns/op")
			for i, way := range ways {
				slices.Sort(times[i])
				b.ReportMetric(float64(times[i][len(times[i])/2])/1e3, way.name+"-µs")
			}
		})
	}
}

// chain is a Completion that calls again token times.
type chain struct {
	peer    *Peer
	request []byte
	done    chan error
}

func (c *chain) Complete(token uint64, _ []byte, err error) {
	if token == 0 || err != nil {
		c.done <- err
		return
	}
	c.peer.Call(Foreground, c.request, time.Now().Add(5*time.Second), c, token-1)
}

// rawEcho gives a bare connection whose other end returns what it gets.
func rawEcho(b *testing.B, size int) net.Conn {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	other, err := l.Accept()
	if err != nil {
		b.Fatal(err)
	}
	go func() {
		defer other.Close()
		buf := make([]byte, size)
		for {
			if _, err := io.ReadFull(other, buf); err != nil {
				return
			}
			if _, err := other.Write(buf); err != nil {
				return
			}
		}
	}()
	b.Cleanup(func() { conn.Close() })
	return conn
}

// BenchmarkSmallBehindLarge is the round trip of a request of 100 bytes while
// values of 16 MiB go over the same connection, one after the other.
func BenchmarkSmallBehindLarge(b *testing.B) {
	const large = 16 << 20
	value := make([]byte, large)
	serve := func(_ Remote, _ Class, request, dst []byte) []byte {
		switch {
		case len(request) == 1: // a read of the large value
			return value
		case len(request) == large: // a write of it
			return dst
		}
		return append(dst, request...)
	}
	for _, c := range []struct {
		name    string
		class   Class
		request []byte
	}{{"alone", 0, nil}, {"sync-writes", Sync, value}, {"sync-reads", Sync, value[:1]}, {"foreground-writes", Foreground, value}, {"foreground-reads", Foreground, value[:1]}} {
		b.Run(c.name, func(b *testing.B) {
			p := pair(b, serve)
			var moved, stop atomic.Int64
			idle := make(chan struct{})
			go func() {
				defer close(idle)
				for w := make(waiter, 1); c.request != nil && stop.Load() == 0; {
					p.Call(c.class, c.request, time.Now().Add(5*time.Second), w, 0)
					if err := <-w; err != nil {
						b.Error(err)
					}
					moved.Add(large)
				}
			}()
			times := make([]time.Duration, 0, b.N)
			request, w := make([]byte, 100), make(waiter, 1)
			b.ResetTimer()
			for range b.N {
				began := time.Now()
				p.Call(Foreground, request, began.Add(time.Second), w, 0)
				if err := <-w; err != nil {
					b.Fatal(err)
				}
				times = append(times, time.Since(began))
			}
			b.StopTimer()
			slices.Sort(times)
			b.ReportMetric(float64(times[len(times)/2])/1e3, "p50-µs")
			b.ReportMetric(float64(times[len(times)*99/100])/1e3, "p99-µs")
			b.ReportMetric(float64(moved.Load())/1e6/b.Elapsed().Seconds(), "large-MB/s")
			stop.Store(1)
			<-idle
		})
	}
}
