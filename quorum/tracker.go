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
// once, the owners in the current and in the next placement, and needs as many
// in both; where nothing moves the groups are one. The zero Tracker needs
// nothing.
type Tracker struct {
	need   int
	groups [2]uint32 // targets of the current, of the next placement
	good   uint32    // targets whose answer counts
	bad    uint32    // targets whose answer will not come or does not count
}

// NewTracker returns a tracker that needs as many answers in each group. The
// groups are sets of targets: bit i is target i.
func NewTracker(need int, current, next uint32) Tracker {
	return Tracker{need: need, groups: [2]uint32{current, next}}
}

// Good records that target i's answer counts; a later Bad takes that back.
func (t *Tracker) Good(i int) {
	t.good |= 1 << i
	t.bad &^= 1 << i
}

// Bad records that target i's answer does not count or will not come.
func (t *Tracker) Bad(i int) {
	t.bad |= 1 << i
	t.good &^= 1 << i
}

// Open reports whether target i has not been recorded.
func (t *Tracker) Open(i int) bool { return (t.good|t.bad)&(1<<i) == 0 }

// Verdict says whether enough answers came, may come, or cannot come.
func (t *Tracker) Verdict() Verdict {
	v := Done
	for _, g := range t.groups {
		if bits.OnesCount32(g&t.good) >= t.need {
			continue
		}
		if bits.OnesCount32(g&^t.bad) < t.need {
			return Impossible
		}
		v = More
	}
	return v
}

// Count returns how many answers counted, in the group that has fewer.
func (t *Tracker) Count() int {
	return min(bits.OnesCount32(t.groups[0]&t.good), bits.OnesCount32(t.groups[1]&t.good))
}

// Owners returns how many targets the group has that has fewer.
func (t *Tracker) Owners() int {
	return min(bits.OnesCount32(t.groups[0]), bits.OnesCount32(t.groups[1]))
}

// Wants reports whether target i is in a group that needs more answers than
// have come and those in asked that may still come.
func (t *Tracker) Wants(i int, asked uint32) bool {
	for _, g := range t.groups {
		if g&(1<<i) != 0 && bits.OnesCount32(g&(t.good|asked&^t.bad)) < t.need {
			return true
		}
	}
	return false
}
