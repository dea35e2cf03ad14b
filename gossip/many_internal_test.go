package gossip

import (
	"fmt"
	"testing"

	"github.com/grapevine-go/grapevine/quorum"
)

// fragile is a codec that panics over some values.
type fragile struct{ Codec[string] }

func (f fragile) Name() string { return "fragile" }

func (f fragile) Append(dst []byte, v string) ([]byte, error) {
	if v == "neither to be encoded" {
		panic(v)
	}
	return f.Codec.Append(dst, v)
}

func (f fragile) Decode(p []byte) (string, error) {
	if string(p) == "not to be decoded" {
		panic(string(p))
	}
	return f.Codec.Decode(p)
}

// TestBatchesWithPanics: where a codec panics, and the application goes on, the
// batch has ended and holds no place.
func TestBatchesWithPanics(t *testing.T) {
	list, _ := nodes(t, 3)
	var table *RegisterTable[string]
	for i := range list { // the first one last
		var err error
		if table, err = Ring(list[len(list)-1-i], "fragile", Registers(Codec[string](fragile{CodecOf[string]()})), quorum.NWR{N: 1, W: 1, R: 1}); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "the table is known", func() bool {
		for _, n := range list {
			if s := n.Status(); !s.Ready || s.RingVersion != list[0].Status().RingVersion {
				return false
			}
		}
		return true
	})
	values := []string{"", "not to be decoded", "", "not to be decoded", "", "neither to be encoded", ""}
	var keys []string
	var items []Item[string]
	for i := range 70 {
		keys = append(keys, fmt.Sprint("k", i))
		items = append(items, Item[string]{keys[i], values[min(i/10, len(values)-1)]})
	}
	panics := func(batch func()) {
		defer func() {
			if p := recover(); p == nil {
				t.Error("no panic")
			}
		}()
		batch()
	}
	panics(func() { table.PutMany(t.Context(), items) })
	panics(func() { table.GetMany(t.Context(), keys) })
	if under := list[0].load.under.Load(); under != 0 {
		t.Errorf("%d places are taken", under)
	}
	if _, found, err := table.Get(t.Context(), keys[0]); err != nil || !found {
		t.Errorf("what came before the panic: %t, %v", found, err)
	}
}
