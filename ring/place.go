package ring

import "github.com/grapevine-go/grapevine/peer"

// Node is a member as placement sees it.
type Node struct {
	ID     peer.ID
	Weight uint32 // share of the load relative to other nodes; 0 stands for 1
	Zone   string // failure domain; nodes without one share the zone ""
}

// Placement maps partitions to their owners. It is immutable.
type Placement struct {
	nodes []Node
	lists
}

// lists holds a list of the same length for each partition, end to end.
type lists struct {
	n      int
	owners []uint16
}

func (l lists) of(partition int) []uint16 {
	i := partition * l.n
	if i < 0 || i >= len(l.owners) {
		return nil
	}
	return l.owners[i : i+l.n : i+l.n]
}

// Place computes the owners of every partition: min(n, len(nodes)) distinct
// nodes each. It depends on the set of nodes alone, not on their order, and is
// the same on every machine. Of several nodes with one ID one counts.
//
// The owners of a partition are in distinct zones where there are enough
// zones, and otherwise as evenly spread as the zones' sizes allow. Within that,
// loads are proportional to weights.
//
// Without nodes, with more than [MaxMembers] of them, with n outside 1 to
// [MaxN], or with a number of partitions that is not valid
// ([ValidPartitions]), the placement has no partitions.
func Place(nodes []Node, partitions, n int) *Placement {
	t := newTopology(nodes)
	if len(t.nodes) < 1 || len(t.nodes) > MaxMembers || n < 1 || n > MaxN || !ValidPartitions(partitions) {
		return &Placement{nodes: t.nodes}
	}
	n = min(n, len(t.nodes))
	d := newDeal(t, partitions, n)
	d.run()
	return &Placement{nodes: t.nodes, lists: d.lists}
}

// Owners returns the preference list of a partition: distinct indexes into
// [Placement.Nodes], the primary first. The slice is shared: it is to be read
// only. It is nil for a partition that does not exist. It allocates nothing.
func (p *Placement) Owners(partition int) []uint16 { return p.of(partition) }

// Nodes returns the nodes, ascending by ID. The slice is shared: it is to be
// read only.
func (p *Placement) Nodes() []Node { return p.nodes }

// N is the number of owners of each partition.
func (p *Placement) N() int { return p.n }

// Partitions is the number of partitions.
func (p *Placement) Partitions() int { return len(p.owners) / max(p.n, 1) }
