package gossip_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/grapevine-go/grapevine/gossip"
	"github.com/grapevine-go/grapevine/internal/fault"
	"github.com/grapevine-go/grapevine/quorum"
)

// TestMany: batches of more keys than go in one message, of values that do not
// fit, and with an error for one key alone.
func TestMany(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 4)
	var tables []*gossip.RegisterTable[string]
	for _, n := range nodes {
		tables = append(tables, open(t, n))
	}
	ready(t, nodes...)
	ctx := within(t)
	var keys []string
	var items []gossip.Item[string]
	for i := range 700 {
		key := fmt.Sprint("key ", i)
		value := valueOf(key)
		if i%100 == 0 {
			value += strings.Repeat("x", 300<<10) // too large for a batch
		} else if i < 40 {
			value += strings.Repeat("x", 100<<10) // a reply has no room for all of them
		}
		keys, items = append(keys, key), append(items, gossip.Item[string]{Key: key, Value: value})
	}
	items[500].Key, keys[500] = "", ""
	for i, err := range tables[0].PutMany(ctx, items) {
		if (err != nil) != (i == 500) {
			t.Fatalf("put %q: %v", keys[i], err)
		}
	}
	same := func(table *gossip.RegisterTable[string], opts ...quorum.Option) {
		t.Helper()
		for i, r := range table.GetMany(ctx, keys, opts...) {
			if (r.Err != nil) != (i == 500) || r.Found == (i == 500) || i != 500 && r.Value != items[i].Value {
				t.Fatalf("get %q: %v, found %v, %d bytes", keys[i], r.Err, r.Found, len(r.Value))
			}
		}
	}
	same(tables[0], quorum.R(quorum.All))
	same(tables[1])
	nodes[3].Close() // operations on the keys of the dead one go on without it
	same(tables[2])
	for i, err := range tables[2].DeleteMany(ctx, keys) {
		if (err != nil) != (i == 500) {
			t.Fatalf("delete %q: %v", keys[i], err)
		}
	}
	for i, r := range tables[1].GetMany(ctx, keys) {
		if r.Found || (r.Err != nil) != (i == 500) {
			t.Fatalf("get %q: %v, found %v", keys[i], r.Err, r.Found)
		}
	}
}

// BenchmarkMany measures batches of a hundred keys beside single operations; an
// operation is one key in each.
func BenchmarkMany(b *testing.B) {
	nodes := cluster(b, 3)
	table := open(b, nodes[0])
	ready(b, nodes...)
	ctx := context.Background()
	var keys []string
	var items []gossip.Item[string]
	for i := range 100 {
		keys = append(keys, fmt.Sprint("key ", i))
		items = append(items, gossip.Item[string]{Key: keys[i], Value: strings.Repeat("v", 100)})
	}
	for _, c := range []struct {
		name string
		do   func(i int) error
	}{
		{"put", func(i int) error { _, err := table.Put(ctx, keys[i], items[i].Value); return err }},
		{"get", func(i int) error { _, _, err := table.Get(ctx, keys[i]); return err }},
		{"putMany", func(i int) error {
			if i == 0 {
				return table.PutMany(ctx, items)[0]
			}
			return nil
		}},
		{"getMany", func(i int) error {
			if i == 0 {
				return table.GetMany(ctx, keys)[0].Err
			}
			return nil
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for i := range b.N {
				if err := c.do(i % len(keys)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestManyAskOthers: where an owner cannot be reached any more, all that have to ask another do
// so together, and not one after the other.
func TestManyAskOthers(t *testing.T) {
	t.Parallel()
	var nodes []*gossip.Node
	for i := range 3 {
		ctx := within(t)
		if i == 2 { // half of the keys would take it three times the timeout one by one
			ctx = fault.WithLateness(ctx, func() time.Duration { return 250 * time.Millisecond })
		}
		nodes = append(nodes, startIn(ctx, t, config(t, i, nodes, func(c *gossip.Config) { c.Timeout = 10 * time.Second })))
	}
	ready(t, nodes...)
	table := open(t, nodes[0])
	ready(t, nodes...)
	keys := make([]string, 256)
	items := make([]gossip.Item[string], len(keys))
	for i := range keys {
		keys[i] = fmt.Sprint("key ", i)
		items[i] = gossip.Item[string]{Key: keys[i], Value: "value"}
	}
	if err := errors.Join(table.PutMany(within(t), items)...); err != nil {
		t.Fatal(err)
	}
	nodes[1].Close() // which n0 has not heard of
	for i, r := range table.GetMany(within(t), keys) {
		if r.Err != nil || r.Value != "value" {
			t.Fatalf("%s: %q, %v", keys[i], r.Value, r.Err)
		}
	}
}
