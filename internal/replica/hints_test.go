package replica

import (
	"fmt"
	"testing"
	"time"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/internal/wire"
	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/quorum/hint"
	"github.com/grapevine-go/grapevine/ring"
)

// hinting starts three owners whose coordinators keep hints.
func hinting(t *testing.T, cfg hint.Config, spec ring.Table, ids ...peer.ID) *hand {
	t.Helper()
	h := newHand(t)
	h.hints = cfg
	h.found(spec, ids...)
	return h
}

var plenty = hint.Config{MaxBytes: 1 << 20, MaxAge: time.Hour}

// missed makes c miss writes of a, which believes it dead.
func (h *hand) missed(n int) {
	h.t.Helper()
	a := h.nodes["a"]
	a.Verdict("c", h.nodes["c"].cfg.Nonce, false)
	for i := range n {
		o := a.put(fmt.Sprint("key-", i), fmt.Sprint(i), 2)
		if err := o.run(); err != nil {
			h.t.Fatal(err)
		}
		o.Handoff(h.now)
	}
}

// hinted counts the hints that get onto the way to c, and loses all but those
// that pass.
func (h *hand) hinted(pass func(n int) bool) (count *int) {
	count = new(int)
	h.lost = func(s sent) bool {
		q := s.request()
		if q.Class != classHint {
			return q.Kind == wire.KindDigest || q.Kind == wire.KindSync // nothing is found by comparing
		}
		*count++
		return !pass(*count)
	}
	return count
}

// waiting is how many hints a keeps for c.
func (h *hand) waiting() int {
	list, _ := h.nodes["a"].Hints()
	for _, x := range list {
		if x.Target == "c" {
			return x.Hints
		}
	}
	return 0
}

// TestHintsTooLarge: a hint that is dropped at once was not stored.
func TestHintsTooLarge(t *testing.T) {
	h := hinting(t, hint.Config{MaxBytes: 8, MaxAge: time.Hour}, spec, "a", "b", "c")
	h.missed(3)
	if _, s := h.nodes["a"].Hints(); s.Stored != 0 || s.Dropped[hint.Room] != 3 || h.waiting() != 0 {
		t.Errorf("%+v", s)
	}
}

// TestHints: what an owner missed waits for it, newer writes of a key in one
// hint, is sent when it is back, each until it is acknowledged, and forgotten
// then.
func TestHints(t *testing.T) {
	h := hinting(t, plenty, spec, "a", "b", "c")
	a, c := h.nodes["a"], h.nodes["c"]
	count := h.hinted(func(n int) bool { return n > 50 }) // the first are lost
	h.missed(100)
	h.missed(100)
	if h.waiting() != 100 {
		t.Fatalf("%d hints wait", h.waiting())
	}
	h.pass(2 * time.Second)
	if *count != 0 || len(c.holds()) != 0 {
		t.Fatalf("%d hints were sent to who is believed dead", *count)
	}
	a.Verdict("c", c.cfg.Nonce, true)
	h.until("c has all", func() bool { return len(c.holds()) == 100 && h.waiting() == 0 })
	for k, v := range c.holds() {
		if k != "key-"+v {
			t.Errorf("%s is %s", k, v)
		}
	}
	_, s := a.Hints()
	if s.Stored != 200 || s.Joined != 100 || s.Replayed < 100 || *count < 150 || c.Stats().Swept > 0 {
		t.Errorf("%+v, %d sent", s, *count)
	}
}

// TestHintsForANewBoot: the target has lost its memory, and the hints help all
// the same.
func TestHintsForANewBoot(t *testing.T) {
	h := hinting(t, plenty, spec, "a", "b", "c")
	h.missed(10)
	h.crash("c")
	h.join("c")
	h.until("the hints are delivered", func() bool { return h.waiting() == 0 })
	h.until("c is filled", func() bool { return h.calm("a", "b", "c") && len(h.nodes["c"].holds()) == 10 })
}

// TestHintsDropped: what there is no room for, and what is too old, leaves a debt
// that a comparison pays.
func TestHintsDropped(t *testing.T) {
	for name, cfg := range map[string]hint.Config{"room": {MaxBytes: 300, MaxAge: time.Hour}, "age": {MaxBytes: 1 << 20, MaxAge: time.Second}} {
		h := hinting(t, cfg, spec, "a", "b", "c")
		a, c := h.nodes["a"], h.nodes["c"]
		h.missed(20)
		h.pass(3 * time.Second)
		reason := map[string]hint.Reason{"room": hint.Room, "age": hint.Age}[name]
		_, s := a.Hints()
		if s.Dropped[reason] == 0 || s.Owed != s.Dropped[reason] || len(a.Debts()) != 1 {
			t.Errorf("%s: %+v, debts %v", name, s, a.Debts())
		}
		a.Verdict("c", c.cfg.Nonce, true)
		h.until("c has all, and nothing is owed", func() bool { return len(c.holds()) == 20 && len(a.Debts()) == 0 })
	}
}

// TestHintsPaused: an operator stops the replay, to one and to all.
func TestHintsPaused(t *testing.T) {
	h := hinting(t, plenty, spec, "a", "b", "c")
	a, c := h.nodes["a"], h.nodes["c"]
	count := h.hinted(func(int) bool { return true })
	a.PauseHints("c", true)
	h.missed(5)
	a.Verdict("c", c.cfg.Nonce, true)
	h.pass(time.Second)
	a.PauseHints("", true)
	a.PauseHints("c", false)
	h.pass(time.Second)
	if *count != 0 || h.waiting() != 5 || a.HintsWait() {
		t.Errorf("%d sent, %d wait", *count, h.waiting())
	}
	a.PauseHints("", false)
	h.until("c has all", func() bool { return len(c.holds()) == 5 })

	h.missed(5)
	a.DropHints("c")
	if h.waiting() != 0 {
		t.Errorf("%d wait", h.waiting())
	}
}

// TestHintsToTheBusy: who does not answer is asked more and more seldom.
func TestHintsToTheBusy(t *testing.T) {
	h := hinting(t, plenty, spec, "a", "b", "c")
	a, c := h.nodes["a"], h.nodes["c"]
	count := h.hinted(func(int) bool { return false })
	h.missed(1)
	a.Verdict("c", c.cfg.Nonce, true)
	h.pass(40 * time.Second)
	if *count < 3 || *count > 12 {
		t.Errorf("tried %d times in 40 s", *count)
	}
}

// TestHintsDeclined: what the target does not take yet, more than is under way at
// once, does not hold up what came later.
func TestHintsDeclined(t *testing.T) {
	h := hinting(t, plenty, spec, "a", "b", "c")
	a, c := h.nodes["a"], h.nodes["c"]
	s, typ := own()
	s.Name = "own"
	for _, n := range []*node{a, h.nodes["b"]} {
		if err := n.Open(h.now, s, typ, &n.out); err != nil {
			t.Fatal(err)
		}
		h.deliver()
	}
	h.pass(time.Minute)
	if c.View().Table("own") == nil {
		t.Fatal("c does not know the table")
	}
	h.hinted(func(int) bool { return true })
	a.Verdict("c", c.cfg.Nonce, false)
	for i := range 2 * hintBatch {
		o := &operation{n: a}
		delta := crdt.Put(a.Stamp(h.now), []byte("value"), 0)
		o.queue(o.Write(a.Replica, h.now, h.now.Add(time.Second), "own", fmt.Sprint("key-", i), delta.AppendBinary(nil), 2))
		if err := o.run(); err != nil {
			t.Fatal(err)
		}
		o.Handoff(h.now)
	}
	h.missed(100)
	a.Verdict("c", c.cfg.Nonce, true)
	h.until("c has all that it takes", func() bool { return len(c.holds()) == 100 && h.waiting() == 2*hintBatch })
	_, before := a.Hints()
	if err := c.Open(h.now, s, typ, &c.out); err != nil {
		t.Fatal(err)
	}
	h.deliver()
	h.until("c has all", func() bool { return h.waiting() == 0 })
	if _, s := a.Hints(); s.Replayed-before.Replayed != 2*hintBatch {
		t.Errorf("%+v, %+v before", s, before)
	}
}

// TestHintsMove: the ring has given the key to others.
func TestHintsMove(t *testing.T) {
	h := hinting(t, plenty, spec, "a", "b", "c")
	a := h.nodes["a"]
	h.missed(10)
	h.crash("c")
	var out Effects
	if !a.Forget(h.now, "c", &out) {
		t.Fatal("c is not forgotten")
	}
	a.enqueue(out.Sends)
	h.until("nothing waits for c", func() bool { return h.waiting() == 0 })
	h.until("nothing waits for b", func() bool { list, _ := a.Hints(); return len(list) == 0 })
	_, s := a.Hints()
	if s.Rerouted != 10 || len(h.nodes["b"].holds()) != 10 {
		t.Errorf("%+v", s)
	}
}

// TestNoHints: a write that ended as not applied leaves none, nor does one that
// all have acknowledged.
func TestNoHints(t *testing.T) {
	h := hinting(t, plenty, spec, "a", "b", "c")
	a := h.nodes["a"]
	o := a.put("key", "value", 3)
	if err := o.run(); err != nil {
		t.Fatal(err)
	}
	o.Handoff(h.now)
	a.Verdict("b", h.nodes["b"].cfg.Nonce, false)
	a.Verdict("c", h.nodes["c"].cfg.Nonce, false)
	o = a.put("key", "never", 2)
	if err := o.run(); err == nil {
		t.Fatal("one owner is no quorum")
	}
	o.Handoff(h.now)
	if list, s := a.Hints(); len(list) > 0 || s.Stored > 0 {
		t.Errorf("%v, %+v", list, s)
	}
}
