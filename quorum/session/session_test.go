package session

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/grapevine-go/grapevine/crdt"
)

var (
	now    = time.UnixMilli(1_900_000_000_000)
	sealer = NewSealer("cluster", []byte("first"))
	carts  = Table{ID: 1}
	flags  = Table{ID: 2, Local: true}
	sets   = Table{ID: 3, Loose: true}
)

// at is the version of a value written at a logical time.
func at(n int) Version {
	return Version{Value: crdt.Stamp{Time: crdt.TimeOf(now) - 1<<20 + crdt.Time(n), Actor: crdt.Actor{byte(n % 5)}}}
}

func (s *Session) mustRead(t *testing.T, table Table, hash uint64) Need {
	t.Helper()
	n, err := s.Read(table, hash)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Each guarantee is about what it says, and about nothing else.
func TestGuarantees(t *testing.T) {
	for g := range All + 1 {
		s := New(g, nil)
		s.Wrote(carts, 1, at(1), true)
		s.Wrote(carts, 2, at(2), false) // of an unknown outcome
		n := s.mustRead(t, carts, 3)
		s.Saw(carts, 3, n, at(3), true)
		floors := [4]Version{}
		if g&ReadYourWrites != 0 {
			floors[1] = at(1)
		}
		if g&MonotonicReads != 0 {
			floors[3] = at(3)
		}
		for hash := range uint64(4) {
			n := s.mustRead(t, carts, hash)
			if s.Missed(n); n.Floor != floors[hash] || n.Wide || n.Keep {
				t.Errorf("%v: key %d needs %+v", g, hash, n)
			}
		}
		want := crdt.Time(0)
		if g&MonotonicWrites != 0 {
			want = at(2).Value.Time
		}
		if g&WritesFollowReads != 0 {
			want = at(3).Value.Time
		}
		if s.Clock() != want || s.Guarantees() != g {
			t.Errorf("%v: clock %v, want %v", g, s.Clock(), want)
		}
	}
	if got := (ReadYourWrites | WritesFollowReads).String(); got != "read your writes+writes follow reads" || Guarantees(0).String() != "none" {
		t.Error(got)
	}
}

// An expiry is a part of what was written.
func TestVersions(t *testing.T) {
	value, expiry := at(1).Value, at(2).Value
	state := func(deltas ...crdt.Cell) *crdt.Packed {
		p := new(crdt.Packed)
		for _, d := range deltas {
			if _, err := p.JoinBinary(d.AppendBinary(nil)); err != nil {
				t.Fatal(err)
			}
		}
		return p
	}
	put, expire, later := crdt.Put(value, []byte("v"), 0), crdt.Expire(expiry, value, 99), crdt.Put(at(3).Value, nil, 0)
	old := crdt.Put(at(0).Value, nil, 0)
	for _, tc := range []struct {
		name  string
		v     Version
		state *crdt.Packed
		want  bool
	}{
		{"nothing in nothing", Version{}, state(), true},
		{"a value in nothing", VersionOf(put), state(), false},
		{"a value in itself", VersionOf(put), state(put), true},
		{"a value in an older one", VersionOf(put), state(old), false},
		{"an expiry in the value without it", VersionOf(expire), state(put), false},
		{"an expiry in the value with it", VersionOf(expire), state(put, expire), true},
		{"an expiry alone, before its value", VersionOf(expire), state(old, expire), false},
		{"an expiry in a newer value", VersionOf(expire), state(put, later), true},
		{"an expiry in a value whose successor has an expiry already", VersionOf(expire), state(put, crdt.Expire(at(4).Value, at(3).Value, 99)), true},
		{"a value with its expiry in itself", VersionOf(crdt.Put(value, nil, 99)), state(crdt.Put(value, nil, 99)), true},
		{"a tombstone in the value", VersionOf(crdt.Delete(at(2).Value)), state(put), false},
	} {
		if got := tc.v.CoveredBy(tc.state); got != tc.want {
			t.Errorf("%s: %t", tc.name, got)
		}
	}
	if at(1).CoveredBy(crdt.NewGrowSet[string]()) {
		t.Error("a set covers a version")
	}
}

// twin remembers everything, and what it may forget: nothing.
type twin map[[2]uint64]struct {
	v    Version
	firm bool
}

func (w twin) hold(t Table, hash uint64, v Version, firm bool) {
	k := [2]uint64{t.ID, hash}
	if old := w[k]; old.v.Compare(v) > 0 {
		return
	} else if old.v == v {
		firm = firm || old.firm
	}
	w[k] = struct {
		v    Version
		firm bool
	}{v, firm}
}

// Whatever happens, and whatever was folded: a read is held against all that the
// session has seen of the key, or else so many owners are asked that one of the
// W which have it is among them. The session stays within its bounds, also as a
// token.
func TestNothingIsForgotten(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s, w := New(ReadYourWrites|MonotonicReads, sealer), twin{}
		keys := rapid.Uint64Range(1, 200).Draw(rt, "keys")
		tables := rapid.Uint64Range(1, 12).Draw(rt, "tables")
		clock := 0
		var open []func()
		for range rapid.IntRange(1, 400).Draw(rt, "steps") {
			table := Table{ID: rapid.Uint64Range(1, tables).Draw(rt, "table")}
			hash := rapid.Uint64Range(0, keys).Draw(rt, "key") * 0x9e3779b97f4a7c15
			clock++
			v := at(clock)
			switch rapid.IntRange(0, 5).Draw(rt, "what") {
			case 0:
				s.Wrote(table, hash, v, true)
				w.hold(table, hash, v, true)
			case 1: // goes on in another process; what is under way would not be in the token
				for _, end := range open {
					end()
				}
				again, err := sealer.Open(s.Token(), now, time.Second)
				if err != nil {
					rt.Fatal(err)
				}
				open, s = nil, again
			case 2:
				n := s.mustRead(t, table, hash)
				s.Missed(n)
			default:
				n, of := s.mustRead(t, table, hash), s
				old := w[[2]uint64{table.ID, hash}]
				if n.Floor.Compare(old.v) < 0 && !(n.Wide && old.firm) {
					rt.Fatalf("table %d, key %x: %+v, though %+v was seen", table.ID, hash, n, old)
				}
				firm := n.Keep || rapid.Bool().Draw(rt, "firm")
				if rapid.Bool().Draw(rt, "the same") && !old.v.IsZero() {
					v = old.v
				}
				end := func() {
					of.Saw(table, hash, n, v, firm)
					w.hold(table, hash, v, firm)
				}
				if rapid.Bool().Draw(rt, "at once") {
					end()
				} else {
					open = append(open, end)
				}
			}
			if keys, _ := s.Len(); keys > MaxKeys || s.soft() > maxSoft || len(s.folded) > maxTables {
				rt.Fatalf("%d keys, %d soft, %d tables", keys, s.soft(), len(s.folded))
			}
		}
	})
}

// What cannot be folded is refused before it is done.
func TestLocalTables(t *testing.T) {
	s := New(All, sealer)
	for hash := range uint64(maxLocal) {
		if err := s.Write(flags, hash); err != nil {
			t.Fatal(err)
		}
		s.Wrote(flags, hash, at(int(hash)), true)
	}
	if err := s.Write(flags, 99); !errors.Is(err, ErrFull) {
		t.Errorf("one more: %v", err)
	}
	if _, err := s.Read(flags, 99); !errors.Is(err, ErrFull) {
		t.Errorf("a read of one more: %v", err)
	}
	if err := s.Write(flags, 3); err != nil {
		t.Errorf("one of them again: %v", err)
	}
	for hash := range uint64(100) { // nor do others push them out
		s.Wrote(carts, hash<<50, at(int(100+hash)), true)
	}
	if n := s.mustRead(t, flags, 3); n.Floor != at(3) || n.Wide {
		t.Errorf("%+v", n)
	}
	s.Wrote(flags, 98, at(50), true) // it was under way while others took the room
	if _, err := s.Read(flags, 98); !errors.Is(err, ErrFull) {
		t.Errorf("what it could not hold: %v", err)
	}
	if again, err := sealer.Open(s.Token(), now, time.Second); err != nil || !again.full {
		t.Errorf("%v; forgotten by the token", err)
	}
	loose := New(All, sealer)
	if err := loose.Write(Table{ID: 4, Local: true, Loose: true}, 1); !errors.Is(err, ErrFull) {
		t.Errorf("what has no version: %v", err)
	}
	if _, err := New(MonotonicWrites, nil).Read(Table{ID: 4, Local: true, Loose: true}, 1); err != nil {
		t.Errorf("what is not about reads: %v", err)
	}
}

// What has no version is folded at once, after it was brought to W owners.
func TestLooseTables(t *testing.T) {
	s := New(All, sealer)
	if n := s.mustRead(t, sets, 1); !n.Keep || n.Wide {
		t.Errorf("the first read: %+v", n)
	} else {
		s.Saw(sets, 1, n, Version{}, true)
	}
	if n := s.mustRead(t, sets, 1); !n.Keep || !n.Wide {
		t.Errorf("the second: %+v", n)
	}
	if n := s.mustRead(t, sets, 1<<63); n.Wide {
		t.Errorf("of another part: %+v", n)
	}
	s.Wrote(sets, 1<<63, Version{}, true)
	if n := s.mustRead(t, sets, 1<<63); !n.Wide {
		t.Errorf("after a write: %+v", n)
	}
	if n := New(ReadYourWrites, nil).mustRead(t, sets, 1); n.Keep {
		t.Errorf("without monotonic reads: %+v", n)
	}
}
