package replica

import (
	"slices"
	"testing"
	"time"

	"github.com/grapevine-go/grapevine/internal/wire"
	"github.com/grapevine-go/grapevine/ring"
)

// A debt makes a comparison due at once and is kept until one has gone through
// that began after it.
func TestDebts(t *testing.T) {
	h := newCluster(t, parted(), Rules{}, "a", "b", "c")
	a, b := h.nodes["a"], h.nodes["b"]
	h.pass(20 * time.Second) // calm
	a.lodge("key", "value")
	p := ring.Partition(ring.HashBytes([]byte("key")), a.table().Layout.Partitions())
	h.pass(3 * time.Second) // not young any more
	lose := true
	h.lost = func(s sent) bool { return lose && s.from == a && s.request().Kind == wire.KindDigest }
	d := Debt{"b", spec.Name, p}
	for range 2 {
		if !a.Owe(d) || !slices.Equal(a.Debts(), []Debt{d}) {
			t.Fatalf("owed: %v", a.Debts())
		}
	}
	h.pass(time.Second)
	if !slices.Equal(a.Debts(), []Debt{d}) {
		t.Errorf("a comparison that does not go through has paid: %v", a.Debts())
	}
	lose = false
	begun := h.now
	h.until("it is paid", func() bool { return len(a.Debts()) == 0 })
	if took := h.now.Sub(begun); b.holds()["key"] != "value" || took > 6*time.Second {
		t.Errorf("b has %q after %v", b.holds()["key"], took)
	}
	for _, d := range []Debt{{"x", spec.Name, p}, {"b", "x", p}, {"b", spec.Name, -1}, {"b", spec.Name, 1 << 20}, {"a", spec.Name, p}} {
		if a.Owe(d) || len(a.Debts()) > 0 {
			t.Errorf("%v can be paid: %v", d, a.Debts())
		}
	}
	a.Owe(d)
	a.forgive(newView(a.Replica, newHand(t).boot("a").View().State))
	if len(a.Debts()) > 0 {
		t.Errorf("owed to who is no member: %v", a.Debts())
	}
}
