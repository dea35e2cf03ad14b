package ring

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/peer"
)

func nodeID(i int) peer.ID { return peer.ID(fmt.Sprintf("node-%04d", i)) }

// anyMember draws from so few values that two draws often collide in all of an
// entry but one field.
func anyMember(t *rapid.T) Member {
	return Member{
		ID:     nodeID(rapid.IntRange(0, 3).Draw(t, "id")),
		Boot:   peer.Boot{Counter: rapid.Uint64Range(1, 2).Draw(t, "boot"), Nonce: rapid.Uint64Range(0, 1).Draw(t, "nonce")},
		Rev:    rapid.Uint64Range(0, 1).Draw(t, "rev"),
		Status: Status(rapid.IntRange(0, 3).Draw(t, "status")),
		Weight: rapid.Uint32Range(0, 2).Draw(t, "weight"),
		Zone:   rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "zone"),
		Addr:   rapid.SampledFrom([]string{"", "[::1]:7946"}).Draw(t, "addr"),
		Data:   rapid.SampledFrom([]string{"", "127.0.0.1:7947"}).Draw(t, "data"),
	}
}

func anyTable(t *rapid.T) Table {
	return Table{
		Name: rapid.SampledFrom([]string{"carts", "flags"}).Draw(t, "name"),
		Type: rapid.SampledFrom([]string{"register", "set"}).Draw(t, "type"),
		N:    3, W: uint8(rapid.IntRange(1, 3).Draw(t, "w")), Partitions: 256,
		Created: crdt.Stamp{Time: crdt.Time(rapid.Uint64Range(1, 3).Draw(t, "time"))},
	}
}

func anyState(t *rapid.T) *State {
	s := &State{}
	for range rapid.IntRange(0, 5).Draw(t, "members") {
		s = s.With(anyMember(t))
	}
	for range rapid.IntRange(0, 2).Draw(t, "tables") {
		s = s.WithTable(anyTable(t))
	}
	return s
}

// same holds what equality of states means: of content, bytes and version.
func same(t interface{ Fatalf(string, ...any) }, what string, a, b *State) {
	content := slices.Equal(a.Members(), b.Members()) && slices.Equal(a.Tables(), b.Tables())
	if !content || a.Version() != b.Version() || string(a.AppendBinary(nil)) != string(b.AppendBinary(nil)) {
		t.Fatalf("%s: %v %v differs from %v %v", what, a.Members(), a.Tables(), b.Members(), b.Tables())
	}
}

func checkLaws(t interface{ Fatalf(string, ...any) }, a, b, c *State) {
	same(t, "commutes", a.Join(b), b.Join(a))
	same(t, "associates", a.Join(b).Join(c), a.Join(b.Join(c)))
	if j := a.Join(b); j.Join(b) != j || j.Join(a) != j || a.Join(a) != a || a.Join(&State{}) != a || a.Join(nil) != a {
		t.Fatalf("a join that adds nothing does not return the receiver")
	}
	if (a.Version() == b.Version()) != (string(a.enc) == string(b.enc)) {
		t.Fatalf("version and content disagree")
	}
}

func TestJoinLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { checkLaws(t, anyState(t), anyState(t), anyState(t)) })
}

// All triples of a small universe: no entry, and entries of one node or one
// table that differ in one field each.
func TestJoinLawsEnumerated(t *testing.T) {
	m := Member{ID: "a", Boot: peer.Boot{Counter: 1}, Weight: 1}
	all := []*State{{}, (&State{}).With(m)}
	for _, change := range []func(*Member){
		func(m *Member) { m.Boot.Counter++ }, func(m *Member) { m.Boot.Nonce++ }, func(m *Member) { m.Rev++ },
		func(m *Member) { m.Status++ }, func(m *Member) { m.Weight++ }, func(m *Member) { m.Zone = "z" },
		func(m *Member) { m.Addr = "x" }, func(m *Member) { m.Data = "x" }, func(m *Member) { m.ID = "b" },
	} {
		other := m
		change(&other)
		all = append(all, (&State{}).With(other))
	}
	table := Table{Name: "t", Type: "register", N: 3, W: 2, Partitions: 256, Created: crdt.Stamp{Time: 2}}
	all = append(all, all[1].WithTable(table))
	for _, change := range []func(*Table){
		func(t *Table) { t.Type = "set" }, func(t *Table) { t.Codec++ }, func(t *Table) { t.N++ }, func(t *Table) { t.W++ },
		func(t *Table) { t.Partitions = 512 }, func(t *Table) { t.Key[0]++ }, func(t *Table) { t.Created.Time-- },
		func(t *Table) { t.Created.Actor[0]++ }, func(t *Table) { t.Name = "u" },
	} {
		other := table
		change(&other)
		all = append(all, (&State{}).WithTable(other))
	}
	for _, a := range all {
		for _, b := range all {
			for _, c := range all {
				checkLaws(t, a, b, c)
			}
		}
	}
}

func TestMemberOrder(t *testing.T) {
	m := Member{ID: "a", Boot: peer.Boot{Counter: 2, Nonce: 5}, Rev: 3, Status: Serving, Weight: 1, Zone: "z"}
	for name, newer := range map[string]Member{
		"boot":   {ID: "a", Boot: peer.Boot{Counter: 3}, Weight: 1},
		"rev":    {ID: "a", Boot: m.Boot, Rev: 4, Status: Joining, Weight: 1},
		"status": {ID: "a", Boot: m.Boot, Rev: 3, Status: Leaving, Weight: 1},
	} {
		for _, s := range []*State{(&State{}).With(m).With(newer), (&State{}).With(newer).With(m)} {
			if got, ok := s.Member("a"); !ok || got != newer {
				t.Errorf("%s: got %+v, want %+v", name, got, newer)
			}
		}
	}
}

func TestFirstCreationWins(t *testing.T) {
	first := Table{Name: "t", Type: "set", N: 3, W: 2, Partitions: 256, Created: crdt.Stamp{Time: 1}}
	later := first
	later.Type, later.Created = "register", crdt.Stamp{Time: 2}
	s := (&State{}).WithTable(later).WithTable(first)
	if got, _ := s.Table("t"); got != first {
		t.Errorf("got %v, want %v", got, first)
	}
	if s.WithTable(later) != s {
		t.Error("a later creation changed the catalog")
	}
	if first.Same(later) || first.Hash() == later.Hash() {
		t.Error("different specifications are taken for the same")
	}
	again := first
	again.Key[3], again.Created = 9, crdt.Stamp{Time: 7}
	if !first.Same(again) || first.Hash() == again.Hash() {
		t.Error("Same must ignore Key and Created, Hash must not")
	}
}

func TestLookups(t *testing.T) {
	s := &State{}
	for _, id := range []peer.ID{"c", "a", "b"} {
		s = s.With(Member{ID: id})
	}
	var ids []peer.ID
	for i, m := range s.Members() {
		ids = append(ids, m.ID)
		if at, ok := s.Index(m.ID); !ok || at != i {
			t.Errorf("Index(%q) = %d, %v", m.ID, at, ok)
		}
	}
	if diff := cmp.Diff([]peer.ID{"a", "b", "c"}, ids); diff != "" {
		t.Error(diff)
	}
	if _, ok := s.Member("d"); ok {
		t.Error("found a member that is not there")
	}
	if _, ok := s.Table("t"); ok {
		t.Error("found a table that is not there")
	}
	if m, _ := s.Member("a"); m.Weight != 1 {
		t.Errorf("weight 0 became %d", m.Weight)
	}
	if (&State{}).Version() != 0 || s.Version() == 0 {
		t.Error("only the empty state has version 0")
	}
}

func TestInvalidIsRefused(t *testing.T) {
	s := (&State{}).With(Member{ID: "a"})
	long := strings.Repeat("x", MaxText+1)
	for field, m := range map[string]Member{
		"ID": {ID: "a b"}, "Status": {ID: "b", Status: 4}, "Weight": {ID: "b", Weight: MaxWeight + 1},
		"Zone": {ID: "b", Zone: "a zone"}, "Addr": {ID: "b", Addr: long}, "Data": {ID: "b", Data: "\x00"},
	} {
		err := m.Validate()
		if !errors.Is(err, ErrMember) || !strings.Contains(err.Error(), ": "+field+": ") {
			t.Errorf("%s: %v", field, err)
		}
		if s.With(m) != s {
			t.Errorf("%s: an invalid member was taken", field)
		}
	}
	good := Table{Name: "t", Type: "set", N: 3, W: 2, Partitions: 256}
	for field, change := range map[string]func(*Table){
		"Name": func(t *Table) { t.Name = "" }, "Type": func(t *Table) { t.Type = long }, "Kind": func(t *Table) { t.Kind = 2 },
		"N": func(t *Table) { t.N = MaxN + 1 }, "W": func(t *Table) { t.W = 4 }, "Partitions": func(t *Table) { t.Partitions = 100 },
	} {
		bad := good
		change(&bad)
		err := bad.Validate()
		if !errors.Is(err, ErrTable) || !strings.Contains(err.Error(), ": "+field+": ") {
			t.Errorf("%s: %v", field, err)
		}
		if s.WithTable(bad) != s {
			t.Errorf("%s: an invalid table was taken", field)
		}
	}
	if err := (Table{Name: "t", Type: "set", Kind: Everywhere, Partitions: 256}).Validate(); err != nil {
		t.Errorf("a table that is everywhere: %v", err)
	}
	if err := (Table{Name: "t", Type: "set", Kind: Everywhere, N: 1, Partitions: 256}).Validate(); !errors.Is(err, ErrTable) {
		t.Errorf("a table that is everywhere has an N: %v", err)
	}
}

// The bound on members is itself a join: whatever the grouping, the same are
// kept, and a state within the bound can be sent.
func TestBoundKeepsLaws(t *testing.T) {
	part := func(from, to int) *State {
		var members []Member
		for i := from; i < to; i++ {
			members = append(members, Member{ID: peer.ID(fmt.Sprintf("%06d", i)), Weight: 1})
		}
		return newState(members, nil)
	}
	a, b, c := part(0, MaxMembers/2), part(MaxMembers/4, MaxMembers-1), part(MaxMembers-2, MaxMembers+9)
	checkLaws(t, a, b, c)
	s := c.Join(b).Join(a)
	if len(s.Members()) != MaxMembers {
		t.Fatalf("%d members", len(s.Members()))
	}
	if s.Join(c) != s {
		t.Error("a member beyond the bound changed the state")
	}
	if _, err := Decode(s.AppendBinary(nil)); err != nil {
		t.Error(err)
	}
}
