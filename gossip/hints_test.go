package gossip_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/grapevine-go/grapevine/gossip"
)

// TestHints: what an owner misses waits at the coordinator, and comes to it when
// it can be reached again.
func TestHints(t *testing.T) {
	t.Parallel()
	registry, faults := prometheus.NewPedanticRegistry(), newLinks()
	nodes := cluster(t, 3, faults.use, labelled(registry), func(c *gossip.Config) {
		c.SweepEvery, c.Timeout = time.Hour, 2*time.Second
	})
	table := open(t, nodes[0])
	open(t, nodes[2])
	ready(t, nodes...)
	nodes[0].PauseHints("")
	faults.stall(t, nodes[0], nodes[2])
	const n = 50
	for i := range n {
		put(t, table, fmt.Sprint("key-", i), "value")
	}
	eventually(t, "the hints wait", func() bool {
		h := nodes[0].Hints()
		return len(h) == 1 && h[0].Target == "n2" && h[0].Hints == n && h[0].Bytes > 0 && h[0].Paused
	})
	_, got := scrape(t, registry)
	if v := got[`grapevine_hints{node="n0",target="n2"}`]; v != fmt.Sprint(n) {
		t.Errorf("%q hints in the metrics", v)
	}
	faults.heal()
	nodes[0].ResumeHints("")
	eventually(t, "n2 has all", func() bool { return len(dump(t, nodes[2])) == n && len(nodes[0].Hints()) == 0 })
	_, got = scrape(t, registry)
	if v := got[`grapevine_hints_total{event="stored",node="n0"}`]; v != fmt.Sprint(n) {
		t.Errorf("%q hints stored in the metrics", v)
	}
	if v := got[`grapevine_hints_total{event="replayed",node="n0"}`]; v == "0" || v == "" {
		t.Errorf("%q hints replayed in the metrics", v)
	}
}
