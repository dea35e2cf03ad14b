package swim

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

// Close in the middle of a probe that nobody answers: memberlist alone would
// leave the goroutine behind until the probe's end, seconds later.
func TestCloseWhileProbing(t *testing.T) {
	for _, keys := range [][][]byte{nil, {[]byte(strings.Repeat("k", 16))}} {
		t.Run(fmt.Sprintf("%d keys", len(keys)), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				before := goleak.IgnoreCurrent()
				network, cut := newMemory(), newPartition()
				var nodes []*Swim
				for i := range 3 {
					cfg := config(peerID(i), uint64(i+1))
					cfg.Preset, cfg.Keys, cfg.listen = WAN, keys, cut.on(min(i, 1), network.listen)
					nodes = append(nodes, start(t, cfg))
					join(t, nodes[i], nodes[0])
				}
				cut.set(true)
				elapse(t, "a ping goes unanswered", time.Minute, func() bool {
					m, _ := nodes[0].Member("n1")
					return m.State == Suspect
				})
				began := time.Now()
				for _, s := range nodes {
					if err := s.Close(); err != nil {
						t.Error(err)
					}
				}
				synctest.Wait()
				if err := goleak.Find(before); err != nil {
					t.Error(err)
				}
				if took := time.Since(began); took > 0 { // virtual: exact
					t.Errorf("waited %v", took)
				}
			})
		})
	}
}

func TestCloseIsIdempotent(t *testing.T) {
	a := start(t, config("a", 1))
	for range 3 {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}
	if got := states(a); got != "a:alive" {
		t.Error("after Close:", got)
	}
}

// No callback starts after Close, and the port is free again.
func TestNothingAfterClose(t *testing.T) {
	acfg := config("a", 1)
	ea := watch(&acfg)
	a, b := start(t, acfg), start(t, config("b", 2))
	join(t, b, a)
	ea.want(t, Join, "b")
	addr := a.Self().Addr.String()
	_ = a.Close()
	a.dir.end("b", 2)
	cfg := config("c", 3)
	cfg.Bind = addr
	start(t, cfg)
	if len(ea) != 0 {
		t.Error("told after Close:", <-ea)
	}
}

// Streams that others open and leave silent are bounded.
func TestInboundStreamsAreBounded(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		network := newMemory()
		cfg := config("a", 1)
		cfg.Preset, cfg.listen = LAN, network.listen
		a := start(t, cfg)
		closed := 0
		for range maxInbound + 50 {
			c, err := network.dial(t.Context(), a.Self().Addr.String())
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			_ = c.SetReadDeadline(time.Now())
			if _, err := c.Read(make([]byte, 1)); err != nil && !strings.Contains(err.Error(), "timeout") {
				closed++
			}
		}
		if closed != 50 {
			t.Errorf("%d streams were turned away", closed)
		}
		time.Sleep(time.Minute) // virtual: memberlist gives up on the silent ones
		a.tr.mu.Lock()
		defer a.tr.mu.Unlock()
		if a.tr.inbound != 0 || len(a.tr.open) != 0 {
			t.Error("still open:", a.tr.inbound, len(a.tr.open))
		}
	})
}
