package ring

import (
	"cmp"
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/grapevine-go/grapevine/peer"
)

// State is what a cluster agrees on without a leader: its members and the
// catalog of its tables. It is immutable, and two states are only ever joined;
// the join commutes, associates and is idempotent, so nodes that have heard of
// the same changes hold equal states, whatever the order they heard them in.
//
// The zero State is empty. All methods are safe for concurrent use.
type State struct {
	members []Member // strictly ascending by ID
	tables  []Table  // strictly ascending by Name
	enc     []byte   // canonical encoding; nil for the empty state
	version uint64
}

// newState takes entries that are sorted, distinct and valid. It keeps the
// first MaxMembers and MaxTables: a bound no cluster should meet, and since
// "the smallest names of the union" is itself a join, one that keeps the laws.
func newState(members []Member, tables []Table) *State {
	s := &State{
		members: members[:min(len(members), MaxMembers)],
		tables:  tables[:min(len(tables), MaxTables)],
	}
	if len(s.members) == 0 && len(s.tables) == 0 {
		return s
	}
	s.enc = appendState(nil, s.members, s.tables)
	s.version = max(xxhash.Sum64(s.enc), 1) // 0 is the empty state's
	return s
}

// Join returns the state that holds what either holds. It returns the receiver
// itself when o adds nothing, so a comparison of pointers tells whether
// anything changed. A nil o is empty.
func (s *State) Join(o *State) *State {
	if o == nil || s.version == o.version {
		return s
	}
	members, m := merge(s.members, o.members, (*Member).cmpID, func(a, b *Member) bool { return b.compare(a) > 0 })
	tables, t := merge(s.tables, o.tables, (*Table).cmpName, func(a, b *Table) bool { return b.compare(a) < 0 })
	if !m && !t {
		return s
	}
	joined := newState(members, tables)
	if joined.version == s.version { // what was new lies beyond the bound
		return s
	}
	return joined
}

// With returns the join with one member, whose weight 0 becomes 1. A member
// that is not valid ([Member.Validate]) is not taken: the receiver is returned.
func (s *State) With(m Member) *State {
	if m.Validate() != nil {
		return s
	}
	m.Weight = max(m.Weight, 1)
	return s.Join(newState([]Member{m}, nil))
}

// WithTable returns the join with one table. A table that is not valid
// ([Table.Validate]) is not taken: the receiver is returned.
func (s *State) WithTable(t Table) *State {
	if t.Validate() != nil {
		return s
	}
	return s.Join(newState(nil, []Table{t}))
}

// Member returns the entry of a member, of those that left too.
func (s *State) Member(id peer.ID) (Member, bool) {
	i, ok := s.Index(id)
	if !ok {
		return Member{}, false
	}
	return s.members[i], true
}

// Index returns where [State.Members] holds a member.
func (s *State) Index(id peer.ID) (int, bool) {
	return slices.BinarySearchFunc(s.members, id, func(m Member, id peer.ID) int { return cmp.Compare(m.ID, id) })
}

// Members returns all entries, ascending by ID. The slice is shared: it is to
// be read only.
func (s *State) Members() []Member { return s.members }

// Table returns the entry of a table.
func (s *State) Table(name string) (Table, bool) {
	i, ok := slices.BinarySearchFunc(s.tables, name, func(t Table, name string) int { return cmp.Compare(t.Name, name) })
	if !ok {
		return Table{}, false
	}
	return s.tables[i], true
}

// Tables returns the catalog, ascending by name. The slice is shared: it is to
// be read only.
func (s *State) Tables() []Table { return s.tables }

// Version is a hash of the content: equal states have equal versions, and the
// empty state has 0.
func (s *State) Version() uint64 { return s.version }

func (m *Member) cmpID(o *Member) int { return cmp.Compare(m.ID, o.ID) }
func (t *Table) cmpName(o *Table) int { return cmp.Compare(t.Name, o.Name) }

// merge joins two sorted lists and reports whether the result differs from a.
// Where both have an entry, wins(x, y) tells that y, from b, replaces x.
func merge[T any](a, b []T, order func(x, y *T) int, wins func(x, y *T) bool) ([]T, bool) {
	out := make([]T, 0, max(len(a), len(b)))
	changed := false
	for len(a) > 0 && len(b) > 0 {
		switch c := order(&a[0], &b[0]); {
		case c < 0:
			out, a = append(out, a[0]), a[1:]
		case c > 0:
			out, b, changed = append(out, b[0]), b[1:], true
		case wins(&a[0], &b[0]):
			out, a, b, changed = append(out, b[0]), a[1:], b[1:], true
		default:
			out, a, b = append(out, a[0]), a[1:], b[1:]
		}
	}
	changed = changed || len(b) > 0
	return append(append(out, a...), b...), changed
}
