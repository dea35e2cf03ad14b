package gossip_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/grapevine-go/grapevine/gossip"
	"github.com/grapevine-go/grapevine/internal/fault"
	"github.com/grapevine-go/grapevine/quorum"
	"github.com/grapevine-go/grapevine/quorum/admit"
)

// hanging starts three nodes, of which the others do not answer the first in time
// while late is set, and returns the first's table.
func hanging(t *testing.T, late *atomic.Bool, free bool) *gossip.RegisterTable[string] {
	var nodes []*gossip.Node
	for i := range 3 {
		ctx := within(t)
		if i > 0 {
			ctx = fault.WithLateness(ctx, func() time.Duration {
				if late.Load() {
					return 5 * time.Second
				}
				return 0
			})
		} else if free {
			ctx = fault.WithoutAdmission(ctx)
		}
		nodes = append(nodes, startIn(ctx, t, config(t, i, nodes)))
	}
	ready(t, nodes...)
	table, err := gossip.Ring(nodes[0], "t", gossip.Registers[string](), three)
	if err != nil {
		t.Fatal(err)
	}
	ready(t, nodes...) // with the table
	return table
}

// crowd begins n writes that owners do not answer soon, and returns the keys of
// those that were refused. When enough were, or ctx ends, the others are given up.
func crowd(ctx context.Context, table *gossip.RegisterTable[string], n, enough int) (refused []string, other int) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var done sync.WaitGroup
	var mu sync.Mutex
	for i := range n {
		done.Go(func() {
			key := fmt.Sprint("k", i)
			_, err := table.Put(ctx, key, "v")
			mu.Lock()
			defer mu.Unlock()
			if over := new(quorum.OverloadError); errors.As(err, &over) && over.RetryAfter > 0 && errors.Is(err, quorum.ErrNotApplied) {
				if refused = append(refused, key); len(refused) == enough {
					cancel()
				}
			} else {
				other++
			}
		})
	}
	done.Wait()
	return refused, other
}

// TestTooManyAreRefused: what is beyond the limit is refused, was not applied, and
// all is as before when the others have ended.
func TestTooManyAreRefused(t *testing.T) {
	t.Parallel()
	var late atomic.Bool
	table := hanging(t, &late, false)
	late.Store(true)
	refused, other := crowd(within(t), table, admit.Start+2000, 500)
	if len(refused) < 500 || other == 0 {
		t.Fatalf("%d refused, %d not", len(refused), other)
	}
	late.Store(false)
	for _, key := range refused[:min(len(refused), 50)] {
		if _, found, err := table.Get(within(t), key); err != nil || found {
			t.Fatalf("%s, which was refused: found %v, %v", key, found, err)
		}
		if _, err := table.Put(within(t), key, "again"); err != nil {
			t.Fatal(err)
		}
	}
}

// TestNothingIsRefusedWithoutAdmission is the negative control: then all of them
// wait.
func TestNothingIsRefusedWithoutAdmission(t *testing.T) {
	t.Parallel()
	var late atomic.Bool
	table := hanging(t, &late, true)
	late.Store(true)
	ctx, cancel := context.WithTimeout(within(t), 900*time.Millisecond)
	defer cancel()
	if refused, _ := crowd(ctx, table, admit.Start+2000, 1); len(refused) > 0 {
		t.Errorf("%d refused", len(refused))
	}
}
