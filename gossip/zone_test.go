package gossip_test

import (
	"errors"
	"testing"

	"github.com/grapevine-go/grapevine/gossip"
	"github.com/grapevine-go/grapevine/quorum"
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
