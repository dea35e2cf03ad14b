package crdttest

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/grapevine-go/grapevine/crdt"
)

// toy is a textbook add-wins set: pairs of element and dot, and the dots that
// were seen. It is right as it is; each fault breaks it in one way.
type toy struct {
	fault fault
	live  map[string]string // element by dot
	seen  map[string]bool   // dots
	order []string          // dots as they came, for a fault
	joins int               // joins so far, for a fault
	raw   []byte            // what was decoded, for a fault
	last  string            // the last dot that came, for a fault
	hand  byte              // rock, paper or scissors, for a fault
	total uint64            // for a fault
}

// fault is a way to be wrong.
type fault int

const (
	none fault = iota
	lastWins
	rockPaperScissors
	sums
	forgets
	emptyDelta
	tires
	silent
	talkative
	classic
	differsLess
	differsMore
	partsTwice
	losesBytes
	takesGarbage
	untyped
	unsorted
	versionVectorHash
	staleHash
	sharesMap
	sharesDelta
	sharesBuffer
	notAtomic
	neverEmpty
	removeUnseen
	lastFault
)

func newToy(f fault) *toy { return &toy{fault: f, live: map[string]string{}, seen: map[string]bool{}} }

func dotName(d crdt.Dot) string { return fmt.Sprintf("%x-%d", d.Actor[:1], d.N) }

// add, remove and fail are the operations.
func (s *toy) add(m crdt.Mint, e string) (*toy, error) {
	d := newToy(s.fault)
	for dot, o := range s.live {
		if o == e {
			d.seen[dot] = true
		}
	}
	dot := dotName(m.Dot)
	d.live[dot], d.seen[dot], d.last, d.hand, d.total = e, true, dot, byte(m.N%3+1), 1
	d.order = []string{dot}
	return s.apply(d)
}

func (s *toy) remove(m crdt.Mint, e string) (*toy, error) {
	d := newToy(s.fault)
	for dot, o := range s.live {
		if o == e || s.fault == removeUnseen {
			d.seen[dot] = true
		}
	}
	d.last, d.hand, d.total = dotName(m.Dot), byte(m.N%3+1), 1
	if s.fault != versionVectorHash { // where a remove mints no dot
		d.seen[dotName(m.Dot)] = true
	}
	if s.fault == forgets {
		maps.DeleteFunc(s.live, func(_, o string) bool { return o == e })
		maps.DeleteFunc(s.seen, func(dot string, _ bool) bool { return d.seen[dot] })
		return newToy(s.fault), nil
	}
	return s.apply(d)
}

func (s *toy) fail(m crdt.Mint) (*toy, error) {
	if s.fault == notAtomic {
		s.seen[dotName(m.Dot)] = true
	}
	return nil, errors.New("it never works")
}

func (s *toy) apply(d *toy) (*toy, error) {
	s.merge(d)
	switch s.fault {
	case emptyDelta:
		return newToy(s.fault), nil
	case sharesDelta:
		d.live = s.live
	}
	return d, nil
}

// merge joins; it is the part of Join that changes the state.
func (s *toy) merge(d *toy) {
	if s.joins++; s.fault == tires && s.joins > 3 {
		return
	}
	if s.fault == sharesMap && len(s.seen) == 0 {
		s.live, s.seen = d.live, d.seen
		return
	}
	for dot := range s.live {
		if _, ok := d.live[dot]; !ok && d.seen[dot] {
			delete(s.live, dot)
		}
	}
	for dot, e := range d.live {
		if !s.seen[dot] {
			s.live[dot] = e
		}
	}
	for _, dot := range d.order {
		if !s.seen[dot] {
			s.order = append(s.order, dot)
		}
	}
	maps.Copy(s.seen, d.seen)
	switch s.fault {
	case lastWins:
		if d.last != "" {
			s.last = d.last
		}
	case rockPaperScissors:
		if s.hand == 0 || d.hand != 0 && (d.hand+1)%3 == s.hand%3 {
			s.hand = d.hand
		}
	case sums:
		s.total += d.total
	}
}

// below reports whether o has all that s has.
func (s *toy) below(o *toy) bool {
	right := *s
	right.fault = none
	return right.Difference(o) == nil
}

// odd reports whether the toy's fault adds a part that is no set.
func (s *toy) odd() bool {
	return s.fault == lastWins || s.fault == rockPaperScissors || s.fault == sums || s.fault == unsorted
}

func (s *toy) Difference(o *toy) *toy {
	if s.odd() {
		c := newToy(s.fault)
		c.JoinBinary([]byte(o.encode()))
		if c.merge(s); c.encode() == o.encode() {
			return nil
		}
		return s
	}
	d := newToy(s.fault)
	for dot := range s.seen {
		e, live := s.live[dot]
		_, there := o.live[dot]
		if !o.seen[dot] || there && !live || s.fault == differsMore || s.fault == classic && !s.below(o) {
			if d.seen[dot] = true; live {
				d.live[dot] = e
			}
		}
	}
	if s.fault == differsLess {
		d.live = map[string]string{}
	}
	if len(d.seen) == 0 {
		return nil
	}
	return d
}

func (s *toy) Join(d *toy) *toy {
	before, news := s.encode(), &toy{}
	if news = d.Difference(s); s.fault == differsLess || s.fault == differsMore {
		right := *d
		right.fault = none
		if news = right.Difference(s); news != nil {
			news.fault = s.fault
		}
	}
	s.merge(d)
	switch {
	case s.fault == silent:
		return nil
	case s.fault == talkative:
		return d
	case s.odd():
		if s.encode() == before {
			return nil
		}
		return d
	}
	return news
}

func (s *toy) Parts() iter.Seq[*toy] {
	return func(yield func(*toy) bool) {
		if s.odd() {
			_ = s.encode() == newToy(s.fault).encode() || yield(s)
			return
		}
		for dot := range s.seen {
			p := newToy(s.fault)
			if p.seen[dot] = true; s.live[dot] != "" {
				p.live[dot] = s.live[dot]
			}
			if !yield(p) || s.fault == partsTwice && !yield(p) {
				return
			}
		}
	}
}

// form is what is encoded; JSON sorts the keys of maps.
type form struct {
	Live  map[string]string
	Seen  map[string]bool
	Last  string   `json:",omitempty"`
	Hand  byte     `json:",omitempty"`
	Total uint64   `json:",omitempty"`
	Order []string `json:",omitempty"`
}

func (s *toy) encode() string {
	if s.raw != nil {
		return string(s.raw)
	}
	f := form{Live: s.live, Seen: s.seen}
	switch s.fault {
	case lastWins:
		f.Last = s.last
	case rockPaperScissors:
		f.Hand = s.hand
	case sums:
		f.Total = s.total
	case unsorted:
		f.Order = s.order
	case losesBytes:
		f.Live = maps.Clone(s.live)
		maps.DeleteFunc(f.Live, func(_, e string) bool { return e == "b" })
	}
	p, _ := json.Marshal(f)
	return string(p)
}

func (s *toy) AppendBinary(dst []byte) []byte { return append(dst, s.encode()...) }

func (s *toy) JoinBinary(p []byte) (crdt.Joined, error) {
	f := form{Live: map[string]string{}, Seen: map[string]bool{}}
	err := json.Unmarshal(p, &f)
	d := &toy{fault: s.fault, live: f.Live, seen: f.Seen, last: f.Last, hand: f.Hand, total: f.Total, order: f.Order}
	if s.fault != takesGarbage && s.fault != sharesBuffer && s.fault != losesBytes && (err != nil || d.encode() != string(p)) {
		if s.fault == untyped {
			return crdt.Joined{}, errors.New("bad bytes")
		}
		return crdt.Joined{}, fmt.Errorf("%w: %v", crdt.ErrCorrupt, err)
	}
	if s.fault == sharesBuffer && err == nil && len(s.seen) == 0 {
		s.raw = p
	}
	before := s.encode()
	s.merge(d)
	return crdt.Joined{Changed: s.encode() != before}, nil
}

func (s *toy) Fingerprint(crdt.Key) crdt.Fingerprint {
	text := s.encode()
	switch s.fault {
	case versionVectorHash:
		text = fmt.Sprint(slices.Sorted(maps.Keys(s.seen)))
	case staleHash:
		text += fmt.Sprint(s.joins > 2)
	}
	sum := sha256.Sum256([]byte(text))
	return crdt.Fingerprint(sum[:16])
}

func (s *toy) Tombstone() bool { return len(s.live) == 0 }
func (s *toy) Size() int       { return len(s.encode()) }

func (s *toy) view() string {
	if s.fault == neverEmpty && len(s.live) == 0 && len(s.seen) > 0 {
		return "something"
	}
	return strings.Join(slices.Compact(slices.Sorted(maps.Values(s.live))), " ")
}
