package ring

import (
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/grapevine-go/grapevine/peer"
)

// members builds a state from ids and statuses.
func members(statuses map[peer.ID]Status) *State {
	s := &State{}
	for id, status := range statuses {
		s = s.With(Member{ID: id, Status: status})
	}
	return s
}

func ids(s *State, indexes []uint16) []peer.ID {
	var out []peer.ID
	for _, i := range indexes {
		out = append(out, s.Members()[i].ID)
	}
	return out
}

// The layout's lists are those of placements over the members that each status
// makes an owner, and the targets are their union in order.
func TestLayout(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &State{}
		for i := range rapid.IntRange(0, 12).Draw(t, "members") {
			s = s.With(Member{ID: nodeID(i), Status: Status(rapid.IntRange(0, 3).Draw(t, "status")), Zone: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "zone")})
		}
		n, partitions := rapid.IntRange(1, 4).Draw(t, "n"), 1<<rapid.IntRange(0, 6).Draw(t, "bits")
		l := NewLayout(s, n, partitions)
		current, next := placed(s, partitions, n, Serving, Leaving), placed(s, partitions, n, Serving, Joining)
		if next.Partitions() == 0 {
			next = current
		}
		if l.State() != s || l.Partitions() != partitions || l.Moving() != (len(Diff(current, next)) > 0) {
			t.Fatalf("%d partitions, moving %v", l.Partitions(), l.Moving())
		}
		for p := range partitions {
			checkPartition(t, l, p, names(current, p), names(next, p))
		}
		for i := range s.Members() {
			checkGains(t, l, i)
		}
	})
}

func placed(s *State, partitions, n int, statuses ...Status) *Placement {
	var nodes []Node
	for _, m := range s.Members() {
		if slices.Contains(statuses, m.Status) {
			nodes = append(nodes, Node{ID: m.ID, Weight: m.Weight, Zone: m.Zone})
		}
	}
	return Place(nodes, partitions, n)
}

func names(p *Placement, partition int) []peer.ID {
	var out []peer.ID
	for _, o := range p.Owners(partition) {
		out = append(out, p.Nodes()[o].ID)
	}
	return out
}

func checkPartition(t *rapid.T, l *Layout, p int, current, next []peer.ID) {
	s := l.State()
	if got := ids(s, l.Current(p)); !slices.Equal(got, current) {
		t.Fatalf("partition %d: current owners %v, want %v", p, got, current)
	}
	if got := ids(s, l.Next(p)); !slices.Equal(got, next) {
		t.Fatalf("partition %d: next owners %v, want %v", p, got, next)
	}
	union := slices.Clone(current)
	for _, id := range next {
		if !slices.Contains(current, id) {
			union = append(union, id)
		}
	}
	targets := l.Targets(p)
	if len(targets) != len(union) {
		t.Fatalf("partition %d: targets %v, want %v", p, targets, union)
	}
	for k, id := range union {
		want := Target{Current: slices.Contains(current, id), Next: slices.Contains(next, id)}
		i, _ := s.Index(id)
		want.Member = uint16(i)
		if targets[k] != want {
			t.Fatalf("partition %d: target %d is %v, want %v", p, k, targets[k], want)
		}
	}
}

func checkGains(t *rapid.T, l *Layout, member int) {
	var want []int
	for p := range l.Partitions() {
		if slices.Contains(l.Next(p), uint16(member)) && !slices.Contains(l.Current(p), uint16(member)) {
			want = append(want, p)
		}
	}
	if got := slices.Collect(l.Gains(member)); !slices.Equal(got, want) {
		t.Fatalf("member %d gains %v, want %v", member, got, want)
	}
	for range l.Gains(member) {
		break
	}
}

func TestLayoutOfBeginningsAndEnds(t *testing.T) {
	for name, c := range map[string]struct {
		statuses      map[peer.ID]Status
		current, next int // owners of a partition
		moving        bool
	}{
		"nobody":         {nil, 0, 0, false},
		"all left":       {map[peer.ID]Status{"a": Left}, 0, 0, false},
		"all join":       {map[peer.ID]Status{"a": Joining, "b": Joining}, 0, 2, true},
		"all serve":      {map[peer.ID]Status{"a": Serving, "b": Serving, "c": Serving, "d": Serving}, 3, 3, false},
		"the last leave": {map[peer.ID]Status{"a": Leaving, "b": Leaving}, 2, 2, false},
		"replaced":       {map[peer.ID]Status{"a": Leaving, "b": Serving, "c": Serving, "d": Joining}, 3, 3, true},
	} {
		l := NewLayout(members(c.statuses), 3, 16)
		if len(l.Current(3)) != c.current || len(l.Next(3)) != c.next || l.Moving() != c.moving {
			t.Errorf("%s: %v and %v, moving %v", name, l.Current(3), l.Next(3), l.Moving())
		}
	}
	l := NewLayout(members(map[peer.ID]Status{"a": Serving}), 3, 100)
	if l.Partitions() != 0 || l.Targets(0) != nil || l.Current(0) != nil {
		t.Error("a layout of 100 partitions has targets")
	}
	l = NewLayout(members(map[peer.ID]Status{"a": Serving}), 3, 16)
	if l.Targets(-1) != nil || l.Targets(16) != nil || len(l.Targets(15)) != 1 {
		t.Error("targets of a partition that does not exist")
	}
}

// While nobody comes or goes, the two placements are one in memory.
func TestLayoutShares(t *testing.T) {
	l := NewLayout(members(map[peer.ID]Status{"a": Serving, "b": Serving, "c": Left}), 2, 16)
	if &l.Current(0)[0] != &l.Next(0)[0] {
		t.Error("the placement was computed twice")
	}
}

func TestLookupAllocatesNothing(t *testing.T) {
	s := &State{}
	for i := range 16 {
		s = s.With(Member{ID: nodeID(i), Status: Status(i % 3)})
	}
	l, p := NewLayout(s, 3, 256), Place(evenNodes(16), 256, 3)
	key, sum := []byte("user:42"), 0
	if got := testing.AllocsPerRun(100, func() {
		partition := Partition(HashBytes(key), 256)
		sum += len(p.Owners(partition)) + len(l.Targets(partition)) + len(l.Current(partition)) + len(l.Next(partition))
	}); got != 0 {
		t.Errorf("%v allocations a look-up", got)
	}
}

// Everything is immutable: the race detector finds whoever writes.
func TestConcurrentReads(t *testing.T) {
	s := members(map[peer.ID]Status{"a": Serving, "b": Serving, "c": Leaving, "d": Joining})
	l := NewLayout(s, 3, 64)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for p := range 64 {
				_, _, _ = l.Targets(p), l.Current(p), l.Next(p)
			}
			other := s.With(Member{ID: "e"})
			if NewLayout(other, 3, 64).Partitions() != 64 || s.Version() == other.Version() || len(s.Members()) != 4 {
				t.Error("a join changed the state that it started from")
			}
			for range l.Gains(3) {
			}
		})
	}
	wg.Wait()
}

func TestDiff(t *testing.T) {
	three, four := Place(evenNodes(3), 16, 3), Place(evenNodes(4), 16, 3)
	moves := Diff(three, four)
	all, _ := loads(four)
	if len(moves) != all[3] {
		t.Errorf("%d moves, the new node owns %d", len(moves), all[3])
	}
	for _, m := range moves {
		if m.To != nodeID(3) || m.From == "" {
			t.Errorf("unexpected %+v", m)
		}
	}
	if back := Diff(four, three); len(back) != len(moves) || back[0].From != nodeID(3) {
		t.Errorf("the way back: %v", back)
	}
	if got := len(Diff(four, four)); got != 0 {
		t.Errorf("%d moves between equals", got)
	}
	for _, m := range Diff(Place(nil, 16, 3), three) {
		if m.From != "" || m.To == "" {
			t.Errorf("from nothing: %+v", m)
		}
	}
	if got := len(Diff(Place(evenNodes(3), 16, 2), three)); got != 16 {
		t.Errorf("one owner more: %d moves", got)
	}
}
