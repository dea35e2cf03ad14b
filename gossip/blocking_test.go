package gossip_test

import (
	"errors"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/grapevine-go/grapevine/gossip"
	"github.com/grapevine-go/grapevine/quorum"
)

// openWith opens the table of the tests with a policy of repairs.
func openWith(t *testing.T, n *gossip.Node, p quorum.RepairPolicy) *gossip.RegisterTable[string] {
	t.Helper()
	table, err := gossip.Ring(n, "sessions", gossip.Registers[string](), three, gossip.ReadRepair(p))
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// A read that repairs before it returns has repaired when it returns.
func TestBlockingRepair(t *testing.T) {
	t.Parallel()
	told, after := make(chan gossip.Repair, 16), make(chan gossip.Repair, 16)
	nodes := lagging(t, func(c *gossip.Config) {
		c.Hooks.OnDivergence = func(r gossip.Repair) { told <- r }
		c.Hooks.AfterRepair = func(r gossip.Repair) { after <- r }
	})
	behind := nodes[2]
	blocking := openWith(t, behind, quorum.RepairPolicy{Mode: quorum.RepairBlocking})
	expect(t, blocking, "key", "new") // of this node, which asks itself first, and another
	expect(t, blocking, "key", "new", quorum.R(1), quorum.Repair(quorum.RepairOff))
	if !atAll(t, nodes) {
		t.Error("not repaired when the read returned")
	}
	for what, ch := range map[string]chan gossip.Repair{"OnDivergence": told, "AfterRepair": after} {
		// Where n2 is slow to take it, one more is sent it that may have it.
		if r := soon(t, what, ch); r.Key != "key" || len(r.Nodes) == 0 || r.Nodes[0] != "n2" || slices.Contains(r.Nodes, "n0") && slices.Contains(r.Nodes, "n1") {
			t.Errorf("%s: %v", what, r)
		}
	}
	if c := behind.Counts(); c["repairs_blocking"] < 1 || c["repairs_blocking"] > 2 || c["repairs"] != 0 {
		t.Errorf("counts %v", c)
	}
	expect(t, open(t, behind), "mark", "new", quorum.Repair(quorum.RepairBlocking)) // one call alone
	expect(t, open(t, behind), "mark", "new", quorum.R(1))
}

// A veto lets the read return at once, and repairs nothing.
func TestBlockingVeto(t *testing.T) {
	t.Parallel()
	asked := make(chan gossip.Repair, 16)
	nodes := lagging(t, func(c *gossip.Config) {
		c.Hooks.BeforeRepair = func(r gossip.Repair) bool { asked <- r; return false }
		c.Hooks.AfterRepair = func(r gossip.Repair) { t.Errorf("repaired %v", r) }
	})
	expect(t, openWith(t, nodes[2], quorum.RepairPolicy{Mode: quorum.RepairBlocking}), "key", "new")
	if len(asked) != 1 { // while the read waited
		t.Errorf("the hook was asked %d times", len(asked))
	}
	if c := nodes[2].Counts(); atAll(t, nodes) || c["repairs_vetoed"] != 1 || c["repairs_blocking"]+c["repairs"] != 0 {
		t.Errorf("repaired in spite of the veto: %v", c)
	}
}

// Whoever is against repairs is told nevertheless.
func TestRepairOff(t *testing.T) {
	t.Parallel()
	told := make(chan gossip.Repair, 16)
	nodes := lagging(t, func(c *gossip.Config) {
		c.Hooks.OnDivergence = func(r gossip.Repair) { told <- r }
		c.Hooks.BeforeRepair = func(r gossip.Repair) bool { t.Errorf("asked for %v", r); return true }
	})
	expect(t, openWith(t, nodes[0], quorum.RepairPolicy{Mode: quorum.RepairOff}), "key", "new", quorum.R(3))
	if r := soon(t, "OnDivergence", told); r.Key != "key" || atAll(t, nodes) {
		t.Errorf("told %v; repaired: %t", r, atAll(t, nodes))
	}
}

// A hook that hangs stops neither the read that waits for it nor the next, nor
// the repairs.
func TestHangingHook(t *testing.T) {
	t.Parallel()
	said := new(logs)
	goOn := make(chan struct{})
	var inside atomic.Int32
	nodes := lagging(t, said.use, func(c *gossip.Config) {
		c.Hooks.BeforeRepair = func(gossip.Repair) bool {
			inside.Add(1)
			<-goOn
			return false // nobody waits for it any more
		}
	})
	defer close(goOn)
	expect(t, openWith(t, nodes[2], quorum.RepairPolicy{Mode: quorum.RepairBlocking}), "key", "new")
	said.expect(t, "level=WARN", "hook=BeforeRepair")
	expect(t, open(t, nodes[0]), "mark", "new", quorum.R(3)) // repaired afterwards
	eventually(t, "both are repaired", func() bool {
		d := [3]map[string]string{dump(t, nodes[0]), dump(t, nodes[1]), dump(t, nodes[2])}
		return d[0]["key"] == d[2]["key"] && d[0]["mark"] == d[2]["mark"]
	})
	if inside.Load() != 2 {
		t.Errorf("%d calls hang", inside.Load())
	}
}

// A policy that nobody can follow is refused where it is given.
func TestImpossiblePolicy(t *testing.T) {
	t.Parallel()
	n := cluster(t, 1)[0]
	_, err := gossip.Ring(n, "other", gossip.Registers[string](), quorum.NWR{N: 1, W: 1, R: 1}, gossip.ReadRepair(quorum.RepairPolicy{Sample: 2}))
	if !errors.Is(err, quorum.ErrPolicy) || len(n.Tables()) > 0 {
		t.Errorf("%v; tables %v", err, n.Tables())
	}
}

// Reads beyond the rate repair nothing.
func TestRepairRate(t *testing.T) {
	t.Parallel()
	told := make(chan gossip.Repair, 16)
	nodes := lagging(t, func(c *gossip.Config) { c.Hooks.OnDivergence = func(r gossip.Repair) { told <- r } })
	table := openWith(t, nodes[0], quorum.RepairPolicy{PerSecond: 1e-9})
	expect(t, table, "key", "new", quorum.R(3)) // the burst of one
	eventually(t, "the first is repaired", func() bool { return nodes[0].Counts()["repairs"] == 1 })
	expect(t, table, "mark", "new", quorum.R(3))
	for range 2 {
		soon(t, "OnDivergence", told)
	}
	if nodes[0].Counts()["repairs"] != 1 {
		t.Error("repaired beyond the rate")
	}
}
