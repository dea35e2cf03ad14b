package gossiptest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/grapevine-go/grapevine/crdt"
)

// looseRun draws a run whose sessions are worth something: most of its levels do
// not make reads fresh, and in half of those whose W is above one the clients use
// more keys than a session holds one by one. With W=1 a node that comes back
// empty takes acknowledged writes with it: what is folded is not promised then.
func looseRun(seed uint64) Run {
	run := Draw(seed)
	levels := [][3]int{{3, 1, 1}, {3, 1, 1}, {3, 2, 1}, {3, 1, 2}, {5, 2, 2}, {3, 2, 2}, {5, 2, 1}}
	level := levels[seed%uint64(len(levels))]
	run.N, run.W, run.R = level[0], level[1], level[2]
	run.Nodes, run.Sessions = max(run.Nodes, run.N), true
	run.Blocking = seed%5 == 0
	if run.Workload != "registers" && run.W == 1 {
		run.Faults.Crash = 0 // all of it is folded
	}
	if run.W > 1 && seed%2 == 0 {
		run.Keys, run.Clients = 60, 3
	}
	return run
}

// TestSimSessions draws runs in which a read need not meet a write: sessions keep
// what they promise all the same, or say that they are lost, whatever node their
// clients are at.
func TestSimSessions(t *testing.T) {
	if *simSeed >= 0 {
		runOne(t, looseRun(uint64(*simSeed)))
		return
	}
	const batches = 8
	n := seeds(max(*simSeeds/4, 1))
	var all [batches]SessionCounts
	t.Run("seeds", func(t *testing.T) {
		for b := range uint64(batches) {
			t.Run(fmt.Sprint(b), func(t *testing.T) {
				t.Parallel()
				for i := b; i < n; i += batches {
					all[b].add(twice(t, looseRun(*simFirst+i)).Sessions)
				}
			})
		}
	})
	var sum SessionCounts
	for _, c := range all {
		sum.add(c)
	}
	t.Logf("%+v", sum)
	if n >= 100 && (sum.Resumed == 0 || sum.Waited == 0 || sum.Lost == 0 || sum.Folded == 0) {
		t.Errorf("not all of it happened: %+v", sum)
	}
}

func (s *SessionCounts) add(o SessionCounts) {
	s.Begun += o.Begun
	s.Resumed += o.Resumed
	s.Waited += o.Waited
	s.Lost += o.Lost
	s.Folded += o.Folded
}

// in makes an operation one of a session, with a stamp.
func in(session int, o *Op, time uint64) *Op {
	o.Session, o.Stamp = session, crdt.Stamp{Time: crdt.Time(time)}
	return o
}

func elem(kind Kind, from, to int, e string) *Op { return at(from, to, kind, e) }

func elems(from, to int, elements ...string) *Op {
	o := at(from, to, GetOp, "")
	o.Elements = elements
	return o
}

func up(from, to int, n int64) *Op {
	o := at(from, to, CountOp, "")
	o.Amount = n
	return o
}

func counted(from, to int, n int64) *Op {
	o := at(from, to, GetOp, "")
	o.Amount = n
	return o
}

// TestCheckSessions judges histories written by hand: each guarantee kept, and
// broken.
func TestCheckSessions(t *testing.T) {
	for _, tc := range []struct {
		name string
		ops  []*Op
		want string
	}{
		{"all in order", []*Op{in(1, put(1, 2, "a"), 1), in(1, get(3, 4, "a"), 1), in(1, put(5, 6, "b"), 2), in(1, get(7, 8, "c"), 3)}, ""},
		{"another session", []*Op{in(1, put(1, 2, "b"), 2), in(2, get(3, 4, "a"), 1), in(2, put(5, 6, "c"), 3)}, ""},
		{"no session", []*Op{put(1, 2, "b"), stamped(get(3, 4, "a"), 1)}, ""},
		{"another key", []*Op{in(1, put(1, 2, "b"), 2), on("other", in(1, get(3, 4, "a"), 1))}, ""},
		{"a failed write", []*Op{in(1, unknown(put(1, 2, "b")), 2), in(1, get(3, 4, "a"), 1)}, ""},
		{"a failed read", []*Op{in(1, put(1, 2, "b"), 2), in(1, unknown(get(3, 4, "a")), 1)}, ""},
		{"a write of which nothing was heard", []*Op{in(1, put(1, 2, "a"), 5), in(1, unknown(put(3, 4, "b")), 0)}, ""},
		{"an own write, which another has replaced", []*Op{in(1, put(1, 2, "a"), 1), put(3, 4, "x"), in(1, get(5, 6, "x"), 2)}, ""},
		{"an own write is gone", []*Op{in(1, put(1, 2, "b"), 2), in(1, get(3, 4, "a"), 1)}, "read your writes"},
		{"an own delete is gone", []*Op{in(1, remove(1, 2), 2), in(1, get(3, 4, "a"), 1)}, "read your writes"},
		{"what was replaced, whatever the stamps", []*Op{in(1, put(1, 2, "a"), 1), in(1, put(3, 4, "b"), 2), in(1, get(5, 6, "a"), 9)}, "read your writes"},
		{"what was deleted, whatever the stamps", []*Op{in(1, put(1, 2, "a"), 1), in(1, remove(3, 4), 2), in(1, get(5, 6, "a"), 9)}, "read your writes"},
		{"what was read is gone", []*Op{in(1, get(1, 2, "b"), 2), in(1, get(3, 4, "a"), 1)}, "monotonic reads in a session"},
		{"written below a write", []*Op{in(1, put(1, 2, "a"), 2), in(1, put(3, 4, "b"), 1)}, "monotonic writes"},
		{"written below a failed write of another key", []*Op{in(1, unknown(put(1, 2, "a")), 2), on("other", in(1, put(3, 4, "b"), 1))}, "monotonic writes"},
		{"written below what was read", []*Op{in(1, get(1, 2, "a"), 2), on("other", in(1, put(3, 4, "b"), 1))}, "writes follow reads"},
		{"written at what was read", []*Op{in(1, get(1, 2, "a"), 2), in(1, put(3, 4, "b"), 2)}, "writes follow reads"},
		{"an own element", []*Op{in(1, elem(AddOp, 1, 2, "a"), 0), in(1, elems(3, 4, "a", "b"), 0), in(1, elems(5, 6, "b", "a"), 0)}, ""},
		{"an own element that was removed", []*Op{in(1, elem(AddOp, 1, 2, "a"), 0), unknown(elem(RemoveOp, 3, 9, "a")), in(1, elems(4, 5), 0)}, ""},
		{"an own element is gone", []*Op{in(1, elem(AddOp, 1, 2, "a"), 0), in(1, elems(3, 4, "b"), 0), elem(RemoveOp, 5, 6, "a")}, "read your writes"},
		{"an element is gone", []*Op{in(1, elems(1, 2, "a"), 0), in(1, elems(3, 4), 0)}, "monotonic reads in a session"},
		{"counted up", []*Op{in(1, up(1, 2, 3), 0), in(1, up(3, 4, 2), 0), in(1, counted(5, 6, 5), 0), in(1, counted(7, 8, 9), 0)}, ""},
		{"counted down", []*Op{in(1, up(1, 2, 3), 0), up(3, 9, -2), in(1, counted(5, 6, 1), 0)}, ""},
		{"own counts are missing", []*Op{in(1, up(1, 2, 3), 0), in(1, up(3, 4, 2), 0), in(1, counted(5, 6, 4), 0)}, "read your writes"},
		{"counts are missing", []*Op{in(1, counted(1, 2, 5), 0), in(1, counted(5, 6, 4), 0)}, "monotonic reads in a session"},
	} {
		broken := CheckSessions(&History{Ops: tc.ops})
		switch {
		case tc.want == "" && len(broken) > 0:
			t.Errorf("%s: %v", tc.name, broken)
		case tc.want != "" && (len(broken) != 1 || broken[0].Invariant != tc.want):
			t.Errorf("%s: %v, not one violation of %s", tc.name, broken, tc.want)
		}
	}
}

// TestSessionControls: without what sessions ask of reads the checkers find
// reads that show less; and so they do where a session folds what it has read as
// if W owners had it.
func TestSessionControls(t *testing.T) {
	const ms = time.Millisecond
	loose := Run{N: 3, W: 1, R: 1, Keys: 4, Sweep: 30 * time.Second, Sessions: true, Faults: Faults{Loss: .1, MinDelay: ms, MaxDelay: 50 * ms}}
	folding := Run{Nodes: 3, N: 3, W: 2, R: 1, Keys: 45, Clients: 4, Active: 30 * time.Second, Sweep: time.Minute, Timeout: 200 * ms, Sessions: true,
		Faults: Faults{Loss: .4, MinDelay: ms, MaxDelay: 20 * ms}}
	counting := Run{N: 3, W: 2, R: 1, Keys: 4, Sweep: 30 * time.Second, Timeout: 300 * ms, Sessions: true, Faults: Faults{Loss: .2, MinDelay: ms, MaxDelay: 50 * ms}}
	of := func(workload string, run Run) Run {
		run.Workload = workload
		return run
	}
	for _, c := range []struct {
		broken, want string
		run          Run
	}{
		{"no-session", "read your writes", loose}, {"no-session", "monotonic reads in a session", loose},
		{"no-session", "monotonic writes", loose}, {"no-session", "writes follow reads", loose},
		{"soft-fold", "monotonic reads in a session", folding},
		{"no-session", "read your writes", of("counters", counting)}, {"no-blocking", "monotonic reads in a session", of("counters", counting)},
		{"no-session", "read your writes", of("sets", counting)}, {"no-blocking", "monotonic reads in a session", of("sets", counting)},
		{"soft-fold", "monotonic reads in a session", of("sets", folding)},
	} {
		if c.want == "monotonic writes" || c.want == "writes follow reads" { // it takes clocks that disagree
			c.run.Faults.Skew = 250 * ms
		}
		t.Run(strings.TrimSpace(c.broken+" "+c.want+" "+c.run.Workload), func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(200) {
				whole, broken := violations(c.run, seed, c.broken)
				for _, v := range whole {
					t.Errorf("seed %d, nothing switched off: %v", seed, v)
				}
				for _, v := range broken {
					if v.Invariant == c.want {
						t.Logf("seed %d: %v", seed, v)
						return
					}
				}
			}
			t.Error("nothing was noticed in 200 seeds")
		})
	}
}
