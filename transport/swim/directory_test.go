package swim

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/grapevine-go/grapevine/peer"
)

// alive is a sign of life of a boot.
func alive(id peer.ID, counter, nonce uint64) Member {
	return Member{ID: id, Boot: peer.Boot{Counter: counter, Nonce: nonce}, Addr: netip.MustParseAddrPort("127.0.0.1:1")}
}

func leaving(m Member) Member { m.State = Left; return m }

// told drains the events: "join a.1 fail a.1", id and nonce.
func told(d *directory) string {
	out := ""
	for ev, ok := d.next(); ok; ev, ok = d.next() {
		out += fmt.Sprintf("%v %s.%d ", ev.Kind, ev.Member.ID, ev.Member.Boot.Nonce)
	}
	return out
}

func TestEventsCoalesce(t *testing.T) {
	moved := alive("a", 1, 1)
	moved.Zone = "south"
	for _, c := range []struct {
		name string
		do   func(*directory)
		want string
	}{
		{"nothing new", func(d *directory) { d.heard(alive("a", 1, 1)) }, ""},
		{"fail", func(d *directory) { d.end("a", 1) }, "fail a.1 "},
		{"leave", func(d *directory) { d.heard(leaving(alive("a", 1, 1))) }, "leave a.1 "},
		{"leave, then memberlist's end", func(d *directory) { d.heard(leaving(alive("a", 1, 1))); d.end("a", 1) }, "leave a.1 "},
		{"fail and back", func(d *directory) { d.end("a", 1); d.heard(alive("a", 1, 1)) }, ""},
		{"fail, back and fail", func(d *directory) { d.end("a", 1); d.heard(alive("a", 1, 1)); d.end("a", 1) }, "fail a.1 "},
		{"update", func(d *directory) { d.heard(moved) }, "update a.1 "},
		{"update and fail", func(d *directory) { d.heard(moved); d.end("a", 1) }, "fail a.1 "},
		{"came and went", func(d *directory) { d.heard(alive("b", 1, 7)); d.end("b", 7) }, ""},
		{"restart", func(d *directory) { d.heard(alive("a", 2, 2)) }, "join a.2 "},
		{"restart, the old ends", func(d *directory) { d.heard(alive("a", 2, 2)); d.end("a", 1) }, "join a.2 "},
		{"restart and fail", func(d *directory) { d.heard(alive("a", 2, 2)); d.end("a", 2) }, "fail a.2 "},
		{"an older boot", func(d *directory) { d.heard(alive("a", 0, 9)); d.heard(alive("a", 2, 2)); d.heard(alive("a", 1, 3)) }, "join a.2 "},
		{"the counter is learned", func(d *directory) { d.heard(alive("a", 5, 1)) }, "update a.1 "},
		{"the boot without counter waits", func(d *directory) { d.heard(alive("a", 0, 2)) }, ""},
		{"and takes over", func(d *directory) { d.heard(alive("a", 0, 2)); d.end("a", 1) }, "join a.2 "},
		{"order of change", func(d *directory) {
			d.heard(alive("c", 1, 3))
			d.heard(alive("b", 1, 2))
			d.end("a", 1)
		}, "join c.3 join b.2 fail a.1 "},
		{"suspicion is no event", func(d *directory) { d.unanswered("a", 1) }, ""},
		{"nor is a round trip", func(d *directory) { d.answered("a", 1, time.Second); d.heard(alive("a", 1, 1)) }, ""},
		{"nor what happens to this node", func(d *directory) { d.heard(alive("self", 2, 1)); d.end("self", 1) }, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDirectory("self", 1)
			d.heard(alive("self", 1, 1))
			d.heard(alive("a", 1, 1))
			if got := told(d); got != "join a.1 " {
				t.Fatal(got)
			}
			c.do(d)
			if got := told(d); got != c.want {
				t.Errorf("told %q, want %q", got, c.want)
			}
		})
	}
}

// A failed boot does not give way to an older one that is still believed
// alive, but one without a counter may stand for the id while nothing newer is.
func TestBootsOnlyGoUp(t *testing.T) {
	d := newDirectory("self", 1)
	d.heard(alive("a", 2, 2))
	d.end("a", 2)
	d.heard(alive("a", 1, 9))
	if m, _ := d.member("a"); m.Boot.Nonce != 2 || m.State != Dead {
		t.Error(m)
	}
	d.heard(alive("a", 0, 3))
	if m, _ := d.member("a"); m.Boot.Nonce != 3 || m.State != Alive {
		t.Error(m)
	}
}

func TestRival(t *testing.T) {
	for _, c := range []struct {
		name  string
		own   uint64
		other Member
		want  bool
	}{
		{"newer", 1, alive("self", 2, 5), true},
		{"older", 3, alive("self", 2, 5), false},
		{"the same counter, the greater nonce", 2, alive("self", 2, 5), true},
		{"own counter unknown", 0, alive("self", 2, 5), false},
		{"its counter unknown", 1, alive("self", 0, 5), false},
		{"leaving", 1, leaving(alive("self", 2, 5)), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDirectory("self", 1)
			d.heard(alive("self", c.own, 1))
			d.heard(c.other)
			if m, ok := d.takeRival(); ok != c.want || ok && m != c.other {
				t.Error(m, ok)
			}
			if _, ok := d.takeRival(); ok {
				t.Error("asked twice without a new sign of life")
			}
			d.answered("self", c.other.Boot.Nonce, time.Millisecond)
			if _, ok := d.takeRival(); ok != c.want {
				t.Error("a sign of life changed the answer")
			}
			if m, _ := d.member("self"); m.Boot.Nonce != 1 {
				t.Error("a rival stands for this node:", m)
			}
			d.heard(alive("self", 9, 1)) // this node learns that it is the newest
			if _, ok := d.takeRival(); ok {
				t.Error("still replaced")
			}
		})
	}
	t.Run("learned later", func(t *testing.T) {
		d := newDirectory("self", 1)
		d.heard(alive("self", 0, 1))
		d.heard(alive("self", 2, 5))
		d.takeRival()
		d.heard(alive("self", 1, 1))
		if _, ok := d.takeRival(); !ok {
			t.Error("the own counter came and nothing was asked")
		}
		d.end("self", 5)
		d.heard(alive("self", 1, 1))
		if _, ok := d.takeRival(); ok {
			t.Error("replaced by a dead boot")
		}
	})
}

func TestRoundTripsAreSmoothed(t *testing.T) {
	d := newDirectory("self", 1)
	d.heard(alive("a", 1, 1))
	d.answered("a", 1, 80*time.Millisecond)
	d.unanswered("a", 1)
	if m, _ := d.member("a"); m.RTT != 80*time.Millisecond || m.State != Suspect {
		t.Error(m)
	}
	d.answered("a", 1, 160*time.Millisecond)
	if m, _ := d.member("a"); m.RTT != 90*time.Millisecond || m.State != Alive {
		t.Error(m)
	}
	d.heard(alive("a", 1, 1))
	if m, _ := d.member("a"); m.RTT != 90*time.Millisecond {
		t.Error("an update forgot the round trip:", m)
	}
	d.heard(alive("a", 2, 2))
	if m, _ := d.member("a"); m.RTT != 0 {
		t.Error("another boot kept the round trip:", m)
	}
	d.answered("nobody", 1, time.Second)
	d.unanswered("nobody", 1)
	d.end("nobody", 1)
	if n := len(d.members()); n != 1 {
		t.Error(n)
	}
}

func TestGoneMembersAreBounded(t *testing.T) {
	for _, end := range []struct {
		name string
		do   func(d *directory, m Member)
	}{
		{"failed", func(d *directory, m Member) { d.end(m.ID, m.Boot.Nonce) }},
		{"left", func(d *directory, m Member) { d.heard(leaving(m)) }},
	} {
		t.Run(end.name, func(t *testing.T) {
			d := newDirectory("self", 1)
			d.heard(alive("self", 1, 1))
			for i := range maxGone + 100 {
				m := alive(peerID(i), 1, uint64(i+1))
				d.heard(m)
				told(d)
				end.do(d, m)
				told(d)
			}
			if n := len(d.members()); n > maxGone+2 {
				t.Error(n, "members are remembered")
			}
			if _, ok := d.member(peerID(0)); ok {
				t.Error("the first to go is remembered")
			}
			if _, ok := d.member(peerID(maxGone + 99)); !ok {
				t.Error("the last to go is forgotten")
			}
			if _, ok := d.member("self"); !ok {
				t.Error("self is forgotten")
			}
		})
	}
}

// Nobody who was told of a member is left without its end, however late the
// events are delivered.
func TestUntoldEndsAreKept(t *testing.T) {
	d := newDirectory("self", 1)
	const n = maxGone + 100
	for i := range n {
		d.heard(alive(peerID(i), 1, uint64(i+1)))
	}
	told(d)
	for i := range n {
		d.end(peerID(i), uint64(i+1))
	}
	fails := 0
	for ev, ok := d.next(); ok; ev, ok = d.next() {
		if ev.Kind == Fail {
			fails++
		}
	}
	if fails != n {
		t.Errorf("%d of %d failures told", fails, n)
	}
}

// Whatever happens and however the deliveries fall between: events alternate,
// who follows them knows what Members says, the queue holds an id once, and a
// boot never gives way to one that is certainly older.
func TestDirectoryProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := newDirectory("self", 1)
		follow := map[peer.ID]Member{}
		ids := rapid.SampledFrom([]peer.ID{"a", "b", "c", "self"})
		deliver := func() bool {
			ev, ok := d.next()
			if !ok {
				return false
			}
			old, known := follow[ev.Member.ID]
			switch ev.Kind {
			case Join:
				if known && old.Boot.Nonce == ev.Member.Boot.Nonce {
					t.Fatalf("join of a live member %v", ev.Member)
				}
				follow[ev.Member.ID] = ev.Member
			case Update:
				if !known || old == ev.Member {
					t.Fatalf("update from %v to %v", old, ev.Member)
				}
				follow[ev.Member.ID] = ev.Member
			default:
				if !known {
					t.Fatalf("%v of an unknown member", ev)
				}
				delete(follow, ev.Member.ID)
			}
			return true
		}
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			id := ids.Draw(t, "id")
			nonce := rapid.Uint64Range(1, 4).Draw(t, "nonce")
			switch rapid.IntRange(0, 5).Draw(t, "what") {
			case 0, 1:
				m := alive(id, rapid.Uint64Range(0, 3).Draw(t, "counter"), nonce)
				m.Weight = rapid.Uint32Range(0, 1).Draw(t, "weight")
				m.State = rapid.SampledFrom([]State{Alive, Alive, Left}).Draw(t, "state")
				d.heard(m)
			case 2:
				d.end(id, nonce)
			case 3:
				d.unanswered(id, nonce)
			case 4:
				d.answered(id, nonce, time.Millisecond)
			case 5:
				deliver()
			}
			if len(d.dirty) > len(d.entries) {
				t.Fatalf("%d queued of %d", len(d.dirty), len(d.entries))
			}
			gone := 0
			for _, m := range d.members() {
				if m.ID != "self" && !m.State.Live() {
					gone++
				}
				if m.ID == "self" && m.Boot.Nonce != 1 {
					t.Fatalf("%v stands for this node", m)
				}
				for _, r := range d.entries[m.ID].boots {
					if superseded(m.Boot, r.Boot) {
						t.Fatalf("%v stands for the id beside %v", m, r)
					}
				}
			}
			if gone != d.gone {
				t.Fatalf("%d are gone, %d counted", gone, d.gone)
			}
		}
		for deliver() {
		}
		for _, m := range d.members() {
			got, known := follow[m.ID]
			if m.ID == "self" {
				continue
			}
			got.State, got.RTT = m.State, m.RTT
			if known != m.State.Live() || known && got != m {
				t.Fatalf("a follower knows %v (%v), members has %v", got, known, m)
			}
		}
	})
}
