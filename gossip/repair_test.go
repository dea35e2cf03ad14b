package gossip_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/grapevine-go/grapevine/gossip"
	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/quorum"
)

// lagging is a cluster of three in which the last one has missed a write of
// "key" and one of "mark", and nothing but a read will mend that.
func lagging(t *testing.T, change ...func(*gossip.Config)) []*gossip.Node {
	t.Helper()
	faults := newLinks()
	never := func(c *gossip.Config) { c.SweepEvery, c.HintBytes = time.Hour, -1 }
	nodes := cluster(t, 3, append(change, faults.use, never)...)
	table := open(t, nodes[0])
	ready(t, nodes...)
	put(t, table, "key", "old")
	put(t, table, "mark", "old")
	settled(t, nodes...)
	faults.stall(t, nodes[0], nodes[2])
	put(t, table, "key", "new")
	put(t, table, "mark", "new")
	faults.heal()
	eventually(t, "connected again", func() bool {
		_, err := table.Put(within(t), "other", "value", quorum.W(3))
		return err == nil
	})
	expect(t, open(t, nodes[2]), "key", "old", quorum.R(1)) // it asks itself
	return nodes
}

// atAll wants all three to keep the same for the key.
func atAll(t *testing.T, nodes []*gossip.Node) bool {
	want := dump(t, nodes[0])["key"]
	return want == dump(t, nodes[1])["key"] && want == dump(t, nodes[2])["key"]
}

func TestReadRepairs(t *testing.T) {
	t.Parallel()
	before, after := make(chan gossip.Repair, 16), make(chan gossip.Repair, 16)
	nodes := lagging(t, func(c *gossip.Config) {
		c.Hooks.BeforeRepair = func(r gossip.Repair) bool { before <- r; return true }
		c.Hooks.AfterRepair = func(r gossip.Repair) { after <- r }
	})
	reader := nodes[1]
	expect(t, open(t, reader), "key", "new", quorum.R(3))
	want := gossip.Repair{Table: "sessions", Key: "key", Nodes: []peer.ID{"n2"}}
	for what, ch := range map[string]chan gossip.Repair{"BeforeRepair": before, "AfterRepair": after} {
		if d := cmp.Diff(want, soon(t, what, ch)); d != "" {
			t.Errorf("%s: %s", what, d)
		}
	}
	eventually(t, "the lagging owner is repaired", func() bool { return atAll(t, nodes) })
	expect(t, open(t, nodes[2]), "key", "new", quorum.R(1))
	if c := reader.Counts(); c["repairs"] != 1 || c["repairs_vetoed"] != 0 {
		t.Errorf("counts %v", c)
	}
	expect(t, open(t, reader), "key", "new", quorum.R(3)) // now there is nothing to repair
	if len(before)+len(after) > 0 || reader.Counts()["repairs"] != 1 {
		t.Error("repaired again")
	}
}

func TestRepairVeto(t *testing.T) {
	t.Parallel()
	asked := make(chan gossip.Repair, 16)
	nodes := lagging(t, func(c *gossip.Config) {
		c.Hooks.BeforeRepair = func(r gossip.Repair) bool { asked <- r; return false }
		c.Hooks.AfterRepair = func(r gossip.Repair) { t.Errorf("repaired %v", r) }
	})
	expect(t, open(t, nodes[0]), "key", "new", quorum.R(3))
	soon(t, "the hook is asked", asked)
	eventually(t, "the veto is counted", func() bool { return nodes[0].Counts()["repairs_vetoed"] == 1 })
	if atAll(t, nodes) || nodes[0].Counts()["repairs"] != 0 {
		t.Error("repaired in spite of the veto")
	}
}

func TestRepairHooksPanic(t *testing.T) {
	t.Parallel()
	said := new(logs)
	nodes := lagging(t, said.use, func(c *gossip.Config) {
		c.Hooks.BeforeRepair = func(gossip.Repair) bool { panic("first fault") }
		c.Hooks.AfterRepair = func(gossip.Repair) { panic("second fault") }
	})
	expect(t, open(t, nodes[0]), "key", "new", quorum.R(3))
	said.expect(t, "level=ERROR", "hook=BeforeRepair", "first fault")
	said.expect(t, "level=ERROR", "hook=AfterRepair", "second fault")
	eventually(t, "repaired all the same", func() bool { return atAll(t, nodes) })
}

func TestAnyCallFromRepairHook(t *testing.T) {
	t.Parallel()
	hooked, closed := make(chan *gossip.Node, 1), make(chan error, 1)
	nodes := lagging(t, func(c *gossip.Config) {
		if c.Name == "n0" {
			c.Hooks.BeforeRepair = func(gossip.Repair) bool {
				n := <-hooked
				callAll(t, n)
				closed <- n.Close()
				return true
			}
		}
	})
	hooked <- nodes[0]
	expect(t, open(t, nodes[0]), "key", "new", quorum.R(3))
	if err := soon(t, "the hook ends", closed); err != nil {
		t.Error(err)
	}
	nodes[0].Close()
}

// gate is the codec of strings, but holds up a certain value, and then refuses
// it.
type gate struct {
	gossip.Codec[string]
	inside, goOn chan struct{}
}

var errGate = errors.New("refused by the gate")

func (g gate) Append(dst []byte, v string) ([]byte, error) {
	if v != "gate" {
		return g.Codec.Append(dst, v)
	}
	g.inside <- struct{}{}
	<-g.goOn
	return dst, errGate
}

// A write that comes to nothing before it begins leaves no trace of the read
// whose memory it was given.
func TestRefusedWriteRepairsNothing(t *testing.T) {
	t.Parallel()
	repaired := make(chan gossip.Repair, 1000)
	nodes := lagging(t, func(c *gossip.Config) {
		c.Hooks.BeforeRepair = func(r gossip.Repair) bool { repaired <- r; return false }
	})
	held := gate{gossip.CodecOf[string](), make(chan struct{}), make(chan struct{})}
	table, err := gossip.Ring(nodes[0], "sessions", gossip.Registers[string](held), three)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, table, "key", "new", quorum.R(3))
	soon(t, "one repair", repaired)
	eventually(t, "the repair has ended", func() bool { return nodes[0].Counts()["repairs_vetoed"] == 1 })
	var g sync.WaitGroup
	for range 100 { // at once, so that all memory that waits to be used again is
		g.Go(func() {
			if _, err := table.Put(t.Context(), "other", "gate"); !errors.Is(err, errGate) {
				t.Error(err)
			}
		})
		soon(t, "a write begins", held.inside)
	}
	close(held.goOn)
	g.Wait()
	expect(t, table, "mark", "new", quorum.R(3)) // waits behind the others, if there are any
	if r := soon(t, "another repair", repaired); r.Key != "mark" {
		t.Errorf("a repair of nothing: %v", r)
	}
}

// What no read finds is found by comparing partitions.
func TestSweepFindsWhatWasMissed(t *testing.T) {
	t.Parallel()
	faults := newLinks()
	nodes := cluster(t, 3, faults.use, func(c *gossip.Config) { c.SweepEvery, c.HintBytes = 20*time.Millisecond, -1 })
	table := open(t, nodes[0])
	ready(t, nodes...)
	put(t, table, "key", "old")
	settled(t, nodes...)
	faults.stall(t, nodes[0], nodes[2])
	faults.stall(t, nodes[1], nodes[2])
	put(t, table, "key", "new")
	faults.heal()
	settled(t, nodes...)
	expect(t, open(t, nodes[2]), "key", "new", quorum.R(1))
	for _, n := range nodes {
		if c := n.Counts(); c["repairs"] != 0 {
			t.Errorf("%s: %v", n.ID(), c)
		}
	}
	differ := uint64(0) // at whoever began the comparison
	for _, n := range nodes {
		differ += n.Counts()["digests_differ"]
	}
	if c := nodes[2].Counts(); c["swept"] == 0 || differ == 0 {
		t.Errorf("%d comparisons found something; counts of n2 %v", differ, c)
	}
}

// A cluster in which nobody writes compares and finds nothing. It is one of two,
// where whoever asks has one other to ask, who answers in order.
func TestQuietCluster(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 2, func(c *gossip.Config) { c.SweepEvery = 10 * time.Millisecond })
	table := open(t, nodes[0])
	ready(t, nodes...)
	keys := fill(t, table, 300)
	settled(t, nodes...)
	counts := func() (all []map[string]uint64) {
		for _, n := range nodes {
			all = append(all, n.Counts())
		}
		return all
	}
	rounds := func(from []map[string]uint64) {
		eventually(t, "comparisons that find nothing", func() bool {
			return !slices.ContainsFunc([]int{0, 1}, func(i int) bool {
				return nodes[i].Counts()["digests_equal"] < from[i]["digests_equal"]+20
			})
		})
	}
	before := counts()
	rounds(before) // what was asked while the keys were written has been answered
	before = counts()
	for _, n := range nodes {
		expectAll(t, open(t, n), keys)
	}
	rounds(before)
	for i, after := range counts() {
		for _, name := range []string{"digests_differ", "swept", "filled", "repairs", "repairs_vetoed", "restamped", "stale_requests"} {
			if after[name] != before[i][name] {
				t.Errorf("n%d: %s rose from %d to %d", i, name, before[i][name], after[name])
			}
		}
	}
}
