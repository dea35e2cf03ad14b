package gossip

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/grapevine-go/grapevine/quorum"
)

// Retry sends a write again whose outcome is unknown, or that was not applied:
// [quorum.Error.Operation] has it. It sends the same bytes under the same id, so
// that a value is not written anew, a counter does not count twice, and an
// element that was removed meanwhile does not come back. What an owner was to
// make is asked of the same life of that owner, which makes it at most once; the
// outcome stays unknown if that life has ended or cannot be reached.
//
// A retry of a register is not stamped again: where something newer is there,
// also what was written before by a clock that is ahead, it ends as applied and
// Superseded. Where nothing could be sent the outcome is as unknown as it was, and the
// error says so. It wraps quorum.ErrOperation if the operation is of another
// table, and is that of a write otherwise.
func (h handle[T]) Retry(ctx context.Context, op quorum.Operation, opts ...quorum.Option) (quorum.Receipt, error) {
	return h.t.retry(ctx, op, opts)
}

func (t *table) retry(ctx context.Context, op quorum.Operation, opts []quorum.Option) (r quorum.Receipt, err error) {
	level, err := t.resolve(opts)
	if err == nil {
		err = t.mine(op)
	}
	if err != nil {
		return r, err
	}
	if err = t.check(ctx, op.Key); err != nil {
		return r, unsent(op, err)
	}
	queued, err := t.enter(ctx, len(op.Delta)+len(op.Make))
	if err != nil {
		return r, unsent(op, err)
	}
	k := t.n.begin()
	k.queued = queued
	now := time.Now()
	k.begun, k.op, k.t = now, opWrite, t
	t.prepare(k, level)
	send := k.c.Retry(t.n.replica, now, t.n.deadline(ctx, now), op, level.W)
	k.sample(t)
	k.trace(ctx, t, level.W)
	k.start(send)
	return t.endWrite(ctx, k)
}

// unsent is how a retry ends of which nothing was sent: an earlier call may have
// sent the write, and then it is as unknown as before what became of it.
func unsent(op quorum.Operation, err error) error {
	if !op.Sent() || errors.Is(err, ErrKey) {
		return err
	}
	if over := new(quorum.OverloadError); errors.As(err, &over) {
		err = &quorum.OverloadError{RetryAfter: over.RetryAfter, Owner: over.Owner, Again: true}
	}
	return (&quorum.Error{Verb: "write", Outcome: quorum.Unknown, Op: op.ID, Cause: err}).Of(op)
}

// mine says whether an operation is one of this table.
func (t *table) mine(op quorum.Operation) error {
	if op.IsZero() || op.Table != t.spec.Name || len(op.Delta) == 0 && (!t.causal || len(op.Make) == 0) {
		return fmt.Errorf("gossip: table %q: %w", t.spec.Name, quorum.ErrOperation)
	}
	return nil
}
