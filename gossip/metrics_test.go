package gossip_test

import (
	"context"
	"io"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/grapevine-go/grapevine/gossip"
)

// scrape reads a registry as a monitor does: series by name and labels.
func scrape(t testing.TB, registry *prometheus.Registry) (text string, series map[string]string) {
	t.Helper()
	w := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	b, err := io.ReadAll(w.Body)
	if err != nil || w.Code != 200 {
		t.Fatalf("scrape: %d %v\n%s", w.Code, err, b)
	}
	series = make(map[string]string)
	for line := range strings.Lines(string(b)) {
		if at := strings.LastIndexByte(line, ' '); !strings.HasPrefix(line, "#") && at > 0 {
			series[line[:at]] = strings.TrimSpace(line[at:])
		}
	}
	return string(b), series
}

// labelled gives each node of one process its label.
func labelled(registry prometheus.Registerer) func(*gossip.Config) {
	return func(c *gossip.Config) {
		c.Registerer = prometheus.WrapRegistererWith(prometheus.Labels{"node": string(c.Name)}, registry)
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewPedanticRegistry()
	nodes := cluster(t, 3, labelled(registry))
	table := open(t, nodes[0])
	ready(t, nodes...)
	ctx := within(t)
	fill(t, table, 10)
	if _, err := table.Delete(ctx, "key-0"); err != nil {
		t.Fatal(err)
	}
	expect(t, open(t, nodes[1]), "key-1", valueOf("key-1"))
	if n, err := table.Len(ctx); n != 9 || err != nil {
		t.Fatal(n, err)
	}
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	_, _, _ = table.Get(canceled, "key-1") // refused before it began: no operation
	settled(t, nodes...)

	var text string
	var got map[string]string
	eventually(t, "the members are counted, who are suspected wrongly on a busy machine", func() bool {
		text, got = scrape(t, registry)
		return got[`grapevine_members{node="n2",state="alive"}`] == "3" && got[`grapevine_members{node="n2",state="dead"}`] == "0"
	})
	for name, want := range map[string]string{
		`grapevine_operations_total{node="n0",op="write",outcome="applied"}`:     "11",
		`grapevine_operations_total{node="n0",op="write",outcome="unknown"}`:     "0",
		`grapevine_operations_total{node="n0",op="write",outcome="not applied"}`: "0",
		`grapevine_operations_total{node="n0",op="read",outcome="applied"}`:      "0",
		`grapevine_operations_total{node="n1",op="read",outcome="applied"}`:      "1",
		`grapevine_operations_total{node="n0",op="scan",outcome="applied"}`:      "256",
		`grapevine_operation_seconds_count{node="n0",op="write"}`:                "11",
		`grapevine_ready{node="n1"}`:                                             "1",
		`grapevine_unsynced_partitions{node="n1",table="sessions"}`:              "0",
		`grapevine_keys{node="n2",state="live",table="sessions"}`:                "9",
		`grapevine_keys{node="n2",state="dead",table="sessions"}`:                "1",
		`grapevine_replica_events_total{event="repairs",node="n0"}`:              "0",
		`grapevine_repairs_shed_total{node="n0"}`:                                "0",
	} {
		if d := cmp.Diff(want, got[name]); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	for _, name := range []string{
		`grapevine_bytes{node="n0",table="sessions"}`,
		`grapevine_transport_bytes_total{direction="in",node="n0"}`, `grapevine_transport_bytes_total{direction="out",node="n0"}`,
	} {
		if v := got[name]; v == "" || v == "0" {
			t.Errorf("%s is %q", name, v)
		}
	}
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}

	nodes[1].Close() // takes its own metrics away, and no others
	_, got = scrape(t, registry)
	if _, ok := got[`grapevine_ready{node="n1"}`]; ok || got[`grapevine_ready{node="n0"}`] == "" {
		t.Error("after Close of n1")
	}
}

// Metrics can be read at any time: while a node starts, works and closes.
func TestMetricsAtAnyTime(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	stop := make(chan struct{})
	var g sync.WaitGroup
	g.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				scrape(t, registry)
			}
		}
	})
	nodes := cluster(t, 3, labelled(registry))
	table := open(t, nodes[0])
	ready(t, nodes...)
	fill(t, table, 100)
	for _, n := range nodes {
		n.Close()
	}
	close(stop)
	g.Wait()
	if _, got := scrape(t, registry); len(got) > 0 {
		t.Errorf("left: %v", got)
	}
}

func TestFailuresAreCounted(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	faults, nodes, table := stalled(t, func(c *gossip.Config) {
		c.SweepEvery, c.HintBytes = time.Hour, -1
		labelled(registry)(c)
	})
	writes, reads := operations(table, "key")
	briefly := func(op func(context.Context) error) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		_ = op(ctx)
	}
	for _, op := range writes {
		briefly(op)
	}
	for _, op := range reads {
		briefly(op)
	}
	faults.heal()
	eventually(t, "a repair", func() bool {
		_, _ = table.Entry(t.Context(), "key")
		return nodes[0].Counts()["repairs"] > 0
	})
	_, got := scrape(t, registry)
	if v := got[`grapevine_operations_total{node="n0",op="write",outcome="unknown"}`]; v != "4" {
		t.Errorf("%s writes unknown", v)
	}
	if v := got[`grapevine_operation_failures_total{cause="timeout",node="n0",op="write"}`]; v != "4" {
		t.Errorf("%s writes failed by timeout", v)
	}
	if v := got[`grapevine_operations_total{node="n0",op="read",outcome="not applied"}`]; v == "" || v == "0" {
		t.Errorf("%s reads failed", v)
	}
	if v := got[`grapevine_replica_events_total{event="repairs",node="n0"}`]; v == "" || v == "0" {
		t.Errorf("%s repairs", v)
	}
}
