package swim

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/grapevine-go/grapevine/peer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// config is a node on a free loopback port.
func config(id peer.ID, nonce uint64) Config {
	return Config{ID: id, Boot: peer.Boot{Counter: 1, Nonce: nonce}, Cluster: "test", Bind: "127.0.0.1:0", Preset: Local}
}

func start(t *testing.T, cfg Config) *Swim {
	t.Helper()
	s, err := Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestTwoNodesSeeEachOther(t *testing.T) {
	a, b := start(t, config("a", 1)), start(t, config("b", 2))
	n, err := b.Join(t.Context(), a.Self().Addr.String())
	if n != 1 || err != nil {
		t.Fatal(n, err)
	}
	t.Log(a.Members(), b.Members())
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	t0 := time.Now()
	if err := b.Leave(ctx); err != nil {
		t.Fatal(err)
	}
	t.Log(time.Since(t0), a.Members(), b.Members())
}
