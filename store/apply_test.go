package store_test

import (
	"testing"

	"github.com/cespare/xxhash/v2"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/store"
)

// What a key's state has and another lacks brings the other there; a table of
// registers cannot tell, and of a key that is not here there is nothing to tell.
func TestAppendDifference(t *testing.T) {
	key := []byte("key")
	hash := xxhash.Sum64(key)
	mint := func(actor byte, n uint64) crdt.Mint {
		return crdt.Mint{Dot: crdt.Dot{Actor: crdt.Actor{actor}, N: n}}
	}
	mine, theirs := crdt.NewSet[string](), crdt.NewSet[string]()
	for i, s := range []*crdt.Set[string]{mine, theirs} {
		for n, v := range []string{"both", "one", "the other"} {
			if _, err := s.Add(mint(1, uint64(n+1)), v); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.Add(mint(byte(2+i), 1), "own"); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := mine.Remove(mint(2, 2), "one"); err != nil {
		t.Fatal(err)
	}
	sets := store.NewTable(1, crdt.Key{1}, func() crdt.State { return crdt.NewSet[string]() })
	if _, ok, err := sets.AppendDifference(nil, hash, key, theirs.AppendBinary(nil)); ok || err != nil {
		t.Errorf("of no key: %t, %v", ok, err)
	}
	if _, err := sets.Join(hash, key, mine.AppendBinary(nil)); err != nil {
		t.Fatal(err)
	}
	diff, ok, err := sets.AppendDifference(nil, hash, key, theirs.AppendBinary(nil))
	if !ok || err != nil || len(diff) == 0 {
		t.Fatalf("%x, %t, %v", diff, ok, err)
	}
	if _, err := theirs.JoinBinary(diff); err != nil {
		t.Fatal(err)
	}
	want := crdt.NewSet[string]()
	for _, s := range [][]byte{mine.AppendBinary(nil), theirs.AppendBinary(nil)} {
		if _, err := want.JoinBinary(s); err != nil {
			t.Fatal(err)
		}
	}
	if k := (crdt.Key{1}); theirs.Fingerprint(k) != want.Fingerprint(k) || theirs.Contains("one") {
		t.Errorf("%v, want %v", theirs, want)
	}
	if diff, ok, err := sets.AppendDifference(nil, hash, key, theirs.AppendBinary(nil)); !ok || err != nil || len(diff) > 0 {
		t.Errorf("of nothing: %x, %t, %v", diff, ok, err)
	}
	if _, ok, err := sets.AppendDifference(nil, hash, key, []byte{0xff}); ok || err == nil {
		t.Errorf("of no encoding: %t, %v", ok, err)
	}
	registers := store.NewTable(1, crdt.Key{1}, crdt.NewPacked)
	c := crdt.Put(crdt.Stamp{Time: 1, Actor: crdt.Actor{1}}, []byte("v"), 0)
	if _, err := registers.Join(hash, key, c.AppendBinary(nil)); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := registers.AppendDifference(nil, hash, key, c.AppendBinary(nil)); ok || err != nil {
		t.Errorf("of a register: %t, %v", ok, err)
	}
}
