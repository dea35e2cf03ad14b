package replica

import (
	"strings"
	"testing"
	"time"

	"github.com/grapevine-go/grapevine/internal/wire"
	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/ring"
)

// flags is a table that every member holds.
var flags = ring.Table{Name: "table", Type: "register(bytes)", Codec: 1, Kind: ring.Everywhere, Partitions: 1}

// everybody starts nodes with the table.
func everybody(t *testing.T, ids ...peer.ID) *hand {
	t.Helper()
	return newCluster(t, flags, Rules{}, ids...)
}

// told counts a node's messages with rumors, and loses some.
func (h *hand) told(from *node, lose func(n int) bool) (count *int) {
	count = new(int)
	h.lost = func(s sent) bool {
		if s.request().Kind != wire.KindRumor || s.from != from {
			return false
		}
		*count++
		return lose(*count)
	}
	return count
}

// TestResend: a message with rumors that was not answered is sent again, twice
// at most, and not before it could have been answered.
func TestResend(t *testing.T) {
	for _, c := range []struct{ lost, sends int }{{0, 1}, {1, 2}, {2, 3}, {100, 1 + maxResends}} {
		h := everybody(t, "a", "b")
		a, b := h.nodes["a"], h.nodes["b"]
		h.pass(30 * time.Second) // the controller is at few copies, all of them in one message to b
		count := h.told(a, func(n int) bool { return n <= c.lost })
		if err := a.put("key", "value", 1).run(); err != nil {
			t.Fatal(err)
		}
		h.step()
		h.pass(minWait - 2*tick) // it was made a tick before
		if *count != 1 {
			t.Errorf("%d lost: %d messages in %v", c.lost, *count, minWait-tick)
		}
		h.pass(3 * minWait) // sooner than the core makes up for what it misses itself
		if held := b.holds()["key"] == "value"; *count != c.sends || held != (c.lost < c.sends) {
			t.Errorf("%d lost: %d messages, %d wanted; b holds it: %t", c.lost, *count, c.sends, held)
		}
		if s := &a.spread; s.kept != 0 || len(s.sent) != 0 || (s.resent > 0) != (c.lost > 0) {
			t.Errorf("%d lost: %d bytes of %d messages are kept, %d bodies were sent again", c.lost, s.kept, len(s.sent), s.resent)
		}
	}
}

// TestNoResendToTheDead: who is believed dead is not told again.
func TestNoResendToTheDead(t *testing.T) {
	h := everybody(t, "a", "b")
	a := h.nodes["a"]
	h.pass(30 * time.Second)
	count := h.told(a, func(int) bool { return true })
	if err := a.put("key", "value", 1).run(); err != nil {
		t.Fatal(err)
	}
	h.step()
	a.Verdict("b", h.nodes["b"].cfg.Nonce, false)
	h.pass(200 * time.Millisecond)
	if *count != 1 || a.spread.kept != 0 {
		t.Errorf("%d messages to a dead member, %d bytes kept", *count-1, a.spread.kept)
	}
}

// TestOverflow: rumors for which there is no room make a comparison due.
func TestOverflow(t *testing.T) {
	h := everybody(t, "a", "b", "c")
	a := h.nodes["a"]
	h.pass(time.Minute) // comparisons are rare by now
	h.told(a, func(int) bool { return true })
	for _, size := range []int{1000, maxHot / 10} {
		compared := 0
		h.seen = func(s sent) {
			if s.from == a && s.request().Kind == wire.KindDigest {
				compared++
			}
		}
		for _, key := range keys(12) {
			if err := a.put(key, strings.Repeat("v", size), 1).run(); err != nil {
				t.Fatal(err)
			}
		}
		h.pass(100 * time.Millisecond)
		if overflow := a.SpreadStats().Overflow; (overflow > 0) != (size > 1000) || (compared > 0) != (overflow > 0) {
			t.Errorf("%d bytes: %d rumors without room, %d comparisons", size, overflow, compared)
		}
	}
}
