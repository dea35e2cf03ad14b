package gossip_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/grapevine-go/grapevine/gossip"
	"github.com/grapevine-go/grapevine/quorum"
)

// Close while operations are under way: each ends, and with an error that says
// whether it was applied.
func TestCloseUnderLoad(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 3)
	table := open(t, nodes[0])
	ready(t, nodes...)
	var g sync.WaitGroup
	began := make(chan struct{}, 64)
	ops := map[string]func(context.Context, string) error{
		"put": func(ctx context.Context, key string) error { _, err := table.Put(ctx, key, "value"); return err },
		"get": func(ctx context.Context, key string) error { _, _, err := table.Get(ctx, key); return err },
		"many": func(ctx context.Context, key string) error {
			return table.GetMany(ctx, []string{key, key + "x"})[1].Err
		},
		"del":  func(ctx context.Context, key string) error { _, err := table.Delete(ctx, key); return err },
		"scan": func(ctx context.Context, _ string) error { _, _, err := table.Scan(ctx, 0, 10); return err },
		"ready": func(ctx context.Context, _ string) error {
			if err := nodes[0].WaitReady(ctx); err != nil && !errors.Is(err, gossip.ErrClosed) {
				return fmt.Errorf("not for the closing: %v", err)
			}
			return nodes[0].Err()
		},
	}
	for name, op := range ops {
		for i := range 4 {
			g.Go(func() {
				ctx := within(t)
				for n := 0; ; n++ {
					err := op(ctx, fmt.Sprint("key-", i, "-", n))
					if err == nil {
						select {
						case began <- struct{}{}:
						default:
						}
						continue
					}
					if !errors.Is(err, gossip.ErrClosed) {
						t.Errorf("%s: %v", name, err)
					}
					return
				}
			})
		}
	}
	for range cap(began) {
		soon(t, "operations run", began)
	}
	for range 3 {
		g.Go(func() {
			if err := nodes[0].Close(); err != nil {
				t.Error(err)
			}
			select {
			case <-nodes[0].Done():
			default:
				t.Error("Close returned before Done")
			}
		})
	}
	g.Wait()
}

func TestAfterClose(t *testing.T) {
	t.Parallel()
	n := start(t, config(t, 0, nil))
	table := open(t, n)
	if n.Err() != nil {
		t.Error(n.Err())
	}
	if err := errors.Join(n.Close(), n.Close()); err != nil {
		t.Error(err)
	}
	soon(t, "done", n.Done())
	ctx := within(t)
	for name, call := range map[string]func() error{
		"Err":        n.Err,
		"WaitReady":  func() error { return n.WaitReady(ctx) },
		"WaitSynced": func() error { return n.WaitSynced(ctx) },
		"Leave":      func() error { return n.Leave(ctx) },
		"Join":       func() error { _, err := n.Join(ctx, "127.0.0.1:1"); return err },
		"Ring":       func() error { _, err := gossip.Ring(n, "t", gossip.Registers[string](), three); return err },
		"Put":        func() error { _, err := table.Put(ctx, "key", "value"); return err },
		"Get":        func() error { _, _, err := table.Get(ctx, "key"); return err },
		"Entry":      func() error { _, err := table.Entry(ctx, "key"); return err },
		"Delete":     func() error { _, err := table.Delete(ctx, "key"); return err },
		"Expire":     func() error { _, err := table.Expire(ctx, "key", time.Now()); return err },
		"Scan":       func() error { _, _, err := table.Scan(ctx, 0, 1); return err },
		"Len":        func() error { _, err := table.Len(ctx); return err },
		"PutMany":    func() error { return table.PutMany(ctx, []gossip.Item[string]{{Key: "key"}})[0] },
		"GetMany":    func() error { return table.GetMany(ctx, []string{"key"})[0].Err },
		"DeleteMany": func() error { return table.DeleteMany(ctx, []string{"key"})[0] },
	} {
		err := call()
		if !errors.Is(err, gossip.ErrClosed) {
			t.Errorf("%s: %v", name, err)
		}
		if gossip.Outcome(err) != quorum.NotApplied {
			t.Errorf("%s: outcome %v", name, gossip.Outcome(err))
		}
	}
	if s := n.Status(); s.Serving || s.Ready {
		t.Errorf("status %+v", s)
	}
	if len(n.Members()) != 1 || len(n.Tables()) != 1 || len(n.Owners("sessions", "key")) != 1 {
		t.Error("what was known is gone")
	}
	if d := dump(t, n); len(d) > 0 {
		t.Errorf("something was done: %q", d)
	}
}

func TestWaitReadyEnds(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 2)
	faults := newLinks()
	third := start(t, config(t, 2, nodes, faults.use))
	ready(t, append(nodes, third)...)
	faults.stall(t, third, nodes...)
	open(t, third)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := third.WaitSynced(ctx); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "n2 is not synced") {
		t.Errorf("WaitSynced: %v", err)
	}
	err := third.WaitReady(ctx)
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "n2 is not ready") || !strings.Contains(err.Error(), "sessions:256") {
		t.Errorf("%v", err)
	}
	faults.heal()
	if err := third.WaitReady(within(t)); err != nil {
		t.Error(err)
	}
}
