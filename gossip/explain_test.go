package gossip_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/grapevine-go/grapevine/gossip"
	"github.com/grapevine-go/grapevine/quorum"
)

// Each owner's version is told, and that it is not repaired by being looked at.
func TestExplain(t *testing.T) {
	t.Parallel()
	nodes := lagging(t)
	e, err := open(t, nodes[1]).Explain(within(t), "key")
	if err != nil || len(e.Owners) != 3 || e.Merged.Dead || !e.Merged.Found {
		t.Fatalf("%v\n%v", err, e)
	}
	for _, o := range e.Owners {
		if behind := o.ID == "n2"; o.Err != nil || !o.Synced || o.Repair != behind || (o.Fingerprint == e.Merged.Fingerprint) == behind || o.Size == 0 {
			t.Errorf("%+v", o)
		}
		if (o.RTT > 0) != (o.ID != "n1") {
			t.Errorf("%s took %v", o.ID, o.RTT)
		}
	}
	for _, says := range []string{"written by n0, wins", "dominated: the value of", "at n2, written by n0", "would repair, after it has returned: n2"} {
		if !strings.Contains(e.String(), says) {
			t.Errorf("it does not say %q:\n%v", says, e)
		}
	}
	if atAll(t, nodes) {
		t.Error("repaired by an explanation")
	}
	if e, err = open(t, nodes[1]).Explain(within(t), "nobody's"); err != nil || e.Merged.Found {
		t.Errorf("%v\n%v", err, e)
	}
	nodes[2].Close()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if e, err = open(t, nodes[1]).Explain(ctx, "key"); err != nil || !strings.Contains(e.String(), "n2 did not answer") {
		t.Errorf("%v\n%v", err, e)
	}
	if _, err := open(t, nodes[1]).Explain(within(t), ""); !errors.Is(err, gossip.ErrKey) {
		t.Error(err)
	}
}

// Types of all kinds are explained.
func TestExplainCounters(t *testing.T) {
	t.Parallel()
	faults := newLinks()
	nodes := cluster(t, 3, faults.use, func(c *gossip.Config) { c.SweepEvery, c.HintBytes = time.Hour, -1 })
	likes := openKind(t, nodes, "likes", gossip.Counters())
	faults.stall(t, nodes[0], nodes[2])
	faults.stall(t, nodes[1], nodes[2])
	r, err := likes[0].Add(within(t), "page", 1)
	applied(t, r, err)
	faults.heal()
	var e quorum.Explanation
	eventually(t, "connected again", func() bool {
		e, err = likes[0].Explain(within(t), "page")
		return err != nil || !strings.Contains(e.String(), "did not answer")
	})
	if err != nil || e.Type != "counter" || !strings.Contains(e.String(), "all that have it have the same") {
		t.Errorf("%v\n%v", err, e)
	}
	for _, o := range e.Owners {
		if o.Found != (o.ID != "n2") || o.Repair != (o.ID == "n2") {
			t.Errorf("%+v", o)
		}
	}
}

// So is a table that every member holds.
func TestExplainEverywhere(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 2)
	flags, err := gossip.Everywhere(nodes[0], "flags", gossip.Registers[bool](), gossip.ReadRepair(quorum.RepairPolicy{Mode: quorum.RepairOff}))
	if err != nil {
		t.Fatal(err)
	}
	ready(t, nodes...)
	if _, err := flags.Put(within(t), "flag", true); err != nil {
		t.Fatal(err)
	}
	if _, err := flags.WaitPropagated(within(t), "flag", 2); err != nil {
		t.Fatal(err)
	}
	if e, err := flags.Explain(within(t), "flag"); err != nil || len(e.Owners) != 2 || e.Owners[0].Repair || e.Owners[1].Repair || !e.Merged.Found {
		t.Errorf("%v\n%v", err, e)
	}
}
