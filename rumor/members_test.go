package rumor

import (
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/grapevine-go/grapevine/peer"
)

// dealt deals members to zones in turns; 1 is none.
func dealt(ids []peer.ID, zones int) (all []Member) {
	for i, id := range ids {
		m := Member{ID: id}
		if zones > 1 {
			m.Zone = string(rune('a' + i%zones))
		}
		all = append(all, m)
	}
	return all
}

// In every order each member is the successor of exactly one, and all are on
// one circle; in a near order the circle leaves each zone once.
func TestSuccessorsAreACircle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		zones, near := rapid.IntRange(1, 5).Draw(t, "zones"), rapid.Bool().Draw(t, "near")
		all := dealt(names(rapid.IntRange(2, 60).Draw(t, "members")), zones)
		order := Order(rapid.Uint32().Draw(t, "salt"), rapid.IntRange(0, 20).Draw(t, "n"))
		zone := make(map[peer.ID]string)
		for _, m := range all {
			zone[m.ID] = m.Zone
		}
		at, seen, crossed := all[0].ID, make(map[peer.ID]bool), 0
		for range all {
			next := NewMembers(Member{at, zone[at]}, all).Successor(order, near)
			if zone[next] != zone[at] {
				crossed++
			}
			at = next
			seen[at] = true
		}
		if at != all[0].ID || len(seen) != len(all) {
			t.Fatalf("after %d steps at %s, %d seen", len(all), at, len(seen))
		}
		if most := min(zones, len(all)); near && crossed > most || zones == 1 && crossed > 0 {
			t.Fatalf("%d steps from zone to zone, of %d zones", crossed, zones)
		}
	})
}

// Near members are those of one's own zone, as long as there are any.
func TestSampleNear(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	all := dealt(names(9), 3)
	m := NewMembers(all[0], all)
	seen, any := make(map[peer.ID]bool), make(map[peer.ID]bool)
	for range 200 {
		seen[m.Sample(rnd, true)] = true
		any[m.Sample(rnd, false)] = true
	}
	if len(seen) != 2 || !seen[all[3].ID] || !seen[all[6].ID] || len(any) != 8 {
		t.Errorf("near %v, any %v", seen, any)
	}
	if lone := NewMembers(Member{"x", "z"}, all); lone.Sample(rnd, true) == "" {
		t.Error("who is alone in its zone tells nobody")
	}
}

func TestMembersAlone(t *testing.T) {
	a := Member{ID: "a"}
	m := NewMembers(a, []Member{a, a, {}})
	if m.Sample(rand.New(rand.NewPCG(1, 1)), false) != "" || m.Successor(1, false) != "" {
		t.Error("it knows somebody")
	}
	if m = NewMembers(a, []Member{{ID: "b"}, {ID: "b"}}); len(m.others) != 1 || m.Successor(7, true) != "b" {
		t.Errorf("%v", m.others)
	}
}

// Whatever comes, also from a hostile peer: the bounds hold, and every rumor
// ends.
func TestAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := anyPolicy(t)
		cfg := &Config{Policy: p, Interval: time.Second, HotBytes: 300, Message: MinMessage, Rand: rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))}
		members := rapid.IntRange(1, 5).Draw(t, "members")
		core, err := New(cfg, NewMembers(Member{ID: "n00"}, dealt(names(members), 2)), start)
		if err != nil {
			t.Fatal(err)
		}
		now := start
		var out Effects
		for range rapid.IntRange(0, 40).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 2000).Draw(t, "ms")) * time.Millisecond)
			out.Reset()
			switch rapid.IntRange(0, 2).Draw(t, "what") {
			case 0:
				core.Tick(now, &out)
			case 1:
				core.Originate(now, anyRumor(t), &out)
			case 2:
				core.Receive(now, "n01", anyMessage(t), &out)
			}
			checkCore(t, core)
		}
		if members > 1 && p.MaxAge == 0 && (p.Feedback || p.Mode&Pull != 0) {
			return // without answers it waits for ever, as it was told to
		}
		if p.Mode == Pull {
			return // who is not asked cannot tell
		}
		for i := 0; core.HotLen() > 0; i++ {
			if i > p.K+p.Announce+p.Patience+p.MaxAge+1000 {
				t.Fatalf("%d rumors never end", core.HotLen())
			}
			now = now.Add(time.Second)
			out.Reset()
			core.Tick(now, &out)
		}
	})
}

func checkCore(t *rapid.T, c *Core) {
	bytes, keys := 0, make(map[string]bool)
	for _, it := range c.hot {
		bytes += len(it.Key) + len(it.Body)
		keys[it.Key] = true
	}
	if bytes != c.HotBytes() || bytes > 300 || len(keys) != c.HotLen() {
		t.Fatalf("%d bytes, said to be %d; %d keys in %d items", bytes, c.HotBytes(), len(keys), c.HotLen())
	}
}

func anyPolicy(t *rapid.T) Policy {
	small := rapid.IntRange(0, 4)
	flag := rapid.Bool()
	p := Policy{Fanout: 1 + small.Draw(t, "fanout"), K: 1 + small.Draw(t, "k"), MaxAge: 5 * small.Draw(t, "age"), Far: small.Draw(t, "far")}
	p.Mode = Mode(rapid.IntRange(1, 3).Draw(t, "mode"))
	switch rapid.IntRange(0, 3).Draw(t, "kind") {
	case 0:
		p.Mode, p.Targets = Push, Structured
		p.Resend, p.Remind, p.Patience, p.Announce, p.Rush = small.Draw(t, "resend"), small.Draw(t, "remind"), 1+small.Draw(t, "patience"), small.Draw(t, "announce"), small.Draw(t, "rush")
	case 1:
		p.Mode, p.Stop = PushPull, MedianCounter
	case 2:
		p.Mode, p.Digest, p.Feedback = PushPull, true, flag.Draw(t, "feedback")
	default:
		p.Stop, p.Feedback = Stop(rapid.IntRange(0, 1).Draw(t, "stop")), flag.Draw(t, "feedback")
		p.Minimise = p.Mode == PushPull && p.Feedback && p.Stop == Counter && flag.Draw(t, "minimise")
		p.ConnectionLimit = 1 + small.Draw(t, "limit")
		p.Hunt = small.Draw(t, "hunt")
	}
	return p
}

func anyRumor(t *rapid.T) Rumor {
	return Rumor{
		Key: rapid.StringN(0, 3, 20).Draw(t, "key"), Version: rapid.Uint64Range(0, 2).Draw(t, "version"),
		Body: make([]byte, rapid.IntRange(0, 350).Draw(t, "body")), Count: rapid.Int16().Draw(t, "count"),
		Hops: rapid.Uint8().Draw(t, "hops"), News: rapid.Bool().Draw(t, "news"),
	}
}

func anyMessage(t *rapid.T) *Message {
	m := &Message{Contact: rapid.Bool().Draw(t, "contact"), Pull: rapid.Bool().Draw(t, "pull"), Reject: rapid.IntRange(0, 9).Draw(t, "reject") == 0}
	for range rapid.IntRange(0, 3).Draw(t, "rumors") {
		m.Rumors = append(m.Rumors, anyRumor(t))
	}
	for range rapid.IntRange(0, 2).Draw(t, "refs") {
		r := anyRumor(t)
		m.Have = append(m.Have, Ref{r.Key, r.Version, r.News})
		m.Want = append(m.Want, Ref{r.Key, r.Version, false})
		m.Acks = append(m.Acks, Ack{r.Key, r.Version, r.News, r.Count})
	}
	return m
}
