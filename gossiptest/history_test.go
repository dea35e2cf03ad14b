package gossiptest

import (
	"strings"
	"testing"
	"time"

	"github.com/grapevine-go/grapevine/crdt"
)

// at makes an operation on key "k" from one second to another.
func at(from, to int, kind Kind, value string) *Op {
	return &Op{Kind: kind, Key: "k", Value: value, Found: value != "", Outcome: Applied,
		Invoke: time.Duration(from) * time.Second, Return: time.Duration(to) * time.Second}
}

func put(from, to int, value string) *Op { return at(from, to, PutOp, value) }
func get(from, to int, value string) *Op { return at(from, to, GetOp, value) }
func remove(from, to int) *Op            { return at(from, to, DeleteOp, "") }

func unknown(o *Op) *Op    { o.Outcome = Unknown; return o }
func notApplied(o *Op) *Op { o.Outcome = NotApplied; return o }
func on(key string, o *Op) *Op {
	o.Key = key
	return o
}

// TestCheck judges histories written by hand: what is allowed, and every
// invariant broken once in each way that there is.
func TestCheck(t *testing.T) {
	for _, tc := range []struct {
		name string
		ops  []*Op
		left string // the value that is left; "" for none
		want string // the invariant that is broken
	}{
		{"nothing", nil, "", ""},
		{"read what was written", []*Op{put(1, 2, "a"), get(3, 4, "a")}, "a", ""},
		{"before anything was written", []*Op{get(0, 1, ""), put(1, 2, "a")}, "a", ""},
		{"during a write, the old one", []*Op{put(1, 2, "a"), put(3, 9, "b"), get(4, 5, "a")}, "b", ""},
		{"during a write, the new one", []*Op{put(1, 2, "a"), put(3, 9, "b"), get(4, 5, "b")}, "b", ""},
		{"during a write, one after the other in the wrong order", []*Op{put(1, 2, "a"), put(3, 9, "b"), get(4, 5, "b"), get(6, 7, "a")}, "b", ""},
		{"either of two at once", []*Op{put(1, 9, "a"), put(1, 9, "b"), get(10, 11, "a")}, "b", ""},
		{"a failed write, seen", []*Op{unknown(put(1, 2, "a")), get(3, 4, "a")}, "a", ""},
		{"a failed write, seen late", []*Op{unknown(put(1, 2, "a")), put(3, 4, "b"), get(5, 6, "b"), get(7, 8, "a")}, "a", ""},
		{"a failed write, never seen", []*Op{put(1, 2, "a"), unknown(put(3, 4, "b")), get(5, 6, "a")}, "a", ""},
		{"deleted", []*Op{put(1, 2, "a"), remove(3, 4), get(5, 6, "")}, "", ""},
		{"during the delete", []*Op{put(1, 2, "a"), remove(3, 9), get(4, 5, "a"), get(4, 5, "")}, "", ""},
		{"deleted and written again", []*Op{put(1, 2, "a"), remove(3, 4), put(5, 6, "b"), get(7, 8, "b")}, "b", ""},
		{"a failed delete", []*Op{put(1, 2, "a"), unknown(remove(3, 4)), get(5, 6, ""), get(5, 6, "a")}, "a", ""},
		{"an unknown read says nothing", []*Op{unknown(get(1, 2, "x"))}, "", ""},

		{"nobody wrote it", []*Op{put(1, 2, "a"), get(3, 4, "x")}, "a", "invention"},
		{"somebody wrote it to another key", []*Op{put(1, 2, "a"), on("other", put(1, 2, "b")), get(3, 4, "b")}, "a", "invention"},
		{"read before it was written", []*Op{get(1, 2, "a"), put(3, 4, "a")}, "a", "invention"},
		{"read though not applied", []*Op{notApplied(put(1, 2, "a")), get(3, 4, "a")}, "", "invention"},
		{"left though not applied", []*Op{notApplied(put(1, 2, "a"))}, "a", "invention"},

		{"overwritten before", []*Op{put(1, 2, "a"), put(3, 4, "b"), get(5, 6, "a")}, "b", "freshness"},
		{"deleted before", []*Op{put(1, 2, "a"), remove(3, 4), get(5, 6, "a")}, "", "freshness"},
		{"not found though written", []*Op{put(1, 2, "a"), get(3, 4, "")}, "a", "freshness"},
		{"not found though written again", []*Op{remove(1, 2), put(3, 4, "a"), get(5, 6, "")}, "a", "freshness"},
		{"not found because of what was not applied", []*Op{put(1, 2, "a"), notApplied(remove(3, 4)), get(5, 6, "")}, "a", "freshness"},
		{"not found because of a later delete", []*Op{put(1, 2, "a"), get(3, 4, ""), remove(5, 6)}, "", "freshness"},

		{"lost", []*Op{put(1, 2, "a")}, "", "lost acknowledgement"},
		{"lost behind an older one", []*Op{put(1, 2, "a"), put(3, 4, "b")}, "a", "lost acknowledgement"},
		{"a delete lost", []*Op{put(1, 2, "a"), remove(3, 4)}, "a", "lost acknowledgement"},
	} {
		broken := Check(&History{Ops: tc.ops}, []Final{{Key: "k", Value: tc.left, Found: tc.left != ""}})
		switch {
		case tc.want == "" && len(broken) > 0:
			t.Errorf("%s: %v", tc.name, broken)
		case tc.want != "" && (len(broken) != 1 || broken[0].Invariant != tc.want):
			t.Errorf("%s: %v, not one violation of %s", tc.name, broken, tc.want)
		}
	}
}

// TestViolationTells: whoever reads it finds the operations.
func TestViolationTells(t *testing.T) {
	broken := Check(&History{Ops: []*Op{put(1, 2, "a"), put(3, 4, "b"), get(5, 6, "a")}}, nil)
	if len(broken) != 1 {
		t.Fatal(broken)
	}
	for _, part := range []string{"freshness: ", `5s-6s n0 get k "a"`, `3s-4s n0 put k "b"`, `1s-2s n0 put k "a"`} {
		if !strings.Contains(broken[0].String(), part) {
			t.Errorf("%v does not say %q", broken[0], part)
		}
	}
}

// stamped gives a read the stamp of what it returned.
func stamped(o *Op, time uint64) *Op {
	o.Stamp.Time = crdt.Time(time)
	return o
}

// TestCheckMonotonic judges histories written by hand.
func TestCheckMonotonic(t *testing.T) {
	for _, tc := range []struct {
		name string
		ops  []*Op
		want int
	}{
		{"rising", []*Op{stamped(get(1, 2, "a"), 1), stamped(get(3, 4, "b"), 2), stamped(get(5, 6, "b"), 2)}, 0},
		{"at the same time", []*Op{stamped(get(1, 9, "b"), 2), stamped(get(3, 4, "a"), 1)}, 0},
		{"of other keys", []*Op{stamped(get(1, 2, "b"), 2), on("other", stamped(get(3, 4, "a"), 1))}, 0},
		{"a read that failed", []*Op{stamped(get(1, 2, "b"), 2), unknown(stamped(get(3, 4, "a"), 1))}, 0},
		{"falling", []*Op{stamped(get(1, 2, "b"), 2), stamped(get(3, 4, "a"), 1)}, 1},
		{"falling to nothing", []*Op{stamped(get(1, 2, "b"), 2), get(3, 4, "")}, 1},
		{"deleted, and back", []*Op{stamped(get(1, 2, ""), 2), stamped(get(3, 4, "a"), 1)}, 1},
		{"there, gone, and back", []*Op{put(1, 2, "a"), get(3, 4, "a"), get(5, 6, "b"), get(7, 8, "a")}, 1},
		{"there, gone, and back while it is written", []*Op{put(1, 9, "a"), get(3, 4, "a"), get(5, 6, "b"), get(7, 8, "a")}, 0},
		{"and back, written by a failed put", []*Op{unknown(put(1, 2, "a")), get(3, 4, "a"), get(5, 6, "b"), get(7, 8, "a")}, 0},
	} {
		if broken := CheckMonotonic(&History{Ops: tc.ops}); len(broken) != tc.want {
			t.Errorf("%s: %v, not %d violations", tc.name, broken, tc.want)
		}
	}
}
