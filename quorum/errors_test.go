package quorum

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/internal/wire"
	"github.com/grapevine-go/grapevine/peer"
)

// TestError: an application finds the outcome, the cause and each node's error.
func TestError(t *testing.T) {
	e := &Error{Verb: "write", Outcome: Unknown, Op: wire.OpID{Hi: 1, Lo: 2}, Acked: 1, AckedBy: []peer.ID{"a", "d"}, Needed: 2, Cause: ErrUnavailable,
		Nodes: []NodeError{{"b", io.ErrUnexpectedEOF}, {"c", ErrOverloaded}}}
	var err error = e
	for _, want := range []error{ErrUnavailable, ErrUnknown, io.ErrUnexpectedEOF, ErrOverloaded} {
		if !errors.Is(err, want) {
			t.Errorf("%v is not found", want)
		}
	}
	for _, other := range []error{ErrNotApplied, ErrTimeout, ErrTooLarge} {
		if errors.Is(err, other) {
			t.Errorf("%v is found", other)
		}
	}
	var as *Error
	if !errors.As(err, &as) || as.Op != e.Op {
		t.Error("errors.As does not give the Error")
	}
	const want = "write: quorum: too few owners available; 1 of 2 needed owners (a, d); unknown; b: unexpected EOF; c: quorum: owners are overloaded"
	if err.Error() != want {
		t.Errorf("%q", err)
	}
	e.Outcome, e.Nodes = NotApplied, nil
	if !errors.Is(err, ErrNotApplied) || errors.Is(err, ErrUnknown) {
		t.Error("the outcome is not the one of the error")
	}
}

// TestReadError: a read has no outcome to speak of.
func TestReadError(t *testing.T) {
	err := error(&Error{Verb: "read", Outcome: NotApplied, Needed: 2, Cause: context.Canceled})
	if !errors.Is(err, context.Canceled) || errors.Is(err, ErrNotApplied) || errors.Is(err, ErrUnknown) {
		t.Errorf("%v", err)
	}
	if err.Error() != "read: context canceled; 0 of 2 needed owners" {
		t.Errorf("%q", err)
	}
}

func TestOutcomes(t *testing.T) {
	for o, want := range map[Outcome]string{Applied: "applied", NotApplied: "not applied", Unknown: "unknown", 9: "unknown"} {
		if o.String() != want {
			t.Errorf("outcome %d is %q", uint8(o), o)
		}
	}
}

// TestErrKeepsNothing: the error stays as it is when the operation is used anew.
func TestErrKeepsNothing(t *testing.T) {
	var op Op
	targets := []Target{{ID: "a", Current: true, Next: true}, {ID: "b", Current: true, Next: true}}
	op.StartWrite(2, time.UnixMilli(5), targets)
	op.Fail(op.Round, 0, ErrRefused, false)
	err := op.Err("write", wire.OpID{})
	before := err.Error()
	op.StartWrite(1, time.UnixMilli(5), []Target{{ID: "x"}, {ID: "y"}})
	if err.Error() != before {
		t.Errorf("%q became %q", before, err)
	}
}

// TestDeadline: a driver is told when Tick is next due, also when a read is done
// with asking more.
func TestDeadline(t *testing.T) {
	var op Op
	end := start.Add(time.Second)
	op.StartWrite(1, end, []Target{{Current: true, Next: true}})
	if !op.Deadline().Equal(end) {
		t.Errorf("a write's: %v", op.Deadline())
	}
	op.State = new(crdt.Packed)
	op.StartRead(1, start, end, 100*time.Millisecond, []Target{{Current: true, Next: true}, {Current: true, Next: true}})
	if got := op.Deadline().Sub(start); got != 100*time.Millisecond {
		t.Errorf("a read's: %v", got)
	}
	if send := op.Tick(op.Deadline()); send != 2 {
		t.Errorf("the second is not asked: %b", send)
	}
	if send := op.Tick(op.Deadline()); send != 0 || !op.Deadline().Equal(end) {
		t.Errorf("nobody is left to ask: %b, next at %v", send, op.Deadline().Sub(start))
	}
	if !op.Pending(0) || !op.Pending(1) {
		t.Error("both were asked")
	}
}

// TestNoAllocation: an operation that goes well allocates nothing.
func TestNoAllocation(t *testing.T) {
	var op Op
	var state crdt.Packed
	targets := []Target{{ID: "a", Current: true, Next: true}, {ID: "b", Current: true, Next: true}, {ID: "c", Current: true, Next: true}}
	cell := crdt.Put(crdt.Stamp{Time: 1, Actor: crdt.Actor{1}}, []byte("x"), 0)
	answer := cell.AppendBinary(nil)
	both := func() {
		op.StartWrite(2, start, targets)
		op.Ack(0, 0, crdt.Joined{Changed: true})
		op.Ack(0, 1, crdt.Joined{Changed: true})
		if op.Phase != Ended || op.Cause != nil {
			t.Error("the write has not ended")
		}
		state.Reset()
		op.State = &state
		op.StartRead(2, start, start.Add(time.Second), time.Second, targets)
		for i := range 2 {
			if _, err := op.Answer(0, i, answer, true); err != nil {
				t.Error(err)
			}
		}
		if op.Phase != Ended || op.Behind(answer) != 0 {
			t.Error("the read has not ended")
		}
	}
	both()
	if n := testing.AllocsPerRun(100, both); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkOp(b *testing.B) {
	var op Op
	targets := []Target{{ID: "a", Current: true, Next: true}, {ID: "b", Current: true, Next: true}, {ID: "c", Current: true, Next: true}}
	b.ReportAllocs()
	for b.Loop() {
		op.StartWrite(2, start, targets)
		op.Ack(0, 0, crdt.Joined{Changed: true})
		op.Ack(0, 1, crdt.Joined{Changed: true})
		op.Ack(0, 2, crdt.Joined{Changed: true})
	}
}
