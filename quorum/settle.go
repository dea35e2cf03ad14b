package quorum

import (
	"errors"
	"fmt"
	"math/bits"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/grapevine-go/grapevine/quorum/session"
)

// Demand is what a read asks for beyond R answers. The zero Demand asks for
// nothing.
type Demand struct {
	// Keep is how many owners, in each placement, must have what the read returns
	// before it ends. With Keep at least N-R+1 every later read of R owners meets
	// one that has it, and with Keep at least W it outlives what an acknowledged
	// write outlives: reads are monotonic then. 0: the read ends with R answers.
	Keep int
	// Ask leaves the decision whether to repair to the driver, see [Diverged].
	Ask bool
	// Floor is the version that the read must return, or a newer one. As long as
	// the answers do not have it, more owners are asked, and then all of them
	// again, until the deadline.
	Floor session.Version
}

// settling is what an operation knows about who has the state that a read is
// about to return.
type settling struct {
	kept    Tracker
	sum     uint64 // of the state
	told    uint32 // targets that the state was sent to, in this round
	has     uint32 // and that have acknowledged it
	lack    uint32 // targets that are to be repaired if the driver agrees
	mending bool   // the present round is that of the repair
	carried bool   // the state holds answers of an earlier round
	waited  bool   // it was below at some time
	below   bool   // R have answered, and the state does not cover the floor
	lost    bool   // and so did all of a round before
	broken  bool   // it ended without enough owners that have the state
	waived  bool   // the driver was against the repair
}

// settle goes on after R owners have answered: the state stands, and as many as
// the demand says must have it.
func (o *Op) settle() (send uint32) {
	if o.Demand.Keep == 0 {
		o.end(nil)
		return 0
	}
	same := o.agreeing()
	if o.sum == absent && !o.carried { // there is no state: nobody need have it
		o.end(nil)
		return 0
	}
	for m := same; m != 0; m &= m - 1 {
		o.kept.Good(bits.TrailingZeros32(m))
	}
	for i := range o.Targets {
		if o.errs[i] != nil && o.answered&(1<<i) == 0 {
			o.kept.Bad(i)
		}
	}
	o.Phase = Repairing
	return o.mend()
}

// absent is the sum of an answer without a state.
var absent = xxhash.Sum64(nil)

// agreeing finds the sum of the state, and returns the targets whose answer was
// that state.
func (o *Op) agreeing() (same uint32) {
	o.sum = o.sums[bits.TrailingZeros32(o.answered)%MaxTargets]
	uniform := !o.carried
	for m := o.answered; m != 0; m &= m - 1 {
		uniform = uniform && o.sums[bits.TrailingZeros32(m)] == o.sum
	}
	if !uniform { // or else nobody has to encode it
		o.sum = xxhash.Sum64(o.State.AppendBinary(nil))
	}
	for m := o.answered; m != 0; m &= m - 1 {
		if i := bits.TrailingZeros32(m); o.sums[i] == o.sum {
			same |= 1 << i
		}
	}
	return same
}

// mend ends the read if enough have the state, or returns whom to send it to:
// those who answered without it, and others as far as they are needed.
func (o *Op) mend() (send uint32) {
	switch o.kept.Verdict() {
	case Done:
		o.end(nil)
		return 0
	case Impossible:
		o.fail(ErrUnavailable)
		return 0
	}
	coming := o.told&^o.has | o.asked&^o.answered
	for i, t := range o.Targets {
		bit := uint32(1) << i
		switch {
		case t.Down || o.told&bit != 0 || !o.kept.Open(i):
		case o.answered&bit != 0, o.kept.Wants(i, coming|send):
			send |= bit
		}
	}
	return o.repair(send)
}

// repair returns the targets to send the state to now: none before the driver
// has decided, if it is to be asked.
func (o *Op) repair(send uint32) uint32 {
	if send == 0 || o.Phase == Diverged {
		return 0
	}
	if !o.mending {
		if o.Demand.Ask {
			o.Phase, o.lack = Diverged, send
			return 0
		}
		o.mending = true
		o.Round++
	}
	o.told |= send
	return send
}

// Mend goes on after the phase [Diverged]: the state is written to owners that
// lack it.
func (o *Op) Mend() (send uint32) {
	if o.Phase != Diverged {
		return 0
	}
	o.Phase, o.Demand.Ask = Repairing, false
	return o.mend()
}

// Waive ends a read in the phase [Diverged] well and without a repair: what it
// returns may be missed by later reads.
func (o *Op) Waive() {
	if o.Phase == Diverged {
		o.waived = true
		o.end(nil)
	}
}

// Mending reports that what is sent is the state, to be joined, instead of the
// question for it.
func (o *Op) Mending() bool { return o.mending }

// Lacking returns the targets that a read in the phase [Diverged] is to repair.
func (o *Op) Lacking() (targets uint32) { return o.lack }

// Waited reports that a read had to ask more than R owners, because what they had
// did not cover its floor.
func (o *Op) Waited() bool { return o.waited }

// Waived reports that a read ended without a repair because of [Op.Waive].
func (o *Op) Waived() bool { return o.waived }

// Mended returns the targets that a read has sent its state to before it ended.
func (o *Op) Mended() uint32 { return o.told }

// Kept returns how many owners are known to have the state, in the placement
// that has fewer; state is its encoding.
func (o *Op) Kept(state []byte) int {
	t := o.kept
	t.good = o.has
	sum := xxhash.Sum64(state)
	for m := o.answered; m != 0; m &= m - 1 {
		if i := bits.TrailingZeros32(m); o.sums[i] == sum || len(state) == 0 {
			t.Good(i)
		}
	}
	return t.Count()
}

// answers reports whether an answer to a question of that round still counts.
func (o *Op) answers(round uint8) bool {
	return round == o.Round && !o.mending || o.mending && round == o.Round-1
}

// answeredLate goes on after an answer that came when the state stood already.
func (o *Op) answeredLate(i int) (send uint32) {
	if o.Phase == Ended {
		return 0
	}
	if o.sums[i] == o.sum {
		o.kept.Good(i)
	}
	return o.mend()
}

// mendedAt takes a target's acknowledgement of the state.
func (o *Op) mendedAt(i int) {
	o.has |= 1 << i
	o.kept.Good(i)
	if o.Phase == Repairing && o.kept.Verdict() == Done {
		o.end(nil)
	}
}

// failLate takes that a target will not have the state, or will not say so.
func (o *Op) failLate(round uint8, i int, err error) (send uint32) {
	if o.Phase == Ended || o.has&(1<<i) != 0 {
		return 0
	}
	if round != o.Round && o.told&(1<<i) != 0 {
		return 0 // the answer failed, what was sent after it may not
	}
	o.errs[i] = err
	o.kept.Bad(i)
	return o.mend()
}

// mendMore writes the state to one owner more than those who have not answered
// in time.
func (o *Op) mendMore() (send uint32) {
	for i, t := range o.Targets {
		if bit := uint32(1) << i; !t.Down && o.told&bit == 0 && o.kept.Open(i) {
			return o.repair(bit)
		}
	}
	return 0
}

// fail ends a read in which too few owners have what it would return.
func (o *Op) fail(cause error) {
	o.broken = true
	o.end(fmt.Errorf("%w: %w", ErrUnrepaired, cause))
}

// floor goes on after R owners have answered: with the state, if it covers the
// floor, and else by asking everybody else.
func (o *Op) floor() (send uint32) {
	if o.below = !o.Demand.Floor.CoveredBy(o.State); !o.below {
		return o.settle()
	}
	o.waited = true
	for i, t := range o.Targets {
		if o.asked&(1<<i) == 0 && !t.Down {
			send |= 1 << i
		}
	}
	o.asked |= send
	return send
}

// anyState reports whether some answer of this round had a state.
func (o *Op) anyState() bool {
	for m := o.answered; m != 0; m &= m - 1 {
		if o.sums[bits.TrailingZeros32(m)] != absent {
			return true
		}
	}
	return false
}

// Polls reports whether Tick is about to ask everybody anew, because R have
// answered and do not cover the floor: it may have arrived meanwhile.
func (o *Op) Polls(now time.Time) bool {
	return o.Phase == Asking && !o.write && o.below && now.Before(o.deadline) && !now.Before(o.hedge) && o.tracker.Verdict() == Done
}

// Again does so, of these targets, and the next time after twice as long. Tick
// does it with those that it has; a driver that knows of others who are alive by
// now does it first.
func (o *Op) Again(now time.Time, targets []Target) (send uint32) {
	o.lost = true
	o.every *= 2
	o.hedge = now.Add(o.every)
	return o.Restart(targets)
}

// lostSession names the cause of a read that has met nobody who covers its
// floor.
func (o *Op) lostSession(cause error) error {
	if cause == nil || !o.below && !o.lost || errors.Is(cause, ErrSessionLost) {
		return cause
	}
	if errors.Is(cause, ErrTimeout) || errors.Is(cause, ErrUnavailable) {
		return fmt.Errorf("%w: %w", ErrSessionLost, cause)
	}
	return cause
}
