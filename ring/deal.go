package ring

import (
	"slices"

	"github.com/cespare/xxhash/v2"
)

// deal is a placement in the making.
type deal struct {
	lists
	count  []uint8 // owners found for each partition
	extra  []uint8 // those of them beyond the least of their zone
	headed []bool  // whether its first owner was made its primary
	open   int     // partitions that lack owners

	nodes []dealt
	zone  []uint16 // of each node
	zones []zone
	left  int // owners of a partition beyond the least of their zones

	tokens, scratch []uint64 // of one round: moment, node, partition
}

// dealt is what a node has got, and what it may get.
type dealt struct {
	thrower
	load, room       int // partitions that it owns
	firsts, headroom int // those of which it is the primary
}

func newDeal(t *topology, partitions, n int) *deal {
	size := partitions * n
	shares, left := t.shares(n)
	d := &deal{
		lists: lists{n: n, owners: make([]uint16, size)},
		count: make([]uint8, partitions), extra: make([]uint8, partitions), headed: make([]bool, partitions), open: partitions,
		nodes: make([]dealt, len(t.nodes)), zone: t.zone, zones: t.zones, left: left,
		tokens: make([]uint64, 0, size+size/4), scratch: make([]uint64, 0, size+size/4),
	}
	for i, share := range shares {
		seed, load := mix(xxhash.Sum64String(string(t.nodes[i].ID))), share*uint64(partitions)
		d.nodes[i] = dealt{
			thrower:  newThrower(seed, share, partitions),
			room:     bound(load, n, seed),
			headroom: int(load/uint64(n)/20*21>>32) + 1,
		}
	}
	return d
}

// bound adds to a mean load (fixed point) what a node may own above it: 5 %,
// but not less than about one standard deviation of what it would own without
// a bound, 4/5 of the root of load·(n+1)/2n. A tighter bound makes more
// partitions move whenever a node comes or goes. The result is rounded up or
// down by the luck of the seed, so that the bounds of all nodes do not step at
// once.
func bound(load uint64, n int, seed uint64) int {
	square := load / uint64(2*n) * uint64(n+1)
	root := uint64(0) // in sixteenths
	for root*root < square>>(32-8) {
		root++
	}
	return int((load + max(load/20, root<<(32-4)/5*4) + seed>>32) >> 32)
}

// run deals everything out.
func (d *deal) run() {
	for end := uint64(momentUnit); end <= lastMoment && d.open > 0; end *= 2 {
		d.round(end)
	}
	for p := range d.count {
		d.complete(p)
	}
}

// round lets the nodes throw their tokens up to a moment, and gives partitions
// away in the order of the moments.
func (d *deal) round(end uint64) {
	d.tokens = d.tokens[:0]
	for i := range d.nodes {
		t := &d.nodes[i].thrower
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
	d.sort()
	for _, token := range d.tokens {
		i, p := int(token>>16&0xffff), int(token&0xffff)
		if d.nodes[i].load < d.nodes[i].room && d.eligible(p, d.zone[i]) {
			d.take(p, i)
		}
	}
}

// sort orders the tokens by their moments. It is a radix sort, three times as
// fast here as one by comparison, and stable: of two nodes that throw at one
// moment the one with the smaller ID comes first.
func (d *deal) sort() {
	const digit = 11
	d.scratch = slices.Grow(d.scratch[:0], len(d.tokens))[:len(d.tokens)]
	for shift := 32; shift < 64; shift += digit {
		var at [1 << digit]int
		for _, t := range d.tokens {
			at[t>>shift&(1<<digit-1)]++
		}
		sum := 0
		for i, c := range at {
			at[i], sum = sum, sum+c
		}
		for _, t := range d.tokens {
			i := t >> shift & (1<<digit - 1)
			d.scratch[at[i]] = t
			at[i]++
		}
		d.tokens, d.scratch = d.scratch, d.tokens
	}
}

// eligible reports whether a partition lacks an owner in a zone.
func (d *deal) eligible(p int, zone uint16) bool {
	if int(d.count[p]) == d.n || len(d.zones) == 1 {
		return int(d.count[p]) < d.n
	}
	if spare := d.spare(p, zone); spare != 0 {
		return spare > 0
	}
	return d.zones[zone].more && int(d.extra[p]) < d.left
}

// spare gives how many owners of its least a zone still lacks for a partition;
// it is negative when the zone has one more.
func (d *deal) spare(p int, zone uint16) int {
	spare := d.zones[zone].least
	for _, o := range d.found(p) {
		if d.zone[o] == zone {
			spare--
		}
	}
	return spare
}

// found returns the owners that a partition has so far.
func (d *deal) found(p int) []uint16 { return d.owners[p*d.n:][:d.count[p]] }

// take makes a node an owner of a partition; its primary too, if no earlier
// owner is, and the node may be the primary of one more.
func (d *deal) take(p, i int) {
	if len(d.zones) > 1 && d.spare(p, d.zone[i]) == 0 {
		d.extra[p]++
	}
	k := int(d.count[p])
	d.owners[p*d.n+k] = uint16(i)
	d.count[p]++
	if k+1 == d.n {
		d.open--
	}
	d.nodes[i].load++
	if !d.headed[p] && d.nodes[i].firsts < d.nodes[i].headroom {
		d.head(p, k)
	}
}

// head makes the k-th owner of a partition its primary.
func (d *deal) head(p, k int) {
	list := d.found(p)
	first := list[k]
	copy(list[1:], list[:k])
	list[0] = first
	d.nodes[first].firsts++
	d.headed[p] = true
}

// complete finds the owners and the primary that a partition still lacks.
func (d *deal) complete(p int) {
	for int(d.count[p]) < d.n {
		d.take(p, d.rendezvous(p))
	}
	if !d.headed[p] {
		d.head(p, d.idlest(p))
	}
}

// rendezvous chooses a further owner of a partition by rendezvous hashing
// (Thaler and Ravishankar 1998), among nodes with room if there are any.
func (d *deal) rendezvous(p int) int {
	best, bestFull, bestRank := -1, true, uint64(0)
	for z := range d.zones {
		if !d.eligible(p, uint16(z)) {
			continue
		}
		for _, i := range d.zones[z].nodes {
			full, rank := d.nodes[i].load >= d.nodes[i].room, mix(d.nodes[i].seed^uint64(p))
			better := best < 0 || bestFull && !full || bestFull == full && rank > bestRank
			if better && !slices.Contains(d.found(p), uint16(i)) {
				best, bestFull, bestRank = i, full, rank
			}
		}
	}
	return best
}

// idlest gives the position of the owner that is the primary of the fewest
// partitions for its headroom.
func (d *deal) idlest(p int) int {
	best := 0
	list := d.found(p)
	for k := range list {
		a, b := &d.nodes[list[k]], &d.nodes[list[best]]
		if a.firsts*b.headroom < b.firsts*a.headroom {
			best = k
		}
	}
	return best
}
