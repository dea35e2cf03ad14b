package crdt

import (
	"cmp"
	"iter"
)

// Pointwise is what the types without a causal context have in common: a map
// from keys to values that only grow, each in its own order, joined key by key.
// It is embedded in them; S is the pointer to the type. There is nothing to
// reset, as nothing of what they hold is ever forgotten.
//
// A mutation is made at one replica and gives a delta, which is a small state of
// the same type. Deltas may be lost, repeated and reordered. A nil state stands
// for nothing, as it does where nothing changed: a join of it does nothing.
//
// States are not safe for concurrent use.
type Pointwise[S grower[S, K, V], K cmp.Ordered, V any] struct{ table[K, V] }

// grower is a pointer to a type that embeds Pointwise.
type grower[S any, K cmp.Ordered, V any] interface {
	comparable
	Mutable
	growth[K, V]
	core() *table[K, V]
	empty() S
}

func (p *Pointwise[S, K, V]) fresh() S { return p.rules.(S).empty() }

// Join joins d, which may be a delta or a whole state, and returns what changed:
// nil if that is nothing.
func (p *Pointwise[S, K, V]) Join(d S) S {
	if d == *new(S) {
		return d
	}
	changed := p.fresh()
	if d.core().difference(&p.table, changed.core()); changed.core().entries.n == 0 {
		return *new(S)
	}
	p.absorb(changed.core())
	return changed
}

// Difference returns what this state has and o lacks, as a delta; nil if that
// is nothing. A join of it has the same effect on o as a join of the whole
// state.
func (p *Pointwise[S, K, V]) Difference(o S) S {
	theirs := new(table[K, V])
	if o != *new(S) {
		theirs = o.core()
	}
	d := p.fresh()
	if p.difference(theirs, d.core()); d.core().entries.n == 0 {
		return *new(S)
	}
	return d
}

// Apply makes the operation at this replica and returns the delta. The context
// is always empty: operations of these types remove nothing. On an error, which
// wraps [ErrMint], [ErrOperation] or an error of the type, nothing changed.
func (p *Pointwise[S, K, V]) Apply(m Mint, op Op) (delta S, saw Context, err error) {
	delta = p.fresh()
	if err = p.mutate(m, op, delta.core()); err != nil {
		return *new(S), Context{}, err
	}
	return delta, Context{}, nil
}

// Parts decomposes the state (Enes et al., "Efficient Synchronization of
// State-based CRDTs", 2019): their join is the state, and none is
// below the join of the others.
func (p *Pointwise[S, K, V]) Parts() iter.Seq[S] {
	return func(yield func(S) bool) {
		for key, v := range p.entries.all() {
			for _, part := range p.rules.split(v) {
				s := p.fresh()
				s.core().set(key, part)
				if !yield(s) {
					return
				}
			}
		}
	}
}

// Clone returns a copy that shares nothing with the state that changes.
func (p *Pointwise[S, K, V]) Clone() S {
	s := p.fresh()
	s.core().absorb(&p.table)
	return s
}

// growth is what a type adds to the table: the order of its values, whose bottom
// is the zero V.
type growth[K cmp.Ordered, V any] interface {
	// tag tells the encodings of types apart.
	tag() byte
	// plan gives the entry that an operation joins.
	plan(m Mint, op Op) (K, V, error)
	// join gives the join of two values, and what that did to the first.
	join(a, b V) (V, Joined)
	// differ gives what a has and b lacks, false if that is nothing.
	differ(a, b V) (V, bool)
	// split gives the parts of a value, which is not bottom.
	split(v V) []V
	// part appends an encoding of an entry that no other entry has.
	part(dst []byte, key K, v V) []byte
	// weigh is about how many bytes of memory the entry takes, and whether there
	// is something in it that a user could read.
	weigh(key K, v V) (bytes int, live bool)
	// encode appends the canonical encoding of the entries; decode reads it and
	// yields them in order. What is no entry makes the reader bad.
	encode(dst []byte, entries *sorted[K, V]) []byte
	decode(r *reader, yield func(K, V))
}

// table is the state of a pointwise type. No value in it is bottom.
type table[K cmp.Ordered, V any] struct {
	rules   growth[K, V]
	entries sorted[K, V]
	size    int // bytes that the entries weigh
	live    int // entries that a user could read
	digest  *digest
}

func (t *table[K, V]) core() *table[K, V] { return t }

// set puts a value in the place of another, if there is one.
func (t *table[K, V]) set(key K, v V) {
	if old, ok := t.entries.get(key); ok {
		t.count(-1, key, old)
		t.digested(false, key, old)
	}
	t.entries.put(key, v)
	t.count(1, key, v)
	t.digested(true, key, v)
}

func (t *table[K, V]) count(by int, key K, v V) {
	bytes, live := t.rules.weigh(key, v)
	t.size += by * bytes
	if live {
		t.live += by
	}
}

func (t *table[K, V]) digested(appears bool, key K, v V) {
	if g := t.digest; g != nil {
		g.toggle(appears, t.rules.part(append(g.buf[:0], partEntry), key, v))
	}
}

func (t *table[K, V]) absorb(d *table[K, V]) (j Joined) {
	for key, v := range d.entries.all() {
		old, _ := t.entries.get(key)
		v, did := t.rules.join(old, v)
		if did.Changed {
			t.set(key, v)
			j.Changed = true
		}
		j.dominate(did.Dominated)
	}
	return j
}

// difference writes to d what t has and o lacks.
func (t *table[K, V]) difference(o, d *table[K, V]) {
	if t.digest != nil && o.digest != nil && t.digest.key == o.digest.key && t.digest.sum == o.digest.sum {
		return
	}
	own, theirs := t.entries.first(), o.entries.first()
	for own.ok() {
		for i := 0; theirs.ok() && theirs.key() < own.key(); i++ {
			if i == 8 { // far away: a small delta in a large state
				theirs = o.entries.from(own.key())
				break
			}
			theirs.next()
		}
		var has V
		if theirs.ok() && theirs.key() == own.key() {
			has = theirs.block[0].val
		}
		if v, ok := t.rules.differ(own.block[0].val, has); ok {
			d.set(own.key(), v)
		}
		own.next()
	}
}

func (t *table[K, V]) mutate(m Mint, op Op, d *table[K, V]) error {
	key, v, err := t.rules.plan(m, op)
	if err != nil {
		return err
	}
	d.set(key, v)
	t.absorb(d)
	return nil
}
