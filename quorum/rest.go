package quorum

import "math/bits"

// Rest asks, after a read has ended well, the targets that it has not asked: what
// they have is joined as any late answer is, so that AllAnswered and State tell
// what the read has missed. It does nothing for a read that failed.
func (o *Op) Rest() (send uint32) {
	if o.write || o.Phase != Ended || o.Cause != nil || o.mending {
		return 0
	}
	for i, t := range o.Targets {
		if o.asked&(1<<i) == 0 && !t.Down {
			send |= 1 << i
		}
	}
	o.asked |= send
	return send
}

// AllAnswered reports whether the answer of every target of a read was joined.
func (o *Op) AllAnswered() bool { return bits.OnesCount32(o.answered) == len(o.Targets) }
