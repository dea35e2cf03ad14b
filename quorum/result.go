package quorum

import (
	"errors"
	"fmt"
	"math/bits"

	"github.com/cespare/xxhash/v2"
	"github.com/grapevine-go/grapevine/internal/wire"
)

// End ends the operation for a reason of the driver's, such as a canceled
// context. It does nothing if the operation has ended.
func (o *Op) End(cause error) {
	switch o.Phase {
	case Ended:
	case Repairing, Diverged:
		o.fail(cause)
	default:
		o.end(cause)
	}
}

func (o *Op) end(cause error) { o.Phase, o.Cause = Ended, o.lostSession(cause) }

// blame finds the cause among the owners' errors: overload and size are worth
// telling apart, everything else makes the owners unavailable.
func (o *Op) blame() error {
	for _, special := range []error{ErrTooLarge, ErrOverloaded} {
		for i, t := range o.Targets {
			if !t.fallback() && errors.Is(o.errs[i], special) {
				return special
			}
		}
	}
	return o.unavailable()
}

// unavailable says what is too few, where numbers of owners do not.
func (o *Op) unavailable() error {
	switch {
	case o.need.local() && o.tracker.Owners() < o.tracker.Need():
		return fmt.Errorf("%w: %d owners of the key are in this zone", ErrUnavailable, o.tracker.Owners())
	case o.write && o.Zones > 1:
		return fmt.Errorf("%w: acknowledgements from %d zones are wanted", ErrUnavailable, o.Zones)
	}
	return ErrUnavailable
}

// Acked returns how many answers counted, in the placement that had fewer.
func (o *Op) Acked() int { return o.tracker.Count() }

// Needed returns how many have to; 0 for an operation that has not begun.
func (o *Op) Needed() int { return o.tracker.Need() }

// Superseded reports that a write was applied although something concurrent is
// newer.
func (o *Op) Superseded() bool { return !o.Dominated.IsZero() }

// Outcome returns how the write ended.
func (o *Op) Outcome() Outcome {
	switch {
	case o.Cause == nil:
		return Applied
	case o.write && o.sent > o.refused:
		return Unknown
	}
	return NotApplied
}

// Err returns nil if the operation ended well, and an [*Error] otherwise. The
// error keeps nothing of the operation.
func (o *Op) Err(verb string, id wire.OpID) error {
	if o.Cause == nil {
		return nil
	}
	e := &Error{Verb: verb, Outcome: o.Outcome(), Op: id, Acked: o.Acked(), Hints: o.Hints(), Fallbacks: o.Fallbacks(), Needed: o.tracker.Need(), Owners: o.tracker.Owners(), Cause: o.Cause}
	if o.broken {
		e.Acked, e.Needed = o.kept.Count(), o.Demand.Keep
	}
	counted := o.tracker.Answered()
	if o.broken {
		counted = o.kept.Answered()
	}
	for i, t := range o.Targets {
		if counted&(1<<i) != 0 {
			e.AckedBy = append(e.AckedBy, t.ID)
		}
		err := o.errs[i]
		switch {
		case err == nil && t.Down:
			err = ErrUnavailable
		case err == nil && (o.Pending(i) || (o.told&^o.has)&(1<<i) != 0):
			err = ErrNoAnswer
		}
		if err != nil {
			e.Nodes = append(e.Nodes, NodeError{ID: t.ID, Err: err})
		}
	}
	return e
}

// Pending reports whether answers of the present round are still to come.
func (o *Op) Pending(i int) bool {
	if o.Targets[i].fallback() {
		return o.standing.waited&(1<<i) != 0
	}
	return o.asked&(1<<i) != 0 && o.tracker.Open(i)
}

// Behind returns the synced targets whose answers lacked something of the
// read's State, whose encoding is given: those to repair. An unsynced owner is
// being filled, and is left to that.
func (o *Op) Behind(state []byte) (targets uint32) {
	if len(state) == 0 {
		return 0
	}
	sum := xxhash.Sum64(state)
	for m := o.synced; m != 0; m &= m - 1 {
		if i := bits.TrailingZeros32(m); o.sums[i] != sum && (o.has&(1<<i) == 0 || sum != o.sum) {
			targets |= 1 << i
		}
	}
	return targets
}
