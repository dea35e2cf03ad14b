package ring

import "slices"

// NewEverywhere computes the layout of a table that every member holds: the
// owners of each partition are all members, ascending by ID. Partitions is as
// [Place] takes it.
func NewEverywhere(s *State, partitions int) *Layout {
	l := &Layout{state: s}
	if !ValidPartitions(partitions) {
		return l
	}
	l.shared = partitions
	for i, m := range s.Members() {
		c, x := m.Owns()
		if c {
			l.current.owners = append(l.current.owners, uint16(i))
		}
		if x {
			l.next.owners = append(l.next.owners, uint16(i))
		}
	}
	l.current.n, l.next.n = len(l.current.owners), len(l.next.owners)
	if l.next.n == 0 || slices.Equal(l.current.owners, l.next.owners) {
		l.next = l.current
	}
	l.unite(1)
	return l
}

// row is where the lists have a partition's owners: all of them are the same
// list in a layout of a table that every member holds.
func (l *Layout) row(partition int) int {
	if partition >= 0 && partition < l.shared {
		return 0
	}
	return partition
}
