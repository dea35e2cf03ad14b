package quorum

import "math/bits"

// Where a write with CountHints lacks owners, hints count in their place (Dynamo's
// sloppy quorum). Each is kept by another node if there is one: the Op sends the
// write to a fallback, a live member that is no owner, which keeps it for one
// owner. Only when all fallbacks were asked do hints of the driver count (phase
// [Hinting]).

// standing is what an operation knows about its fallbacks, in this round.
type standing struct {
	waited uint32            // those that were asked and have not answered
	owner  [MaxTargets]uint8 // of each that was asked: the target that it stands for
}

// fallback reports whether the target is no owner.
func (t *Target) fallback() bool { return !t.Current && !t.Next }

// Fallback reports whether a target is a fallback, and which target it stands for
// if it has been asked: it is sent a hint for that one, in place of the write.
func (o *Op) Fallback(i int) (owner int, is bool) {
	if o.Targets[i].fallback() {
		return int(o.standing.owner[i]), true
	}
	return i, false
}

// standIn goes on where too few owners are left: with fallbacks for those that are
// missing, which it returns, and with hints of the driver for whom there is none.
func (o *Op) standIn() (send uint32) {
	for m := o.Short(); m != 0; m &= m - 1 {
		owner := bits.TrailingZeros32(m)
		i := o.fallbackFor(owner)
		if i < 0 {
			break
		}
		o.standing.owner[i] = uint8(owner)
		o.asked |= 1 << i
		send |= 1 << i
		o.tracker.Reopen(owner)
	}
	o.standing.waited |= send
	o.sent += bits.OnesCount32(send)
	if o.tracker.Verdict() != Impossible {
		return send
	}
	if o.Phase = Hinting; o.Short() == 0 {
		o.end(o.blame())
	}
	return send
}

// fallbackFor chooses among the fallbacks that were not asked yet: the first that is
// in another zone than the owner, which may be unreachable with all of its zone, or
// else the first. -1: there is none.
func (o *Op) fallbackFor(owner int) int {
	first := -1
	for i, t := range o.Targets {
		switch {
		case !t.fallback() || t.Down || o.asked&(1<<i) != 0:
		case t.Zone != o.Targets[owner].Zone:
			return i
		case first < 0:
			first = i
		}
	}
	return first
}

// stood takes a fallback's acknowledgement: it keeps a hint.
func (o *Op) stood(i int) {
	if !o.left(i) {
		return
	}
	owner := int(o.standing.owner[i])
	if o.Phase == Ended { // the hint is there, see Unacked
		o.late |= 1 << owner
	}
	if o.Phase == Asking {
		o.tracker.Stood(owner)
		o.reconsider()
	}
}

// left takes a fallback off those that are waited for; false if it is none.
func (o *Op) left(i int) bool {
	was := o.standing.waited&(1<<i) != 0
	o.standing.waited &^= 1 << i
	return was
}

// Unsettled reports whether a write has ended as applied or unknown: owners that
// have not acknowledged it may lack what others have.
func (o *Op) Unsettled() bool { return o.write && o.Phase == Ended && o.Outcome() != NotApplied }

// Unacked returns the owners that have not acknowledged a write as it was sent
// last and for which no hint counts, those among them that it was not sent to
// because they were down.
func (o *Op) Unacked() (targets uint32) {
	for i, t := range o.Targets {
		if !t.fallback() {
			targets |= 1 << i
		}
	}
	return targets &^ (o.tracker.good | o.late)
}

// counts reports whether hints may count.
func (o *Op) counts() bool { return o.write && o.CountHints }

// Short returns the targets, as few as will do, whose hints would have to count
// for the write to go on; none if that would not do.
func (o *Op) Short() (targets uint32) {
	if !o.counts() {
		return 0
	}
	return o.tracker.Short(o.hintless)
}

// Hinted takes that the driver keeps hints for some targets, and can keep none for
// others. A hint that is kept may be joined later, whatever becomes of the write.
func (o *Op) Hinted(kept, none uint32) {
	if o.Phase != Hinting {
		return
	}
	o.Phase = Asking
	o.hintless |= none
	o.sent += bits.OnesCount32(kept)
	for m := kept; m != 0; m &= m - 1 {
		o.tracker.Hinted(bits.TrailingZeros32(m))
	}
	o.reconsider() // all fallbacks were asked before
}

// Hints returns how many hints of the driver count as acknowledgements.
func (o *Op) Hints() int { return o.tracker.Hints() }

// Fallbacks returns how many fallbacks have acknowledged.
func (o *Op) Fallbacks() int { return o.tracker.Fallbacks() }
