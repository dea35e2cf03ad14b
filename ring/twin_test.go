package ring

import (
	"cmp"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// twin is placement as one would first write it: all tokens of all nodes,
// sorted once, dealt out under rules that count from scratch each time.
type twin struct {
	*topology
	n, left   int
	throwers  []thrower
	room      []int
	headroom  []int
	owners    [][]int // of each partition, in the order found
	primaries []int   // of each partition, or -1
}

type twinToken struct {
	moment          uint64
	node, partition int
}

func newTwin(nodes []Node, partitions, n int) *twin {
	t := &twin{topology: newTopology(nodes)}
	t.n = min(n, len(t.nodes))
	var shares []uint64
	shares, t.left = t.shares(t.n)
	t.owners, t.primaries = make([][]int, partitions), slices.Repeat([]int{-1}, partitions)
	for i, node := range t.nodes {
		seed, load := mix(Hash(string(node.ID))), shares[i]*uint64(partitions)
		t.throwers = append(t.throwers, newThrower(seed, shares[i], partitions))
		t.room = append(t.room, bound(load, t.n, seed))
		t.headroom = append(t.headroom, int(load/uint64(t.n)/20*21>>32)+1)
	}
	t.deal(partitions)
	return t
}

func (t *twin) deal(partitions int) {
	var tokens []twinToken
	for i := range t.throwers {
		th := t.throwers[i]
		for ; th.next < uint32(partitions); th.next++ {
			if m := th.moment(); m < lastMoment {
				tokens = append(tokens, twinToken{m, i, int(th.partition())})
			}
		}
	}
	slices.SortStableFunc(tokens, func(a, b twinToken) int { return cmp.Compare(a.moment, b.moment) })
	for _, token := range tokens {
		if t.load(token.node) < t.room[token.node] && t.fits(token.partition, token.node) {
			t.give(token.partition, token.node)
		}
	}
	for p := range partitions {
		for len(t.owners[p]) < t.n {
			t.give(p, t.rendezvous(p))
		}
		if t.primaries[p] < 0 {
			t.primaries[p] = slices.MinFunc(t.owners[p], func(a, b int) int {
				return cmp.Compare(t.firsts(a)*t.headroom[b], t.firsts(b)*t.headroom[a])
			})
		}
	}
}

func (t *twin) rendezvous(p int) int {
	var fit []int
	for i := range t.nodes {
		if t.fits(p, i) {
			fit = append(fit, i)
		}
	}
	if roomy := slices.DeleteFunc(slices.Clone(fit), func(i int) bool { return t.load(i) >= t.room[i] }); len(roomy) > 0 {
		fit = roomy
	}
	return slices.MaxFunc(fit, func(a, b int) int {
		return cmp.Compare(mix(t.throwers[a].seed^uint64(p)), mix(t.throwers[b].seed^uint64(p)))
	})
}

func (t *twin) give(p, i int) {
	t.owners[p] = append(t.owners[p], i)
	if t.primaries[p] < 0 && t.firsts(i) < t.headroom[i] {
		t.primaries[p] = i
	}
}

// fits tries the node out: no zone may then hold more than its quota, and the
// zones no more above their least than is left for that.
func (t *twin) fits(p, i int) bool {
	if len(t.owners[p]) == t.n || slices.Contains(t.owners[p], i) {
		return false
	}
	held := make([]int, len(t.zones))
	for _, o := range append(slices.Clone(t.owners[p]), i) {
		held[t.zone[o]]++
	}
	above := 0
	for z, h := range held {
		if h > t.zones[z].least {
			above += h - t.zones[z].least
			if !t.zones[z].more || h > t.zones[z].least+1 {
				return false
			}
		}
	}
	return above <= t.left
}

func (t *twin) load(i int) int {
	load := 0
	for _, list := range t.owners {
		if slices.Contains(list, i) {
			load++
		}
	}
	return load
}

func (t *twin) firsts(i int) int {
	firsts := 0
	for _, p := range t.primaries {
		if p == i {
			firsts++
		}
	}
	return firsts
}

// list gives a partition's owners as Place does: the primary moved to the front.
func (t *twin) list(p int) []uint16 {
	list := []uint16{uint16(t.primaries[p])}
	for _, o := range t.owners[p] {
		if o != t.primaries[p] {
			list = append(list, uint16(o))
		}
	}
	return list
}

func TestTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes := anyNodes(t, 24)
		partitions, n := 1<<rapid.IntRange(0, 7).Draw(t, "bits"), rapid.IntRange(1, 5).Draw(t, "n")
		fast, slow := Place(nodes, partitions, n), newTwin(nodes, partitions, n)
		for p := range partitions {
			if !slices.Equal(fast.Owners(p), slow.list(p)) {
				t.Fatalf("partition %d: %v, the twin has %v", p, fast.Owners(p), slow.list(p))
			}
		}
	})
}
