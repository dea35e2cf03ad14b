package gossip_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/grapevine-go/grapevine/gossip"
	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/quorum"
	"github.com/grapevine-go/grapevine/transport"
)

// operations are one of each kind; writes first.
func operations(table *gossip.RegisterTable[string], key string) (writes, reads map[string]func(context.Context) error) {
	writes = map[string]func(context.Context) error{
		"Put":        func(ctx context.Context) error { _, err := table.Put(ctx, key, "value"); return err },
		"Delete":     func(ctx context.Context) error { _, err := table.Delete(ctx, key); return err },
		"PutMany":    func(ctx context.Context) error { return table.PutMany(ctx, []gossip.Item[string]{{Key: key}})[0] },
		"DeleteMany": func(ctx context.Context) error { return table.DeleteMany(ctx, []string{key})[0] },
	}
	reads = map[string]func(context.Context) error{
		"Get":     func(ctx context.Context) error { _, _, err := table.Get(ctx, key); return err },
		"GetMany": func(ctx context.Context) error { return table.GetMany(ctx, []string{key})[0].Err },
		"Expire":  func(ctx context.Context) error { _, err := table.Expire(ctx, key, time.Now()); return err },
		"Scan":    func(ctx context.Context) error { _, _, err := table.Scan(ctx, 0, 10); return err },
	}
	return writes, reads
}

// outcome wants err to be a quorum.Error of this outcome and this cause.
func outcome(t *testing.T, what string, err error, want quorum.Outcome, cause error) *quorum.Error {
	t.Helper()
	var e *quorum.Error
	if !errors.As(err, &e) || !errors.Is(err, cause) || gossip.Outcome(err) != want || e.Outcome != want ||
		errors.Is(err, quorum.ErrUnknown) != (want == quorum.Unknown) || errors.Is(err, quorum.ErrNotApplied) != (want == quorum.NotApplied && e.Verb == "write") {
		t.Errorf("%s: %v; want %v, %v", what, err, want, cause)
		return new(quorum.Error)
	}
	return e
}

func TestApplied(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 3)
	table := open(t, nodes[0])
	ready(t, nodes...)
	ops := make(map[any]bool)
	for range 100 {
		r, err := table.Put(within(t), "key", "value")
		if err != nil || gossip.Outcome(err) != quorum.Applied || r.Acked < 2 || r.Superseded {
			t.Fatalf("%+v %v", r, err)
		}
		ops[r.Op] = true
	}
	if len(ops) != 100 {
		t.Errorf("%d operation ids of 100", len(ops))
	}
}

// Two of five die: keys with two living owners are written and read, for the
// others the answer is that this is not possible, before anything is sent. The
// owners are the same as before.
func TestTooFewOwnersLive(t *testing.T) {
	t.Parallel()
	patient := func(c *gossip.Config) { c.Preset = gossip.LAN } // only the dead are to be believed dead
	nodes := cluster(t, 5, patient)
	table := open(t, nodes[0])
	ready(t, nodes...)
	keys := fill(t, table, 100)
	settled(t, nodes...)
	owners := make(map[string][]peer.ID)
	for _, key := range keys {
		owners[key] = nodes[0].Owners("sessions", key)
	}
	living, dead := nodes[:3], nodes[3:]
	for _, n := range dead {
		n.Close()
	}
	eventually(t, "membership knows", func() bool {
		return !slices.ContainsFunc(living, func(n *gossip.Node) bool { return n.Status().Alive != len(living) })
	})
	tried := make(map[int]int)
	for _, n := range living {
		table := open(t, n)
		before := dump(t, n)
		for _, key := range keys {
			if d := cmp.Diff(owners[key], n.Owners("sessions", key)); d != "" {
				t.Fatalf("owners of %s changed: %s", key, d)
			}
			var gone []peer.ID
			for _, o := range owners[key] {
				if slices.Contains(names(dead...), o) {
					gone = append(gone, o)
				}
			}
			tried[len(gone)]++
			r, putErr := table.Put(within(t), key, valueOf(key))
			_, _, getErr := table.Get(within(t), key)
			if len(gone) <= 1 {
				if putErr != nil || r.Acked < 2 || getErr != nil {
					t.Errorf("%s with %v dead: %+v %v %v", key, gone, r, putErr, getErr)
				}
				continue
			}
			for what, err := range map[string]error{"put": putErr, "get": getErr} {
				e := outcome(t, what, err, quorum.NotApplied, quorum.ErrUnavailable)
				var down []peer.ID
				for _, node := range e.Nodes {
					if down = append(down, node.ID); !errors.Is(node.Err, quorum.ErrUnavailable) {
						t.Errorf("%s of %s: %s: %v", what, key, node.ID, node.Err)
					}
				}
				slices.Sort(down)
				slices.Sort(gone)
				if !slices.Equal(gone, down) || e.Needed != 2 || e.Acked != 0 {
					t.Errorf("%s of %s: %+v, dead are %v", what, key, e, gone)
				}
			}
			if d := cmp.Diff(before[key], dump(t, n)[key]); d != "" {
				t.Errorf("a write that was not applied left something at %s: %s", n.ID(), d)
			}
			expect(t, table, key, valueOf(key), quorum.R(1)) // one owner is left
		}
	}
	if tried[0] == 0 || tried[1] == 0 || tried[2] == 0 {
		t.Errorf("not all cases were met: %v", tried)
	}
	if _, err := table.Len(within(t)); !errors.Is(err, quorum.ErrUnavailable) {
		t.Errorf("Len: %v", err)
	}
}

// A table says how many owners a key has, and how many of them live: a node alone
// is ready, and cannot write with W=2.
func TestOwnersAlive(t *testing.T) {
	t.Parallel()
	var nodes []*gossip.Node
	expect := func(owners, alive int) {
		t.Helper()
		for _, n := range nodes {
			var got gossip.TableInfo
			defer func() {
				if t.Failed() {
					t.Logf("%s: %d owners, %d alive", n.ID(), got.Owners, got.Alive)
				}
			}()
			eventually(t, fmt.Sprintf("%d owners, %d alive", owners, alive), func() bool {
				got = n.Tables()[0]
				return got.Owners == owners && got.Alive == alive
			})
		}
	}
	for i := range 4 {
		nodes = append(nodes, start(t, config(t, i, nodes)))
		table := open(t, nodes[i])
		ready(t, nodes...)
		expect(min(i+1, 3), min(i+1, 3))
		_, err := table.Put(within(t), "key", "value")
		if i > 0 && err != nil || i == 0 && !strings.Contains(fmt.Sprint(err), "the ring has 1") {
			t.Errorf("with %d nodes: %v", i+1, err)
		}
	}
	nodes[0].Close()
	nodes = nodes[1:]
	expect(3, 2) // of a key that it owned
}

// stalled is a cluster in which one node reaches nobody, and membership does not
// notice.
func stalled(t *testing.T, change ...func(*gossip.Config)) (*links, []*gossip.Node, *gossip.RegisterTable[string]) {
	faults := newLinks()
	nodes := cluster(t, 3, append(change, faults.use)...)
	table := open(t, nodes[0])
	ready(t, nodes...)
	eventually(t, "a first value", func() bool { // within the configured timeout
		_, err := table.Put(within(t), "key", "before")
		return err == nil
	})
	settled(t, nodes...)
	faults.stall(t, nodes[0], nodes[1:]...)
	return faults, nodes, table
}

// untilDeadline runs an operation that waits for an owner in vain until the
// context's deadline, which must not come before all others have acknowledged.
func untilDeadline(t *testing.T, acked int, op func(context.Context) error) error {
	for wait := 50 * time.Millisecond; ; wait *= 2 {
		ctx, cancel := context.WithTimeout(t.Context(), wait)
		err := op(ctx)
		cancel()
		var e *quorum.Error
		if errors.As(err, &e) && e.Acked >= acked || wait > patience {
			return err
		}
	}
}

func TestUnknownAtDeadline(t *testing.T) {
	t.Parallel()
	faults, nodes, table := stalled(t, func(c *gossip.Config) { c.Timeout = time.Hour })
	writes, reads := operations(table, "key")
	for name, op := range writes {
		err := untilDeadline(t, 1, op)
		e := outcome(t, name, err, quorum.Unknown, quorum.ErrTimeout)
		if !errors.Is(err, context.DeadlineExceeded) || e.Acked != 1 || e.Needed != 2 || e.Owners != 3 {
			t.Errorf("%s: %+v", name, e)
		}
		var silent []peer.ID
		for _, node := range e.Nodes {
			silent = append(silent, node.ID)
		}
		slices.Sort(silent)
		if d := cmp.Diff(names(nodes[1:]...), silent); d != "" || !strings.Contains(err.Error(), "no answer yet") {
			t.Errorf("%s: the nodes that did not answer: %s%v", name, d, err)
		}
	}
	for name, op := range reads {
		err := untilDeadline(t, 0, op)
		outcome(t, name, err, quorum.NotApplied, quorum.ErrTimeout)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// What is unknown may have been applied where it did arrive: here.
	_ = untilDeadline(t, 1, writes["Put"])
	expect(t, table, "key", "value", quorum.R(1))
	faults.heal()
	eventually(t, "connected again", func() bool {
		_, err := table.Put(within(t), "key", "after")
		return err == nil
	})
	settled(t, nodes...)
	expect(t, table, "key", "after", quorum.R(3))
}

func TestDefaultTimeout(t *testing.T) {
	t.Parallel()
	_, _, table := stalled(t, func(c *gossip.Config) { c.Timeout = 50 * time.Millisecond })
	writes, reads := operations(table, "key")
	for name, op := range writes {
		err := op(context.Background())
		outcome(t, name, err, quorum.Unknown, quorum.ErrTimeout)
		if errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: the context had no deadline: %v", name, err)
		}
	}
	for name, op := range reads {
		outcome(t, name, op(context.Background()), quorum.NotApplied, quorum.ErrTimeout)
	}
}

// Canceled operations end at once: nothing else would end them within the
// patience of this test.
func TestCancel(t *testing.T) {
	t.Parallel()
	_, _, table := stalled(t, func(c *gossip.Config) { c.Timeout = time.Hour })
	writes, reads := operations(table, "key")
	canceled := func(op func(context.Context) error) error {
		ctx, cancel := context.WithCancel(t.Context())
		waits := &waitedFor{Context: ctx, begun: make(chan struct{})}
		ended := make(chan error, 1)
		go func() { ended <- op(waits) }()
		select {
		case err := <-ended:
			t.Errorf("ended before it was canceled: %v", err)
		case <-waits.begun: // it was sent, and waits for answers
		}
		cancel()
		return soon(t, "end of a canceled operation", ended)
	}
	for name, op := range writes {
		outcome(t, name, canceled(op), quorum.Unknown, context.Canceled)
	}
	for name, op := range reads {
		outcome(t, name, canceled(op), quorum.NotApplied, context.Canceled)
	}
}

// waitedFor is a context that tells when somebody begins to wait for its end.
type waitedFor struct {
	context.Context
	once  sync.Once
	begun chan struct{}
}

func (w *waitedFor) Done() <-chan struct{} {
	w.once.Do(func() { close(w.begun) })
	return w.Context.Done()
}

// A context that has ended sends nothing.
func TestEndedContext(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 3)
	table := open(t, nodes[0])
	ready(t, nodes...)
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	late, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	writes, reads := operations(table, "key")
	for _, ops := range []map[string]func(context.Context) error{writes, reads} {
		for name, op := range ops {
			if err := op(canceled); !errors.Is(err, context.Canceled) || gossip.Outcome(err) != quorum.NotApplied {
				t.Errorf("%s: %v", name, err)
			}
			err := op(late)
			if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, quorum.ErrTimeout) || gossip.Outcome(err) != quorum.NotApplied {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	for _, n := range nodes {
		if d := dump(t, n); len(d) > 0 {
			t.Errorf("%s has %q", n.ID(), d)
		}
	}
}

// One stalled owner of three is no reason to wait: W and R are met without it.
func TestOneStalledOwner(t *testing.T) {
	t.Parallel()
	faults := newLinks()
	nodes := cluster(t, 3, faults.use, func(c *gossip.Config) { c.Timeout = time.Hour })
	table := open(t, nodes[0])
	ready(t, nodes...)
	faults.stall(t, nodes[0], nodes[1])
	for range 20 {
		put(t, table, "key", "value")
		expect(t, table, "key", "value")
	}
	err := untilDeadline(t, 2, func(ctx context.Context) error {
		_, err := table.Put(ctx, "key", "all", quorum.W(3))
		return err
	})
	if e := outcome(t, "W=3", err, quorum.Unknown, quorum.ErrTimeout); e.Acked != 2 || e.Needed != 3 {
		t.Errorf("%+v", e)
	}
	expect(t, table, "key", "all") // unknown, and visible
}

// failed are the nodes of an error but for those that had not answered yet: this
// one may not have come to serve itself before the others failed.
func failed(e *quorum.Error) []quorum.NodeError {
	return slices.DeleteFunc(slices.Clone(e.Nodes), func(n quorum.NodeError) bool { return n.Err == quorum.ErrNoAnswer })
}

// What waits for an owner that does not answer is bounded: what would be too
// much is refused at once, without waiting for its deadline.
func TestOverload(t *testing.T) {
	t.Parallel()
	_, _, table := stalled(t, func(c *gossip.Config) { c.Timeout = time.Hour })
	value := strings.Repeat("v", 8<<20)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var g sync.WaitGroup
	// Each of the two that are stalled takes seven, perhaps not the same ones.
	refused := make(chan error, 7+7+5)
	for i := range cap(refused) {
		g.Go(func() {
			_, err := table.Put(ctx, fmt.Sprint("key-", i), value)
			refused <- err
		})
	}
	for range 5 {
		err := soon(t, "refusal", refused)
		if e := outcome(t, "put", err, quorum.Unknown, quorum.ErrOverloaded); !errors.Is(err, transport.ErrOverloaded) || len(failed(e)) != 2 {
			t.Errorf("%v", err)
		}
		over := new(quorum.OverloadError)
		if !errors.As(err, &over) || !over.Owner || over.RetryAfter <= 0 || errors.Is(err, quorum.ErrNotApplied) {
			t.Errorf("%v", err)
		}
	}
	cancel()
	g.Wait()
}

// What a canceled operation held is free again long before its deadline.
func TestCanceledMakesRoom(t *testing.T) {
	t.Parallel()
	_, _, table := stalled(t, func(c *gossip.Config) { c.Timeout = time.Hour })
	value := strings.Repeat("v", 8<<20)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var g sync.WaitGroup
	var full atomic.Bool
	for i := range 16 { // twice what there is room for
		g.Go(func() {
			if _, err := table.Put(ctx, fmt.Sprint("key-", i), value); errors.Is(err, quorum.ErrOverloaded) {
				full.Store(true)
			}
		})
	}
	eventually(t, "no room", full.Load)
	cancel()
	g.Wait()
	late, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := table.Put(late, "key", value); err == nil || errors.Is(err, quorum.ErrOverloaded) {
		t.Errorf("after the others were canceled: %v", err)
	}
}

// The owners that could not be reached are named, each with its reason.
func TestNodesOfErrors(t *testing.T) {
	t.Parallel()
	faults := newLinks()
	nodes := cluster(t, 3, faults.use)
	table := open(t, nodes[0])
	ready(t, nodes...)
	put(t, table, "key", "value")
	faults.stall(t, nodes[0], nodes[1:]...)
	for _, n := range nodes[1:] {
		n.Close() // and membership does not know yet
	}
	faults.heal()
	var e *quorum.Error
	eventually(t, "the owners cannot be reached", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		_, err := table.Put(ctx, "key", "value")
		return errors.As(err, &e) && errors.Is(err, quorum.ErrUnavailable) && len(failed(e)) == 2
	})
	for _, n := range failed(e) {
		if n.ID != "n1" && n.ID != "n2" || n.Err == nil {
			t.Errorf("%s: %v", n.ID, n.Err)
		}
	}
	if e.Acked > 1 || e.Needed != 2 || e.Outcome != quorum.Unknown {
		t.Errorf("%+v", e) // this node is the third owner, and has it
	}
}
