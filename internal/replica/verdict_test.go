package replica

import (
	"testing"

	"github.com/grapevine-go/grapevine/internal/wire"
	"github.com/grapevine-go/grapevine/peer"
)

// What membership says of a boot, and what follows for the member of that name:
// whether it is left out, and whether ring states are to be compared with it.
func TestVerdicts(t *testing.T) {
	type heard struct {
		boot  string // of b: "present", "before" or "next"
		alive bool
	}
	for _, tc := range []struct {
		name  string
		heard []heard
		down  bool
		meets bool
	}{
		{"the present boot is alive", []heard{{"present", true}}, false, false},
		{"the present boot is dead", []heard{{"present", false}}, true, false},
		{"and alive again", []heard{{"present", false}, {"present", true}}, false, false},
		{"an earlier boot is dead: no news", []heard{{"before", false}}, false, false},
		{"a later boot is alive, before the ring knows", []heard{{"next", true}}, false, true},
		{"a later boot has come and gone", []heard{{"next", true}, {"next", false}}, false, true},
		{"a later boot lives, and the present one is dead", []heard{{"next", true}, {"present", false}}, false, true},
	} {
		h := newCluster(t, spec, Rules{}, "a", "b", "c")
		a, b := h.nodes["a"], h.nodes["b"]
		version := a.View().Version()
		i, _ := a.View().State.Index("b")
		nonces := map[string]uint64{"present": b.cfg.Nonce, "before": b.cfg.Nonce + 100, "next": b.cfg.Nonce + 200}
		for _, v := range tc.heard {
			a.Verdict("b", nonces[v.boot], v.alive)
		}
		if got := a.View().Down(i); got != tc.down {
			t.Errorf("%s: down %t", tc.name, got)
		}
		if got := a.jobs.meet["b"]; got != tc.meets {
			t.Errorf("%s: compares ring states: %t", tc.name, got)
		}
		if a.View().Version() != version {
			t.Errorf("%s: it changed the ring", tc.name)
		}
		met := false
		h.seen = func(s sent) { met = met || s.from == a && s.to == "b" && s.request().Kind == wire.KindRing }
		if h.step(); met != tc.meets || len(a.jobs.meet) > 0 {
			t.Errorf("%s: compared %t", tc.name, met)
		}
	}
}

// A member that nothing was heard of is not asked; one that is no member is
// forgotten with its death.
func TestVerdictsOfStrangers(t *testing.T) {
	h := newCluster(t, spec, Rules{}, "a", "b")
	a := h.nodes["a"]
	n := h.boot("c") // unheard of
	n.Verdict("a", a.cfg.Nonce, true)
	h.until("a knows c", func() bool { _, ok := a.View().State.Member("c"); return ok })
	i, _ := a.View().State.Index("c")
	if !a.View().Down(i) {
		t.Error("c is asked although membership never heard of it")
	}
	known := len(a.verdicts)
	for _, id := range []peer.ID{"x", "y", "z"} {
		a.Verdict(id, 1, true)
		a.Verdict(id, 1, false)
	}
	if len(a.verdicts) != known || len(a.notReady) > known+1 {
		t.Errorf("%d verdicts, %d that were not ready", len(a.verdicts), len(a.notReady))
	}
}

// The dead are not asked: too few left, and nothing is sent; who is dead and
// came back is asked again as soon as its new boot is known.
func TestDownIsNotAsked(t *testing.T) {
	h := newCluster(t, spec, Rules{}, "a", "b", "c")
	a := h.nodes["a"]
	h.crash("b")
	if o := a.put("key", "value", 2); len(o.messages) != 1 || o.messages[0].to != "c" {
		t.Errorf("asked %v", o.messages)
	}
	h.crash("c")
	if o := a.put("other", "value", 2); len(o.messages) != 0 || o.Err() == nil || a.holds()["other"] != "" {
		t.Errorf("sent %d, %v", len(o.messages), o.Err())
	}
	h.join("c")
	h.until("a knows the new boot", func() bool { return a.member("c").Boot.Counter == 2 })
	a.write("key", "again")
}
