package swim

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/grapevine-go/grapevine/peer"
)

// inBubble runs a test in virtual time.
func inBubble(t *testing.T, f func(*testing.T)) {
	t.Helper()
	if raceEnabled {
		t.Skip("synctest with many timers can crash under the race detector in Go 1.26")
	}
	synctest.Test(t, f)
}

// allSee reports whether every node sees all of ids in the given state.
func allSee(nodes []*Swim, want State, ids ...peer.ID) bool {
	for _, s := range nodes {
		for _, id := range ids {
			if m, ok := s.Member(id); s.cfg.ID != id && (!ok || m.State != want) {
				return false
			}
		}
	}
	return true
}

// elapse lets virtual time pass until ok, and fails after limit.
func elapse(t *testing.T, what string, limit time.Duration, ok func() bool) {
	t.Helper()
	began := time.Now()
	for !ok() {
		if time.Since(began) > limit {
			t.Fatalf("not within %v: %s", limit, what)
		}
		time.Sleep(100 * time.Millisecond) // virtual
	}
	t.Logf("%s after %v", what, time.Since(began))
}

// A partition that lasts longer than memberlist remembers the dead, with the
// times of real use: it heals by rejoin, and without it does not.
func TestLongPartitionInVirtualTime(t *testing.T) {
	for _, c := range []struct {
		name   string
		rejoin time.Duration
		heals  bool
	}{{"by default", 0, true}, {"rejoin off", -1, false}} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				network, cut := newMemory(), newPartition()
				var nodes []*Swim
				for i := range 6 {
					cfg := config(peerID(i), uint64(i+1))
					cfg.Preset, cfg.Rejoin = LAN, c.rejoin
					cfg.listen = cut.on(i/3, network.listen)
					nodes = append(nodes, start(t, cfg))
					join(t, nodes[i], nodes[0])
				}
				left, right := nodes[:3], nodes[3:]
				elapse(t, "all are one", time.Minute, func() bool {
					return allSee(nodes, Alive, "n0", "n1", "n2", "n3", "n4", "n5")
				})
				cut.set(true)
				elapse(t, "each side gives the other up", 3*time.Minute, func() bool {
					return allSee(left, Dead, "n3", "n4", "n5") && allSee(right, Dead, "n0", "n1", "n2")
				})
				time.Sleep(10 * time.Minute) // virtual; the memory is 30 s
				for _, s := range nodes {
					if n := s.ml.NumMembers(); n != 3 {
						t.Errorf("memberlist of %s has %d members", s.cfg.ID, n)
					}
				}
				cut.set(false)
				if c.heals {
					elapse(t, "all are one again", 5*time.Minute, func() bool {
						return allSee(nodes, Alive, "n0", "n1", "n2", "n3", "n4", "n5")
					})
					return
				}
				time.Sleep(time.Hour) // virtual
				if !allSee(left, Dead, "n3", "n4", "n5") || !allSee(right, Dead, "n0", "n1", "n2") {
					t.Error("it healed by itself: the test does not show what rejoin is for")
				}
			})
		})
	}
}

// Two nodes that only remember each other as dead meet in one attempt, while
// memberlist still remembers too.
func TestJoinRevives(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		network, cut := newMemory(), newPartition()
		var nodes []*Swim
		for i := range 2 {
			cfg := config(peerID(i), uint64(i+1))
			cfg.Preset, cfg.Rejoin = LAN, -1
			cfg.listen = cut.on(i, network.listen)
			nodes = append(nodes, start(t, cfg))
		}
		join(t, nodes[1], nodes[0])
		cut.set(true)
		elapse(t, "each gives the other up", time.Minute, func() bool {
			return allSee(nodes, Dead, "n0", "n1")
		})
		cut.set(false)
		join(t, nodes[1], nodes[0])
		synctest.Wait()
		if !allSee(nodes, Alive, "n0", "n1") {
			t.Error(states(nodes[0]), "/", states(nodes[1]))
		}
	})
}

// When all of one side restarted during the partition nobody remembers the
// other side: the seeds do.
func TestSeedsHealAfterRestart(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		network, cut := newMemory(), newPartition()
		acfg := config("a", 1)
		acfg.listen = cut.on(0, network.listen)
		a := start(t, acfg)
		cut.set(true)
		bcfg := config("b", 2)
		bcfg.listen, bcfg.Seeds = cut.on(1, network.listen), []string{a.Self().Addr.String()}
		var blog logged
		bcfg.Logger = blog.logger()
		b := start(t, bcfg)
		if n, err := b.Join(t.Context()); n != 0 || err == nil {
			t.Fatal(n, err)
		}
		time.Sleep(5 * time.Minute) // virtual
		if !blog.has("level=WARN", "no other member can be reached") {
			t.Error("nothing in the log")
		}
		cut.set(false)
		elapse(t, "they meet", time.Minute, func() bool {
			return allSee([]*Swim{a, b}, Alive, "a", "b")
		})
		if b.Stats().Rejoins == 0 {
			t.Error("not counted")
		}
	})
}

// The same with sockets of the machine and times shortened tenfold. That it
// would not heal without rejoin is shown in virtual time, where it is certain
// that the memory is gone.
func TestLongPartition(t *testing.T) {
	cut := newPartition()
	var nodes []*Swim
	var told []events
	for i := range 4 {
		cfg := config(peerID(i), uint64(i+1))
		cfg.tune, cfg.listen, cfg.Rejoin = brisk, cut.on(i/2, listenNet), 200*time.Millisecond
		told = append(told, watch(&cfg))
		nodes = append(nodes, start(t, cfg))
		join(t, nodes[i], nodes[0])
	}
	eventually(t, "all are one", func() bool { return allSee(nodes, Alive, "n0", "n1", "n2", "n3") })
	cut.set(true)
	for i, e := range told {
		e.wantAll(t, Fail, peerID((i+2)%4), peerID((i+2)%4^1))
	}
	// The memory lasts 300 ms from the failure, and then to the next round of
	// probes; that it is gone cannot be seen from outside.
	<-time.After(time.Second)
	cut.set(false)
	eventually(t, "all are one again", func() bool { return allSee(nodes, Alive, "n0", "n1", "n2", "n3") })
}

// A hundred nodes, with the times of real use, in about a second. News reach
// all but a few by gossip; whoever is left out learns of a join or a crash with
// the full exchange of states, every 90 s in a cluster of this size, and may
// take a goodbye for a crash.
func TestHundredNodes(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		network := newMemory()
		var nodes []*Swim
		var ids []peer.ID
		for i := range 100 {
			cfg := config(peerID(i), uint64(i+1))
			cfg.Preset, cfg.listen = LAN, network.listen
			nodes, ids = append(nodes, start(t, cfg)), append(ids, cfg.ID)
			join(t, nodes[i], nodes[0])
		}
		elapse(t, "all see all", 10*time.Minute, func() bool { return allSee(nodes, Alive, ids...) })
		_ = nodes[7].Close()
		rest := append(nodes[:7:7], nodes[8:]...)
		elapse(t, "all see the crash", 10*time.Minute, func() bool { return allSee(rest, Dead, "n7") })
		if err := nodes[8].Leave(t.Context()); err != nil {
			t.Error(err)
		}
		rest = append(rest[:7:7], rest[8:]...)
		left := 0
		elapse(t, "all see the goodbye", 10*time.Minute, func() bool {
			left = 0
			for _, s := range rest {
				m, ok := s.Member("n8")
				if !ok || m.State.Live() {
					return false
				}
				if m.State == Left {
					left++
				}
			}
			return true
		})
		if left < len(rest)*9/10 {
			t.Errorf("%d of %d took the goodbye for one", left, len(rest))
		}
	})
}
