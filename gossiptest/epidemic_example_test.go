package gossiptest_test

import (
	"fmt"
	"time"

	"github.com/grapevine-go/grapevine/gossiptest"
	"github.com/grapevine-go/grapevine/rumor"
)

// How long it takes to tell a thousand nodes of which one in fifty is dead, and
// how many copies that costs each.
func ExampleEpidemic() {
	s, err := gossiptest.Epidemic{
		Nodes: 1000, Policy: rumor.DefaultPolicy(), Interval: 200 * time.Millisecond, MaxDelay: 5 * time.Millisecond, Dead: 0.02,
	}.Run(1)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(s.Reached, "of", s.Alive, "nodes, all within a second and a half:", s.T100 < 1.5, "fewer than 5 copies each:", s.Traffic < 5)
	// Output: 980 of 980 nodes, all within a second and a half: true fewer than 5 copies each: true
}
