package gossip_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/grapevine-go/grapevine/gossip"
	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/quorum"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// cluster starts nodes on loopback that find each other through the first, and
// closes them at the end of the test.
func cluster(t testing.TB, n int, change ...func(*gossip.Config)) []*gossip.Node {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var nodes []*gossip.Node
	for i := range n {
		cfg := config(i)
		if i > 0 {
			cfg.Seeds = []string{nodes[0].Addr().String()}
		}
		for _, c := range change {
			c(&cfg)
		}
		nodes = append(nodes, start(t, ctx, cfg))
	}
	ready(t, nodes...)
	return nodes
}

func config(i int) gossip.Config {
	cfg := gossip.Config{Cluster: "test", Name: peer.ID(fmt.Sprintf("n%d", i)), Bind: "127.0.0.1:0", Preset: gossip.Local}
	if os.Getenv("GRAPEVINE_LOG") != "" {
		cfg.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	return cfg
}

func start(t testing.TB, ctx context.Context, cfg gossip.Config) *gossip.Node {
	t.Helper()
	node, err := gossip.Start(ctx, cfg)
	if err != nil {
		t.Fatalf("start %s: %v", cfg.Name, err)
	}
	t.Cleanup(func() { node.Close() })
	return node
}

// ready waits until every node is ready and all know the same ring.
func ready(t testing.TB, nodes ...*gossip.Node) {
	t.Helper()
	eventually(t, "nodes ready with one ring", func() bool {
		for _, n := range nodes {
			if s := n.Status(); !s.Ready || s.RingVersion != nodes[0].Status().RingVersion || s.Alive != len(nodes) {
				return false
			}
		}
		return true
	})
}

// eventually waits for a condition that needs no help to come true.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("not in 30 s: %s", what)
		}
		<-time.After(5 * time.Millisecond)
	}
}

func sessions(t testing.TB, n *gossip.Node) *gossip.RegisterTable[string] {
	t.Helper()
	table, err := gossip.Ring(n, "sessions", gossip.Registers[string](), quorum.NWR{N: 3, W: 2, R: 2})
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func TestPutAtOneGetAtAll(t *testing.T) {
	nodes := cluster(t, 5)
	ctx := t.Context()
	table := sessions(t, nodes[0])
	ready(t, nodes...)
	for i := range 100 {
		if _, err := table.Put(ctx, fmt.Sprint("key-", i), fmt.Sprint("value-", i)); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range nodes {
		table := sessions(t, n)
		for i := range 100 {
			v, ok, err := table.Get(ctx, fmt.Sprint("key-", i))
			if err != nil || !ok || v != fmt.Sprint("value-", i) {
				t.Fatalf("%s: key-%d is %q %t %v", n.ID(), i, v, ok, err)
			}
		}
		if c, err := table.Len(ctx); err != nil || c != 100 {
			t.Fatalf("%s: Len %d %v", n.ID(), c, err)
		}
	}
}
