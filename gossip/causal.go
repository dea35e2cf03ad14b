package gossip

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/internal/replica"
	"github.com/grapevine-go/grapevine/quorum"
)

// causalTable is what the handles of all causal types are made of: an operation
// is made at one owner, and its delta written to the others. S is the pointer to
// the type, such as *crdt.Counter, and V what a reader sees of it.
type causalTable[S crdt.Mutable, V any] struct {
	handle[V]
	bottom func() S
}

// causalKind is a kind of table of a causal type.
func causalKind[S crdt.Mutable, V, H any](bottom func() S, view func(S) V, with func(causalTable[S, V]) H) Kind[H] {
	return Kind[H]{typ: replica.Causal(bottom), causal: true, handle: func(t *table) H {
		c := causalTable[S, V]{bottom: bottom}
		c.handle = handle[V]{t, func(k *call, key string) (e Entry[V], err error) {
			s, err := c.state(k, key)
			if err == nil {
				e.Value, e.Found = view(s), k.has && !s.Tombstone()
			}
			return e, err
		}}
		return with(c)
	}}
}

// state decodes what a read has found.
func (c causalTable[S, V]) state(k *call, key string) (s S, err error) {
	s = c.bottom()
	if k.has {
		if _, err := s.JoinBinary(k.value); err != nil {
			return s, fmt.Errorf("gossip: value of %q: %w", key, err)
		}
	}
	return s, nil
}

// Get reads the value: the join of what R owners have, which is the caller's own;
// an empty one if nobody has any. In a table of [Everywhere] it is what this node
// has. Where that is a state of package crdt it says what was seen: an operation
// made of it takes out just that.
func (c causalTable[S, V]) Get(ctx context.Context, key string, opts ...quorum.Option) (V, error) {
	e, err := c.Entry(ctx, key, opts...)
	return e.Value, err
}

// Delete resets the value: it takes out all that R owners have of it, and keeps
// what it knows of that as the tombstone. What is added meanwhile stays. The
// error wraps quorum.ErrInvalid if the type knows no reset.
func (c causalTable[S, V]) Delete(ctx context.Context, key string, opts ...quorum.Option) (quorum.Receipt, error) {
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
func (c causalTable[S, V]) after(ctx context.Context, key string, opts []quorum.Option, op func(S) crdt.Op) (r quorum.Receipt, err error) {
	k, err := c.t.read(ctx, key, append(slices.Clone(opts), quorum.Repair(quorum.RepairBlocking)), c.t.enter)
	if err != nil {
		return r, err
	}
	s, err := c.state(k, key)
	observed, waited := k.joined, k.queued
	if k.release(); err != nil {
		return r, err
	}
	r, err = c.t.make(ctx, key, op(s), opts)
	r.Observed, r.Waited = observed, r.Waited+waited
	return r, err
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
		queued, err = t.enter(ctx, len(op.Arg))
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
