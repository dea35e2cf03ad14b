package gossip_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/grapevine-go/grapevine/gossip"
	"github.com/grapevine-go/grapevine/internal/fault"
	"github.com/grapevine-go/grapevine/quorum"
)

// TestSlowOwner: an owner that everything reaches late is not waited for by
// reads: the others answer, and nobody asks one more.
func TestSlowOwner(t *testing.T) {
	t.Parallel()
	var late atomic.Int64
	var nodes []*gossip.Node
	for i := range 3 {
		cfg := config(t, i, nodes)
		ctx := within(t)
		if i == 2 {
			ctx = fault.WithLateness(ctx, func() time.Duration { return time.Duration(late.Load()) })
		}
		nodes = append(nodes, startIn(ctx, t, cfg))
	}
	ready(t, nodes...)
	table := open(t, nodes[0])
	ready(t, nodes...)
	keys := fill(t, table, 200)
	late.Store(int64(300 * time.Millisecond))
	fill(t, table, 200) // W owners acknowledge, and the late answers tell how slow the third is
	eventually(t, "the late answers have come", func() bool {
		_, err := table.Put(within(t), "other", "value", quorum.W(quorum.All))
		return err == nil
	})
	before := nodes[0].Counts()["speculated"]
	for _, k := range keys {
		expect(t, table, k, valueOf(k))
	}
	if n := nodes[0].Counts()["speculated"] - before; n > uint64(len(keys)/10) {
		t.Errorf("%d of %d reads asked one owner more: they went to the slow one", n, len(keys))
	}
}
