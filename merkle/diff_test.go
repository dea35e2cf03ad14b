package merkle

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// exchange runs two sides to the end and returns the messages.
func exchange(t testing.TB, a, b *Diff, limit int) (messages [][]byte) {
	for turn := 0; !a.Idle() || !b.Idle(); turn++ {
		msg := a.Next(nil, limit)
		if len(msg) > limit+1100 {
			t.Fatalf("message of %d bytes, limit %d", len(msg), limit)
		}
		messages = append(messages, msg)
		if err := b.Receive(msg); err != nil {
			t.Fatal(err)
		}
		a, b = b, a
		if turn > 100_000 {
			t.Fatal("no end")
		}
	}
	return messages
}

func side(d data, part Node, depthOf int) *Diff {
	return NewDiff(view(Build(part, depthOf, d)), d)
}

func checkFound(t testing.TB, a, b *Diff, da, db data) {
	t.Helper()
	if diff := cmp.Diff(da.lackedBy(db), a.Found()); diff != "" {
		t.Errorf("first side (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(db.lackedBy(da), b.Found()); diff != "" {
		t.Errorf("second side (-want +got):\n%s", diff)
	}
}

// Exactly the true difference is found, for any data, any depths and any limit,
// by descent and by listing everything.
func TestDiffFindsTheDifference(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		da, db := data{}, data{}
		for range rapid.IntRange(0, 400).Draw(rt, "keys") {
			h := rapid.Uint64().Draw(rt, "hash")
			switch rapid.IntRange(0, 9).Draw(rt, "who") {
			case 0:
				da[h] = version(h, 1)
			case 1:
				db[h] = version(h, 1)
			case 2:
				da[h], db[h] = version(h, 1), version(h, 2)
			default:
				da[h], db[h] = version(h, 1), version(h, 1)
			}
		}
		size := rapid.SampledFrom([]int{0, 30, 400, 5000})
		a := side(da, Node{}, size.Draw(rt, "depth"))
		b := side(db, Node{}, size.Draw(rt, "depth"))
		if rapid.Bool().Draw(rt, "full") {
			a.List(Node{})
		} else {
			a.Compare(Node{})
		}
		exchange(t, a, b, rapid.SampledFrom([]int{1, 500, 1 << 20}).Draw(rt, "limit"))
		checkFound(t, a, b, da, db)
	})
}

// A range that one side has nothing of costs a few bytes to find.
func TestDiffOfEmptyRange(t *testing.T) {
	da, db := data{}, data{}
	for i := range uint64(10_000) {
		h := scattered(i)
		da[h] = version(h, i)
		if h>>60 != 7 {
			db[h] = da[h]
		}
	}
	a, b := side(da, Node{}, len(da)), side(db, Node{}, len(db))
	a.Compare(Node{})
	bytes := 0
	for _, m := range exchange(t, a, b, 1<<20) {
		bytes += len(m)
	}
	checkFound(t, a, b, da, db)
	if bytes > 300 {
		t.Errorf("%d bytes to find a range of which one side has nothing", bytes)
	}
}

// A list that is in no order, or has a hash twice, is compared as a set.
func TestDiffTakesAnyOrder(t *testing.T) {
	d := data{5: version(5, 1), 9: version(9, 1)}
	var list []byte
	list = appendCount(appendNode(list, itemList, Node{}), 3)
	for _, h := range []uint64{9, 7, 5} {
		f := version(h, 1)
		list = append(Node{}.appendSuffix(list, h), f[:8]...)
	}
	s := side(d, Node{}, 0)
	if err := s.Receive(list); err != nil {
		t.Fatal(err)
	}
	if f := s.Found(); len(f) != 0 {
		t.Errorf("found %v", f)
	}
	it, rest, err := nextItem(s.Next(nil, 1<<10))
	if err != nil || len(rest) > 0 || it.kind != itemWant || it.count != 1 || it.entry(0).hash != 7 {
		t.Errorf("answer %+v, rest %x, %v", it, rest, err)
	}
}

func FuzzReceive(f *testing.F) {
	da, db := data{}, data{}
	for i := range uint64(300) {
		h := scattered(i)
		da[h], db[h] = version(h, 1), version(h, 1+i/290)
	}
	a, b := side(da, Node{}, len(da)), side(db, Node{}, len(db))
	a.Compare(Node{})
	for _, m := range exchange(f, a, b, 400) {
		f.Add(m)
	}
	f.Add([]byte{itemWant, 64, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0x7f})
	f.Fuzz(func(t *testing.T, msg []byte) {
		s := side(da, Node{}, len(da))
		if err := s.Receive(msg); err != nil {
			if !s.Idle() || len(s.Found()) > 0 {
				t.Error("an error changed the machine")
			}
			return
		}
		if !slices.IsSorted(s.Found()) {
			t.Error("found out of order")
		}
		for range 10_000 {
			if s.Idle() {
				return
			}
			reply := s.Next(nil, 1<<20)
			if err := validate(reply); err != nil {
				t.Fatalf("own reply: %v", err)
			}
		}
		t.Error("a message made the side speak for ever")
	})
}
