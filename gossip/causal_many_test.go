package gossip_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/grapevine-go/grapevine/gossip"
	"github.com/grapevine-go/grapevine/quorum"
)

// TestGetManySets: a batch of reads has a result per key, of which one may fail
// alone, and goes on without an owner that is down.
func TestGetManySets(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 4)
	sets := openKind(t, nodes, "sets", gossip.Sets[int]())
	ctx := within(t)
	var keys []string
	for i := range 300 { // more than go in one message
		keys = append(keys, fmt.Sprint("key ", i))
		if i%10 == 0 {
			r, err := sets[i%4].Add(ctx, keys[i], i)
			applied(t, r, err)
		}
	}
	keys[155] = ""
	same := func(table gossip.SetTable[int], opts ...quorum.Option) {
		t.Helper()
		for i, r := range table.GetMany(ctx, keys, opts...) {
			switch {
			case i == 155:
				if !errors.Is(r.Err, gossip.ErrKey) {
					t.Errorf("no key: %+v", r)
				}
			case r.Err != nil || r.Found != (i%10 == 0) || r.Value.Contains(i) != r.Found:
				t.Fatalf("%q: %+v", keys[i], r)
			}
		}
	}
	same(sets[0], quorum.R(quorum.All))
	nodes[3].Close()
	same(sets[1])
	failed := 0
	for _, r := range sets[2].GetMany(ctx, keys, quorum.R(quorum.All)) { // of some keys all owners are there
		if r.Err != nil {
			failed++
		}
	}
	if failed < 2 || failed == len(keys) {
		t.Errorf("%d of %d keys have no answer of all owners", failed, len(keys))
	}
}
