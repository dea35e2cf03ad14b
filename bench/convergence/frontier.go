package convergence

import (
	"fmt"
	"io"
	"time"

	"github.com/grapevine-go/grapevine/gossiptest"
	"github.com/grapevine-go/grapevine/rumor"
)

// contenders are the policies of the frontier, for a number of nodes.
func contenders(n int) []contender {
	structured := func(fanout, k, announce int) rumor.Policy {
		return rumor.Policy{Mode: rumor.Push, Targets: rumor.Structured, Fanout: fanout, K: k, Announce: announce}
	}
	list := []contender{
		{"memberlist", memberlistRule(n), 0},
		{"default", rumor.DefaultPolicy(), 0},
		{"frugal", frugal(), 0},
	}
	family := func(format string, ks []int, policy func(k int) rumor.Policy) {
		for _, k := range ks {
			list = append(list, contender{fmt.Sprintf(format, k), policy(k), 0})
		}
	}
	family("push, %d copies", []int{4, 8, 12}, func(k int) rumor.Policy {
		return rumor.Policy{Mode: rumor.Push, Fanout: 4, K: k}
	})
	family("push, feedback, counter %d", []int{2, 3, 4}, func(k int) rumor.Policy {
		return rumor.Policy{Mode: rumor.Push, Fanout: 2, K: k, Feedback: true, MaxAge: 30}
	})
	family("structured, %d copies", []int{3, 4, 6}, func(k int) rumor.Policy { return structured(4, k, 0) })
	family("structured, 3 copies, names %d", []int{1, 3, 6}, func(k int) rumor.Policy { return structured(4, 3, k) })
	family("push-pull, counter %d", []int{1, 2, 3}, func(k int) rumor.Policy {
		return rumor.Policy{Mode: rumor.PushPull, Fanout: 2, K: k, Feedback: true, MaxAge: 30}
	})
	family("push-pull by digest, contacts %d", []int{1, 2, 3}, func(k int) rumor.Policy {
		return rumor.Policy{Mode: rumor.PushPull, Fanout: k, K: 10 * k, Digest: true}
	})
	return append(list,
		contender{"direct mail", rumor.Policy{Mode: rumor.Push, Targets: rumor.Mail, Fanout: 1, K: 1}, 0},
		contender{"structured, 3 then one", structured(3, 4, 0), 0},
		contender{"push-pull, minimised, 2", rumor.Policy{Mode: rumor.PushPull, Fanout: 2, K: 2, Feedback: true, Minimise: true, MaxAge: 30}, 0},
		contender{"median counter 3", rumor.Policy{Mode: rumor.PushPull, Fanout: 1, K: 3, Stop: rumor.MedianCounter, MaxAge: 30}, 0},
		contender{"tree of 3 orders", rumor.Policy{Mode: rumor.Push, Targets: rumor.Tree, Fanout: 1, K: 3}, 5},
	)
}

// frugal is the second point of the frontier: few bodies, and names for the
// rest.
func frugal() rumor.Policy {
	return rumor.Policy{Mode: rumor.Push, Targets: rumor.Structured, Fanout: 4, K: 1, Announce: 12}
}

// world is a setting of the frontier.
type world struct {
	nodes               int
	loss, dead, unknown float64
	runs                int
}

func (o *options) worlds() (list []world) {
	if o.quick {
		return []world{{1024, 0.05, 0, 0, o.or(60)}}
	}
	for _, size := range []struct{ nodes, runs int }{{128, 300}, {1024, 300}, {10_000, 20}, {100_000, 3}} {
		for _, loss := range []float64{0, 0.05, 0.2} {
			for _, dead := range []float64{0, 0.02, 0.1} {
				list = append(list, world{size.nodes, loss, dead, 0, o.or(size.runs)})
			}
		}
		list = append(list, world{size.nodes, 0.05, 0, 0.1, o.or(size.runs)})
	}
	return list
}

// frontier measures every policy in every world.
func (o *options) frontier(out io.Writer) (rows []row, err error) {
	for _, w := range o.worlds() {
		start := time.Now()
		fmt.Fprintf(out, "\nConvergence against redundancy: %d nodes, %.3g loss, %.3g dead and not noticed, %.3g unknown, ticks of %v, %d runs\n\n",
			w.nodes, w.loss, w.dead, w.unknown, interval, w.runs)
		var here []row
		for _, c := range contenders(w.nodes) {
			e := gossiptest.Epidemic{
				Nodes: w.nodes, Interval: interval, MinDelay: o.e.MinDelay, MaxDelay: o.e.MaxDelay,
				Loss: w.loss, Dead: w.dead, Unknown: w.unknown, Body: o.e.Body,
			}
			r, err := measure(c.name, c.in(e), w.runs, o.seed)
			if err != nil {
				return nil, err
			}
			here = append(here, r)
		}
		printRows(out, here)
		fmt.Fprintf(out, "(%v)\n", time.Since(start).Round(time.Second))
		rows = append(rows, here...)
	}
	return rows, nil
}
