package gossip

import (
	"cmp"
	"fmt"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/internal/wire"
	"github.com/grapevine-go/grapevine/ring"
)

// owned makes an owner's reply to a page request: the keys, all put, or deleted
// later, and where its page ended; "" for the partition's end.
func owned(t *testing.T, end string, deleted string, keys ...string) []byte {
	t.Helper()
	e := wire.BeginEntries(nil, &wire.ReplyHeader{Synced: true})
	for _, key := range keys {
		c := crdt.Put(crdt.Stamp{Time: 1}, []byte("value"), 0)
		if key == deleted {
			c = crdt.Delete(crdt.Stamp{Time: 2})
		}
		p := crdt.NewPacked()
		if _, err := p.JoinBinary(c.AppendBinary(nil)); err != nil {
			t.Fatal(err)
		}
		e.Add([]byte(key), p)
	}
	if end == "" {
		return e.End(0, true)
	}
	return e.End(ring.Hash(end), false)
}

// A page ends where the shortest of the owners' pages ended, whoever answered
// first: what is behind that only some owners were asked about, and it comes
// with the next page.
func TestPageEndsWithTheShortest(t *testing.T) {
	var keys []string
	for i := range 9 {
		keys = append(keys, fmt.Sprint("key-", i))
	}
	slices.SortFunc(keys, func(a, b string) int { return cmp.Compare(ring.Hash(a), ring.Hash(b)) })
	deleted := keys[7] // as only the owner with the shortest page knows
	whole, long, short := owned(t, "", "", keys...), owned(t, keys[8], "", keys[:8]...), owned(t, keys[4], deleted, keys[:4]...)
	for name, tc := range map[string]struct {
		replies [][]byte
		want    []string
		next    string
	}{
		"alone":           {[][]byte{whole}, keys, ""},
		"long, whole":     {[][]byte{long, whole}, keys[:8], keys[8]},
		"whole, short":    {[][]byte{whole, short}, keys[:4], keys[4]},
		"short, whole":    {[][]byte{short, whole}, keys[:4], keys[4]},
		"long, short":     {[][]byte{long, short}, keys[:4], keys[4]},
		"short, long":     {[][]byte{short, long}, keys[:4], keys[4]},
		"all, short last": {[][]byte{whole, long, short}, keys[:4], keys[4]},
	} {
		p := newPage(crdt.NewPacked)
		for _, reply := range tc.replies {
			if _, err := p.JoinBinary(reply); err != nil {
				t.Fatal(err)
			}
		}
		if d := gocmp.Diff(tc.want, p.keys(0)); d != "" {
			t.Errorf("%s: %s", name, d)
		}
		if p.done != (tc.next == "") || !p.done && p.next != ring.Hash(tc.next) {
			t.Errorf("%s: goes on from %x, done %t", name, p.next, p.done)
		}
	}
	p := newPage(crdt.NewPacked)
	for _, reply := range [][]byte{whole, owned(t, "", deleted, keys...)} {
		if _, err := p.JoinBinary(reply); err != nil {
			t.Fatal(err)
		}
	}
	if got := p.keys(0); slices.Contains(got, deleted) || len(got) != 8 {
		t.Errorf("with %s deleted: %v", deleted, got)
	}
}

// A page that its caller has taken does not change any more.
func TestPageIsClosed(t *testing.T) {
	p := newPage(crdt.NewPacked)
	p.closed = true
	if j, err := p.JoinBinary(owned(t, "", "", "key")); err != nil || j.Changed || len(p.entries) > 0 {
		t.Errorf("%+v, %v, %d entries", j, err, len(p.entries))
	}
}
