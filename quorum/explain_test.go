package quorum

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/peer"
)

// explained explains what owners a, b, … have; nil: no answer.
func explained(bottom func() crdt.State, mode RepairMode, states ...crdt.State) Explanation {
	e := Explanation{Table: "carts", Type: "register(string)", Key: "user:42", Partition: 7, Ring: 0xabc, Mode: mode}
	for i, s := range states {
		o := OwnerState{ID: peer.ID(rune('a' + i)), Current: true, Next: true, Err: ErrNoAnswer}
		if s != nil {
			if c, ok := s.(*crdt.Cell); ok && c.Stamp().IsZero() { // bottom is no state
				o.Took(nil, true)
			} else {
				o.Took(s.AppendBinary(nil), true)
			}
			o.RTT = time.Duration(i) * 100 * time.Microsecond
		}
		e.Owners = append(e.Owners, o)
	}
	e.Explain(bottom, crdt.Key{1}, start, func(a crdt.Actor) string { return "n" + string('0'+rune(a[0])) })
	return e
}

// cellOf is a register that was written at a time, in seconds before the start.
func cellOf(ago int, actor byte, deltas ...crdt.Cell) *crdt.Cell {
	c := crdt.Put(crdt.Stamp{Time: crdt.TimeOf(start.Add(-time.Duration(ago) * time.Second)), Actor: crdt.Actor{actor}}, []byte("value"), 0)
	for _, d := range deltas {
		c.Join(d)
	}
	return &c
}

func TestExplainRegisters(t *testing.T) {
	newest := cellOf(1, 2)
	deleted := crdt.Delete(newest.Value.Stamp)
	gone, coming := cellOf(1, 2), cellOf(1, 2)
	gone.Join(crdt.Expire(newest.Value.Stamp, newest.Value.Stamp, start.Add(-500*time.Millisecond).UnixMilli()))
	coming.Join(crdt.Expire(newest.Value.Stamp, newest.Value.Stamp, start.Add(time.Minute).UnixMilli()))
	for _, tc := range []struct {
		name   string
		mode   RepairMode
		states []crdt.State
		want   []string
	}{
		{"all the same", RepairAsync, []crdt.State{newest, newest, newest}, []string{
			"the value of 1970-01-01 00:16:39.000Z, written by n2, wins: it is the newest of 1"}},
		{"nothing", RepairAsync, []crdt.State{new(crdt.Cell), new(crdt.Cell)}, []string{"nobody who answered has ever had it"}},
		{"one behind", RepairAsync, []crdt.State{newest, cellOf(3, 1), newest}, []string{
			"the value of 1970-01-01 00:16:39.000Z, written by n2, wins: it is the newest of 2",
			"dominated: the value of 1970-01-01 00:16:37.000Z at b, written by n1, is older by 2s",
			"a read would repair, after it has returned: b"}},
		{"at the same time", RepairBlocking, []crdt.State{newest, cellOf(1, 1)}, []string{
			"the value of 1970-01-01 00:16:39.000Z, written by n2, wins: it is the newest of 2",
			"dominated: the value at b, written by n1 at the same time: the higher actor wins",
			"a read would repair, before it returns: b"}},
		{"deleted, and one has nothing", RepairOff, []crdt.State{&deleted, new(crdt.Cell), cellOf(2, 1)}, []string{
			"the delete of 1970-01-01 00:16:39.000Z, written by n2, wins: it is the newest of 2",
			"dominated: the value of 1970-01-01 00:16:38.000Z at c, written by n1, is older by 1s",
			"left to anti-entropy, since reads do not repair: b, c"}},
		{"expired", RepairAsync, []crdt.State{gone}, []string{
			"the value of 1970-01-01 00:16:39.000Z, written by n2, wins: it is the newest of 1",
			"it is hidden: it expired 500ms ago, at 1970-01-01 00:16:39.500Z"}},
		{"expires, and one does not know", RepairAsync, []crdt.State{coming, newest}, []string{
			"the value of 1970-01-01 00:16:39.000Z, written by n2, wins: it is the newest of 1",
			"it expires in 1m0s, at 1970-01-01 00:17:40.000Z",
			"a read would repair, after it has returned: b"}},
		{"one does not answer", RepairAsync, []crdt.State{newest, nil}, []string{
			"the value of 1970-01-01 00:16:39.000Z, written by n2, wins: it is the newest of 1",
			"b did not answer (quorum: no answer yet): it may have something newer"}},
	} {
		e := explained(func() crdt.State { return new(crdt.Packed) }, tc.mode, tc.states...)
		if d := cmp.Diff(tc.want, e.Why); d != "" {
			t.Errorf("%s: %s", tc.name, d)
		}
	}
}

func TestExplainOthers(t *testing.T) {
	set := func(elems ...string) *crdt.GrowSet[string] {
		s := crdt.NewGrowSet[string]()
		for _, e := range elems {
			s.Add(crdt.Mint{}, e)
		}
		return s
	}
	for _, tc := range []struct {
		name   string
		states []crdt.State
		want   []string
	}{
		{"all the same", []crdt.State{set("a"), set("a")}, []string{"all that have it have the same"}},
		{"one behind", []crdt.State{set("a", "b"), set("a")}, []string{
			"it is the join of 2 states", "a: has all, and something that nobody else has", "dominated: b adds nothing to what the others have",
			"a read would repair, after it has returned: b"}},
		{"both sides", []crdt.State{set("a"), set("b")}, []string{
			"it is the join of 2 states", "a: adds something that nobody else has, and lacks something", "b: adds something that nobody else has, and lacks something",
			"a read would repair, after it has returned: a, b"}},
		{"the third has all", []crdt.State{set("a"), set("b"), set("a", "b")}, []string{
			"it is the join of 3 states", "dominated: a adds nothing to what the others have", "dominated: b adds nothing to what the others have", "c: has all",
			"a read would repair, after it has returned: a, b"}},
	} {
		e := explained(func() crdt.State { return crdt.NewGrowSet[string]() }, RepairAsync, tc.states...)
		if d := cmp.Diff(tc.want, e.Why); d != "" {
			t.Errorf("%s: %s", tc.name, d)
		}
	}
}

// TestExplanationIsReadable: as it is printed.
func TestExplanationIsReadable(t *testing.T) {
	e := explained(func() crdt.State { return new(crdt.Packed) }, RepairAsync, cellOf(1, 2), cellOf(3, 1), new(crdt.Cell), nil)
	e.Owners[1].Zone, e.Owners[2].Next, e.Owners[3].Current, e.Owners[3].Down, e.Owners[2].Synced = "west", false, false, true, false
	const want = `"user:42" of table carts (register(string)), partition 7, ring 0000000000000abc
owner                     state                             version            fingerprint  bytes  round trip
a                         there                             999000+0@02000000  31600201     31     0s
b, west                   there, behind                     997000+0@01000000  c49b39db     31     100µs
c, going                  absent, behind, not synced                                               200µs
d, coming, believed dead  no answer: quorum: no answer yet
all together              there                             999000+0@02000000  31600201     31
- the value of 1970-01-01 00:16:39.000Z, written by n2, wins: it is the newest of 2
- dominated: the value of 1970-01-01 00:16:37.000Z at b, written by n1, is older by 2s
- a read would repair, after it has returned: b, c
- d did not answer (quorum: no answer yet): it may have something newer
`
	var got strings.Builder
	for line := range strings.Lines(e.String()) {
		got.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	if d := cmp.Diff(want, got.String()); d != "" {
		t.Error(d)
	}
}
