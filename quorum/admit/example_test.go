package admit_test

import (
	"fmt"
	"time"

	"github.com/grapevine-go/grapevine/quorum/admit"
)

func Example() {
	limit := admit.New(100 * time.Millisecond)
	fmt.Println("begins at", limit.Most())
	// 2,000 operations ended in a window, after 400 ms each, and all places were taken.
	limit.Update(2000, 400*time.Millisecond, limit.Most())
	fmt.Println("overloaded:", limit.Most())
	for range 5 { // four of which still measure what was begun before
		limit.Update(2000, 80*time.Millisecond, limit.Most())
	}
	fmt.Println("all places taken, and quick:", limit.Most())
	fmt.Println("of those, read repair may use", admit.Share(limit.Most(), 4))
	// Output:
	// begins at 4096
	// overloaded: 2048
	// all places taken, and quick: 2304
	// of those, read repair may use 1152
}
