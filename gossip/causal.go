package gossip

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/internal/replica"
	"github.com/grapevine-go/grapevine/quorum"
	"github.com/grapevine-go/grapevine/ring"
)

// causalTable is what the handles of all causal types are made of: an operation
// is made at one owner, and its delta written to the others. S is the pointer to
// the type, such as *crdt.Counter.
type causalTable[S crdt.Mutable] struct {
	t      *table
	bottom func() S
}

// causalKind is a kind of table of a causal type.
func causalKind[S crdt.Mutable, H any](bottom func() S, handle func(causalTable[S]) H) Kind[H] {
	return Kind[H]{typ: replica.Causal(bottom), causal: true, handle: func(t *table) H {
		return handle(causalTable[S]{t, bottom})
	}}
}

// Get reads the value: the join of what R owners have, which is the caller's own;
// bottom, such as an empty set, if nobody has any. In a table of [Everywhere] it
// is what this node has. What is returned says what was seen: an operation made
// of it takes out just that.
func (c causalTable[S]) Get(ctx context.Context, key string, opts ...quorum.Option) (S, error) {
	s, _, err := c.get(ctx, key, opts, c.t.enter)
	if degraded, less := c.t.degrades(err, opts); degraded != nil {
		s, _, err = c.get(ctx, key, less, c.t.degrade)
		*degraded = err == nil
	}
	return s, err
}

// get also returns how many owners' states were joined.
func (c causalTable[S]) get(ctx context.Context, key string, opts []quorum.Option, enter entrance) (s S, observed int, err error) {
	level, err := c.t.resolve(opts)
	if err == nil {
		err = c.t.check(ctx, key)
	}
	if err == nil {
		_, err = enter(ctx)
	}
	if err != nil {
		return s, 0, err
	}
	k := c.t.n.begin()
	c.t.prepare(k, level)
	if c.t.spec.Kind == ring.Everywhere && level.Session == nil {
		defer k.pool()
		err = c.t.localState(k, key)
		observed = 1
	} else {
		defer k.release()
		c.t.startRead(ctx, k, key, level.R)
		err = c.t.endRead(ctx, k)
		k.mu.Lock()
		observed = k.c.Op.Acked()
		k.mu.Unlock()
	}
	if err != nil {
		return s, 0, err
	}
	s = c.bottom()
	if k.has {
		if _, err := s.JoinBinary(k.value); err != nil {
			return s, 0, fmt.Errorf("gossip: value of %q: %w", key, err)
		}
	}
	return s, observed, nil
}

// localState reads what this node holds of a key, into k.value.
func (t *table) localState(k *call, key string) (err error) {
	v, hash := t.n.replica.View().Table(t.spec.Name), ring.Hash(key)
	if v.Data == nil || !v.Data.Synced(ring.Partition(hash, v.Layout.Partitions())) {
		err = fmt.Errorf("gossip: table %q: %w", t.spec.Name, ErrNotReady)
	} else {
		k.delta = append(k.delta[:0], key...)
		k.value, k.has = v.Data.AppendState(k.value[:0], hash, k.delta)
	}
	t.n.metrics.read(err)
	return err
}

// Delete resets the value: it takes out all that R owners have of it, and keeps
// what it knows of that as the tombstone. What is added meanwhile stays. The
// error wraps quorum.ErrInvalid if the type knows no reset.
func (c causalTable[S]) Delete(ctx context.Context, key string, opts ...quorum.Option) (quorum.Receipt, error) {
	if _, ok := any(c.bottom()).(seer); !ok {
		return quorum.Receipt{}, fmt.Errorf("gossip: table %q: %w: %s knows no reset", c.t.spec.Name, quorum.ErrInvalid, c.t.spec.Type)
	}
	return c.after(ctx, key, opts, func(s S) crdt.Op {
		seen := any(s).(seer).Context()
		return crdt.Op{Kind: crdt.OpReset, Seen: &seen}
	})
}

// seer is a value that knows what it has seen: one of a causal type.
type seer interface{ Context() crdt.Context }

// after makes an operation that takes out what R owners have. What they have is
// repaired first: if one of them alone knew that an element is gone, the
// operation would do nothing about it, and others would bring it back.
func (c causalTable[S]) after(ctx context.Context, key string, opts []quorum.Option, op func(S) crdt.Op) (r quorum.Receipt, err error) {
	s, observed, err := c.get(ctx, key, append(slices.Clone(opts), quorum.Repair(quorum.RepairBlocking)), c.t.enter)
	if err != nil {
		return r, err
	}
	r, err = c.t.make(ctx, key, op(s), opts)
	r.Observed = observed
	return r, err
}

// Scan returns a page of keys whose values are not empty; see
// [RegisterTable.Scan]. A page carries the values of its keys.
func (c causalTable[S]) Scan(ctx context.Context, cursor uint64, limit int, opts ...quorum.Option) (keys []string, next uint64, err error) {
	return c.t.scan(ctx, cursor, limit, opts)
}

// Len counts the keys whose values are not empty; see [RegisterTable.Len].
func (c causalTable[S]) Len(ctx context.Context, opts ...quorum.Option) (n int, err error) {
	return c.t.length(ctx, opts)
}

// Retry sends a failed write again; see [RegisterTable.Retry].
func (c causalTable[S]) Retry(ctx context.Context, op quorum.Operation, opts ...quorum.Option) (quorum.Receipt, error) {
	return c.t.retry(ctx, op, opts)
}

// make has an owner make an operation, and waits until W owners have it.
func (t *table) make(ctx context.Context, key string, op crdt.Op, opts []quorum.Option) (r quorum.Receipt, err error) {
	level, err := t.resolve(opts)
	if err == nil {
		err = t.check(ctx, key)
	}
	if most := t.n.cfg.MaxValue; err == nil && len(op.Arg) > most {
		err = fmt.Errorf("%w: operation on %q has %d bytes, at most %d", quorum.ErrTooLarge, key, len(op.Arg), most)
	}
	var queued time.Duration
	if err == nil {
		queued, err = t.enter(ctx)
	}
	if err != nil {
		return r, err
	}
	k := t.n.begin()
	k.queued = queued
	k.value = op.AppendBinary(k.value[:0])
	now := time.Now()
	k.begun, k.op, k.t = now, opWrite, t
	t.prepare(k, level)
	send := k.c.Make(t.n.replica, now, t.n.deadline(ctx, now), t.spec.Name, key, k.value, level.W)
	k.sample(t)
	k.trace(ctx, t, level.W)
	k.start(send)
	return t.endWrite(ctx, k)
}
