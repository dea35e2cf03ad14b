package gossip

import (
	"context"
	"fmt"
	"time"

	"github.com/grapevine-go/grapevine/internal/replica"
	"github.com/grapevine-go/grapevine/quorum"
)

// Explain asks every owner of a key, also those believed dead, what it has, and
// says why a read returns what it does: for people who look into a key, by String,
// and for programs. It repairs nothing and takes part in no session. Of a table
// of [Everywhere] every member is an owner.
//
// It waits for all of them, or until the context or Config.Timeout ends; who has
// not answered by then is told as such. The error is that of a read which cannot
// begin, or wraps quorum.ErrUnavailable if nobody has answered; the Explanation
// then still says why.
func (h handle[T]) Explain(ctx context.Context, key string) (quorum.Explanation, error) {
	return h.t.explain(ctx, key)
}

func (t *table) explain(ctx context.Context, key string) (e quorum.Explanation, err error) {
	if err := t.check(ctx, key); err != nil {
		return e, err
	}
	begun := time.Now()
	ctx, cancel := context.WithDeadline(ctx, t.n.deadline(ctx, begun))
	defer cancel()
	var out replica.Effects
	x, err := t.n.replica.Explain(begun, t.n.cfg.Timeout, t.spec.Name, key, &out)
	if err != nil {
		return e, fmt.Errorf("gossip: table %q: %w", t.spec.Name, err)
	}
	x.Mode = t.repair.Mode
	answers := make(explained, len(out.Sends)) // room for all: nobody who answers late waits
	all := len(out.Sends) == 0
	t.n.carryTo(answers, &out)
	for !all {
		select {
		case a := <-answers:
			all = x.Reply(a.at, a.token, a.reply, a.err, a.at.Sub(begun), &out)
			t.n.carry(&out)
			continue
		case <-ctx.Done():
		case <-t.n.ctx.Done():
			return e, t.n.alive()
		}
		break
	}
	e = x.End(time.Now())
	for _, o := range e.Owners {
		if o.Err == nil {
			return e, nil
		}
	}
	return e, fmt.Errorf("gossip: table %q: nobody explains %q: %w", t.spec.Name, key, quorum.ErrUnavailable)
}

// explained brings answers to who waits for them.
type explained chan explanation

type explanation struct {
	token uint64
	reply []byte
	err   error
	at    time.Time
}

// Complete implements transport.Completion.
func (c explained) Complete(token uint64, reply []byte, err error) {
	c <- explanation{token, append([]byte(nil), reply...), err, time.Now()}
}
