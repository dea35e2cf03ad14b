package replica

import (
	"fmt"
	"slices"
	"time"

	"github.com/grapevine-go/grapevine/internal/wire"
	"github.com/grapevine-go/grapevine/quorum"
	"github.com/grapevine-go/grapevine/ring"
)

// Make begins an operation that an owner has to make, an encoded crdt.Op, and to
// write what comes of it to W owners. The operation must not be changed until the
// call is over.
func (c *Call) Make(r *Replica, now, deadline time.Time, table, key string, op []byte, w quorum.Level) (send uint32) {
	return c.retry(r, now, deadline, quorum.Operation{Table: table, Key: key, Make: op}, w)
}

// Retry begins to send again what may have been sent before: the same bytes,
// under the same id. What an owner may have made is asked of the same boot.
func (c *Call) Retry(r *Replica, now, deadline time.Time, op quorum.Operation, w quorum.Level) (send uint32) {
	return c.retry(r, now, deadline, op, w)
}

func (c *Call) retry(r *Replica, now, deadline time.Time, op quorum.Operation, w quorum.Level) (send uint32) {
	verb := writing
	if len(op.Delta) == 0 {
		verb = making
	}
	serves := c.reset(r, now, deadline, op.Table, verb, classForeground)
	c.key, c.delta, c.what, c.begun = op.Key, op.Delta, op.Make, op.Begun
	if op.IsZero() {
		c.begun, _ = r.clock.next(0, now)
	} else {
		c.ID = op.ID
	}
	if !serves {
		return c.unsent(op)
	}
	c.part = ring.Partition(ring.Hash(c.key), c.table.Layout.Partitions())
	if len(c.key) > wire.MaxKey || len(c.delta) > wire.MaxState || len(c.what) > r.cfg.MaxValue+256 {
		c.Op.End(quorum.ErrTooLarge)
		return c.unsent(op)
	}
	if err := c.enter(); err != nil {
		c.Op.End(err)
		return c.unsent(op)
	}
	c.Op.Zones, c.Op.CountHints = c.Wish.Zones, c.Wish.Hints
	c.Wish = Wish{}
	if verb == writing {
		return c.hint(now, c.Op.StartRetry(w, deadline, c.place()))
	}
	if r.cfg.Rules.Rebind {
		op.Boot = 0
	}
	return c.Op.StartMake(w, deadline, c.place(), op.Boot, op.Attempt)
}

// unsent ends a call that has sent nothing of what an earlier one may have sent. It
// is as bound as that one was.
func (c *Call) unsent(op quorum.Operation) (send uint32) {
	c.Op.Resumes(op.Sent(), op.Boot, op.Attempt)
	return 0
}

// appendMake appends the request to make the operation: it goes to one boot.
func (c *Call) appendMake(h *wire.Header) []byte {
	h.Kind = wire.KindApply
	h.Boots = wire.MakeBoots([]uint64{c.Op.Targets[c.Op.Maker()].Nonce})
	return wire.AppendApply(c.msg[:0], h, c.key, &wire.Apply{Op: c.what, Begun: c.begun, Attempt: c.Op.Attempt()})
}

// made takes the delta from the owner that made it: what is left is a write.
func (c *Call) made(round uint8, i int, a *wire.Reply) (send uint32) {
	delta, err := a.Made()
	if err != nil || len(delta) == 0 {
		return c.Op.Fail(round, i, fmt.Errorf("%w: no delta", wire.ErrMessage), true)
	}
	if round != c.Op.Round {
		return 0
	}
	c.delta, c.verb, c.encoded = slices.Clone(delta), writing, false
	return c.Op.Made(round, i)
}

// declined takes the maker's refusal.
func (c *Call) declined(round uint8, i int, a *wire.Reply) (send uint32) {
	why, err := a.Refusal()
	switch {
	case err != nil:
	case a.Status == wire.Invalid:
		c.Op.Reject(round, i, fmt.Errorf("%w: %s", quorum.ErrInvalid, why), false)
		return 0
	case a.Status == wire.Forgotten:
		c.Op.Reject(round, i, quorum.ErrForgotten, true)
		return 0
	case a.Status == wire.Unsynced && c.table.Spec.Kind == ring.Everywhere: // there is nobody else to ask
		c.Op.Reject(round, i, ErrNotReady, false)
		return 0
	case a.Status == wire.Unsynced:
		return c.Op.Fail(round, i, quorum.ErrUnsynced, false)
	default:
		err = fmt.Errorf("%w: %v: %s", quorum.ErrRefused, a.Status, why)
	}
	return c.Op.Fail(round, i, err, false)
}

// operation is the write, with bytes of its own.
func (c *Call) operation() quorum.Operation {
	o := quorum.Operation{ID: c.ID, Table: c.name, Key: c.key, Begun: c.begun}
	if c.verb == making {
		o.Make, o.Boot, o.Attempt = slices.Clone(c.what), c.Op.Bound(), c.Op.Attempt()
	} else {
		o.Delta = slices.Clone(c.delta)
	}
	return o
}

// Operation returns the write, as it was sent last.
func (c *Call) Operation() quorum.Operation { return c.operation() }
