//go:build !race

package transport

import (
	"testing"
	"time"
)

// A small call allocates nothing on either side, inline or on the worker. The
// race detector allocates by itself, hence the build tag.
func TestSmallCallsDoNotAllocate(t *testing.T) {
	p := pair(t, echo)
	request, w := make([]byte, 100), make(waiter, 1)
	for _, class := range []Class{Foreground, Sync} {
		n := testing.AllocsPerRun(2000, func() {
			p.Call(class, request, time.Now().Add(time.Minute), w, 0)
			if err := <-w; err != nil {
				t.Fatal(err)
			}
		})
		if n > 0 {
			t.Errorf("%v: %v allocations a call", class, n)
		}
	}
}
