package quorum

import "math/bits"

// MaxTargets is how many replicas one operation addresses at most: the owners
// in the current and in the next placement.
const MaxTargets = 32

// Verdict is what a [Tracker] makes of the answers so far.
type Verdict uint8

// The verdicts.
const (
	More       Verdict = iota // enough may still come
	Done                      // enough came
	Impossible                // enough can no longer come
)

// Tracker counts answers, as a value without time. It counts in two groups at
// once, the owners in the current and in the next placement, and needs enough in
// both; where nothing moves the groups are one. The zero Tracker needs nothing.
type Tracker struct {
	need   [2]int    // in each group
	groups [2]uint32 // targets of the current, of the next placement
	good   uint32    // targets whose answer counts
	bad    uint32    // targets whose answer will not come or does not count
	hinted uint32    // of the good: a hint was kept for them, they have not answered
	stood  uint32    // of those: it is a fallback that keeps it
	spread int       // distinct zones that are needed in each group
	zones  [MaxTargets]uint8
}

// NewTracker returns a tracker that needs as many answers in each group. The
// groups are sets of targets: bit i is target i.
func NewTracker(need int, current, next uint32) Tracker {
	return Tracker{need: [2]int{need, need}, groups: [2]uint32{current, next}}
}

// trackerOf returns a tracker of the answers that a level needs of targets.
func trackerOf(l Level, targets []Target) Tracker {
	var groups [2]uint32
	for i, t := range targets {
		if l.local() && !t.Local {
			continue
		}
		if t.Current {
			groups[0] |= 1 << i
		}
		if t.Next {
			groups[1] |= 1 << i
		}
	}
	t := NewTracker(max(int(l), 1), groups[0], groups[1])
	if l == LocalQuorum {
		for g := range t.need {
			t.need[g] = majority(bits.OnesCount32(t.groups[g]))
		}
	}
	return t
}

// spreadOver makes the tracker need answers from so many distinct zones, too.
func (t *Tracker) spreadOver(zones int, targets []Target) {
	t.spread = zones
	for i, x := range targets {
		t.zones[i] = x.Zone
	}
}

// Good records that target i's answer counts; a later Bad takes that back.
func (t *Tracker) Good(i int) {
	t.Reopen(i)
	t.good |= 1 << i
}

// Bad records that target i's answer does not count or will not come.
func (t *Tracker) Bad(i int) {
	t.Reopen(i)
	t.bad |= 1 << i
}

// Reopen forgets what was recorded of target i: something else may count in the
// place of its answer.
func (t *Tracker) Reopen(i int) {
	t.good &^= 1 << i
	t.bad &^= 1 << i
	t.hinted &^= 1 << i
	t.stood &^= 1 << i
}

// Hinted records that a hint for target i counts in the place of its answer.
func (t *Tracker) Hinted(i int) {
	t.Good(i)
	t.hinted |= 1 << i
}

// Stood records that a hint for target i, which a fallback keeps, counts in the
// place of its answer.
func (t *Tracker) Stood(i int) {
	t.Hinted(i)
	t.stood |= 1 << i
}

// Hints returns how many hints count that no fallback keeps.
func (t *Tracker) Hints() int { return bits.OnesCount32(t.hinted &^ t.stood) }

// Fallbacks returns how many hints count that fallbacks keep.
func (t *Tracker) Fallbacks() int { return bits.OnesCount32(t.stood) }

// Short returns as few of the targets recorded as bad as would have to count for
// enough to be possible again, leaving out some; none where that does not do.
func (t *Tracker) Short(out uint32) (targets uint32) {
	able := t.bad &^ out
	missing := func(g int) int { return t.need[g] - bits.OnesCount32(t.groups[g]&(^t.bad|targets)) }
	for both := able & t.groups[0] & t.groups[1]; both != 0 && missing(0) > 0 && missing(1) > 0; both &= both - 1 {
		targets |= both & -both
	}
	for g, group := range t.groups {
		for missing(g) > 0 {
			more := group & able &^ targets
			if more == 0 {
				return 0
			}
			targets |= more & -more
		}
	}
	return targets
}

// Answered returns the targets whose own answers count.
func (t *Tracker) Answered() (targets uint32) { return t.good &^ t.hinted }

// Open reports whether target i has not been recorded.
func (t *Tracker) Open(i int) bool { return (t.good|t.bad)&(1<<i) == 0 }

// Verdict says whether enough answers came, may come, or cannot come.
func (t *Tracker) Verdict() Verdict {
	v := Done
	for g := range t.groups {
		if t.enough(g, t.good) {
			continue
		}
		if !t.enough(g, ^t.bad) {
			return Impossible
		}
		v = More
	}
	return v
}

// enough reports whether these targets would do for a group.
func (t *Tracker) enough(group int, targets uint32) bool {
	targets &= t.groups[group]
	return bits.OnesCount32(targets) >= t.need[group] && (t.spread <= 1 || t.span(targets) >= t.spread)
}

// span is how many zones targets are in.
func (t *Tracker) span(targets uint32) (zones int) {
	var seen [4]uint64
	for m := targets; m != 0; m &= m - 1 {
		z := t.zones[bits.TrailingZeros32(m)]
		if bit := uint64(1) << (z & 63); seen[z>>6]&bit == 0 {
			seen[z>>6] |= bit
			zones++
		}
	}
	return zones
}

// Count returns how many answers counted, hints apart, in the group that has fewer.
func (t *Tracker) Count() int {
	answers := t.Answered()
	return min(bits.OnesCount32(t.groups[0]&answers), bits.OnesCount32(t.groups[1]&answers))
}

// Need returns how many answers are needed, in the group that needs more.
func (t *Tracker) Need() int { return max(t.need[0], t.need[1]) }

// Owners returns how many targets the group has that has fewer.
func (t *Tracker) Owners() int {
	return min(bits.OnesCount32(t.groups[0]), bits.OnesCount32(t.groups[1]))
}

// Counts reports whether an answer of target i can count.
func (t *Tracker) Counts(i int) bool { return (t.groups[0]|t.groups[1])&(1<<i) != 0 }

// Wants reports whether target i is in a group that needs more answers than
// have come and those in asked that may still come. Zones are not looked at: who
// needs them asks everybody.
func (t *Tracker) Wants(i int, asked uint32) bool {
	for g, group := range t.groups {
		if group&(1<<i) != 0 && bits.OnesCount32(group&(t.good|asked&^t.bad)) < t.need[g] {
			return true
		}
	}
	return false
}
