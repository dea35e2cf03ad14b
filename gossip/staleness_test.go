package gossip_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/grapevine-go/grapevine/gossip"
	"github.com/grapevine-go/grapevine/quorum"
	"github.com/grapevine-go/grapevine/quorum/pbs"
)

// TestStaleness: an owner that hears of no write reads what is stale; samples
// show it, the measured delays give a prediction for every choice of levels, and
// quorums that overlap miss nothing.
func TestStaleness(t *testing.T) {
	t.Parallel()
	registry, faults := prometheus.NewPedanticRegistry(), newLinks()
	nodes := cluster(t, 3, faults.use, labelled(registry), func(c *gossip.Config) { c.SweepEvery, c.HintBytes = time.Hour, -1 })
	var loose, overlapping []*gossip.RegisterTable[string]
	for _, n := range nodes {
		for name, list := range map[string]*[]*gossip.RegisterTable[string]{"loose": &loose, "overlapping": &overlapping} {
			levels := three
			if name == "loose" {
				levels = quorum.NWR{N: 3, W: 1, R: 1}
			}
			table, err := gossip.Ring(n, name, gossip.Registers[string](), levels)
			if err != nil {
				t.Fatal(err)
			}
			*list = append(*list, table)
		}
	}
	ready(t, nodes...)
	if _, err := nodes[0].Staleness("loose"); !errors.Is(err, gossip.ErrNotReady) {
		t.Errorf("nothing was measured: %v", err)
	}
	if _, err := nodes[0].Staleness("other"); !errors.Is(err, gossip.ErrNotReady) {
		t.Errorf("no such table: %v", err)
	}

	const keys = 200
	both := func(value string, opts ...quorum.Option) {
		for i := range keys {
			for _, table := range []*gossip.RegisterTable[string]{loose[0], overlapping[0]} {
				if _, err := table.Put(within(t), fmt.Sprint(i), value, opts...); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	both("old", quorum.W(3))
	faults.stall(t, nodes[0], nodes[2])
	both("new")
	// Reads repair what they find: each key is read at the owner that has heard
	// nothing, over and over, so that one in
	// so many is compared.
	for i := range 50 * keys {
		for _, table := range []*gossip.RegisterTable[string]{loose[2], overlapping[2]} {
			if _, found, err := table.Get(within(t), fmt.Sprint(i%keys)); err != nil || !found {
				t.Fatal(found, err)
			}
		}
		if i%5 == 0 { // and its own writes are measured
			put(t, loose[2], fmt.Sprint("own", i), "")
			put(t, overlapping[2], fmt.Sprint("own", i), "")
		}
	}
	faults.heal()

	eventually(t, "compared", func() bool {
		s, err := nodes[2].Staleness("loose")
		return err == nil && s.Truth.Total().Stale > 0
	})
	s, _ := nodes[2].Staleness("loose")
	if got := s.Truth.Total(); got.Stale > got.Reads {
		t.Errorf("compared %+v", got)
	}
	if len(s.Choices) != 9 || s.Now().Levels != (quorum.NWR{N: 3, W: 1, R: 1}) || s.Now().Predicted.Fresh(0) == 0 {
		t.Errorf("predicted %v, now %v", s.Choices, s.Now())
	}
	if best, ok := s.Advise(pbs.Goal{Fresh: 1, Within: 0}); !ok || !best.Meets(pbs.Goal{Fresh: 1}) {
		t.Errorf("advice %v, %t", best, ok)
	}
	o, err := nodes[2].Staleness("overlapping")
	if err != nil {
		t.Fatal(err)
	}
	if got := o.Truth.Total(); got.Reads == 0 || got.Stale != 0 {
		t.Errorf("overlapping quorums: %+v", got)
	}
	_, series := scrape(t, registry)
	for _, name := range []string{
		`grapevine_reads_stale_total{node="n2",table="loose"}`,
		`grapevine_reads_compared_total{node="n2",table="overlapping"}`,
	} {
		if v := series[name]; v == "" || v == "0" {
			t.Errorf("%s is %q", name, v)
		}
	}
	for name, want := range map[string]bool{
		`grapevine_stale_read_probability{after="0s",node="n2",table="loose"}`:       true,
		`grapevine_stale_read_probability{after="0s",node="n2",table="overlapping"}`: false, // it cannot be
	} {
		if (series[name] != "") != want {
			t.Errorf("%s is %q", name, series[name])
		}
	}
}
