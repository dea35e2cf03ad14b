package quorum

import "math/bits"

// Unsettled reports whether a write has ended as applied or unknown: owners that
// have not acknowledged it may lack what others have.
func (o *Op) Unsettled() bool { return o.write && o.Phase == Ended && o.Outcome() != NotApplied }

// Unacked returns the targets that have not acknowledged a write as it was sent
// last, those among them that it was not sent to because they were down.
func (o *Op) Unacked() (targets uint32) {
	return (1<<len(o.Targets) - 1) &^ (o.tracker.good | o.late)
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

// Hinted takes that hints for some targets are kept, and that there can be none for
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
	o.reconsider()
}

// Hints returns how many hints count as acknowledgements.
func (o *Op) Hints() int { return o.tracker.Hints() }
