package gossiptest

import (
	"testing"
	"time"

	"github.com/grapevine-go/grapevine/rumor"
)

// TestZones: with one order in four over all zones, most copies stay in theirs,
// and neither time nor coverage suffers; the same holds for random targets. That
// no copy goes far would be a fault: then somebody is never told.
func TestZones(t *testing.T) {
	for name, p := range map[string]rumor.Policy{
		"structured": rumor.DefaultPolicy(),
		"random":     {Mode: rumor.Push, Fanout: 3, K: 12, Far: 4},
	} {
		e := Epidemic{Nodes: 300, Policy: p, Zones: 3, Interval: 200 * time.Millisecond, MinDelay: time.Millisecond, MaxDelay: 3 * time.Millisecond, Loss: 0.05}
		near, any := e, e
		any.Policy.Far = 0
		var sums [2]Spread
		const runs = 30
		for seed := range uint64(runs) {
			for i, e := range []Epidemic{near, any} {
				s, err := e.Run(seed)
				if err != nil {
					t.Fatal(err)
				}
				sums[i].Crossing += s.Crossing / runs
				sums[i].Residue += s.Residue / runs
				sums[i].Last += s.Last / runs
				sums[i].Traffic += s.Traffic / runs
			}
		}
		n, a := sums[0], sums[1]
		if a.Crossing < 0.6 || n.Crossing > 0.3 || n.Crossing < 0.1 {
			t.Errorf("%s: %.2f of the copies go to another zone, %.2f without zones in mind", name, n.Crossing, a.Crossing)
		}
		if n.Residue > a.Residue+0.001 || n.Last > 1.25*a.Last || n.Traffic > 1.1*a.Traffic {
			t.Errorf("%s: residue %.5f, last after %.2f s, %.2f copies; without zones in mind %.5f, %.2f s, %.2f", name,
				n.Residue, n.Last, n.Traffic, a.Residue, a.Last, a.Traffic)
		}
	}
}
