package transport

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
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

// BenchmarkRawPingPong is what BenchmarkCall with one caller is measured
// against: the same bytes over a bare connection.
func BenchmarkRawPingPong(b *testing.B) {
	for _, size := range []int{100, 1024} {
		b.Run(fmt.Sprintf("size=%d", size), func(b *testing.B) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			defer l.Close()
			go func() {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				defer conn.Close()
				buf := make([]byte, size)
				for {
					if _, err := io.ReadFull(conn, buf); err != nil {
						return
					}
					if _, err := conn.Write(buf); err != nil {
						return
					}
				}
			}()
			conn, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close()
			buf := make([]byte, size)
			b.ReportAllocs()
			for b.Loop() {
				conn.Write(buf)
				if _, err := io.ReadFull(conn, buf); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
		})
	}
}
