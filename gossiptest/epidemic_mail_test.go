package gossiptest

import (
	"math"
	"testing"
	"time"

	"github.com/grapevine-go/grapevine/rumor"
)

// TestDirectMail: the origin sends one message to every other member it knows,
// nobody tells it on, and what is missed is what was lost or not known.
func TestDirectMail(t *testing.T) {
	p := rumor.Policy{Mode: rumor.Push, Targets: rumor.Mail, Fanout: 1, K: 1}
	world := Epidemic{Nodes: 1000, Policy: p, Interval: 200 * time.Millisecond, MinDelay: time.Millisecond, MaxDelay: 3 * time.Millisecond}
	cycles := Epidemic{Nodes: 1000, Policy: p, Cycles: true}
	for name, c := range map[string]struct {
		e       Epidemic
		residue float64
	}{
		"whole": {world, 0}, "cycles": {cycles, 0},
		"lossy":   {func() Epidemic { e := world; e.Loss = .2; return e }(), .2},
		"unknown": {func() Epidemic { e := world; e.Unknown = .1; return e }(), .1},
	} {
		s, err := c.e.Run(1)
		if err != nil {
			t.Fatal(err)
		}
		if sent := s.Messages * 1000; math.Abs(sent-999*(1-c.e.Unknown)) > 40 || s.Duplicates != 0 || s.LastHop != 1 || s.Control != 0 {
			t.Errorf("%s: %+v", name, s)
		}
		if math.Abs(s.Residue-c.residue) > .04 {
			t.Errorf("%s: residue %.3f, want %.3f", name, s.Residue, c.residue)
		}
	}
}
