package quorum

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/grapevine-go/grapevine/internal/wire"
	"github.com/grapevine-go/grapevine/peer"
)

// Outcome is how a write ended.
type Outcome uint8

// The outcomes.
const (
	// Applied: W owners joined it, or hints are kept for some of them, by fallbacks
	// or by this node, see [CountHints].
	Applied Outcome = iota
	// NotApplied: nothing left this node, or every recipient refused.
	NotApplied
	// Unknown: at least one owner may hold it, whatever the error. It may become
	// visible later.
	Unknown
)

// String names the outcome.
func (o Outcome) String() string {
	return [...]string{"applied", "not applied", "unknown"}[min(o, Unknown)]
}

// The causes of an [Error]; each says by itself nothing about the outcome,
// which the Error tells. Errors that are not listed are those of the layers
// below (a canceled context, a stamp too far ahead).
var (
	// ErrUnavailable: too few owners can be reached, or too few are synced.
	ErrUnavailable = errors.New("quorum: too few owners available")
	// ErrTimeout: the deadline passed before enough owners answered.
	ErrTimeout = errors.New("quorum: deadline passed")
	// ErrOverloaded: so many owners have no room that too few are left, or this
	// node has as much under way as it can do in time (see [OverloadError]).
	ErrOverloaded = errors.New("quorum: owners are overloaded")
	// ErrTooLarge: the key or the value is over the limit.
	ErrTooLarge = errors.New("quorum: key or value too large")
	// ErrUnsettled: the ring kept changing while the operation was retried.
	ErrUnsettled = errors.New("quorum: the ring keeps changing")
	// ErrUnsynced: an owner that came back without its data has not been filled
	// yet; its answer does not count.
	ErrUnsynced = errors.New("quorum: owner is not synced")
	// ErrRefused: an owner refused for a reason that it gives.
	ErrRefused = errors.New("quorum: refused by an owner")
)

// ErrNoAnswer is a [NodeError]'s, never a cause: the owner was asked, is believed
// alive, and had not answered when the operation ended. It may have a write.
var ErrNoAnswer = errors.New("quorum: no answer yet")

// Outcomes as errors, so that errors.Is(err, quorum.ErrUnknown) asks for one.
var (
	// ErrNotApplied matches an [Error] whose outcome is NotApplied.
	ErrNotApplied = errors.New("quorum: not applied")
	// ErrUnknown matches an [Error] whose outcome is Unknown.
	ErrUnknown = errors.New("quorum: outcome unknown")
)

// Error is how an operation failed: which outcome, how many answered of how
// many needed, which nodes did not count and why. errors.Is finds the outcome,
// the cause and each node's error in it.
type Error struct {
	Verb    string // "write", "read" or "scan"
	Outcome Outcome
	Op      wire.OpID
	Acked   int // owners whose answer counted, in the placement that had fewer
	// Fallbacks is how many nodes that are no owners keep a hint that counted in the
	// place of an owner, and Hints how many hints of this node did, see [CountHints].
	Fallbacks int
	Hints     int
	Needed    int
	Owners    int // that the key has, in the placement that has fewer; 0: none was looked up
	Cause     error
	// AckedBy are the owners whose answers counted, in the order in which they were
	// asked: more than Acked while owners change.
	AckedBy []peer.ID
	// Nodes are the owners that failed or had not answered, in the order in which they
	// were asked, and then the fallbacks.
	Nodes []NodeError

	operation Operation
}

// NodeError is why one owner or fallback did not count.
type NodeError struct {
	ID  peer.ID
	Err error
}

// Error implements error.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %v; %d of %d needed owners", e.Verb, e.Cause, e.Acked, e.Needed)
	for i, id := range e.AckedBy {
		fmt.Fprintf(&b, "%s%s", [...]string{" (", ", "}[min(i, 1)], id)
	}
	if len(e.AckedBy) > 0 {
		b.WriteByte(')')
	}
	if e.Fallbacks > 0 {
		fmt.Fprintf(&b, ", and %d by fallbacks", e.Fallbacks)
	}
	if e.Hints > 0 {
		fmt.Fprintf(&b, ", and %d by hints", e.Hints)
	}
	if 0 < e.Owners && e.Owners < e.Needed { // no node's fault
		fmt.Fprintf(&b, ", the ring has %d", e.Owners)
	}
	if e.Verb == "write" {
		fmt.Fprintf(&b, "; %v", e.Outcome)
	}
	for _, n := range e.Nodes {
		fmt.Fprintf(&b, "; %s: %v", n.ID, n.Err)
	}
	return b.String()
}

// Unwrap returns the cause, the outcome and the nodes' errors.
func (e *Error) Unwrap() []error {
	errs := []error{e.Cause}
	switch {
	case e.Verb != "write":
	case e.Outcome == NotApplied:
		errs = append(errs, ErrNotApplied)
	case e.Outcome == Unknown:
		errs = append(errs, ErrUnknown)
	}
	for _, n := range e.Nodes {
		errs = append(errs, n.Err)
	}
	return errs
}

// Receipt is what a write that ended as applied leaves behind.
type Receipt struct {
	Op wire.OpID // the operation's id
	// Acked is how many owners had acknowledged when the call returned; the
	// others' acknowledgements were still under way.
	Acked int
	// Fallbacks is how many other nodes, no owners, have acknowledged that they keep a
	// hint in the place of an owner that could not be reached, and Hints is how many
	// hints of this node count beside these, see [CountHints]; 0 without it.
	Fallbacks int
	Hints     int
	// Superseded: a concurrent write is newer; this one is applied, and hidden
	// by it. Of a retry it may be any newer write: a retry is not stamped again.
	Superseded bool
	// Observed is how many owners' states an operation that takes something out
	// had seen: what they had of it is gone. 0: it depends on no state, or took
	// what its caller had read.
	Observed int
	// Waited is how much longer the call took since the node had more to do than it
	// can: for a place, and by an answer that was held back.
	Waited time.Duration
}
