package ring

import (
	"cmp"
	"slices"

	"github.com/grapevine-go/grapevine/peer"
)

// Node is a member as placement sees it.
type Node struct {
	ID     peer.ID
	Weight uint32 // share of the load relative to other nodes; 0 stands for 1
	Zone   string // failure domain
}

// Placement maps partitions to their owners. It is immutable.
type Placement struct {
	nodes  []Node
	n      int
	owners []uint16 // n a partition, in one slice
}

// Owners returns the preference list of a partition: distinct indexes into
// [Placement.Nodes], the primary first. The slice is shared: it is to be read
// only. It is nil for a partition that does not exist. It allocates nothing.
func (p *Placement) Owners(partition int) []uint16 {
	i := partition * p.n
	if i < 0 || i >= len(p.owners) {
		return nil
	}
	return p.owners[i : i+p.n : i+p.n]
}

// Nodes returns the nodes, ascending by ID. The slice is shared: it is to be
// read only.
func (p *Placement) Nodes() []Node { return p.nodes }

// N is the number of owners of each partition.
func (p *Placement) N() int { return p.n }

// Partitions is the number of partitions; 0 when there are no nodes.
func (p *Placement) Partitions() int {
	if p.n == 0 {
		return 0
	}
	return len(p.owners) / p.n
}

const (
	momentUnit = 1 << 30 // the moment by which each node has thrown its share
	lastMoment = 4 * momentUnit
)

// Place computes the owners of every partition: min(n, len(nodes)) distinct
// nodes each. It depends on the set of nodes alone, not on their order, and is
// the same on every machine. Of nodes with one ID only one counts.
//
// Without nodes, with n outside 1 to [MaxN], or with a number of partitions
// that is not valid, nothing is owned.
func Place(nodes []Node, partitions, n int) *Placement {
	t := newTopology(nodes)
	n = min(n, len(t.nodes))
	if n < 1 || n > MaxN || !ValidPartitions(partitions) || len(t.nodes) > MaxMembers {
		return &Placement{nodes: t.nodes}
	}
	d := newDeal(t, partitions, n)
	for end := uint64(momentUnit); end <= lastMoment && d.open > 0; end *= 2 {
		d.round(end)
	}
	for partition := range partitions {
		d.complete(partition)
	}
	return &Placement{nodes: t.nodes, n: n, owners: d.owners}
}

// topology is the sorted set of nodes, and which of them each zone holds.
type topology struct {
	nodes       []Node
	zone        []uint16 // of each node
	zones       [][]int  // the nodes of each zone
	sizes       []int
	zoneWeights []uint64
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
			t.zones, t.sizes, t.zoneWeights = append(t.zones, nil), append(t.sizes, 0), append(t.zoneWeights, 0)
		}
		t.zone = append(t.zone, z)
		t.zones[z] = append(t.zones[z], i)
		t.sizes[z]++
		t.zoneWeights[z] += uint64(n.Weight)
	}
	return t
}

// deal is a placement in the making.
type deal struct {
	*topology
	spread
	n        int
	throwers []thrower
	tokens   []uint64 // of one round: moment, node, partition
	owners   []uint16
	count    []uint8 // owners found for each partition
	extra    []uint8 // how many of them are beyond the least of their zone
	open     int     // partitions that lack owners
	load     []int   // partitions that each node owns
	room     []int   // how many it may own
}

func newDeal(t *topology, partitions, n int) *deal {
	d := &deal{
		topology: t, spread: newSpread(t.sizes, n), n: n, open: partitions,
		throwers: make([]thrower, len(t.nodes)),
		owners:   make([]uint16, partitions*n), count: make([]uint8, partitions), extra: make([]uint8, partitions),
		load: make([]int, len(t.nodes)), room: make([]int, len(t.nodes)),
	}
	for i, share := range shares(t, d.spread, n) {
		d.throwers[i] = newThrower(t.nodes[i].ID, share, partitions)
		d.room[i] = bound(share*uint64(partitions), d.throwers[i].seed)
	}
	return d
}

// bound adds 5 % to a load and rounds up or down, by the luck of the seed, so
// that the bounds of a whole cluster do not step at once when a node is added.
func bound(load, seed uint64) int {
	return int((load/100*105 + seed>>32) >> 32)
}

// round lets the nodes throw their tokens up to a moment, and hands partitions
// out in the order of the moments.
func (d *deal) round(end uint64) {
	d.tokens = d.tokens[:0]
	for i := range d.throwers {
		t := &d.throwers[i]
		for ; t.next < uint32(len(d.count)); t.next++ {
			m := t.moment()
			if m >= end {
				break
			}
			if p := t.partition(); int(d.count[p]) < d.n {
				d.tokens = append(d.tokens, m<<32|uint64(i)<<16|uint64(p))
			}
		}
	}
	slices.Sort(d.tokens)
	for _, token := range d.tokens {
		i, p := int(token>>16&0xffff), int(token&0xffff)
		if d.load[i] < d.room[i] && d.eligible(p, i) {
			d.take(p, i)
		}
	}
}

// eligible reports whether a partition may be given to a node: it lacks an
// owner, and the owners would still be spread over the zones.
func (d *deal) eligible(p, i int) bool {
	if int(d.count[p]) == d.n {
		return false
	}
	if len(d.zones) == 1 {
		return true
	}
	switch in := d.inZone(p, d.zone[i]); {
	case in < d.least[d.zone[i]]:
		return true
	case in == d.least[d.zone[i]]:
		return int(d.extra[p]) < d.free
	}
	return false
}

// inZone counts the owners of a partition in a zone.
func (d *deal) inZone(p int, zone uint16) int {
	in := 0
	for _, o := range d.owners[p*d.n : p*d.n+int(d.count[p])] {
		if d.zone[o] == zone {
			in++
		}
	}
	return in
}

func (d *deal) take(p, i int) {
	if z := d.zone[i]; d.inZone(p, z) >= d.least[z] {
		d.extra[p]++
	}
	d.owners[p*d.n+int(d.count[p])] = uint16(i)
	d.count[p]++
	d.load[i]++
	if int(d.count[p]) == d.n {
		d.open--
	}
}

// complete finds the owners that a partition still lacks: by rendezvous
// hashing, among the nodes with room if there are any.
func (d *deal) complete(p int) {
	for int(d.count[p]) < d.n {
		best, rank, full := -1, uint64(0), true
		for i := range d.nodes {
			if d.owns(p, i) || !d.eligible(p, i) {
				continue
			}
			f := d.load[i] >= d.room[i]
			h := mix(d.throwers[i].seed ^ uint64(p))
			if best < 0 || full && !f || full == f && h > rank {
				best, rank, full = i, h, f
			}
		}
		d.take(p, best)
	}
}

func (d *deal) owns(p, i int) bool {
	return slices.Contains(d.owners[p*d.n:p*d.n+int(d.count[p])], uint16(i))
}
