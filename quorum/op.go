package quorum

import (
	"math/bits"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/peer"
)

// Target is a replica that an operation may address: an owner of the key, or, if it
// is one in neither placement, a fallback. Fallbacks are live, are behind all
// owners, and are asked by writes with CountHints alone, see [Op.Fallback].
type Target struct {
	ID      peer.ID
	Nonce   uint64 // of the boot that is addressed
	Current bool   // owner in the current placement
	Next    bool   // owner in the placement that is coming; the same where nothing moves
	Down    bool   // membership believes it dead
	Local   bool   // in the zone of the coordinator
	Zone    uint8  // tells zones apart
	Member  uint16 // among the members, for the driver
}

// Phase is where an operation stands.
type Phase uint8

// The phases.
const (
	Asking  Phase = iota // waiting for answers
	Restamp              // a write must be stamped above Op.Dominated, see Op.Restamped
	Ended                // the result stands; late answers are still welcome
	// Repairing: what a read is about to return is not known to be at as many
	// owners as Op.Demand says; it waits for the acknowledgements of those that it
	// was sent to.
	Repairing
	// Diverged: it has to be sent to some, and the driver has to say whether it
	// may, by Op.Mend or Op.Waive.
	Diverged
	// Making: an owner is asked to make the operation, see Op.StartMake.
	Making
	// Hinting: a write with CountHints lacks owners and fallbacks; the driver keeps
	// hints for those in Op.Short, and says which by Op.Hinted.
	Hinting
)

// Op is one read or write under way: a machine that is told of answers and of
// the time, and says whom to ask. It does no I/O and has no lock; whoever
// drives it (the caller's goroutine, or a simulation) makes one call at a time.
//
// The methods that take something in return the set of targets to send the
// operation to now: bit i is Targets[i]. What is sent is marked with Round, and
// only answers of that round count, so that an answer to an earlier form of
// the operation is never taken for one to its present form.
type Op struct {
	Targets []Target
	Phase   Phase
	Round   uint8
	// State is the join of a read's answers; the driver sets it to bottom before
	// Start.
	State crdt.State
	// Zones is how many distinct zones the acknowledgements of a write have to
	// come from; 0: any. It is set before Start.
	Zones int
	// CountHints: where too few owners can be reached, hints count in their place:
	// those that fallbacks keep, and then the driver's. It is set before Start, and
	// not with Zones.
	CountHints bool
	// Demand is what a read asks for beyond its answers. It is set before Start.
	Demand Demand
	// Late is the join of the answers that come when the state of a read with
	// Demand.Keep stands already; the driver sets it to bottom before Start.
	Late crdt.State
	// Dominated is the highest stamp that a write was found to be older than.
	Dominated crdt.Stamp
	// Cause is why the operation failed; nil if it has ended well.
	Cause error

	write     bool
	restamped bool
	sent      int // of a write: messages sent, in all rounds
	refused   int // and how many of them are known to have changed nothing
	need      Level
	deadline  time.Time
	hedge     time.Time // when a read asks one more; zero: not again
	every     time.Duration
	tracker   Tracker
	asked     uint32
	late      uint32 // targets that acknowledged a write when it had ended
	hintless  uint32 // targets for which no hint could be kept
	answered  uint32 // targets whose answer was joined, of this round
	synced    uint32 // those of them that were synced
	sums      [MaxTargets]uint64
	errs      [MaxTargets]error
	settling
	making   making
	standing standing
}

// StartWrite begins a write that needs w acknowledgements in each placement
// and ends at the deadline.
func (o *Op) StartWrite(w Level, deadline time.Time, targets []Target) (send uint32) {
	o.reset(w, deadline)
	o.write = true
	return o.begin(targets)
}

// StartRead begins a read that needs r answers of synced owners in each
// placement. It asks so many, in the order of the targets, leaving out those
// that are down, and one more each time one fails, or after every hedge.
//
// While owners change, the current placement alone would not do: whoever has
// not heard of the end of the change would read at the old owners what is only
// written to the new ones any more.
func (o *Op) StartRead(r Level, now, deadline time.Time, hedge time.Duration, targets []Target) (send uint32) {
	o.reset(r, deadline)
	o.every, o.hedge = hedge, now.Add(hedge)
	return o.begin(targets)
}

func (o *Op) reset(need Level, deadline time.Time) {
	*o = Op{Targets: o.Targets[:0], State: o.State, Zones: o.Zones, CountHints: o.CountHints, Demand: o.Demand, Late: o.Late, need: need, deadline: deadline}
}

// Restart begins anew with other targets, for a ring that changed meanwhile.
// What was joined so far stays joined.
func (o *Op) Restart(targets []Target) (send uint32) {
	o.Round++
	o.settling = settling{carried: o.carried || o.anyState(), below: o.below, lost: o.lost, waited: o.waited}
	o.Phase, o.asked, o.answered, o.synced, o.hintless = Asking, 0, 0, 0, 0
	o.making.declined = 0
	clear(o.errs[:])
	return o.begin(targets)
}

func (o *Op) begin(targets []Target) (send uint32) {
	o.Targets = append(o.Targets[:0], targets...)
	o.retrack()
	if o.tracker.Verdict() == Impossible && o.Short() == 0 {
		o.end(o.unavailable())
		return 0
	}
	if o.kept.Verdict() == Impossible {
		o.broken = true
		o.end(ErrUnavailable)
		return 0
	}
	return o.ask()
}

// retrack begins to count anew.
func (o *Op) retrack() {
	o.tracker, o.kept = trackerOf(o.need, o.Targets), trackerOf(One, o.Targets)
	o.kept.need = [2]int{o.Demand.Keep, o.Demand.Keep}
	o.standing.waited = 0
	if o.write && o.Zones > 1 {
		o.tracker.spreadOver(o.Zones, o.Targets)
	}
	for i, t := range o.Targets {
		if t.Down {
			o.tracker.Bad(i)
			o.kept.Bad(i)
		}
	}
}

// ask adds targets: all owners for a write, as many as are missing for a read.
func (o *Op) ask() (send uint32) {
	if o.making.make && !o.making.made {
		return o.askMaker()
	}
	for i, t := range o.Targets {
		if o.asked&(1<<i) == 0 && !t.Down && (o.write && !t.fallback() || o.tracker.Wants(i, o.asked|send) || o.kept.Wants(i, o.asked|send)) {
			send |= 1 << i
		}
	}
	o.asked |= send
	o.sent += bits.OnesCount32(send)
	if o.write {
		send |= o.reconsider()
	}
	return send
}

// Ack takes a target's acknowledgement of a write, or of what a read repairs.
func (o *Op) Ack(round uint8, i int, j crdt.Joined) {
	if !o.write {
		if o.mending && round == o.Round {
			o.mendedAt(i)
		}
		return
	}
	if round != o.Round {
		return
	}
	if o.Targets[i].fallback() {
		o.stood(i)
		return
	}
	if !o.tracker.Open(i) {
		return
	}
	if o.Phase == Ended { // it changes nothing but who lacks the write, see Unacked
		o.late |= 1 << i
	}
	if o.Phase != Asking {
		return
	}
	if o.Dominated.Compare(j.Dominated) < 0 {
		o.Dominated = j.Dominated
	}
	o.tracker.Good(i)
	o.reconsider()
}

// reconsider ends a write that has enough acknowledgements, or can get no more. If
// hints may count it returns the fallbacks to send the write to, which an
// acknowledgement never leads to.
func (o *Op) reconsider() (send uint32) {
	switch o.tracker.Verdict() {
	case More:
		return 0
	case Impossible:
		return o.standIn()
	}
	// Every write that ended before this one began reached an owner that has
	// answered, if W > N/2; so stamping once above the highest of the answers
	// is enough. What dominates the new stamp is concurrent.
	if !o.Dominated.IsZero() && !o.restamped {
		o.Phase = Restamp
		return 0
	}
	o.end(nil)
	return 0
}

// Restamped goes on after the write was stamped above Dominated.
func (o *Op) Restamped() (send uint32) {
	o.Phase, o.restamped, o.Dominated = Asking, true, crdt.Stamp{}
	o.Round++
	o.asked = 0
	clear(o.errs[:])
	o.retrack()
	return o.ask()
}

// Answer takes a target's answer to a read: its encoded state, empty for none,
// and whether the target is synced for the key's partition. An unsynced one's
// state is joined, but it does not count, unless the target is only an owner to
// be. The error is that of the state's
// decoding; the answer then counts as failed.
func (o *Op) Answer(round uint8, i int, state []byte, synced bool) (send uint32, err error) {
	if !o.answers(round) || o.answered&(1<<i) != 0 {
		return 0, nil
	}
	if len(state) > 0 {
		into := o.State
		if o.Demand.Keep > 0 && o.Phase != Asking {
			into = o.Late // what is returned stands
		}
		if _, err := into.JoinBinary(state); err != nil {
			return o.Fail(round, i, err, false), err
		}
	}
	o.sums[i] = xxhash.Sum64(state)
	return o.count(round, i, synced), nil
}

// AnswerEqual takes an answer that says the target has the very state that
// this node, as target 0, has answered before.
func (o *Op) AnswerEqual(round uint8, i int, synced bool) (send uint32) {
	if !o.answers(round) || o.answered&(1<<i) != 0 {
		return 0
	}
	o.sums[i] = o.sums[0]
	return o.count(round, i, synced)
}

func (o *Op) count(round uint8, i int, synced bool) (send uint32) {
	o.answered |= 1 << i
	if synced {
		o.synced |= 1 << i
	}
	switch {
	case o.Phase != Asking && o.Demand.Keep > 0:
		return o.answeredLate(i)
	case !synced && o.Targets[i].Current:
		return o.Fail(round, i, ErrUnsynced, false)
		// An owner of the coming placement alone that is not filled yet shows that
		// this placement is not in use: nobody leaves the current one before.
	}
	if o.Phase == Asking {
		o.tracker.Good(i)
		if o.tracker.Verdict() == Done {
			return o.floor()
		}
	}
	return 0
}

// Stale takes that a target knows another ring state and refused, and reports
// whether the operation has to be restarted with the targets of a newer one.
// Maybe says that it had joined the write before it noticed.
func (o *Op) Stale(round uint8, maybe bool) (restart bool) {
	if !maybe {
		o.refused++
		if o.Phase == Making && round == o.Round && !o.making.fixed {
			o.making.bound = 0
		}
	}
	return round == o.Round && (o.Phase == Asking || o.Phase == Making || o.Phase == Repairing || o.Phase == Diverged)
}

// Fail takes that a target's answer does not count or will not come. Maybe
// says that it may have joined the write all the same.
func (o *Op) Fail(round uint8, i int, err error, maybe bool) (send uint32) {
	if !maybe {
		o.refused++
	}
	if o.Phase == Making {
		return o.failMaking(round, i, err, maybe)
	}
	if (o.Phase == Repairing || o.Phase == Diverged) && (round == o.Round || o.answers(round)) {
		return o.failLate(round, i, err)
	}
	if round != o.Round {
		return 0
	}
	owner, is := o.Fallback(i)
	if is && !o.left(i) || !is && !o.tracker.Open(i) {
		return 0
	}
	o.errs[i] = err
	o.tracker.Bad(owner)
	if o.Phase != Asking {
		return 0
	}
	switch v := o.tracker.Verdict(); {
	case o.write:
		return o.reconsider()
	case v == Impossible:
		o.end(o.blame())
		return 0
	case v == Done: // what did not count may have brought what the floor asks for
		return o.floor()
	}
	return o.ask()
}

// Unsent takes that a request was still waiting to be sent at the deadline: it has
// changed nothing, and Tick is about to end the operation.
func (o *Op) Unsent() { o.refused++ }

// Tick takes the time: it asks one more owner when a read waits too long, and
// ends at the deadline.
func (o *Op) Tick(now time.Time) (send uint32) {
	switch {
	case o.Phase == Ended || o.Phase == Restamp:
	case !now.Before(o.deadline):
		o.End(ErrTimeout)
	case !o.hedge.IsZero() && !now.Before(o.hedge):
		if o.Polls(now) {
			return o.Again(now, o.Targets)
		}
		o.hedge = o.hedge.Add(o.every)
		if o.Phase != Asking {
			return o.mendMore()
		}
		return o.askOneMore()
	}
	return 0
}

func (o *Op) askOneMore() (send uint32) {
	for i := range o.Targets {
		if o.tracker.Counts(i) || o.Demand != (Demand{}) {
			if send = o.Also(i); send != 0 {
				return send
			}
		}
	}
	if o.Demand == (Demand{}) { // there is nothing more to do until the deadline
		o.hedge = time.Time{}
	}
	return 0
}

// Deadline returns when Tick is next due.
func (o *Op) Deadline() time.Time {
	if !o.hedge.IsZero() && o.hedge.Before(o.deadline) {
		return o.hedge
	}
	return o.deadline
}
