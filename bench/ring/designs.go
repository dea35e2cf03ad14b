package ring

import (
	"cmp"
	"slices"

	"github.com/cespare/xxhash/v2"
)

// designs are the ways of filling a partition table that were measured before
// one was chosen. Their look-up would be the same.
func designs(s setting) []contender {
	fill := func(name string, place func(d *design)) contender {
		return contender{name: "table by " + name, build: func(members []string) built {
			d := newDesign(members, s)
			place(d)
			return built{table: func() [][]string {
				return named(s.Partitions, func(p int) []uint16 { return d.lists[p] }, func(i uint16) string { return members[i] })
			}}
		}}
	}
	return []contender{
		fill("random tokens", func(d *design) { d.walk(1) }),
		fill("random tokens, bounded", func(d *design) { d.walk(1.05) }),
		fill("rendezvous", func(d *design) { d.rank(1) }),
		fill("rendezvous, bounded", func(d *design) { d.rank(1.05) }),
		fill("turns (Maglev)", (*design).turns),
	}
}

type design struct {
	setting
	seeds []uint64
	load  []int
	lists [][]uint16
}

func newDesign(members []string, s setting) *design {
	d := &design{setting: s, load: make([]int, len(members)), lists: make([][]uint16, s.Partitions)}
	for _, m := range members {
		d.seeds = append(d.seeds, xxhash.Sum64String(m))
	}
	return d
}

// n is the number of owners of each partition.
func (d *design) n() int { return min(owners, len(d.seeds)) }

// room is what a member may own; a factor of 1 stands for no bound.
func (d *design) room(factor float64) int {
	if factor == 1 {
		return d.Partitions
	}
	return int(factor*float64(d.Partitions*d.n())/float64(len(d.seeds))) + 1
}

func (d *design) give(p, i int) {
	d.lists[p] = append(d.lists[p], uint16(i))
	d.load[i]++
}

// walk goes round the circle of tokens from each partition's place, past nodes
// without room (Mirrokni, Thorup and Zadimoghaddam 2018).
func (d *design) walk(factor float64) {
	type token struct {
		at   uint64
		node int
	}
	var circle []token
	for i, seed := range d.seeds {
		for t := range d.Tokens {
			circle = append(circle, token{scramble(seed + uint64(t)*0x9e3779b97f4a7c15), i})
		}
	}
	slices.SortFunc(circle, func(a, b token) int { return cmp.Compare(a.at, b.at) })
	room := d.room(factor)
	for p := range d.lists {
		from, _ := slices.BinarySearchFunc(circle, ^uint64(0)/uint64(d.Partitions)*uint64(p), func(t token, at uint64) int { return cmp.Compare(t.at, at) })
		for k := 0; len(d.lists[p]) < d.n() && k < 2*len(circle); k++ {
			i := circle[(from+k)%len(circle)].node
			if (d.load[i] < room || k >= len(circle)) && !slices.Contains(d.lists[p], uint16(i)) {
				d.give(p, i)
			}
		}
	}
}

// rank gives each partition to the nodes of the highest hashes that have room.
func (d *design) rank(factor float64) {
	room := d.room(factor)
	for p := range d.lists {
		for len(d.lists[p]) < d.n() {
			d.give(p, d.highest(p, room))
		}
	}
}

func (d *design) highest(p, room int) int {
	best, top, full := -1, uint64(0), true
	for i, seed := range d.seeds {
		h, f := scramble(seed^uint64(p)), d.load[i] >= room
		if (best < 0 || full && !f || f == full && h > top) && !slices.Contains(d.lists[p], uint16(i)) {
			best, top, full = i, h, f
		}
	}
	return best
}

// turns lets the nodes take partitions in turn, each the next one it likes that
// still lacks an owner (Eisenbud et al., "Maglev", 2016, section 3.4).
func (d *design) turns() {
	next := make([]uint64, len(d.seeds))
	mask := uint64(d.Partitions - 1)
	for left, stuck := d.Partitions*d.n(), 0; left > 0 && stuck < len(d.seeds); {
		stuck = 0
		for i := 0; i < len(d.seeds) && left > 0; i++ {
			found := false
			for ; next[i] <= mask && !found; next[i]++ {
				p := int((next[i]*(d.seeds[i]>>20|1) + d.seeds[i]) & mask)
				if len(d.lists[p]) < d.n() {
					d.give(p, i)
					found = true
					left--
				}
			}
			if !found {
				stuck++
			}
		}
	}
	for p := range d.lists {
		for len(d.lists[p]) < d.n() {
			d.give(p, d.highest(p, d.Partitions))
		}
	}
}

// scramble is the finalizer of splitmix64.
func scramble(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
