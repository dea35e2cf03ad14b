package crdttest

import (
	"fmt"
	"strings"

	"github.com/grapevine-go/grapevine/crdt"
)

// history is what happened, and the deltas that came of it. A delta is kept as
// it was returned, to be joined by several replicas, and by its encoding.
type history[S Lattice[S]] struct {
	events  []Event
	deltas  []S
	encoded []string
}

// replicas of a history, and their actors, whose order is not that of the
// replicas.
const replicas = 3

func actorOf(replica int) crdt.Actor { return crdt.Actor{0: []byte{2, 1, 3}[replica], 15: 1} }

// mint gives the next event at a replica that has received some: its number
// leaves a gap now and then, and its time is above all that was seen, so that
// concurrent events meet at one time.
func (h *history[S]) mint(replica int, saw Set, gap uint64) crdt.Mint {
	m := crdt.Mint{Dot: crdt.Dot{Actor: actorOf(replica), N: gap}, Time: 1}
	for i, e := range h.events {
		if e.Replica == replica {
			m.N = e.Mint.N + gap
		}
		if saw.Has(i) {
			m.Time = max(m.Time, e.Mint.Time+1)
		}
	}
	return m
}

// act makes an operation at s, the state of a replica that has received the
// events in saw, and adds it to the history. It reports whether the operation
// was possible.
func (h *history[S]) act(c *checker[S], s S, op, replica int, saw Set, m crdt.Mint) bool {
	before := c.note(s)
	delta, err := c.Ops[op].Do(s, m)
	after := c.note(s)
	if err != nil {
		c.require(before == after, Atomic, "%s fails and changes %x: %v", c.Ops[op].Name, before, err)
		return false
	}
	p := c.note(delta)
	c.commute(before, p)
	c.require(c.join(p, p) == p, Idempotent, "%x", p)
	c.below(before, after, Inflation)
	c.below(p, after, Inflation)
	c.require(c.join(before, p) == after, DeltaIsFull, "%s at %x gives %x, its delta %x does not", c.Ops[op].Name, before, after, p)
	h.add(Event{op, replica, m, saw}, delta, p)
	return true
}

func (h *history[S]) add(e Event, delta S, encoded string) {
	h.events = append(h.events, e)
	h.deltas = append(h.deltas, delta)
	h.encoded = append(h.encoded, encoded)
}

// untouched checks that nobody changed a delta.
func (h *history[S]) untouched(c *checker[S]) {
	for i, d := range h.deltas {
		c.require(encode(d) == h.encoded[i], Aliasing, "the delta of event %d changed: %v", i, h.story(c))
	}
}

// spec compares what a state shows with the textbook.
func (h *history[S]) spec(c *checker[S], got string, received Set) {
	if want := c.Spec(h.events, received); got != want {
		c.require(false, Spec, "%s, not %s, after %b of %v", got, want, received, h.story(c))
	}
}

// story tells the events in words, when it is printed.
func (h *history[S]) story(c *checker[S]) fmt.Stringer { return story[S]{h, c} }

type story[S Lattice[S]] struct {
	*history[S]
	*checker[S]
}

func (s story[S]) String() string {
	var text []string
	for i, e := range s.events {
		text = append(text, fmt.Sprintf("%d: %s at %d, saw %b", i, s.Ops[e.Op].Name, e.Replica, e.Saw))
	}
	return strings.Join(text, "; ")
}
