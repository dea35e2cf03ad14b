package crdttest

import (
	"slices"

	"github.com/grapevine-go/grapevine/crdt"
)

// enumerator goes through all schedules of a number of operations: which
// operation, at which replica, after which of the earlier deltas arrived there.
// A replica has always received its own. Schedules that differ in the names of
// replicas alone are taken once.
//
// Many schedules meet in the same states. States and deltas are known by their
// encodings, and these by numbers: what was found of them once is not asked
// again.
type enumerator[S Lattice[S]] struct {
	checker[S]
	depth   int
	numbers map[string]number
	texts   []string             // by number
	at      map[deltas]number    // states by the deltas that were received
	made    map[attempt]made[S]  // what operations gave
	steps   map[[2]number]number // joins
	checked map[deltas]bool      // pairs and triples of deltas
}

// number stands for an encoding; 0 for none.
type number int32

// deltas are the numbers of some, in order.
type deltas [maxDepth]number

// maxDepth is the highest number of operations of a schedule.
const maxDepth = 6

// attempt is an operation at a state, under a mint.
type attempt struct {
	state number
	op    int
	dot   crdt.Dot
	time  crdt.Time
}

// made is what an operation gave.
type made[S any] struct {
	delta    S
	encoded  string
	possible bool
}

func newEnumerator[S Lattice[S]](g Generator[S]) *enumerator[S] {
	e := &enumerator[S]{
		checker: newChecker(g), depth: g.Depth, numbers: make(map[string]number), texts: []string{""}, at: make(map[deltas]number),
		made: make(map[attempt]made[S]), steps: make(map[[2]number]number), checked: make(map[deltas]bool),
	}
	if e.depth == 0 {
		e.depth = 3
	}
	e.depth = min(max(e.depth-shallower, 1), maxDepth)
	return e
}

// number returns the number of an encoding.
func (e *enumerator[S]) number(p string) number {
	n, ok := e.numbers[p]
	if !ok {
		n = number(len(e.texts))
		e.texts = append(e.texts, p)
		e.numbers[p] = n
	}
	return n
}

// allOrders is up to how many deltas are delivered in every order as they are.
// Beyond it every order is checked as steps from one state to the next.
const allOrders = 3

// extend continues a history in every way.
func (e *enumerator[S]) extend(h *history[S]) {
	n := len(h.events)
	if n == e.depth {
		return
	}
	used := 0
	for _, ev := range h.events {
		used = max(used, ev.Replica+1)
	}
	for replica := range min(used+1, replicas) {
		var own Set
		for i, ev := range h.events {
			if ev.Replica == replica {
				own |= 1 << i
			}
		}
		for saw := range Set(1) << n {
			if saw&own != own {
				continue
			}
			for op := range e.Ops {
				if e.found != nil {
					return
				}
				if next := e.next(h, op, replica, saw); next != nil {
					e.arrive(next)
					e.extend(next)
				}
			}
		}
	}
}

// next makes an operation, and returns the longer history, nil if the operation
// was not possible.
func (e *enumerator[S]) next(h *history[S], op, replica int, saw Set) *history[S] {
	n := len(h.events)
	next := &history[S]{h.events[:n:n], h.deltas[:n:n], h.encoded[:n:n]}
	m := h.mint(replica, saw, uint64(1+n%2))
	a := attempt{e.reach(h, saw), op, m.Dot, m.Time}
	was, ok := e.made[a]
	if ok && was.possible {
		next.add(Event{op, replica, m, saw}, was.delta, was.encoded)
	} else if !ok {
		s := e.state(h, saw)
		if was.possible = next.act(&e.checker, s, op, replica, saw, m); was.possible {
			was.delta, was.encoded = next.deltas[n], next.encoded[n]
			e.Ops[0].Do(s, next.mint(replica, saw|1<<n, 1)) // must not change the delta
			next.untouched(&e.checker)
		}
		e.made[a] = was
	}
	if !was.possible {
		return nil
	}
	return next
}

// state returns the state of a replica that received some deltas. The deltas
// themselves are joined, so that one that is shared and changed is noticed.
func (e *enumerator[S]) state(h *history[S], received Set) S {
	s := e.New()
	for i, d := range h.deltas {
		if received.Has(i) {
			s.Join(d)
		}
	}
	return s
}

// reach returns the number of that state.
func (e *enumerator[S]) reach(h *history[S], received Set) number {
	var in deltas
	n := 0
	for i, p := range h.encoded {
		if received.Has(i) {
			in[n] = e.number(p)
			n++
		}
	}
	slices.Sort(in[:n])
	p, ok := e.at[in]
	if !ok {
		p = e.number(e.note(e.state(h, received)))
		e.at[in] = p
		h.untouched(&e.checker)
	}
	return p
}

// joined returns the number of a ⊔ b.
func (e *enumerator[S]) joined(a, b number) number {
	p, ok := e.steps[[2]number{a, b}]
	if !ok {
		p = e.number(e.join(e.texts[a], e.texts[b]))
		e.steps[[2]number{a, b}] = p
	}
	return p
}

// first reports whether these are asked for the first time.
func (e *enumerator[S]) first(d deltas) bool {
	was := e.checked[d]
	e.checked[d] = true
	return !was
}

// arrive checks what the last event of a history brings: every set of deltas
// that it is in (the others are lost), in every order, with repetitions, one by
// one and joined before.
func (e *enumerator[S]) arrive(h *history[S]) {
	n := len(h.deltas)
	last := e.number(h.encoded[n-1])
	before := e.reach(h, 1<<(n-1)-1)
	if e.first(deltas{last, before}) {
		e.pair(e.texts[before], h.encoded[n-1])
	}
	for i := range n {
		x, y, z := h.encoded[i], h.encoded[(i+1)%n], h.encoded[(i+2)%n]
		if i < n-1 && e.first(deltas{last, e.number(x)}) {
			e.pair(h.encoded[n-1], x)
		}
		if e.first(deltas{e.number(x), e.number(y), e.number(z)}) {
			e.triple(x, y, z)
		}
	}
	for others := range Set(1) << (n - 1) {
		received := others | 1<<(n-1)
		want := e.reach(h, received)
		if e.Spec != nil {
			h.spec(&e.checker, e.views[e.texts[want]], received)
		}
		if n <= allOrders {
			e.orders(h, received, nil, e.texts[want])
		} else {
			e.everyLast(h, received, want)
		}
	}
	e.whole(h)
}

// orders delivers what is left of received in every order after those in done.
func (e *enumerator[S]) orders(h *history[S], left Set, done []int, want string) {
	if left == 0 {
		in := make([]string, len(done))
		for k, i := range done {
			in[k] = h.encoded[i]
		}
		if e.once("order", in...) {
			e.deliver(h, done, want)
		}
		return
	}
	for i := range h.deltas {
		if left.Has(i) {
			e.orders(h, left&^(1<<i), append(done[:len(done):len(done)], i), want)
		}
	}
}

func (e *enumerator[S]) deliver(h *history[S], order []int, want string) {
	s, group := e.New(), e.New()
	s.Fingerprint(key)
	for k, i := range order {
		s.Join(h.deltas[i])
		s.Join(h.deltas[order[k/2]]) // again
		if k > 0 {
			group.Join(h.deltas[i])
		}
	}
	e.require(e.note(s) == want, Convergence, "order %v of %v", order, h.story(&e.checker))
	first := e.load(h.encoded[order[0]])
	first.Join(group)
	e.require(e.note(first) == want, Convergence, "order %v of %v, all but the first as one", order, h.story(&e.checker))
	h.untouched(&e.checker)
}

// everyLast delivers each of received after all others: if that gives what all
// give, for every set of deltas, then so does every order.
func (e *enumerator[S]) everyLast(h *history[S], received Set, want number) {
	for i, p := range h.encoded {
		if received.Has(i) {
			before, delta := e.reach(h, received&^(1<<i)), e.number(p)
			e.require(e.joined(before, delta) == want, Convergence, "%d the last of %v", i, h.story(&e.checker))
			e.require(e.joined(want, delta) == want, Idempotent, "%d again after %v", i, h.story(&e.checker))
		}
	}
}

// whole checks that the join of the replicas' whole states is the join of all
// deltas.
func (e *enumerator[S]) whole(h *history[S]) {
	all := e.number(encode(e.New()))
	for i, ev := range h.events {
		all = e.joined(all, e.reach(h, ev.Saw|1<<i))
	}
	e.require(all == e.reach(h, 1<<len(h.deltas)-1), Convergence, "whole states of %v", h.story(&e.checker))
}
