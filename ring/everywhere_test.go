package ring

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/grapevine-go/grapevine/peer"
)

// All members are the owners of each partition, by what their status makes them.
func TestEverywhere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &State{}
		var current, next []peer.ID
		for i := range rapid.IntRange(0, 40).Draw(t, "members") {
			m := Member{ID: nodeID(i), Status: Status(rapid.IntRange(0, 3).Draw(t, "status"))}
			s = s.With(m)
		}
		for _, m := range s.Members() {
			if m.Status == Serving || m.Status == Leaving {
				current = append(current, m.ID)
			}
			if m.Status == Serving || m.Status == Joining {
				next = append(next, m.ID)
			}
		}
		if next == nil {
			next = current
		}
		partitions := 1 << rapid.IntRange(0, 6).Draw(t, "bits")
		l := NewEverywhere(s, partitions)
		if l.State() != s || l.Partitions() != partitions {
			t.Fatalf("%d partitions", l.Partitions())
		}
		for p := range partitions {
			checkPartition(t, l, p, current, next)
		}
		for i := range s.Members() {
			checkGains(t, l, i)
		}
		if l.Targets(-1) != nil || l.Targets(partitions) != nil || l.Current(partitions) != nil || l.Next(-1) != nil {
			t.Fatal("owners of a partition that does not exist")
		}
	})
	if l := NewEverywhere(members(map[peer.ID]Status{"a": Serving}), 100); l.Partitions() != 0 || l.Targets(0) != nil {
		t.Error("a layout of 100 partitions has targets")
	}
}
