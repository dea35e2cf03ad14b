package ring

import (
	"cmp"
	"slices"
)

// topology is the set of nodes in the order of their IDs, and their zones.
type topology struct {
	nodes []Node
	zone  []uint16 // of each node
	zones []zone
}

// zone is a failure domain.
type zone struct {
	nodes  []int
	weight uint64 // of the nodes together
	least  int    // owners that every partition has in the zone
	more   bool   // some partitions have one owner more in it
}

func newTopology(nodes []Node) *topology {
	t := &topology{nodes: slices.Clone(nodes)}
	slices.SortFunc(t.nodes, func(a, b Node) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Weight, b.Weight), cmp.Compare(a.Zone, b.Zone))
	})
	t.nodes = slices.CompactFunc(t.nodes, func(a, b Node) bool { return a.ID == b.ID })
	index := make(map[string]uint16)
	for i := range t.nodes {
		n := &t.nodes[i]
		n.Weight = min(max(n.Weight, 1), MaxWeight)
		z, ok := index[n.Zone]
		if !ok {
			z = uint16(len(t.zones))
			index[n.Zone] = z
			t.zones = append(t.zones, zone{})
		}
		t.zone = append(t.zone, z)
		t.zones[z].nodes = append(t.zones[z].nodes, i)
		t.zones[z].weight += uint64(n.Weight)
	}
	return t
}

// spread deals a partition's n owners out to the zones in rounds, one to each
// zone that still has a node, and returns what is left for the last round,
// which does not reach every zone.
func (t *topology) spread(n int) (left int) {
	for round := 1; n > 0; round++ {
		open := 0
		for _, z := range t.zones {
			if len(z.nodes) >= round {
				open++
			}
		}
		if open > n {
			break
		}
		n -= open
		for i := range t.zones {
			if len(t.zones[i].nodes) >= round {
				t.zones[i].least++
			}
		}
	}
	return n
}

// shares gives the share of the partitions, 0 to one, that each node is to own:
// in proportion to the weights, as far as no node owns a partition twice and
// the zones stay spread. It needs the zones' quotas, which it makes exact:
// weights can decide that a zone always holds one owner more than its least, or
// never. It returns how many owners are left for the zones between.
func (t *topology) shares(n int) (shares []uint64, left int) {
	left = t.spread(n)
	var weights, lo, hi []uint64
	for _, z := range t.zones {
		weights = append(weights, z.weight)
		lo = append(lo, uint64(z.least)*one)
		hi = append(hi, uint64(min(z.least+1, len(z.nodes)))*one)
	}
	shares = make([]uint64, len(t.nodes))
	for i, held := range pour(uint64(n)*one, weights, lo, hi) {
		z := &t.zones[i]
		if held == hi[i] && lo[i] < hi[i] {
			z.least++
			left--
		}
		z.more = lo[i] < held && held < hi[i]
		t.shareZone(z, held, shares)
	}
	return shares, left
}

// shareZone divides what a zone holds among its nodes.
func (t *topology) shareZone(z *zone, held uint64, out []uint64) {
	weights, none, all := make([]uint64, len(z.nodes)), make([]uint64, len(z.nodes)), make([]uint64, len(z.nodes))
	for k, node := range z.nodes {
		weights[k], all[k] = uint64(t.nodes[node].Weight), one
	}
	for k, share := range pour(held, weights, none, all) {
		out[z.nodes[k]] = share
	}
}
