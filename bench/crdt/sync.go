package crdt

import (
	"cmp"
	"math/rand/v2"
	"slices"

	"github.com/grapevine-go/grapevine/crdt"
)

// Delta synchronisation as Enes et al. compare it ("Efficient Synchronization of
// State-based CRDTs", 2019, algorithm 2): a node keeps what it wrote or received
// in a buffer and sends the join of it to each neighbour, once a second.
//
//   - classic: a received group that is not all known is buffered whole;
//   - RR (remove redundant): only what of it was news is buffered;
//   - BP (back propagation avoided): a group is not sent back to where it came
//     from.
type algorithm struct {
	name   string
	rr, bp bool
}

var algorithms = []algorithm{{"delta", false, false}, {"delta BP", false, true}, {"delta RR", true, false}, {"delta BP+RR", true, true}}

// lattice is what the experiments need of a type.
type lattice[S any] interface {
	comparable
	Join(S) S
}

// replicated is a type under experiment: units is how many elements or entries
// are in a state, write makes the event of a node, each with a new round.
type replicated[S lattice[S]] struct {
	empty func() S
	units func(S) int
	write func(s S, node, round int, rng *rand.Rand) []S
}

// group is what a node buffers: a delta, and the neighbour it came from, or the
// node itself.
type group[S any] struct {
	delta S
	from  int
}

// rounds is how many events a node makes: one a second.
const rounds = 100

// transmitted runs an experiment and returns how many units were sent until
// nobody had anything left to send.
//
// Nodes are not synchronised: within a second each writes at one time and sends
// at another, drawn from the seed. Messages take no time.
func transmitted[S lattice[S]](t topology, a algorithm, r replicated[S], seed uint64) (sent int) {
	rng := rand.New(rand.NewPCG(seed, 0))
	var states [nodes]S
	var buffers [nodes][]group[S]
	for i := range states {
		states[i] = r.empty()
	}
	receive := func(node, from int, delta S) {
		var none S
		changed := states[node].Join(delta)
		if changed == none {
			return
		}
		if !a.rr {
			changed = delta
		}
		buffers[node] = append(buffers[node], group[S]{changed, from})
	}
	send := func(node int) {
		for _, to := range t.links[node] {
			out := r.empty()
			for _, g := range buffers[node] {
				if !a.bp || g.from != to {
					out.Join(g.delta)
				}
			}
			if n := r.units(out); n > 0 {
				sent += n
				receive(to, node, out)
			}
		}
		buffers[node] = nil
	}
	agenda := drawAgenda(rng)
	for round := 0; ; round++ {
		for _, e := range agenda {
			switch {
			case e.sends:
				send(e.node)
			case round < rounds:
				for _, delta := range r.write(states[e.node], e.node, round, rng) {
					buffers[e.node] = append(buffers[e.node], group[S]{delta, e.node})
				}
			}
		}
		left := 0
		for _, b := range buffers {
			left += len(b)
		}
		if round >= rounds && left == 0 {
			return sent
		}
	}
}

// event is what a node does at a time within each second.
type event struct {
	node  int
	sends bool
	at    float64
}

func drawAgenda(rng *rand.Rand) []event {
	var agenda []event
	for node := range nodes {
		agenda = append(agenda, event{node, false, rng.Float64()}, event{node, true, rng.Float64()})
	}
	slices.SortFunc(agenda, func(a, b event) int { return cmp.Compare(a.at, b.at) })
	return agenda
}

// mint numbers the events of a node; step tells those of one round apart.
func mint(node, round, step int) crdt.Mint {
	n := uint64(round*1000 + step + 1)
	return crdt.Mint{Dot: crdt.Dot{Actor: crdt.Actor{byte(node + 1)}, N: n}, Time: crdt.Time(n)}
}
