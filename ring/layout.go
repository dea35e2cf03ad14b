package ring

import (
	"iter"
	"slices"
)

// Target is a member that a request for a partition is for.
type Target struct {
	Member  uint16 // index into [State.Members] of the layout's state
	Current bool   // owner in the current placement: reads ask it
	Next    bool   // owner in the next placement
}

// Layout says whom requests for a partition address while members come and go.
// Reads use the current owners. Writes need their quorum among the current
// owners and among the next, so that nothing is lost when the next placement
// becomes the current one.
//
// The current placement is over the members that are Serving or Leaving; it is
// empty while there is none, as in a cluster that just begins. The next is over
// those that are Serving or Joining; when there is none, it is the current one.
//
// A Layout is immutable.
type Layout struct {
	state         *State
	current, next lists
	targets       []Target
	offsets       []uint32 // where each partition's targets begin, and the end
	moving        bool
	shared        int // number of partitions of a table that every member holds; see [Layout.row]
}

// NewLayout computes the layout of a table with n owners a partition; n and
// partitions are as [Place] takes them. When no member comes or goes, one
// placement serves as both.
func NewLayout(s *State, n, partitions int) *Layout {
	var current, next []uint16
	for i, m := range s.Members() {
		c, x := m.Owns()
		if c {
			current = append(current, uint16(i))
		}
		if x {
			next = append(next, uint16(i))
		}
	}
	l := &Layout{state: s, current: place(s, current, n, partitions)}
	l.next = l.current
	if len(next) > 0 && !slices.Equal(current, next) {
		l.next = place(s, next, n, partitions)
	}
	l.unite(partitions)
	return l
}

// place computes a placement over some of the members.
func place(s *State, members []uint16, n, partitions int) lists {
	nodes := make([]Node, len(members))
	for i, m := range members {
		m := s.Members()[m]
		nodes[i] = Node{ID: m.ID, Weight: m.Weight, Zone: m.Zone}
	}
	p := Place(nodes, partitions, n)
	for i, o := range p.owners { // the placement is not shared yet
		p.owners[i] = members[o]
	}
	return p.lists
}

// unite fills the targets of each partition.
func (l *Layout) unite(partitions int) {
	if !ValidPartitions(partitions) {
		return
	}
	l.targets = make([]Target, 0, partitions*max(l.current.n, l.next.n))
	l.offsets = make([]uint32, 1, partitions+1)
	for p := range partitions {
		current, next := l.current.of(p), l.next.of(p)
		for _, m := range current {
			l.targets = append(l.targets, Target{Member: m, Current: true, Next: slices.Contains(next, m)})
		}
		for _, m := range next {
			if !slices.Contains(current, m) {
				l.targets = append(l.targets, Target{Member: m, Next: true})
			}
		}
		from := l.offsets[p]
		l.offsets = append(l.offsets, uint32(len(l.targets)))
		l.moving = l.moving || slices.ContainsFunc(l.targets[from:], func(t Target) bool { return !t.Current || !t.Next })
	}
}

// State returns the state that the layout was computed from.
func (l *Layout) State() *State { return l.state }

// Targets returns whom a write to a partition goes to: the current owners in
// the order of preference, then the owners that are only next. The slice is
// shared: it is to be read only. It is nil for a partition that does not
// exist. It allocates nothing.
func (l *Layout) Targets(partition int) []Target {
	partition = l.row(partition)
	if partition < 0 || partition+1 >= len(l.offsets) {
		return nil
	}
	from, to := l.offsets[partition], l.offsets[partition+1]
	return l.targets[from:to:to]
}

// Current returns the current owners of a partition in the order of
// preference, as indexes into [State.Members]. The slice is shared: it is to
// be read only.
func (l *Layout) Current(partition int) []uint16 { return l.current.of(l.row(partition)) }

// Next returns the next owners of a partition, as [Layout.Current] does.
func (l *Layout) Next(partition int) []uint16 { return l.next.of(l.row(partition)) }

// Partitions is the number of partitions.
func (l *Layout) Partitions() int { return max(l.shared, len(l.offsets)-1, 0) }

// Moving reports whether the current and the next owners of any partition
// differ.
func (l *Layout) Moving() bool { return l.moving }

// Gains gives the partitions that a member, by its index, owns in the next
// placement and not in the current one, ascending.
func (l *Layout) Gains(member int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for p := range l.Partitions() {
			for _, t := range l.Targets(p) {
				if int(t.Member) == member && !t.Current && !yield(p) {
					return
				}
			}
		}
	}
}
