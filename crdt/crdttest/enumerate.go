package crdttest

// enumerator goes through all schedules of a number of operations: which
// operation, at which replica, after which of the earlier deltas arrived there.
// A replica has always received its own. Schedules that differ in the names of
// replicas alone are taken once.
type enumerator[S Lattice[S]] struct {
	checker[S]
	depth int
}

// extend continues a history in every way.
func (e *enumerator[S]) extend(h *history[S]) {
	if h == nil {
		h = &history[S]{}
	}
	if len(h.events) == e.depth {
		e.finish(h)
		return
	}
	n := len(h.events)
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
				s := e.state(h, saw)
				next := &history[S]{h.events[:n:n], h.deltas[:n:n], h.encoded[:n:n]}
				if next.act(&e.checker, s, op, replica, saw, uint64(1+n%2)) {
					later := next.mint(replica, saw|1<<n, 1)
					e.Ops[0].Do(s, later) // must not change the delta
					next.untouched(&e.checker)
					e.extend(next)
				}
			}
		}
	}
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

// finish checks a complete history: every subset of its deltas (the others are
// lost) in every order, with a repetition, one by one and joined before.
func (e *enumerator[S]) finish(h *history[S]) {
	n := len(h.deltas)
	for i := range n {
		for j := range i {
			e.pair(h.encoded[i], h.encoded[j])
			e.pair(e.note(e.state(h, 1<<i-1)), h.encoded[j])
		}
		e.triple(h.encoded[i], h.encoded[(i+1)%n], h.encoded[(i+2)%n])
	}
	states := make([]S, 1<<n)
	for received := range states {
		states[received] = e.state(h, Set(received))
	}
	h.untouched(&e.checker)
	for received, s := range states {
		want := e.note(s)
		h.spec(&e.checker, s, Set(received))
		e.orders(h, Set(received), nil, want)
	}
	h.untouched(&e.checker)
	e.whole(h)
}

// orders delivers what is left of received in every order after those in done.
func (e *enumerator[S]) orders(h *history[S], left Set, done []int, want string) {
	if left == 0 {
		in := make([]string, len(done))
		for k, i := range done {
			in[k] = h.encoded[i]
		}
		if !e.once("order", in...) {
			return
		}
		s, group := e.New(), e.New()
		s.Fingerprint(key)
		for k, i := range done {
			s.Join(h.deltas[i])
			s.Join(h.deltas[done[k/2]]) // again
			if k > 0 {
				group.Join(h.deltas[i])
			}
		}
		e.require(e.note(s) == want, Convergence, "order %v of %v", done, h.story(&e.checker))
		if len(done) > 0 {
			first := e.load(h.encoded[done[0]])
			first.Join(group)
			e.require(e.note(first) == want, Convergence, "order %v of %v, all but the first as one", done, h.story(&e.checker))
		}
		return
	}
	for i := range h.deltas {
		if left.Has(i) {
			e.orders(h, left&^(1<<i), append(done[:len(done):len(done)], i), want)
		}
	}
}

// whole checks that the join of the replicas' whole states is the join of all
// deltas.
func (e *enumerator[S]) whole(h *history[S]) {
	all := e.New()
	for i, ev := range h.events {
		s := e.state(h, ev.Saw|1<<i)
		all.Join(s)
	}
	want := encode(e.state(h, 1<<len(h.deltas)-1))
	e.require(encode(all) == want, Convergence, "whole states of %v", h.story(&e.checker))
}
