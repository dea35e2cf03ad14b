package quorum

import (
	"errors"
	"time"
)

// An operation of a causal type has a dot, and so has to be made at one owner,
// once; the delta that comes of it is then a write like any other. The Op asks
// one owner to make it (phase [Making]), another one only if it knows that the
// first has not made it and never will, and goes on with a write to all the
// others, with the first's acknowledgement in hand.

// making is what an operation knows about the owner that makes it.
type making struct {
	make     bool   // it has to be made
	made     bool   // it was
	fixed    bool   // an earlier call has asked the maker: no other may be asked
	bound    uint64 // nonce of the boot that may have made it; 0: none has
	maker    int    // which target that is
	declined uint32 // targets that will not make it
	attempt  uint32 // the next request's
}

// StartMake begins an operation that an owner has to make, and which ends with
// w acknowledgements in each placement. Bound is the boot that may have made it
// in an earlier call, which alone is asked then; 0 if none has. Attempt is above
// that of every request for this operation before, and below or equal to that of
// the first.
func (o *Op) StartMake(w Level, deadline time.Time, targets []Target, bound uint64, attempt uint32) (send uint32) {
	o.reset(w, deadline)
	o.write = true
	o.making = making{make: true, fixed: bound != 0, bound: bound, attempt: attempt}
	if bound != 0 {
		o.sent++ // it may be there, whatever becomes of this call
	}
	return o.begin(targets)
}

// StartRetry begins a write of bytes that were written before, in a call whose
// outcome is not known: they are not stamped again, whatever they meet.
func (o *Op) StartRetry(w Level, deadline time.Time, targets []Target) (send uint32) {
	o.reset(w, deadline)
	o.write, o.restamped = true, true
	o.sent++
	return o.begin(targets)
}

// Resumes takes, where a write has ended before it could begin, what earlier calls
// have done: with which boot and attempt, see [Op.StartMake]. If they may have sent
// it, its outcome is unknown, and not that it was not applied.
func (o *Op) Resumes(sent bool, bound uint64, attempt uint32) {
	o.write = true
	o.making.bound, o.making.attempt = bound, attempt
	if sent {
		o.sent++
	}
}

// Attempt numbers the request to the maker.
func (o *Op) Attempt() uint32 { return o.making.attempt }

// Bound returns the nonce of the boot that may have made the operation; 0 if
// none has.
func (o *Op) Bound() uint64 { return o.making.bound }

// Maker returns the target that is asked to make the operation.
func (o *Op) Maker() int { return o.making.maker }

// askMaker asks one owner to make the operation.
func (o *Op) askMaker() (send uint32) {
	m := &o.making
	for i, t := range o.Targets {
		if bit := uint32(1) << i; t.Current && !t.Down && m.declined&bit == 0 && (m.bound == 0 || m.bound == t.Nonce) {
			m.maker, m.bound = i, t.Nonce
			m.attempt++
			o.Phase, o.asked = Making, bit
			o.sent++
			return bit
		}
	}
	o.end(o.blame())
	return 0
}

// Made takes that a target has made the operation and joined it, and returns
// whom to send the delta to: all others, also if the operation has ended with
// that.
func (o *Op) Made(round uint8, i int) (send uint32) {
	if round != o.Round || o.Phase != Making || i != o.making.maker {
		return 0
	}
	o.making.made = true
	o.Phase = Asking
	o.Round++
	clear(o.errs[:])
	o.tracker.Good(i)
	return o.ask()
}

// Spreads reports that what an ended operation is still to be sent to is to be
// sent: it has ended well with its maker's acknowledgement.
func (o *Op) Spreads() bool { return o.making.made && o.Cause == nil }

// failMaking takes that the maker has not made the operation.
func (o *Op) failMaking(round uint8, i int, err error, maybe bool) (send uint32) {
	m := &o.making
	if round != o.Round || i != m.maker {
		return 0
	}
	o.errs[i] = err
	if maybe || m.fixed {
		o.end(o.blame())
		return 0
	}
	m.bound = 0
	m.declined |= 1 << i
	o.Round++
	return o.askMaker()
}

// Reject takes that the maker does not take the operation, for a reason that ends
// it. Maybe says that it may have been made all the same.
func (o *Op) Reject(round uint8, i int, err error, maybe bool) {
	if round != o.Round || o.Phase != Making || i != o.making.maker {
		return
	}
	if !maybe {
		o.refused++
		if !o.making.fixed {
			o.making.bound = 0
		}
	}
	o.errs[i] = err
	o.end(err)
}

// Errors of operations that an owner makes.
var (
	// ErrForgotten: whether the operation was made is not known any more. It is
	// not made again.
	ErrForgotten = errors.New("quorum: the operation may have been made and forgotten")
	// ErrInvalid: the value's type does not take the operation, or not with what
	// the value is: a counter would overflow, a register would have too many
	// concurrent values.
	ErrInvalid = errors.New("quorum: invalid operation")
)
