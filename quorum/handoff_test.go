package quorum

import (
	"math/bits"
	"testing"

	"pgregory.net/rapid"

	"github.com/grapevine-go/grapevine/crdt"
)

// sloppyWrite is a write whose hints count, beside what really became of what was
// sent.
type sloppyWrite struct {
	t      *rapid.T
	op     Op
	owners int
	open   uint32 // sent in this round, and not answered
	kept   uint32 // owners that have joined it, as it is now, fallbacks that keep a hint
	hints  uint32 // owners for which the driver keeps one
	asked  uint32 // fallbacks, in this round
	maybe  bool   // something may have been joined or kept
}

// sent takes what is to be sent now.
func (s *sloppyWrite) sent(send uint32) {
	if again := send & (s.open | s.kept | s.asked); again != 0 {
		s.t.Fatalf("%b are asked again", again)
	}
	for m := send; m != 0; m &= m - 1 {
		i := bits.TrailingZeros32(m)
		owner, is := s.op.Fallback(i)
		if is != (i >= s.owners) || is && owner >= s.owners || s.op.Targets[i].Down {
			s.t.Fatalf("target %d of %d owners stands for %d", i, s.owners, owner)
		}
		for o := s.asked; is && o != 0; o &= o - 1 {
			other := bits.TrailingZeros32(o)
			if of, _ := s.op.Fallback(other); of == owner && (s.open|s.kept)&(1<<other) != 0 {
				s.t.Fatalf("%d and %d both stand for %d", other, i, owner)
			}
		}
		if is {
			s.asked |= 1 << i
		}
	}
	s.open |= send
	s.drive()
}

// drive does what the phase asks the driver for.
func (s *sloppyWrite) drive() {
	for s.op.Phase == Hinting {
		if all := (uint32(1)<<len(s.op.Targets) - 1) >> s.owners << s.owners; s.asked != all {
			s.t.Fatalf("hints are to count, and fallbacks %b of %b were asked", s.asked, all)
		}
		short := s.op.Short()
		kept := short & uint32(rapid.IntRange(0, 1<<s.owners-1).Draw(s.t, "kept"))
		s.hints |= kept
		s.maybe = s.maybe || kept != 0
		s.op.Hinted(kept, short&^kept)
	}
	if s.op.Phase == Restamp {
		s.maybe = true // the round before was joined by somebody
		s.open, s.kept, s.asked, s.hints = 0, 0, 0, 0
		s.sent(s.op.Restamped())
	}
}

// answer answers for a target that was asked.
func (s *sloppyWrite) answer() {
	var all []int
	for m := s.open; m != 0; m &= m - 1 {
		all = append(all, bits.TrailingZeros32(m))
	}
	i := rapid.SampledFrom(all).Draw(s.t, "target")
	s.open &^= 1 << i
	switch rapid.SampledFrom([]string{"takes it", "takes it", "knows a newer one", "refuses", "is silent"}).Draw(s.t, "answer") {
	case "takes it":
		s.kept |= 1 << i
		s.op.Ack(s.op.Round, i, crdt.Joined{Changed: true})
	case "knows a newer one":
		s.kept |= 1 << i
		s.op.Ack(s.op.Round, i, crdt.Joined{Dominated: stamp("7")})
	case "refuses":
		s.sent(s.op.Fail(s.op.Round, i, ErrOverloaded, false))
	case "is silent":
		s.maybe = true
		s.sent(s.op.Fail(s.op.Round, i, ErrTimeout, true))
	}
	s.drive()
}

// TestSloppyWrites compares what an operation says with what became of it: one that
// ended well is at W nodes, but for hints of the driver, which count only when no
// fallback is left; one that was not applied is nowhere.
func TestSloppyWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &sloppyWrite{t: t, owners: rapid.IntRange(1, 4).Draw(t, "owners")}
		var targets []Target
		for range s.owners {
			targets = append(targets, Target{Current: true, Next: true, Down: rapid.Bool().Draw(t, "down"), Zone: uint8(rapid.IntRange(0, 2).Draw(t, "zone"))})
		}
		for range rapid.IntRange(0, 4).Draw(t, "fallbacks") {
			targets = append(targets, Target{Zone: uint8(rapid.IntRange(0, 2).Draw(t, "zone"))})
		}
		w := rapid.IntRange(1, s.owners).Draw(t, "W")
		s.op.CountHints = true
		s.sent(s.op.StartWrite(Level(w), later, targets))
		for s.open != 0 {
			s.answer()
			s.check(w)
		}
		if s.op.Phase != Ended {
			t.Fatalf("all have answered, and it has not ended: phase %d", s.op.Phase)
		}
		s.check(w)
	})
}

func (s *sloppyWrite) check(w int) {
	o := &s.op
	if o.Phase != Ended {
		return
	}
	owners := uint32(1)<<s.owners - 1
	switch {
	case o.Acked() > bits.OnesCount32(s.kept&owners) || o.Fallbacks() > bits.OnesCount32(s.kept&^owners) || o.Hints() > bits.OnesCount32(s.hints):
		s.t.Fatalf("%d owners, %d fallbacks, %d hints count; kept by %b, hints for %b", o.Acked(), o.Fallbacks(), o.Hints(), s.kept, s.hints)
	case o.Outcome() == Applied && o.Acked()+o.Fallbacks()+o.Hints() < w:
		s.t.Fatalf("applied with %d owners, %d fallbacks and %d hints of %d", o.Acked(), o.Fallbacks(), o.Hints(), w)
	case o.Outcome() == NotApplied && (s.maybe || s.kept != 0 || s.open != 0):
		s.t.Fatalf("not applied, and kept by %b, waited for %b, or maybe: %t", s.kept, s.open, s.maybe)
	case o.Unacked()&^owners != 0 || o.Unacked()&s.kept != 0:
		s.t.Fatalf("%b lack it, and it is kept by %b", o.Unacked(), s.kept)
	}
	for i := s.owners; i < len(o.Targets); i++ {
		if owner, _ := o.Fallback(i); s.kept&(1<<i) != 0 && o.Unacked()&(1<<owner) != 0 {
			s.t.Fatalf("%d keeps a hint for %d, which is said to lack one", i, owner)
		}
	}
}
