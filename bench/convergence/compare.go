package convergence

import (
	"fmt"
	"io"
	"math"
	"time"

	"github.com/grapevine-go/grapevine/gossiptest"
	"github.com/grapevine-go/grapevine/rumor"
)

// interval is memberlist's GossipInterval of its LAN settings, and here
// everybody's.
const interval = 200 * time.Millisecond

// memberlistRule is that of its broadcast queue with LAN settings: each gossip
// goes to 3 random members, and a broadcast is taken into RetransmitMult ×
// ⌈log10(n+1)⌉ messages, RetransmitMult being 4.
func memberlistRule(n int) rumor.Policy {
	return rumor.Policy{Mode: rumor.Push, Fanout: 3, K: 4 * int(math.Ceil(math.Log10(float64(n+1))))}
}

// comparison measures the default policy beside memberlist's rule.
func (o *options) comparison(out io.Writer) ([]row, error) {
	fmt.Fprintf(out, "%d nodes, ticks of %v at random phases, %.3g loss, %.3g dead and not noticed, %.3g unknown\n\n", o.e.Nodes, o.e.Interval, o.e.Loss, o.e.Dead, o.e.Unknown)
	var rows []row
	for _, c := range []contender{{"default", o.e.Policy, 0}, {"memberlist", memberlistRule(o.e.Nodes), 0}} {
		r, err := measure(c.name, c.in(o.e), o.or(300), o.seed)
		if err != nil {
			return nil, err
		}
		rows = append(rows, r)
	}
	printRows(out, rows)
	if a, b := rows[0], rows[1]; a.T999 != nil && b.T999 != nil {
		fmt.Fprintf(out, "\nthe default over memberlist's rule: t99.9 × %.2f, copies × %.2f, bytes × %.2f\n", *a.T999 / *b.T999, a.Copies/b.Copies, a.Bytes/b.Bytes)
	}
	return rows, nil
}

// contender is a policy with a name.
type contender struct {
	name   string
	policy rumor.Policy
	warm   int // updates before the one that is measured
}

// in puts the policy into a world.
func (c contender) in(e gossiptest.Epidemic) gossiptest.Epidemic {
	e.Policy, e.Warm = c.policy, c.warm
	return e
}
