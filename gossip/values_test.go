package gossip_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/gossip"
	"github.com/grapevine-go/grapevine/quorum"
)

type profile struct {
	Name string
	Tags []string
	Age  int `json:",omitempty"`
}

// roundTrip puts each value at one node and gets it at another.
func roundTrip[T any](t *testing.T, nodes []*gossip.Node, values ...T) {
	t.Helper()
	t.Run(fmt.Sprintf("%T", *new(T)), func(t *testing.T) {
		var tables []*gossip.RegisterTable[T]
		for _, n := range nodes {
			table, err := gossip.Ring(n, fmt.Sprintf("%T", *new(T)), gossip.Registers[T](), three)
			if err != nil {
				t.Fatal(err)
			}
			tables = append(tables, table)
		}
		ready(t, nodes...)
		for i, v := range values {
			key := fmt.Sprint(i)
			if _, err := tables[0].Put(within(t), key, v); err != nil {
				t.Fatal(err)
			}
			got, ok, err := tables[1].Get(within(t), key)
			if err != nil || !ok {
				t.Fatalf("%v: %t %v", v, ok, err)
			}
			if d := cmp.Diff(v, got); d != "" {
				t.Error(d)
			}
		}
		var zero T
		if got, ok, err := tables[2].Get(within(t), "absent"); ok || err != nil || cmp.Diff(zero, got) != "" {
			t.Errorf("absent: %v %t %v", got, ok, err)
		}
	})
}

func TestValues(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 3)
	roundTrip(t, nodes, "", "a", "\x00\xff", "日本", strings.Repeat("x", 100_000))
	roundTrip(t, nodes, []byte{}, []byte{0}, bytes.Repeat([]byte{7}, 200_000))
	roundTrip(t, nodes, true, false)
	roundTrip(t, nodes, 0, 1, -1, math.MaxInt, math.MinInt)
	roundTrip(t, nodes, 0.5, math.Inf(-1))
	roundTrip(t, nodes, profile{}, profile{Name: "Ann", Tags: []string{"a", "b"}, Age: 7})
	roundTrip(t, nodes, map[string]int{}, map[string]int{"a": 1})
}

// upper is an application's own codec, with values that it does not encode.
type upper struct{}

var errLower = errors.New("lower case")

func (upper) Name() string { return "upper" }
func (upper) Append(dst []byte, v string) ([]byte, error) {
	if v != strings.ToUpper(v) {
		return dst, errLower
	}
	return append(dst, v...), nil
}
func (upper) Decode(p []byte) (string, error) {
	if len(p) == 0 {
		return "", crdt.ErrCorrupt
	}
	return string(p), nil
}

func TestOwnCodec(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 3)
	table, err := gossip.Ring(nodes[0], "shouts", gossip.Registers[string](upper{}), three)
	if err != nil {
		t.Fatal(err)
	}
	ready(t, nodes...)
	ctx := within(t)
	if _, err := table.Put(ctx, "key", "HEY"); err != nil {
		t.Fatal(err)
	}
	if v, ok, err := table.Get(ctx, "key"); v != "HEY" || !ok || err != nil {
		t.Errorf("%q %t %v", v, ok, err)
	}
	if _, err := table.Put(ctx, "key", "hey"); !errors.Is(err, errLower) || gossip.Outcome(err) != quorum.NotApplied {
		t.Errorf("not encoded: %v", err)
	}
	if v, _, err := table.Get(ctx, "key"); v != "HEY" || err != nil {
		t.Errorf("%q %v", v, err)
	}
	if _, err := table.Put(ctx, "key", ""); err != nil {
		t.Fatal(err)
	}
	if e, err := table.Entry(ctx, "key"); e.Found || !errors.Is(err, crdt.ErrCorrupt) || !strings.Contains(err.Error(), `"key"`) {
		t.Errorf("not decoded: %+v %v", e, err)
	}
	if got := nodes[1].Tables()[0]; got.Type != "register(upper)" || !got.Open {
		t.Errorf("a node that has not opened it: %+v", got)
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 3)
	table := open(t, nodes[0])
	ready(t, nodes...)
	ctx := within(t)
	put(t, table, "key", "one")
	written, err := table.Entry(ctx, "key")
	if err != nil || written.Stamp == (crdt.Stamp{}) || !written.ExpiresAt.IsZero() {
		t.Fatalf("%+v %v", written, err)
	}
	for range 2 { // deleting what is deleted is applied as well
		if r, err := table.Delete(ctx, "key"); err != nil || r.Acked < 2 {
			t.Fatalf("%+v %v", r, err)
		}
		e, err := open(t, nodes[1]).Entry(ctx, "key")
		if err != nil || e.Found || e.Value != "" || e.Stamp.Compare(written.Stamp) <= 0 {
			t.Errorf("deleted: %+v %v", e, err)
		}
	}
	put(t, open(t, nodes[2]), "key", "two")
	expect(t, table, "key", "two")
	if _, err := table.Delete(ctx, "never there"); err != nil {
		t.Error(err)
	}
	settled(t, nodes...)
	if got := nodes[0].Tables()[0]; got.Live != 1 || got.Dead != 1 {
		t.Errorf("keeps %d live, %d dead", got.Live, got.Dead)
	}
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 3)
	table, other := open(t, nodes[0], gossip.Partitions(16)), open(t, nodes[1], gossip.Partitions(16)) // Len asks for each
	ready(t, nodes...)
	ctx := within(t)
	later := time.Now().Add(time.Hour)
	entry := func() gossip.Entry[string] {
		t.Helper()
		e, err := other.Entry(ctx, "key")
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	wants := func(value string, at time.Time) {
		t.Helper()
		e := entry()
		if e.Value != value || e.Found != (value != "") || !e.ExpiresAt.Equal(at.Truncate(time.Millisecond)) {
			t.Errorf("%+v, want %q until %v", e, value, at)
		}
	}
	expire := func(at time.Time, want bool) {
		t.Helper()
		if found, err := table.Expire(ctx, "key", at); found != want || err != nil {
			t.Errorf("Expire: %t %v", found, err)
		}
	}
	expire(later, false) // nothing there
	put(t, table, "key", "one", quorum.ExpireAt(later))
	wants("one", later)
	put(t, table, "key", "two") // clears it
	wants("two", time.Time{})
	expire(later, true)
	wants("two", later)
	put(t, table, "key", "three", quorum.ExpireAt(entry().ExpiresAt)) // keeps it
	wants("three", later)
	expire(time.Time{}, true) // persists
	wants("three", time.Time{})
	put(t, table, "key", "four", quorum.ExpireAt(entry().ExpiresAt)) // keeps that there is none
	wants("four", time.Time{})
	expire(time.Now().Add(-time.Second), true) // in the past: gone at once
	wants("", time.Time{})
	expire(later, false) // what is hidden cannot be brought back
	wants("", time.Time{})
	put(t, table, "key", "five", quorum.ExpireAt(time.Unix(1, 0)))
	wants("", time.Time{})

	put(t, table, "key", "six", quorum.ExpireAt(time.Now().Add(300*time.Millisecond)))
	eventually(t, "the value is hidden", func() bool { return !entry().Found })
	if keys, _, err := table.Scan(ctx, 0, 10); len(keys) > 0 || err != nil {
		t.Errorf("Scan shows what is hidden: %v %v", keys, err)
	}
	if n, err := table.Len(ctx); n != 0 || err != nil {
		t.Errorf("Len: %d %v", n, err)
	}
	if entry().Stamp == (crdt.Stamp{}) {
		t.Error("the version of what is hidden is gone")
	}
	settled(t, nodes...)
	if got := nodes[0].Tables()[0]; got.Live != 1 || got.Dead != 0 {
		t.Errorf("keeps %d live, %d dead: what the clock hides is still kept", got.Live, got.Dead)
	}
}

func TestBatches(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 3)
	table := open(t, nodes[0])
	ready(t, nodes...)
	keys := fill(t, table, 1000) // several windows
	expectAll(t, open(t, nodes[1]), keys, quorum.R(3))
	ctx := within(t)

	items := []gossip.Item[string]{{"a", "1"}, {"", "2"}, {strings.Repeat("k", 4097), "3"}, {"b", "4"}}
	errs := table.PutMany(ctx, items)
	for i, want := range []error{nil, gossip.ErrKey, gossip.ErrKey, nil} {
		if !errors.Is(errs[i], want) || (want == nil) != (errs[i] == nil) {
			t.Errorf("item %d: %v", i, errs[i])
		}
	}
	errs = table.DeleteMany(ctx, append(keys[:500:500], ""))
	for i, err := range errs {
		if (err != nil) != (i == 500) {
			t.Errorf("delete %d: %v", i, err)
		}
	}
	results := open(t, nodes[2]).GetMany(ctx, append(keys, "a", "", "b", "absent"))
	for i, r := range results[:1000] {
		if r.Err != nil || r.Found != (i >= 500) || r.Found && r.Value != valueOf(keys[i]) {
			t.Fatalf("%s: %+v", keys[i], r)
		}
	}
	a, none, b, absent := results[1000], results[1001], results[1002], results[1003]
	if a.Value != "1" || !errors.Is(none.Err, gossip.ErrKey) || b.Value != "4" || absent.Found || absent.Err != nil {
		t.Errorf("%+v", results[1000:])
	}
	if len(table.GetMany(ctx, nil))+len(table.PutMany(ctx, nil))+len(table.DeleteMany(ctx, nil)) > 0 {
		t.Error("results of nothing")
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	for _, err := range table.PutMany(ended, items[:1], quorum.W(3)) {
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 3, func(c *gossip.Config) { c.MaxValue = 1000 })
	table := open(t, nodes[0])
	ready(t, nodes...)
	ctx := within(t)
	longest := strings.Repeat("k", 4096)
	put(t, table, longest, strings.Repeat("v", 1000))
	expect(t, open(t, nodes[1]), longest, strings.Repeat("v", 1000))
	put(t, table, "\x00 \xff\n", "any bytes")
	expect(t, open(t, nodes[2]), "\x00 \xff\n", "any bytes")
	for _, tt := range []struct {
		key, value string
		want       error
		large      bool
		says       string
	}{
		{"", "v", gossip.ErrKey, false, "this one is empty"},
		{longest + "k", "v", gossip.ErrKey, true, "this one 4097"},
		{"key", strings.Repeat("v", 1001), quorum.ErrTooLarge, true, "has 1001 bytes, at most 1000"},
	} {
		_, err := table.Put(ctx, tt.key, tt.value)
		if !errors.Is(err, tt.want) || errors.Is(err, quorum.ErrTooLarge) != tt.large || gossip.Outcome(err) != quorum.NotApplied ||
			!strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "too large") != tt.large {
			t.Errorf("%.9q with %d bytes: %v", tt.key, len(tt.value), err)
		}
		if tt.want != gossip.ErrKey {
			continue
		}
		_, _, getErr := table.Get(ctx, tt.key)
		_, delErr := table.Delete(ctx, tt.key)
		_, expErr := table.Expire(ctx, tt.key, time.Now())
		for _, err := range []error{getErr, delErr, expErr} {
			if !errors.Is(err, gossip.ErrKey) {
				t.Errorf("%.9q: %v", tt.key, err)
			}
		}
	}
	if n, err := table.Len(ctx); n != 2 || err != nil {
		t.Errorf("%d keys, %v", n, err)
	}
}

// The largest value there is goes through, and to an owner that lost it.
func TestLargestValue(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 3)
	table := open(t, nodes[0])
	ready(t, nodes...)
	value := strings.Repeat("v", 16<<20)
	put(t, table, "key", value)
	expect(t, open(t, nodes[1]), "key", value, quorum.R(3))
	if _, err := table.Put(within(t), "key", value+"v"); !errors.Is(err, quorum.ErrTooLarge) {
		t.Errorf("one byte more: %v", err)
	}
	nodes[2].Close()
	nodes[2] = start(t, config(t, 2, nodes))
	ready(t, nodes...)
	settled(t, nodes...)
}
