package gossip_test

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/grapevine-go/grapevine/gossip"
)

// TestHealAfterCut: an owner that was cut off while others wrote gets what it has
// missed, without being asked for it, for at most three times the bytes that
// differ. GRAPEVINE_HEAL_KEYS gives another number of keys, of which a tenth is
// written meanwhile.
func TestHealAfterCut(t *testing.T) {
	t.Parallel()
	n := 2000
	if s := os.Getenv("GRAPEVINE_HEAL_KEYS"); s != "" {
		n, _ = strconv.Atoi(s)
	}
	faults := newLinks()
	registry := prometheus.NewRegistry()
	nodes := cluster(t, 3, faults.use, labelled(registry), func(c *gossip.Config) {
		c.SweepEvery, c.SyncRate, c.Timeout, c.HintBytes = time.Second, 10<<20, 2*time.Second, -1
	})
	table := open(t, nodes[0])
	ready(t, nodes...)
	keys := fill(t, table, n)
	settled(t, nodes...)
	moved := func() (bytes uint64) {
		for _, n := range nodes {
			bytes += n.Counts()["sync_bytes_sent"] + n.Counts()["sync_bytes_received"]
		}
		return bytes
	}
	eventually(t, "comparisons find nothing", func() bool {
		for _, n := range nodes {
			if len(n.Divergences()) > 0 {
				return false
			}
		}
		return true
	})
	faults.stall(t, nodes[0], nodes[2])
	faults.stall(t, nodes[1], nodes[2])
	value := strings.Repeat("v", 1000)
	var items []gossip.Item[string]
	for _, key := range keys[:n/10] {
		items = append(items, gossip.Item[string]{Key: key, Value: value})
	}
	for i, err := range table.PutMany(within(t), items) {
		if err != nil {
			t.Fatalf("%s: %v", items[i].Key, err)
		}
	}
	before := moved()
	faults.heal()
	begun := time.Now()
	eventually(t, "the owner that was cut off has all", func() bool {
		return nodes[2].Counts()["swept"] >= uint64(n/10) || having(t, nodes[2], value) == n/10
	})
	t.Logf("healed after %v", time.Since(begun))
	settled(t, nodes...)
	differs := uint64(n / 10 * (len(value) + 60)) // a key, a stamp, a head
	if got := moved() - before; got > 3*differs {
		t.Errorf("%d bytes moved, %d differ", got, differs)
	} else {
		t.Logf("%d bytes moved, %d differ", got, differs)
	}
	eventually(t, "nothing differs any more", func() bool { return len(nodes[0].Divergences()) == 0 })
	_, metrics := scrape(t, registry)
	if v := metrics[`grapevine_divergent_keys{node="n0",peer="n2",table="sessions"}`]; v != "" {
		t.Error(v, "keys differ, say the metrics")
	}
}

// TestWaitSynced: a node that starts empty among others that have much has it all
// when it is synced, and not sooner than its budget allows.
func TestWaitSynced(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 3)
	table := open(t, nodes[0])
	ready(t, nodes...)
	value := strings.Repeat("v", 1000)
	var items []gossip.Item[string]
	for _, key := range fill(t, table, 2000) {
		items = append(items, gossip.Item[string]{Key: key, Value: value})
	}
	for i, err := range table.PutMany(within(t), items) {
		if err != nil {
			t.Fatalf("%s: %v", items[i].Key, err)
		}
	}
	settled(t, nodes...)
	if err := nodes[2].Close(); err != nil {
		t.Fatal(err)
	}
	again := start(t, config(t, 2, nodes[:2], func(c *gossip.Config) { c.SyncRate = 2 << 20 }))
	open(t, again)
	if err := again.WaitSynced(within(t)); err != nil {
		t.Fatal(err)
	}
	if n := having(t, again, value); n != len(items) {
		t.Errorf("synced with %d of %d", n, len(items))
	}
}

// having counts the keys of a node whose value is the given one.
func having(t *testing.T, n *gossip.Node, value string) (count int) {
	for _, state := range dump(t, n) {
		if strings.Contains(state, value) {
			count++
		}
	}
	return count
}
