package quorum

// Unsettled reports whether a write has ended as applied or unknown: owners that
// have not acknowledged it may lack what others have.
func (o *Op) Unsettled() bool { return o.write && o.Phase == Ended && o.Outcome() != NotApplied }

// Unacked returns the targets that have not acknowledged a write as it was sent
// last, those among them that it was not sent to because they were down.
func (o *Op) Unacked() (targets uint32) {
	return (1<<len(o.Targets) - 1) &^ (o.tracker.good | o.late)
}
