package replica

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/ring"
)

// joinValue puts a value under a key.
func joinValue(t *testing.T, d *Data, key, value string, at crdt.Time) {
	t.Helper()
	cell := crdt.Put(crdt.Stamp{Time: at, Actor: crdt.Actor{1}}, []byte(value), 0)
	if _, err := d.Join(ring.Hash(key), []byte(key), cell.AppendBinary(nil)); err != nil {
		t.Fatal(err)
	}
}

// A watch has the keys of its prefix that joins changed, each once, in order;
// or, if they are too many, the word that all may have.
func TestWatch(t *testing.T) {
	d := newData(ring.Table{Name: "flags", Partitions: 4}, Register("bytes"))
	woken := 0
	w := d.Watch("a", func() { woken++ })
	for at, key := range []string{"a2", "b", "a1", "a2"} {
		joinValue(t, d, key, "v", crdt.Time(at+1))
	}
	joinValue(t, d, "a3", "v", 9)
	joinValue(t, d, "a3", "old", 8) // changes nothing
	if keys, all := w.Take(); !slices.Equal(keys, []string{"a2", "a1", "a3"}) || all || woken != 3 {
		t.Errorf("%v, %t, woken %d times", keys, all, woken)
	}
	if keys, all := w.Take(); len(keys) > 0 || all {
		t.Errorf("taken twice: %v, %t", keys, all)
	}
	for i := range maxWatched + 1 {
		joinValue(t, d, fmt.Sprint("a-", i), "v", 1)
	}
	if keys, all := w.Take(); len(keys) > 0 || !all {
		t.Errorf("%d keys, %t, after too many", len(keys), all)
	}
	joinValue(t, d, "a4", "v", 1)
	if keys, all := w.Take(); !slices.Equal(keys, []string{"a4"}) || all {
		t.Errorf("and then %v, %t", keys, all)
	}
	joinValue(t, d, "a6", "v", 1)
	joinValue(t, d, "a7", "v", 1)
	w.Looks("a6") // now it sees what it would be told
	w.Looks("nothing")
	joinValue(t, d, "a8", "v", 1)
	if keys, _ := w.Take(); !slices.Equal(keys, []string{"a7", "a8"}) {
		t.Errorf("of what the reader has seen %v is told", keys)
	}
	other := d.Watch("", func() {})
	d.Unwatch(w)
	joinValue(t, d, "a5", "v", 1)
	if keys, _ := w.Take(); len(keys) > 0 {
		t.Errorf("told after its end: %v", keys)
	}
	if keys, _ := other.Take(); !slices.Equal(keys, []string{"a5"}) {
		t.Errorf("the other watch has %v", keys)
	}
}

// Delays are counted by class; what clocks make negative counts as none.
func TestDelays(t *testing.T) {
	var d Delays
	for _, took := range []time.Duration{-time.Second, time.Millisecond, 3 * time.Millisecond, time.Minute} {
		d.add(took)
	}
	count, sum, upTo := d.Counts()
	if count != 4 || sum != time.Minute+4*time.Millisecond {
		t.Errorf("%d, %v", count, sum)
	}
	if upTo[0] != 2 || upTo[1] != 2 || upTo[2] != 3 || upTo[len(upTo)-1] != 3 {
		t.Errorf("%v", upTo)
	}
}
