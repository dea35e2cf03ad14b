package gossiptest

import (
	"strings"
	"testing"
)

func add(from, to int, e string) *Op { return at(from, to, AddOp, e) }

// take is a remove; it found the element if saw.
func take(from, to int, e string, saw bool) *Op {
	o := at(from, to, RemoveOp, e)
	o.Found = saw
	return o
}

// has is a get of a set with the elements, separated by spaces.
func has(from, to int, elements string) *Op {
	o := at(from, to, GetOp, "")
	o.Elements = strings.Fields(elements)
	return o
}

// TestCheckSets judges histories written by hand: what is allowed, and each
// invariant broken in the ways that there are.
func TestCheckSets(t *testing.T) {
	for _, tc := range []struct {
		name string
		ops  []*Op
		left string
		want string
	}{
		{"nothing", nil, "", ""},
		{"what was added", []*Op{add(1, 2, "a"), has(3, 4, "a")}, "a", ""},
		{"before and during", []*Op{has(0, 0, ""), add(1, 9, "a"), has(2, 3, "a"), has(4, 5, "")}, "a", ""},
		{"a failed add, seen or not", []*Op{unknown(add(1, 2, "a")), has(3, 4, "a"), has(5, 6, "")}, "", ""},
		{"removed", []*Op{add(1, 2, "a"), take(3, 4, "a", true), has(5, 6, "")}, "", ""},
		{"during the remove", []*Op{add(1, 2, "a"), take(3, 9, "a", true), has(4, 5, "a"), has(6, 7, "")}, "", ""},
		{"a failed remove", []*Op{add(1, 2, "a"), unknown(take(3, 4, "a", true)), has(5, 6, ""), has(7, 8, "a")}, "a", ""},
		{"an add at the same time wins", []*Op{add(1, 2, "a"), take(3, 4, "a", true), add(3, 4, "a"), has(5, 6, "a")}, "a", ""},
		{"added again", []*Op{add(1, 2, "a"), take(3, 4, "a", true), add(5, 6, "a"), has(7, 8, "a")}, "a", ""},
		{"a remove that saw nothing of an add at the same time", []*Op{add(1, 9, "a"), take(3, 4, "a", false), has(10, 11, "a")}, "a", ""},

		{"nobody added it", []*Op{has(1, 2, "x")}, "", "invention"},
		{"added to another key", []*Op{on("other", add(1, 2, "x")), has(3, 4, "x")}, "", "invention"},
		{"read before it was added", []*Op{has(1, 2, "a"), add(3, 4, "a")}, "a", "invention"},
		{"not applied", []*Op{notApplied(add(1, 2, "a"))}, "a", "invention"},
		{"lost", []*Op{add(1, 2, "a"), has(3, 4, "")}, "a", "lost add"},
		{"lost at the end", []*Op{add(1, 2, "a")}, "", "lost add"},
		{"lost to a remove that was over before", []*Op{take(0, 1, "a", false), add(2, 3, "a"), has(4, 5, "")}, "a", "lost add"},
		{"lost to a remove that was not applied", []*Op{add(1, 2, "a"), notApplied(take(3, 4, "a", true))}, "", "lost add"},
		{"lost to the remove of another", []*Op{add(1, 2, "a"), take(3, 4, "b", false)}, "", "lost add"},
		{"back", []*Op{add(1, 2, "a"), take(3, 4, "a", true), has(5, 6, "a")}, "", "resurrection"},
		{"back at the end", []*Op{add(1, 2, "a"), take(3, 4, "a", true)}, "a", "resurrection"},
		{"back although a remove at the same time saw it", []*Op{add(1, 9, "a"), take(3, 4, "a", true), has(10, 11, "a")}, "", "resurrection"},
		{"back from a failed add that a remove saw", []*Op{unknown(add(1, 2, "a")), take(3, 4, "a", true)}, "a", "resurrection"},
	} {
		last := lastGet("k")
		last.Elements = strings.Fields(tc.left)
		wants(t, tc.name, tc.want, CheckSets(&History{Ops: tc.ops}, []*Op{last}))
	}
}

// wants wants one violation of an invariant; "" for none.
func wants(t *testing.T, name, want string, broken []Violation) {
	t.Helper()
	switch {
	case want == "" && len(broken) > 0:
		t.Errorf("%s: %v", name, broken)
	case want != "" && (len(broken) != 1 || broken[0].Invariant != want):
		t.Errorf("%s: %v, not one violation of %s", name, broken, want)
	}
}

// count is an increment, sum a get of a counter.
func count(from, to int, n int64) *Op {
	o := at(from, to, CountOp, "")
	o.Amount = n
	return o
}

func sum(from, to int, n int64) *Op {
	o := count(from, to, n)
	o.Kind = GetOp
	return o
}

// TestCheckCounters does the same for counters.
func TestCheckCounters(t *testing.T) {
	for _, tc := range []struct {
		name string
		ops  []*Op
		left int64
		want string
	}{
		{"nothing", nil, 0, ""},
		{"all that was counted", []*Op{count(1, 2, 5), count(1, 2, -3), sum(3, 4, 2)}, 2, ""},
		{"under way, or not yet", []*Op{count(1, 9, 5), sum(2, 3, 0), sum(4, 5, 5)}, 5, ""},
		{"some of what is unknown", []*Op{unknown(count(1, 2, 5)), unknown(count(1, 2, -7)), unknown(count(1, 2, 1))}, -6, ""},
		{"none of what was not applied", []*Op{notApplied(count(1, 2, 5))}, 0, ""},
		{"of another key", []*Op{on("other", count(1, 2, 5))}, 0, ""},

		{"one too few", []*Op{count(1, 2, 5), count(1, 2, 1)}, 5, "count"},
		{"missed", []*Op{count(1, 2, 5), sum(3, 4, 0)}, 5, "count"},
		{"read before", []*Op{sum(1, 2, 5), count(3, 4, 5)}, 5, "count"},
		{"twice", []*Op{count(1, 2, 5)}, 10, "count"},
		{"unknown, and twice", []*Op{unknown(count(1, 2, 5))}, 10, "count"},
		{"not applied, and there", []*Op{notApplied(count(1, 2, 5))}, 5, "count"},
		{"half of one", []*Op{unknown(count(1, 2, 6))}, 3, "count"},
		{"below all that is possible", []*Op{unknown(count(1, 2, -6))}, -7, "count"},
	} {
		last := lastGet("k")
		last.Amount = tc.left
		wants(t, tc.name, tc.want, CheckCounters(&History{Ops: tc.ops}, []*Op{last}))
	}
	wants(t, "rising", "", CheckRising(&History{Ops: []*Op{sum(1, 2, 1), sum(3, 9, 3), sum(4, 5, 2)}}))
	wants(t, "falling", "monotonic reads", CheckRising(&History{Ops: []*Op{sum(1, 2, 3), sum(3, 4, 2)}}))
}

// TestRetriesHappen: the workload retries, and most retries tell how it ended.
func TestRetriesHappen(t *testing.T) {
	for _, workload := range []string{"registers", "sets", "counters"} {
		run := Run{Seed: 5, Workload: workload, Retry: true, Faults: Faults{Loss: .2}, Timeout: 300_000_000}
		r := Simulate(run)
		known := 0
		for _, o := range r.History.Ops {
			if o.Retries > 0 && o.Outcome == Applied {
				known++
			}
		}
		if r.Faults.Retries == 0 || known == 0 {
			t.Errorf("%s: %d retries, of which %d say applied", workload, r.Faults.Retries, known)
		}
		for _, v := range r.Violations {
			t.Errorf("%s: %v", workload, v)
		}
	}
}
