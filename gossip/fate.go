package gossip

import (
	"context"
	"fmt"
	"time"

	"github.com/grapevine-go/grapevine/internal/replica"
	"github.com/grapevine-go/grapevine/quorum"
)

// Outcome finds out what became of a write whose outcome is unknown, which
// [quorum.Error.Operation] gives: it asks all owners of the key, and, of what an
// owner was to make, that owner first. An owner that says that it has not made it
// will not make it any more, but in a Retry.
//
// The error wraps quorum.ErrUnavailable if nobody has answered, quorum.ErrOperation
// if the operation is of another table or its bytes are none of the table's type, or
// is the context's.
func (h handle[T]) Outcome(ctx context.Context, op quorum.Operation) (quorum.Fate, error) {
	return h.t.outcome(ctx, op)
}

// inquiryRounds is how often all who have not answered are asked.
const inquiryRounds = 4

func (t *table) outcome(ctx context.Context, op quorum.Operation) (f quorum.Fate, err error) {
	if err := t.mine(op); err != nil {
		return f, err
	}
	if err := t.check(ctx, op.Key); err != nil {
		return f, err
	}
	machine, err := t.n.replica.Inquire(time.Now(), op)
	if err != nil {
		return f, fmt.Errorf("gossip: table %q: %w", t.spec.Name, err)
	}
	for range inquiryRounds {
		if !machine.Open() || ctx.Err() != nil || t.n.ctx.Err() != nil {
			break
		}
		t.n.ask(ctx, machine)
	}
	if !machine.Known() {
		err = fmt.Errorf("gossip: outcome of operation %v: %w", op.ID, quorum.ErrUnavailable)
		if ctx.Err() != nil {
			err = fmt.Errorf("%w: %w", err, ended(ctx))
		}
		return f, err
	}
	return machine.Fate(), nil
}

// questioner is a machine that asks others and takes what they answer.
type questioner interface {
	Ask(out *replica.Effects)
	Reply(now time.Time, token uint64, reply []byte, out *replica.Effects)
}
