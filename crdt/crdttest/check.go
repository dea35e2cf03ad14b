package crdttest

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/grapevine-go/grapevine/crdt"
)

// key keys the fingerprints.
var key = crdt.Key{7, 1, 8, 2, 8}

// checker checks laws on states and remembers the first that does not hold.
// States are passed by their encodings, so that each check has its own copies.
type checker[S Lattice[S]] struct {
	Generator[S]
	found  *Violation
	prints map[crdt.Fingerprint]string // encoding by fingerprint
	known  map[string]crdt.Fingerprint // and the other way round
	views  map[string]string           // value by encoding
	done   map[string]bool             // what was checked, by kind and encodings
	joins  map[string]string           // joins of two encodings
}

func newChecker[S Lattice[S]](g Generator[S]) checker[S] {
	return checker[S]{
		Generator: g, prints: make(map[crdt.Fingerprint]string), known: make(map[string]crdt.Fingerprint),
		views: make(map[string]string), done: make(map[string]bool), joins: make(map[string]string),
	}
}

// require remembers a violation if ok is false.
func (c *checker[S]) require(ok bool, law Law, format string, args ...any) {
	if !ok && c.found == nil {
		c.found = &Violation{law, fmt.Sprintf(format, args...)}
	}
}

// encode returns the bytes of s, "nothing" of the zero S.
func encode[S Lattice[S]](s S) string {
	if s == *new(S) {
		return "nothing"
	}
	return string(s.AppendBinary(nil))
}

// load decodes a state, and checks that nothing of the bytes is kept and that
// they come back.
func (c *checker[S]) load(p string) S {
	s, buf := c.New(), []byte(p)
	_, err := s.JoinBinary(buf)
	c.require(err == nil, Codec, "%x is not decoded: %v", p, err)
	c.require(encode(s) == p, Codec, "%x comes back as %x", p, encode(s))
	for i := range buf {
		buf[i] ^= 0xff
	}
	c.require(encode(s) == p, Aliasing, "%x keeps the bytes it was decoded from", p)
	return s
}

// note checks that equal bytes and equal fingerprints go together, and that
// equal bytes show equal values, over all states that were ever noted.
func (c *checker[S]) note(s S) string {
	p, f := encode(s), s.Fingerprint(key)
	if q, ok := c.prints[f]; ok {
		c.require(p == q, Canonical, "%x and %x have one fingerprint", p, q)
	}
	if g, ok := c.known[p]; ok {
		c.require(f == g, Canonical, "%x has two fingerprints", p)
	}
	c.prints[f], c.known[p] = p, f
	if c.View != nil {
		view, ok := c.View(s), true
		if _, ok = c.views[p]; !ok {
			c.views[p] = view
		}
		c.require(c.views[p] == view, Canonical, "%x shows %q and %q", p, c.views[p], view)
	}
	return p
}

// textKey puts texts together so that no others give the same.
func textKey(parts ...string) string {
	var b strings.Builder
	for _, p := range parts {
		fmt.Fprintf(&b, "%d:", len(p))
		b.WriteString(p)
	}
	return b.String()
}

// join returns the encoding of a ⊔ b.
func (c *checker[S]) join(a, b string) string {
	key := textKey(a, b)
	p, ok := c.joins[key]
	if !ok {
		s := c.load(a)
		s.Join(c.load(b))
		p = encode(s)
		c.joins[key] = p
	}
	return p
}

// below checks that a is contained in b.
func (c *checker[S]) below(a, b string, law Law) {
	if !c.once("below", a, b) {
		return
	}
	c.require(c.join(b, a) == b, law, "%x is not below %x", a, b)
}

// once reports whether a check of these states is made for the first time.
func (c *checker[S]) once(kind string, states ...string) bool {
	k := kind + textKey(states...)
	was := c.done[k]
	c.done[k] = true
	return !was
}

// pair checks what can be said of two states.
func (c *checker[S]) pair(a, b string) {
	if !c.once("pair", a, b) {
		return
	}
	ab := c.join(a, b)
	c.commute(a, b)
	c.require(c.join(a, a) == a, Idempotent, "%x", a)
	c.require(c.join(ab, b) == ab, Idempotent, "%x with %x twice", a, b)
	c.below(a, ab, Inflation)
	c.below(b, ab, Inflation)
	c.report(a, b, ab)
	c.binary(a, b, ab)
	c.aliasing(a, b)
	c.difference(a, b, ab)
	c.parts(b)
}

func (c *checker[S]) commute(a, b string) {
	if !c.once("commute", a, b) {
		return
	}
	c.require(c.join(a, b) == c.join(b, a), Commutative, "%x with %x", a, b)
}

// triple checks what can be said of three states.
func (c *checker[S]) triple(x, y, z string) {
	if !c.once("triple", x, y, z) {
		return
	}
	c.require(c.join(c.join(x, y), z) == c.join(x, c.join(y, z)), Associative, "%x, %x, %x", x, y, z)
}

// report checks what a join of b into a returns, and the fingerprint that was
// kept up to date by it.
func (c *checker[S]) report(a, b, ab string) {
	var none S
	s := c.load(a)
	s.Fingerprint(key)
	changed := s.Join(c.load(b))
	c.note(s)
	c.require((changed == none) == (a == ab), Report, "of %x joined to %x: %v", b, a, changed)
	if changed != none {
		c.require(c.join(a, encode(changed)) == ab, Report, "of %x joined to %x: %x is not all", b, a, encode(changed))
		c.require(c.join(b, encode(changed)) == b, Report, "of %x joined to %x: %x is too much", b, a, encode(changed))
		c.news(changed, a, Report)
	}
}

// news checks that every part of d changes a: nothing in it was known.
func (c *checker[S]) news(d S, a string, law Law) {
	if d, ok := any(d).(interface{ Parts() iter.Seq[S] }); ok {
		for part := range d.Parts() {
			p := encode(part)
			c.require(c.join(a, p) != a, law, "%x is told to %x, which has it", p, a)
		}
	}
}

// binary checks JoinBinary, and that a decoder refuses what is no encoding.
func (c *checker[S]) binary(a, b, ab string) {
	s := c.load(a)
	j, err := s.JoinBinary([]byte(b))
	c.require(err == nil && j.Changed == (a != ab), Codec, "%x joined to %x: changed %t, %v", b, a, j.Changed, err)
	c.require(c.note(s) == ab, Codec, "%x joined to %x by its bytes is another state", b, a)
	c.mutable(a, b, ab)
	for _, bad := range [][]byte{nil, []byte(b)[:len(b)-1], append([]byte(b), 0), {0xff}} {
		was := encode(s)
		_, err := s.JoinBinary(bad)
		if err == nil { // what is no encoding of this state may be one of another
			t := c.New()
			_, err = t.JoinBinary(bad)
			c.require(err == nil && bytes.Equal(t.AppendBinary(nil), bad), Codec, "%x is accepted", bad)
			s = c.load(ab)
			continue
		}
		c.require(errors.Is(err, crdt.ErrCorrupt) || errors.Is(err, crdt.ErrVersion), Codec, "%x: %v is no typed error", bad, err)
		c.require(encode(s) == was, Codec, "%x is refused and changes the state", bad)
	}
}

// mutable checks that what a store is told in bytes is what the types tell.
func (c *checker[S]) mutable(a, b, ab string) {
	into, ok := any(c.load(a)).(crdt.Mutable)
	if !ok {
		return
	}
	var want []byte
	if changed := c.load(a).Join(c.load(b)); a != ab {
		want = changed.AppendBinary(nil)
	}
	changes, j, err := into.JoinChanges([]byte(b), nil)
	c.require(err == nil && j.Changed == (a != ab) && bytes.Equal(changes, want) && string(into.AppendBinary(nil)) == ab, Report,
		"of the bytes %x joined to %x: %x, not %x: %v", b, a, changes, want, err)
	other := any(c.load(b)).(crdt.Mutable)
	d, err := other.DifferenceBinary([]byte(a), nil)
	c.require(err == nil && bytes.Equal(d, want), Difference, "of %x to the bytes %x: %x, not %x: %v", b, a, d, want, err)
	outline := any(c.load(a)).(crdt.Mutable).AppendOutline(nil)
	if len(outline) == 0 {
		return
	}
	d, err = other.DifferenceBinary(outline, nil)
	c.require(err == nil && bytes.Equal(d, want), Difference, "of %x to the outline of %x: %x, not %x: %v", b, a, d, want, err)
	_, err = other.JoinBinary(outline)
	c.require(errors.Is(err, crdt.ErrCorrupt) && string(other.AppendBinary(nil)) == b, Codec, "the outline %x is joined: %v", outline, err)
}

// aliasing changes each of three states that met and sees that the others stay.
func (c *checker[S]) aliasing(a, b string) {
	into, from := c.load(a), c.load(b)
	changed := into.Join(from)
	var none S
	if changed == none || changed == from {
		changed = c.load(b)
	}
	part := encode(changed)
	for _, op := range c.Ops {
		op.Do(into, crdt.Mint{Dot: crdt.Dot{Actor: crdt.Actor{0xee}, N: crdt.MaxDot}, Time: 1 << 62})
		if encode(into) != c.join(a, b) {
			break
		}
	}
	c.require(encode(from) == b, Aliasing, "a change after %x was joined to %x changes what was joined", b, a)
	c.require(encode(changed) == part, Aliasing, "a change after %x was joined to %x changes what was reported", b, a)
	was := encode(into)
	for _, op := range c.Ops {
		op.Do(from, crdt.Mint{Dot: crdt.Dot{Actor: crdt.Actor{0xef}, N: crdt.MaxDot}, Time: 1 << 62})
		op.Do(changed, crdt.Mint{Dot: crdt.Dot{Actor: crdt.Actor{0xef}, N: crdt.MaxDot - 1}, Time: 1 << 62})
	}
	c.require(encode(into) == was, Aliasing, "a change of %x after it was joined changes the state", b)
}

func (c *checker[S]) difference(a, b, ab string) {
	var none S
	s := c.load(b)
	differ, ok := any(s).(interface{ Difference(S) S })
	if !ok {
		return
	}
	d := differ.Difference(c.load(a))
	c.require((d == none) == (a == ab), Difference, "of %x to %x: %v", b, a, d)
	if d == none {
		return
	}
	c.require(c.join(a, encode(d)) == ab, Difference, "of %x to %x: %x is not enough", b, a, encode(d))
	c.below(encode(d), b, Difference)
	c.news(d, a, Difference)
	t := c.load(a)
	c.require(encode(t.Join(s)) == encode(d), Difference, "of %x to %x is not what a join reports", b, a)
}

// parts checks that the join of the parts is the state, and that without any
// one of them it is not.
func (c *checker[S]) parts(p string) {
	s, ok := any(c.load(p)).(interface{ Parts() iter.Seq[S] })
	if !ok {
		return
	}
	var all []string
	for part := range s.Parts() {
		all = append(all, encode(part))
	}
	for skip := -1; skip < len(all); skip++ {
		t := c.New()
		for i, part := range all {
			if i != skip {
				t.Join(c.load(part))
			}
		}
		c.require((encode(t) == p) == (skip < 0), Parts, "of %x without part %d of %d", p, skip, len(all))
	}
}
