package quorum

import "time"

// Speculates reports whether Tick is about to ask one owner more because a read
// has waited so long, rather than to end it.
func (o *Op) Speculates(now time.Time) bool {
	return o.Phase == Asking && !o.write && now.Before(o.deadline) && !o.hedge.IsZero() && !now.Before(o.hedge) &&
		!(o.below && o.tracker.Verdict() == Done)
}

// Postpone puts that off for as long as it has waited: there is no room for it.
func (o *Op) Postpone(now time.Time) { o.hedge = now.Add(o.every) }

// HedgeAfter changes after how long a read that has just begun asks one owner
// more, and then one more after as long again.
func (o *Op) HedgeAfter(now time.Time, wait time.Duration) {
	o.every, o.hedge = wait, now.Add(wait)
}

// Also asks a target beside those that a read asks already, if that is not down.
func (o *Op) Also(i int) (send uint32) {
	if o.write || o.Phase == Ended || o.asked&(1<<i) != 0 || o.Targets[i].Down {
		return 0
	}
	o.asked |= 1 << i
	return 1 << i
}
