package replica

import (
	"testing"

	"github.com/grapevine-go/grapevine/internal/wire"
)

// TestServingAllocatesNothing: a write over a value of the same size and a read
// are answered without a piece of memory of their own.
func TestServingAllocatesNothing(t *testing.T) {
	h := newCluster(t, whole(), Rules{}, "a", "b", "c")
	a, key := h.nodes["a"], h.keyOf("a", true)
	dst := make([]byte, 0, 1<<10)
	for _, kind := range []wire.Kind{wire.KindWrite, wire.KindRead} {
		var msgs [64][]byte // each write with a newer stamp
		for i := range msgs {
			msgs[i] = h.asking(kind, key, 0).encode()
			h.now = h.now.Add(tick)
		}
		next := 0
		if n := testing.AllocsPerRun(len(msgs)-1, func() {
			reply := a.Serve(h.now, msgs[next], dst)
			next++
			if r, err := wire.ParseReply(reply); err != nil || r.Status != wire.OK {
				t.Fatalf("%v, %v", r.Status, err)
			}
		}); n != 0 {
			t.Errorf("%v: %v allocations", kind, n)
		}
	}
}
