package gossip

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"testing"
	"time"
)

// hooked is a node that has nothing but hooks.
func hooked() *Node {
	n := &Node{log: slog.New(slog.DiscardHandler)}
	n.ctx, n.stop = context.WithCancelCause(context.Background())
	n.hooks.init()
	return n
}

// As many hooks as there is room for may hang; then none is called, and nobody
// waits, until one has come back.
func TestHooksThatHang(t *testing.T) {
	t.Parallel()
	n := hooked()
	defer n.stop(errors.New("the end"))
	goOn := make(chan struct{})
	soon, cancel := context.WithTimeout(t.Context(), time.Millisecond) // who calls has no more patience than that
	defer cancel()
	for range hookSlots {
		if n.callWithin(soon, "hang", func() { <-goOn }) {
			t.Fatal("a hook that hangs has returned")
		}
	}
	for n.hooks.budget.hung.Load() < hookSlots { // those that no slot was waited for did not begin
		begun := make(chan struct{})
		ctx, cancel := context.WithCancel(t.Context())
		go func() { <-begun; cancel() }()
		if n.callWithin(ctx, "hang", func() { close(begun); <-goOn }) {
			t.Fatal("a hook that hangs has returned")
		}
	}
	late := n.hooks.budget.late.Load()
	if n.callWithin(t.Context(), "one more", func() { t.Error("called") }) || n.hooks.budget.late.Load() != late+1 {
		t.Errorf("%d were late, %d before", n.hooks.budget.late.Load(), late)
	}
	close(goOn)
	for !n.callWithin(t.Context(), "again", func() {}) {
		<-time.After(time.Millisecond)
	}
	n.hooks.close()
}

// A hook that panics has returned.
func TestHookPanicsWithin(t *testing.T) {
	t.Parallel()
	n := hooked()
	defer n.stop(errors.New("the end"))
	if !n.callWithin(t.Context(), "panic", func() { panic("fault") }) || n.hooks.budget.late.Load() != 0 {
		t.Error("it was waited for")
	}
	n.hooks.close()
}

// A hook that ends its goroutine, as that of a failing test does, has returned.
func TestHookEndsItsGoroutine(t *testing.T) {
	t.Parallel()
	n := hooked()
	defer n.stop(errors.New("the end"))
	for range hookSlots + 1 {
		if !n.callWithin(t.Context(), "goexit", runtime.Goexit) {
			t.Fatal("it was waited for, or not called")
		}
	}
	n.hooks.close()
}
