package gossiptest_test

import (
	"fmt"
	"time"

	"github.com/grapevine-go/grapevine/gossiptest"
)

// Five nodes work for twenty virtual seconds while messages get lost and nodes
// crash and come back empty; then everything that the clients saw is judged.
func Example() {
	run := gossiptest.Run{Seed: 42, Nodes: 5, N: 3, W: 2, R: 2, Faults: gossiptest.Faults{
		Loss: 0.05, MinDelay: time.Millisecond, MaxDelay: 50 * time.Millisecond, Crash: 3 * time.Second,
	}}
	report := gossiptest.Simulate(run)
	for _, v := range report.Violations {
		fmt.Println(v)
	}
	fmt.Println("crashes:", report.Faults.Crashes > 0, "messages lost:", report.Faults.Lost > 0)
	fmt.Println("replays:", gossiptest.Simulate(run).Hash == report.Hash)
	// Output:
	// crashes: true messages lost: true
	// replays: true
}
