package admit_test

import (
	"fmt"
	"time"

	"github.com/grapevine-go/grapevine/quorum/admit"
)

func Example() {
	limit := admit.New(100 * time.Millisecond)
	fmt.Println("begins at", limit.Most())
	measure := func(mean time.Duration) {
		window := admit.Measured{Peak: limit.Most()}
		for range 2000 {
			window.Kinds[0].Add(mean, limit.Cap(0))
		}
		limit.Update(window)
	}
	measure(10 * time.Millisecond)
	fmt.Println("all places taken, and quick:", limit.Most())
	measure(400 * time.Millisecond)
	fmt.Println("overloaded:", limit.Most())
	for range 5 { // four of which still measure what was begun before
		measure(80 * time.Millisecond)
	}
	fmt.Println("quick again:", limit.Most())
	fmt.Println("of those, read repair may use", admit.Share(limit.Most(), 4))
	// Output:
	// begins at 1024
	// all places taken, and quick: 1152
	// overloaded: 576
	// quick again: 648
	// of those, read repair may use 324
}
