package pbs_test

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/grapevine-go/grapevine/quorum"
	"github.com/grapevine-go/grapevine/quorum/pbs"
)

// What W=1, R=1 would cost on disks whose writes are slow now and then.
func Example() {
	rnd := rand.New(rand.NewPCG(1, 2))
	one := quorum.NWR{N: 3, W: 1, R: 1}
	p, err := pbs.Predict(pbs.LinkedInDisk, one, 100_000, rnd)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%v: %.0f %% fresh at once, %.0f %% after 10 ms\n", one, 100*p.Fresh(0), 100*p.Fresh(10*time.Millisecond))
	fmt.Printf("99.9 %% of writes end within %v\n", p.Write(.999).Round(time.Millisecond))
	// Output:
	// N=3 W=1 R=1: 44 % fresh at once, 92 % after 10 ms
	// 99.9 % of writes end within 11ms
}
