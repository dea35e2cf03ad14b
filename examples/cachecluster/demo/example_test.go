package demo_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/grapevine-go/grapevine/examples/cachecluster/demo"
)

// The story of this package's own files; all that varies is left out.
func Example() {
	var story strings.Builder
	if err := demo.Run(context.Background(), demo.Config{Files: ".", Out: &story}); err != nil {
		fmt.Println(err)
		return
	}
	lines := strings.Split(strings.TrimSpace(story.String()), "\n")
	fmt.Println(lines[0])
	fmt.Println(lines[len(lines)-1])
	// Output:
	// 5 nodes are up: N=3 owners a key, W=2 confirm a write, R=2 answer a read
	// Every byte came back, and all owners agree.
}
