package crdt

import (
	"fmt"
	"math/rand/v2"

	"github.com/grapevine-go/grapevine/crdt"
)

// workload is one of the experiments' types, with the units that the authors
// measured, by topology and algorithm; 0 where their raw data was not read.
type workload struct {
	name     string
	units    float64 // new units an event, on average
	run      func(t topology, a algorithm, seed uint64) int
	measured map[string][4]int
}

// gset adds a fresh element.
var gset = replicated[*crdt.GrowSet[string]]{
	empty: crdt.NewGrowSet[string],
	units: (*crdt.GrowSet[string]).Len,
	write: func(s *crdt.GrowSet[string], node, round int, _ *rand.Rand) []*crdt.GrowSet[string] {
		return one(s.Add(mint(node, round, 0), fmt.Sprintf("%d-%d", node, round)))
	},
}

// gcounter counts up by one.
var gcounter = replicated[*crdt.GrowCounter]{
	empty: crdt.NewGrowCounter,
	units: func(c *crdt.GrowCounter) (n int) {
		for range c.All() {
			n++
		}
		return n
	},
	write: func(c *crdt.GrowCounter, node, round int, _ *rand.Rand) []*crdt.GrowCounter {
		return one(c.Add(mint(node, round, 0), 1))
	},
}

// keys of a map are 1000, spread over the nodes: 67 each, 62 on the last.
const (
	mapKeys  = 1000
	keysEach = 67
)

func keysOf(node int) int { return min(keysEach, mapKeys-node*keysEach) }

// gmap rewrites a share of the node's own keys.
func gmap(percent int) replicated[*crdt.LWWMap[int, int]] {
	type dict = *crdt.LWWMap[int, int]
	return replicated[dict]{
		empty: crdt.NewLWWMap[int, int],
		units: func(m dict) int { return m.Len(0) },
		write: func(m dict, node, round int, rng *rand.Rand) (deltas []dict) {
			own := rng.Perm(keysOf(node))
			for i, k := range own[:min(keysPerEvent(percent), len(own))] {
				deltas = append(deltas, one(m.Put(mint(node, round, i), node*keysEach+k, round, 0))...)
			}
			return deltas
		},
	}
}

func keysPerEvent(percent int) int { return keysEach*percent/100 + min(1, 100-percent) }

// one makes a list of the delta of a mutation that cannot fail here.
func one[S any](delta S, err error) []S {
	if err != nil {
		panic(err) // a fault of the experiment: numbers and times rise
	}
	return []S{delta}
}

func workloads() []workload {
	all := []workload{
		{"GSet", 1, runner(gset), map[string][4]int{
			"tree": {2149624, 21000, 42000, 21000}, "mesh": {4601128, 4585703, 89944, 68919},
		}},
		{"GCounter", 1, runner(gcounter), map[string][4]int{
			"tree": {42278, 20922, 42000, 21000}, "mesh": {90208, 90174, 89920, 68649},
		}},
	}
	for i, percent := range []int{10, 30, 60, 100} {
		each := 0
		for node := range nodes {
			each += min(keysPerEvent(percent), keysOf(node))
		}
		all = append(all, workload{fmt.Sprintf("GMap %d %%", percent), float64(each) / nodes, runner(gmap(percent)), map[string][4]int{"mesh": [][4]int{
			{5513412, 5525416, 629388, 482454}, {5918748, 5924522, 1881368, 1447517}, {5969848, 6000984, 3684540, 2824027}, {6050204, 6039322, 5994372, 4593325},
		}[i]}})
	}
	return all
}

func runner[S lattice[S]](r replicated[S]) func(topology, algorithm, uint64) int {
	return func(t topology, a algorithm, seed uint64) int { return transmitted(t, a, r, seed) }
}

// closedForm is what remove-redundant sends, whatever the phases: each new unit
// once over every link in both directions, but with back propagation avoided not
// back to where it came from. It is 0 for the other algorithms.
func (w workload) closedForm(t topology, a algorithm) int {
	if !a.rr {
		return 0
	}
	each := 2 * t.edges()
	if a.bp {
		each -= nodes - 1
	}
	return int(float64(each*nodes*rounds)*w.units + 0.5)
}
