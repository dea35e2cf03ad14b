package gossip

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/quorum"
	"github.com/grapevine-go/grapevine/quorum/admit"
)

// nodes starts nodes on loopback that know each other and the table.
func nodes(t *testing.T, n int, opts ...TableOption) (list []*Node, tables []*RegisterTable[string]) {
	t.Helper()
	for i := range n {
		cfg := Config{Cluster: t.Name(), Name: peer.ID(fmt.Sprint("n", i)), Bind: "127.0.0.1:0", Preset: Local, Timeout: time.Hour}
		if i > 0 {
			cfg.Seeds = []string{list[0].Addr().String()}
		}
		node, err := Start(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { node.Close() })
		list = append(list, node)
	}
	for _, node := range list {
		until(t, "the ring is known", func() bool {
			s := node.Status()
			return s.Ready && s.Alive == n && s.RingVersion == list[0].Status().RingVersion
		})
		table, err := Ring(node, "t", Registers[string](), quorum.NWR{N: min(n, 3), W: quorum.Quorum, R: quorum.Quorum}, opts...)
		if err != nil {
			t.Fatal(err)
		}
		tables = append(tables, table)
	}
	for _, node := range list {
		until(t, "the table is known", func() bool {
			s := node.Status()
			return s.Ready && s.RingVersion == list[0].Status().RingVersion
		})
	}
	return list, tables
}

// until waits for what comes by itself.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); !ok(); <-time.After(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not in two minutes: %s", what)
		}
	}
}

// fill takes all places of a node until empty is called.
func (n *Node) fill() (empty func()) {
	n.load.until.Store(1 << 62) // the limit stays as it is
	for range admit.Most {
		n.load.also()
	}
	return func() {
		for range admit.Most {
			n.load.leave()
		}
	}
}

// atOnce is closed.
var atOnce = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

// line has so many operations wait, each of which takes until done is closed.
func (n *Node) line(t *testing.T, length int, done <-chan struct{}) {
	before := int(n.load.waiting.Load())
	for range length {
		go func() {
			if _, err := n.load.enter(context.Background(), 0, 0); err == nil {
				<-done
				n.load.leave()
			}
		}()
	}
	until(t, "all wait", func() bool { return int(n.load.waiting.Load()) == before+length })
}

// TestPeakShaving: what would be refused waits for the end of the peak, and its
// result says so.
func TestPeakShaving(t *testing.T) {
	list, tables := nodes(t, 3)
	shaved, err := Ring(list[0], "t", Registers[string](), quorum.NWR{N: 3, W: quorum.Quorum, R: quorum.Quorum}, OnOverload(OverloadPolicy{Wait: time.Hour}))
	if err != nil {
		t.Fatal(err)
	}
	empty := list[0].fill()
	list[0].line(t, admit.Start, atOnce)
	if _, err := tables[0].Put(t.Context(), "refused", "v"); !errors.Is(err, quorum.ErrOverloaded) {
		t.Fatalf("in the peak: %v", err)
	}
	const peak = 200
	receipts := make(chan quorum.Receipt, peak)
	for i := range peak {
		go func() {
			r, err := shaved.Put(t.Context(), fmt.Sprint("k", i), "v")
			if err != nil {
				t.Error(err)
			}
			receipts <- r
		}()
	}
	until(t, "all wait", func() bool { return list[0].load.waiting.Load() == admit.Start+peak })
	empty()
	for range peak {
		if r := <-receipts; r.Waited <= 0 || r.Acked < 2 {
			t.Errorf("%+v", r)
		}
	}
	if e, err := shaved.Entry(t.Context(), "k0"); err != nil || e.Value != "v" || e.Waited != 0 {
		t.Errorf("after the peak: %+v, %v", e, err)
	}
}

// TestDelayedAnswers: answers are held back while others wait, and not otherwise.
func TestDelayedAnswers(t *testing.T) {
	const most = 200 * time.Millisecond
	list, tables := nodes(t, 3, OnOverload(OverloadPolicy{Delay: most}))
	if r, err := tables[0].Put(t.Context(), "key", "v"); err != nil || r.Waited != 0 {
		t.Fatalf("with room: %+v, %v", r, err)
	}
	list[0].fill() // for good
	receipt := make(chan quorum.Receipt, 1)
	go func() {
		r, err := tables[0].Put(t.Context(), "key", "w")
		if err != nil {
			t.Error(err)
		}
		receipt <- r
	}()
	until(t, "it waits", func() bool { return list[0].load.waiting.Load() == 1 })
	list[0].line(t, admit.Start-1, t.Context().Done()) // behind it, and none of them makes room for the next
	for list[0].load.under.Load() > list[0].load.most.Load()-1 && list[0].load.waiting.Load() >= admit.Start {
		list[0].load.leave() // until it has got a place, and no other
	}
	if r := <-receipt; r.Waited < most/2 {
		t.Errorf("while others wait: %+v", r)
	}
}

// TestDegradedReads: a read that would be refused returns what one owner has, if
// its caller can use that, and says so.
func TestDegradedReads(t *testing.T) {
	list, tables := nodes(t, 4)
	if _, err := tables[0].Put(t.Context(), "key", "v", quorum.W(quorum.All)); err != nil {
		t.Fatal(err)
	}
	for i, node := range list { // three of which are owners
		empty := node.fill()
		node.line(t, admit.Start, atOnce)
		if _, _, err := tables[i].Get(t.Context(), "key"); !errors.Is(err, quorum.ErrOverloaded) {
			t.Errorf("%d, without: %v", i, err)
		}
		node.load.under.Add(-admit.Most + admit.Start) // for as many reads of this kind as there are places
		degraded := false
		if v, found, err := tables[i].Get(t.Context(), "key", quorum.Degrade(&degraded)); err != nil || !found || v != "v" || !degraded {
			t.Errorf("%d: %q, found %v, degraded %v, %v", i, v, found, degraded, err)
		}
		node.load.under.Add(admit.Most - admit.Start)
		if _, _, err := tables[i].Get(t.Context(), "key", quorum.Degrade(&degraded)); !errors.Is(err, quorum.ErrOverloaded) || degraded {
			t.Errorf("%d, where there is no room for that either: degraded %v, %v", i, degraded, err)
		}
		empty()
		until(t, "nobody waits", func() bool { return node.load.waiting.Load() == 0 })
		if _, _, err := tables[i].Get(t.Context(), "key", quorum.Degrade(&degraded)); err != nil || degraded {
			t.Errorf("%d, with room: degraded %v, %v", i, degraded, err)
		}
	}
	degraded := false
	if got := tables[0].GetMany(t.Context(), []string{"key"}, quorum.Degrade(&degraded)); !errors.Is(got[0].Err, quorum.ErrLevel) {
		t.Errorf("a batch: %+v", got)
	}
}

// TestRetryThatIsNotSent: it does not say of what an earlier call has sent that it
// was not applied.
func TestRetryThatIsNotSent(t *testing.T) {
	list, tables := nodes(t, 1)
	r, err := tables[0].Put(t.Context(), "key", "v")
	if err != nil {
		t.Fatal(err)
	}
	delta := crdt.Put(list[0].replica.Stamp(time.Now()), []byte("v"), 0)
	op := quorum.Operation{ID: r.Op, Table: "t", Key: "key", Delta: delta.AppendBinary(nil)}
	unknown := func(what string, cause, err error) {
		t.Helper()
		var e *quorum.Error
		if !errors.Is(err, cause) || !errors.Is(err, quorum.ErrUnknown) || errors.Is(err, quorum.ErrNotApplied) || !errors.As(err, &e) || !cmp.Equal(e.Operation(), op) {
			t.Errorf("%s: %v", what, err)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = tables[0].Retry(ended, op)
	unknown("with a context that has ended", context.Canceled, err)

	empty := list[0].fill()
	list[0].load.room.Store(0)
	_, err = tables[0].Retry(t.Context(), op)
	unknown("refused", quorum.ErrOverloaded, err)
	over := new(quorum.OverloadError)
	if !errors.As(err, &over) || over.RetryAfter <= 0 || list[0].Again(t.Context(), err) {
		t.Errorf("%+v: tried again as if nothing had been sent", over)
	}
	op.Delta, op.Make = nil, []byte("what nobody was asked to make")
	if err := unsent(op, quorum.ErrTimeout); err != quorum.ErrTimeout {
		t.Errorf("of what was never sent: %v", err)
	}
	empty()
}

// TestOverloadPolicies: those that cannot be followed are refused when the table is
// opened, with all that is wrong with them.
func TestOverloadPolicies(t *testing.T) {
	for _, p := range []OverloadPolicy{{}, {Wait: time.Hour}, {Delay: time.Hour}} {
		if err := p.validate(); err != nil {
			t.Errorf("%+v: %v", p, err)
		}
	}
	for _, d := range []time.Duration{-1, time.Hour + 1, math.MaxInt64, math.MinInt64} {
		err := OverloadPolicy{Wait: d, Delay: d}.validate()
		if !errors.Is(err, quorum.ErrPolicy) || !strings.Contains(err.Error(), "Wait") || !strings.Contains(err.Error(), "Delay") {
			t.Errorf("%v: %v", d, err)
		}
	}
	list, _ := nodes(t, 1)
	if _, err := Ring(list[0], "refused", Counters(), quorum.NWR{N: 1, W: 1, R: 1}, OnOverload(OverloadPolicy{Wait: -1})); !errors.Is(err, quorum.ErrPolicy) || len(list[0].Tables()) != 1 {
		t.Error(err)
	}
}

// TestCausalWaited: reads of causal types, one by one and in a batch, and operations
// that read first, say how long they have waited in a peak.
func TestCausalWaited(t *testing.T) {
	list, _ := nodes(t, 1)
	n := list[0]
	sets, err := Ring(n, "sets", Sets[string](), quorum.NWR{N: 1, W: 1, R: 1})
	if err != nil {
		t.Fatal(err)
	}
	until(t, "the owner is synced", func() bool { _, err := sets.Add(t.Context(), "key", "a"); return err == nil })
	if e, err := sets.Entry(t.Context(), "key"); err != nil || !e.Found || !e.Value.Contains("a") || e.Waited != 0 {
		t.Errorf("with room: %+v, %v", e, err)
	}
	for name, do := range map[string]func() (time.Duration, error){
		"read": func() (time.Duration, error) { e, err := sets.Entry(t.Context(), "key"); return e.Waited, err },
		"batch": func() (time.Duration, error) {
			r := sets.GetMany(t.Context(), []string{"key"})[0]
			return r.Waited, r.Err
		},
		"removal": func() (time.Duration, error) {
			r, err := sets.Remove(t.Context(), "key", "b")
			return r.Waited, err
		},
	} {
		empty := n.fill()
		waited := make(chan time.Duration, 1)
		go func() {
			d, err := do()
			if err != nil {
				t.Error(name, err)
			}
			waited <- d
		}()
		until(t, "it waits", func() bool { return n.load.waiting.Load() == 1 })
		if empty(); <-waited <= 0 {
			t.Errorf("%s did not wait", name)
		}
	}
}
