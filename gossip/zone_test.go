package gossip_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/grapevine-go/grapevine/gossip"
	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/quorum"
	"github.com/grapevine-go/grapevine/rumor"
	"github.com/grapevine-go/grapevine/transport"
)

// TestZoneDown: two zones of two nodes. Acknowledgements from both are to be had
// until one zone is down; then such a write is refused before anything is sent,
// and local levels go on.
func TestZoneDown(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 4, func(c *gossip.Config) { c.Zone = map[bool]string{true: "east", false: "west"}[c.Name < "n2"] })
	levels := quorum.NWR{N: 4, W: quorum.LocalQuorum, R: quorum.LocalQuorum}
	var tables []*gossip.RegisterTable[string]
	for _, n := range nodes {
		table, err := gossip.Ring(n, "table", gossip.Registers[string](), levels)
		if err != nil {
			t.Fatal(err)
		}
		tables = append(tables, table)
	}
	ready(t, nodes...)
	ctx := within(t)
	if r, err := tables[0].Put(ctx, "key", "both", quorum.W(2), quorum.Zones(2)); err != nil {
		t.Fatalf("%+v, %v", r, err)
	}
	nodes[2].Close()
	nodes[3].Close()
	eventually(t, "the zone is known to be down", func() bool {
		for _, info := range nodes[0].Tables() {
			if info.Alive == 2 {
				return true
			}
		}
		return false
	})
	_, err := tables[0].Put(ctx, "key", "never", quorum.W(2), quorum.Zones(2))
	if !errors.Is(err, quorum.ErrUnavailable) || gossip.Outcome(err) != quorum.NotApplied {
		t.Errorf("a write to two zones: %v", err)
	}
	if _, err := tables[0].Put(ctx, "key", "never", quorum.W(quorum.Quorum)); gossip.Outcome(err) != quorum.NotApplied {
		t.Errorf("a write to three of four: %v", err)
	}
	expect(t, tables[1], "key", "both")
	if _, err := tables[1].Put(ctx, "key", "local"); err != nil {
		t.Errorf("a local quorum: %v", err)
	}
	expect(t, tables[0], "key", "local")
	expect(t, tables[0], "key", "local", quorum.R(quorum.LocalOne))
	if _, _, err := tables[0].Get(ctx, "key", quorum.R(quorum.All)); !errors.Is(err, quorum.ErrUnavailable) {
		t.Errorf("a read of all: %v", err)
	}
}

// TestRumorsStayNear: of what sixteen nodes tell each other, half would cross
// between two zones if they knew of none, and with one far target in four about a
// quarter does. All are told either way.
func TestRumorsStayNear(t *testing.T) {
	t.Parallel()
	blind := crossing(t, "one zone", func(*gossip.Config) {})
	zoned := crossing(t, "two zones", func(c *gossip.Config) { c.Zone = half(c.Name) })
	t.Logf("of the bytes %.3f crossed without zones, and %.3f with them", blind, zoned)
	if zoned >= blind {
		t.Errorf("of the bytes %.3f crossed without zones, and %.3f with them", blind, zoned)
	}
}

// half is one of two halves of the nodes.
func half(id peer.ID) string {
	return map[bool]string{true: "east", false: "west"}[len(id) == 2 && id < "n8"]
}

// crossing has sixteen nodes tell each other values, in four copies or five, and
// returns the share of the bytes that went from one half of them to the other.
func crossing(t *testing.T, name string, change func(*gossip.Config)) (share float64) {
	t.Run(name, func(t *testing.T) {
		var all, crossed atomic.Int64
		var halves sync.Map // by address; complete before what counts is sent
		nodes := cluster(t, 16, func(c *gossip.Config) {
			own := half(c.Name)
			c.SweepEvery = time.Hour // nothing is compared meanwhile: rumors tell everybody
			c.Target = rumor.Target{Within: 500 * time.Millisecond, Coverage: 1 - 1e-10}
			c.SetFaults(func(data *transport.Config) {
				data.Dial = func(ctx context.Context, addr string) (net.Conn, error) {
					conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
					if err != nil {
						return nil, err
					}
					return &countedConn{conn, func(n int) {
						all.Add(int64(n))
						if half, _ := halves.Load(addr); half != own {
							crossed.Add(int64(n))
						}
					}}, nil
				}
			})
			change(c)
		})
		var tables []*gossip.RegisterTable[string]
		for _, n := range nodes {
			halves.Store(self(t, n).Data.String(), half(n.ID()))
			tables = append(tables, flags(t, n))
		}
		ready(t, nodes...)
		all.Store(0)
		crossed.Store(0)
		value := strings.Repeat("v", 700)
		for i := range 32 {
			if _, err := tables[i%16].Put(t.Context(), fmt.Sprint("flag-", i), value); err != nil {
				t.Fatal(err)
			}
		}
		for _, table := range tables {
			for i := range 32 {
				holds(t, table, fmt.Sprint("flag-", i), value)
			}
		}
		share = float64(crossed.Load()) / float64(all.Load())
	})
	return share
}

type countedConn struct {
	net.Conn
	wrote func(n int)
}

func (c *countedConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.wrote(n)
	return n, err
}
