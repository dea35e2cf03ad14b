package fault_test

import (
	"context"
	"fmt"

	"github.com/grapevine-go/grapevine/internal/fault"
)

func ExampleWithLoss() {
	sent := 0
	ctx := fault.WithLoss(context.Background(), func() bool { sent++; return sent%5 == 0 }) // every fifth
	lost := 0
	for range 100 {
		if fault.Loss(ctx)() {
			lost++
		}
	}
	fmt.Println(lost, fault.Loss(context.Background()) == nil)
	// Output: 20 true
}
