package processes_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/gossip"
	"github.com/grapevine-go/grapevine/gossiptest"
	"github.com/grapevine-go/grapevine/quorum"
)

// causal is the tables of a node whose operations owners make.
type causal struct {
	counters gossip.CounterTable
	sets     gossip.SetTable[string]
}

func openCausal(n *gossip.Node) (c causal, err error) {
	if c.counters, err = gossip.Ring(n, "counters", gossip.Counters(), levels, gossip.Partitions(16)); err != nil {
		return c, err
	}
	c.sets, err = gossip.Ring(n, "sets", gossip.Sets[string](), levels, gossip.Partitions(16))
	return c, err
}

// do carries out an operation on a counter or a set.
func (c causal) do(ctx context.Context, q request, a *response) (err error) {
	read := []quorum.Option{quorum.Repair(quorum.RepairBlocking)}
	if q.Value == "all" {
		read = append(read, quorum.R(quorum.All))
	}
	switch q.Verb {
	case "count":
		_, err = c.counters.Add(ctx, q.Key, 1)
	case "counter":
		a.Amount, err = c.counters.Get(ctx, q.Key, read...)
	case "add":
		_, err = c.sets.Add(ctx, q.Key, q.Value)
	case "remove":
		_, err = c.sets.Remove(ctx, q.Key, q.Value)
	case "set":
		var set *crdt.Set[string]
		if set, err = c.sets.Get(ctx, q.Key, read...); err == nil {
			a.Set = slices.Collect(set.All())
		}
	default:
		err = fmt.Errorf("no verb %q", q.Verb)
	}
	return err
}

// causalWork is what the clients of these tables do and saw.
type causalWork struct{ counters, sets gossiptest.History }

// client does one operation after the other, each at a node of its choice.
func (k *causalWork) client(w *workload, id int, end time.Time) {
	for count := 0; time.Now().Before(end); count++ {
		<-time.After(time.Duration(rand.IntN(10)) * time.Millisecond)
		n := rand.IntN(len(w.c))
		if !w.c[n].alive() {
			continue
		}
		h, o, q := k.draw(id, count)
		o.Node = n
		w.mu.Lock()
		o.Invoke = time.Since(w.begun)
		h.Ops = append(h.Ops, o)
		w.mu.Unlock()
		a, err := w.c[n].ask(q)
		o.Return = time.Since(w.begun)
		switch {
		case err != nil: // the node died: nobody knows
		case a.Outcome == quorum.Applied:
			o.Outcome = gossiptest.Applied
			if o.Kind == gossiptest.GetOp {
				o.Amount, o.Elements = a.Amount, a.Set
			}
		case a.Outcome == quorum.NotApplied:
			o.Outcome = gossiptest.NotApplied
		}
	}
}

// draw draws an operation, and says in which history it belongs.
func (k *causalWork) draw(id, count int) (h *gossiptest.History, o *gossiptest.Op, q request) {
	choices := [...]struct {
		h    *gossiptest.History
		kind gossiptest.Kind
		verb string
	}{
		{&k.counters, gossiptest.CountOp, "count"}, {&k.counters, gossiptest.CountOp, "count"}, {&k.counters, gossiptest.GetOp, "counter"},
		{&k.sets, gossiptest.AddOp, "add"}, {&k.sets, gossiptest.AddOp, "add"}, {&k.sets, gossiptest.RemoveOp, "remove"}, {&k.sets, gossiptest.GetOp, "set"},
	}
	x := choices[rand.IntN(len(choices))]
	o = &gossiptest.Op{Kind: x.kind, Key: key(rand.IntN(keys))}
	switch x.kind {
	case gossiptest.AddOp:
		o.Value = fmt.Sprintf("c%d-%d", id, count)
	case gossiptest.RemoveOp:
		o.Value = fmt.Sprintf("c%d-%d", id, rand.IntN(count+1)) // perhaps of another key, or never added
	case gossiptest.CountOp:
		o.Amount = 1
	}
	return x.h, o, request{Verb: x.verb, Key: o.Key, Value: o.Value}
}

// judge reads everything from all owners and hands the histories to the checkers.
func (k *causalWork) judge(t *testing.T, w *workload) {
	var counters, sets []*gossiptest.Op
	last := func(verb, key string) *gossiptest.Op {
		o := &gossiptest.Op{Kind: gossiptest.GetOp, Key: key, Invoke: time.Since(w.begun), Outcome: gossiptest.Applied}
		a, err := w.c[0].ask(request{Verb: verb, Key: key, Value: "all"})
		if err != nil || a.Error != "" {
			t.Fatalf("%s %s at the end: %v %s", verb, key, err, a.Error)
		}
		o.Return, o.Amount, o.Elements = time.Since(w.begun), a.Amount, a.Set
		return o
	}
	for i := range keys {
		counters, sets = append(counters, last("counter", key(i))), append(sets, last("set", key(i)))
	}
	for what, broken := range map[string][]gossiptest.Violation{
		"counters": gossiptest.CheckCounters(&k.counters, counters), "counters, monotonic": gossiptest.CheckRising(&k.counters),
		"sets": gossiptest.CheckSets(&k.sets, sets),
	} {
		for _, v := range broken {
			t.Errorf("%s: %v", what, v)
		}
	}
	t.Logf("%d operations on counters, %d on sets", len(k.counters.Ops), len(k.sets.Ops))
	if len(k.counters.Ops) < 100 || len(k.sets.Ops) < 100 {
		t.Error("nothing was tested")
	}
}
