package gossip_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/gossip"
	"github.com/grapevine-go/grapevine/quorum"
)

// openKind opens a ring table on all nodes.
func openKind[H any](t testing.TB, nodes []*gossip.Node, name string, kind gossip.Kind[H]) (tables []H) {
	t.Helper()
	for _, n := range nodes {
		h, err := gossip.Ring(n, name, kind, three)
		if err != nil {
			t.Fatal(err)
		}
		tables = append(tables, h)
	}
	eventually(t, "all know the table", func() bool {
		for _, n := range nodes {
			if s := n.Status(); !s.Ready || s.RingVersion != nodes[0].Status().RingVersion {
				return false
			}
		}
		return true
	})
	return tables
}

// applied wants a write to have been acknowledged by two owners at least.
func applied(t testing.TB, r quorum.Receipt, err error) quorum.Receipt {
	t.Helper()
	if err != nil || r.Acked < 2 {
		t.Fatalf("%+v, %v", r, err)
	}
	return r
}

// TestSets: elements go in and out at every node, owner or not.
func TestSets(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 5)
	carts := openKind(t, nodes, "carts", gossip.Sets[string]())
	ctx := within(t)
	for i, s := range carts {
		r, err := s.Add(ctx, "cart", string(rune('a'+i)))
		applied(t, r, err)
	}
	for i, s := range carts {
		view, err := s.Get(ctx, "cart")
		if err != nil || !slices.Equal(slices.Sorted(view.All()), []string{"a", "b", "c", "d", "e"}) {
			t.Fatalf("node %d: %v, %v", i, view, err)
		}
	}
	r, err := carts[1].Remove(ctx, "cart", "a")
	if applied(t, r, err); r.Observed != 2 {
		t.Errorf("%d owners observed", r.Observed)
	}
	view, err := carts[2].Get(ctx, "cart")
	if err != nil || view.Contains("a") || view.Len() != 4 {
		t.Fatalf("%v, %v", view, err)
	}
	// What the view has not seen stays.
	r, err = carts[3].Add(ctx, "cart", "b")
	applied(t, r, err)
	r, err = carts[0].RemoveFrom(ctx, "cart", view, "b")
	applied(t, r, err)
	if view, err = carts[4].Get(ctx, "cart"); err != nil || !view.Contains("b") {
		t.Fatalf("%v, %v", view, err)
	}
	if n, err := carts[0].Len(ctx); n != 1 || err != nil {
		t.Errorf("%d keys, %v", n, err)
	}
	r, err = carts[2].Delete(ctx, "cart")
	applied(t, r, err)
	if view, err = carts[1].Get(ctx, "cart"); err != nil || view.Len() != 0 {
		t.Errorf("%v, %v", view, err)
	}
	if keys, _, err := carts[3].Scan(ctx, 0, 10); len(keys) != 0 || err != nil {
		t.Errorf("%q, %v", keys, err)
	}
	if view, err = carts[3].Get(ctx, "no cart"); err != nil || view.Len() != 0 {
		t.Errorf("%v, %v", view, err)
	}
}

// TestCounters: increments made at once, at all nodes, all count, once.
func TestCounters(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 4)
	likes := openKind(t, nodes, "likes", gossip.Counters())
	ctx := within(t)
	var all sync.WaitGroup
	for _, c := range likes {
		all.Go(func() {
			for i := range 50 {
				if _, err := c.Add(ctx, "page", int64(i%5)-1); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	for i, c := range likes {
		if n, err := c.Get(ctx, "page"); n != 200 || err != nil {
			t.Errorf("node %d: %d, %v", i, n, err)
		}
	}
	big := int64(1) << 62
	r, err := likes[0].Add(ctx, "big", big)
	applied(t, r, err)
	_, err = likes[0].Add(ctx, "big", big)
	if !errors.Is(err, quorum.ErrInvalid) || gossip.Outcome(err) != quorum.NotApplied {
		t.Errorf("overflow: %v", err)
	}
	r, err = likes[1].Delete(ctx, "big")
	applied(t, r, err)
	if n, err := likes[2].Get(ctx, "big"); n != 0 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

// TestFlagsAndMulti: an enable that a disable has not seen stands, and so do
// values that were written at once.
func TestFlagsAndMulti(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 3)
	flags := openKind(t, nodes, "flags", gossip.Flags())
	multi := openKind(t, nodes, "multi", gossip.Multi[int]())
	ctx := within(t)
	r, err := flags[0].Enable(ctx, "f")
	applied(t, r, err)
	if on, err := flags[1].Get(ctx, "f"); !on || err != nil {
		t.Error(on, err)
	}
	r, err = flags[2].Disable(ctx, "f")
	applied(t, r, err)
	if on, err := flags[0].Get(ctx, "f"); on || err != nil {
		t.Error(on, err)
	}

	empty, err := multi[0].Get(ctx, "m")
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range multi { // none has seen the others
		r, err := m.PutOver(ctx, "m", empty, i)
		applied(t, r, err)
	}
	all, err := multi[1].Get(ctx, "m")
	if err != nil || !slices.Equal(slices.Sorted(all.All()), []int{0, 1, 2}) {
		t.Fatalf("%v, %v", all, err)
	}
	r, err = multi[2].Put(ctx, "m", 7)
	applied(t, r, err)
	if all, err = multi[0].Get(ctx, "m"); err != nil || !slices.Equal(slices.Collect(all.All()), []int{7}) {
		t.Fatalf("%v, %v", all, err)
	}
}

// TestMaps: a table of a type that needs no handle of its own.
func TestMaps(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 3)
	bottom := func() *crdt.Map[string, *crdt.Counter] { return crdt.NewMap[string](crdt.NewCounter) }
	stock := openKind(t, nodes, "stock", gossip.Causal(bottom))
	ctx := within(t)
	for i, s := range stock {
		r, err := s.Apply(ctx, "shop", bottom().UpdateOp("apples", crdt.NewCounter().AddOp(int64(i+1))))
		applied(t, r, err)
	}
	view, err := stock[1].Get(ctx, "shop")
	if apples, found := view.Get("apples"); err != nil || !found || apples.Value() != 6 {
		t.Errorf("%v, %v", view, err)
	}
	r, err := stock[2].ApplyTo(ctx, "shop", func(view *crdt.Map[string, *crdt.Counter]) crdt.Op { return view.RemoveOp("apples") })
	if applied(t, r, err); r.Observed != 2 {
		t.Errorf("%+v", r)
	}
	if view, err = stock[0].Get(ctx, "shop"); err != nil || view.Len() != 0 {
		t.Errorf("%v, %v", view, err)
	}
	grow := openKind(t, nodes, "grow", gossip.Causal(crdt.NewGrowCounter))
	r, err = grow[0].Apply(ctx, "n", crdt.NewGrowCounter().AddOp(2))
	applied(t, r, err)
	if _, err := grow[0].Delete(ctx, "n"); !errors.Is(err, quorum.ErrInvalid) {
		t.Errorf("a counter that only grows was deleted: %v", err)
	}
	if _, err := grow[0].Apply(ctx, "n", crdt.NewCounter().AddOp(-2)); !errors.Is(err, quorum.ErrInvalid) || gossip.Outcome(err) != quorum.NotApplied {
		t.Errorf("it shrank: %v", err)
	}
}

// TestSetsEverywhere: an operation is made here, and told as a rumor.
func TestSetsEverywhere(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 3)
	var groups []gossip.SetTable[string]
	for _, n := range nodes {
		g, err := gossip.Everywhere(n, "groups", gossip.Sets[string]())
		if err != nil {
			t.Fatal(err)
		}
		groups = append(groups, g)
	}
	ready(t, nodes...)
	ctx := within(t)
	for i, g := range groups {
		eventually(t, "synced", func() bool { _, err := g.Get(ctx, "g"); return err == nil })
		if _, err := g.Add(ctx, "g", string(rune('a'+i))); err != nil {
			t.Fatal(err)
		}
	}
	for _, g := range groups {
		eventually(t, "all elements everywhere", func() bool {
			view, err := g.Get(ctx, "g")
			return err == nil && view.Len() == 3
		})
	}
	if r, err := groups[0].Remove(ctx, "g", "b"); err != nil || r.Observed != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	eventually(t, "removed everywhere", func() bool {
		view, err := groups[2].Get(ctx, "g")
		return err == nil && view.Len() == 2
	})
}

// TestServedUnopened: nodes that have not opened a table of sets serve it, so
// that a rolling deployment keeps its quorums.
func TestServedUnopened(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 3)
	carts := openKind(t, nodes[:1], "carts", gossip.Sets[int]())
	r, err := carts[0].Add(within(t), "cart", 42, quorum.W(3))
	if r.Acked != 3 || err != nil {
		t.Fatalf("%+v, %v", r, err)
	}
	late := openKind(t, nodes, "carts", gossip.Sets[int]())
	view, err := late[2].Get(within(t), "cart", quorum.R(3))
	if err != nil || !view.Contains(42) {
		t.Fatalf("%v, %v", view, err)
	}
	_, err = gossip.Ring(nodes[1], "carts", gossip.Sets[string](), three)
	if !errors.Is(err, gossip.ErrTableMismatch) {
		t.Errorf("opened as sets of strings: %v", err)
	}
}

// TestRetry: what was made is not made again, however often it is retried and
// by whom; a retry that is none is refused.
func TestRetry(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 3)
	likes := openKind(t, nodes, "likes", gossip.Counters())
	sets := openKind(t, nodes, "sets", gossip.Sets[string]())
	table := openKind(t, nodes, "sessions", gossip.Registers[string]())[0]
	put(t, table, "key", "old", quorum.W(3))
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := likes[0].Add(ended, "page", 1)
	var e *quorum.Error
	if errors.As(err, &e) || gossip.Outcome(err) != quorum.NotApplied {
		t.Fatalf("with a context that has ended: %v", err)
	}
	// All owners are needed, and one is gone: the others have it.
	nodes[2].Close()
	_, err = likes[0].Add(within(t), "page", 1, quorum.W(3))
	if !errors.As(err, &e) {
		t.Fatalf("without an owner: %v", err)
	}
	op, err := quorum.DecodeOperation(e.Operation().AppendBinary(nil))
	if err != nil || op.IsZero() {
		t.Fatalf("%+v, %v", op, err)
	}
	for _, c := range likes[:2] {
		for range 2 {
			r, err := c.Retry(within(t), op)
			applied(t, r, err)
		}
		if n, err := c.Get(within(t), "page"); n != 1 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	}
	for _, c := range likes[:2] { // an owner that is gone says nothing
		if f, err := c.Outcome(within(t), op); err != nil || f.Kind != quorum.Present || f.Present != 2 || f.Absent != 0 || f.Owners != 3 {
			t.Errorf("%v, %v", f, err)
		}
	}
	op.ID.Lo++
	op.Delta, op.Make, op.Boot = nil, crdt.NewCounter().AddOp(1).AppendBinary(nil), 1
	if f, err := likes[0].Outcome(within(t), op); err != nil || f.Kind != quorum.Forgotten {
		t.Errorf("of a life that has ended: %v, %v", f, err)
	}
	if _, err := likes[0].Retry(within(t), op); !errors.Is(err, quorum.ErrUnknown) {
		t.Errorf("of a life that has ended: %v", err)
	}
	op.Boot = 0
	if f, err := likes[1].Outcome(within(t), op); err != nil || f.Kind != quorum.Absent {
		t.Errorf("asked of nobody: %v, %v", f, err)
	}
	r, err := likes[1].Retry(within(t), op)
	applied(t, r, err)

	// A register's retry does not win over what was written since.
	_, err = table.Put(within(t), "key", "lost", quorum.W(3))
	if !errors.As(err, &e) {
		t.Fatal(err)
	}
	if f, err := table.Outcome(within(t), e.Operation()); err != nil || f.Kind == quorum.Absent && f.Absent != 2 {
		t.Errorf("%v, %v", f, err)
	}
	put(t, table, "key", "new")
	r, err = table.Retry(within(t), e.Operation())
	if applied(t, r, err); !r.Superseded {
		t.Errorf("%+v", r)
	}
	expect(t, table, "key", "new")
	if f, err := table.Outcome(within(t), e.Operation()); err != nil || f.Kind != quorum.Superseded || f.Newer != 2 {
		t.Errorf("%v, %v", f, err)
	}
	if _, err := sets[0].Retry(within(t), op); !errors.Is(err, quorum.ErrOperation) {
		t.Errorf("at another table: %v", err)
	}
	if _, err := likes[0].Retry(within(t), quorum.Operation{}); !errors.Is(err, quorum.ErrOperation) {
		t.Errorf("nothing: %v", err)
	}
}

// BenchmarkAdd measures operations that an owner makes, beside a put.
func BenchmarkAdd(b *testing.B) {
	nodes := cluster(b, 3)
	ctx := context.Background()
	table := open(b, nodes[0])
	sets := openKind(b, nodes, "sets", gossip.Sets[int]())
	likes := openKind(b, nodes, "likes", gossip.Counters())
	for _, c := range []struct {
		name string
		do   func(key string, i int) (quorum.Receipt, error)
	}{
		{"put", func(key string, i int) (quorum.Receipt, error) { return table.Put(ctx, key, "value") }},
		{"set", func(key string, i int) (quorum.Receipt, error) { return sets[0].Add(ctx, key, i/100%10) }},
		{"counter", func(key string, i int) (quorum.Receipt, error) { return likes[0].Add(ctx, key, 1) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			keys := make([]string, 100)
			for i := range keys {
				keys[i] = string(rune('a'+i%26)) + string(rune('a'+i/26))
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := c.do(keys[i%len(keys)], i); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
