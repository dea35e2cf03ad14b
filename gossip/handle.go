package gossip

import (
	"context"
	"time"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/internal/replica"
	"github.com/grapevine-go/grapevine/quorum"
	"github.com/grapevine-go/grapevine/ring"
)

// handle is what the handles of all kinds of tables have in common. T is what a
// reader sees of a value.
type handle[T any] struct {
	t      *table
	decode func(k *call, key string) (Entry[T], error) // what a read has found, and left in k
}

// Entry is what a key holds.
type Entry[T any] struct {
	// Value is what is there; where nothing is, the zero value, or an empty one of a
	// causal type, such as a set without elements.
	Value T
	// Found is false if the key is absent, deleted or expired, or if the value of a
	// causal type is empty.
	Found bool
	// ExpiresAt is when a register will be hidden; zero: never.
	ExpiresAt time.Time
	// Stamp is that of a register's value, also where it is deleted or expired; zero:
	// never written.
	Stamp crdt.Stamp
	// Waited is how much longer the read took since the node had more to do than it
	// can, see [OverloadPolicy].
	Waited time.Duration
}

// Entry reads a value as Get does, and tells what else is known of it.
func (h handle[T]) Entry(ctx context.Context, key string, opts ...quorum.Option) (Entry[T], error) {
	e, err := h.read(ctx, key, opts, h.t.enter)
	if degraded, less := h.t.degrades(err, opts); degraded != nil {
		e, err = h.read(ctx, key, less, h.t.degrade)
		*degraded = err == nil
	}
	return e, err
}

func (h handle[T]) read(ctx context.Context, key string, opts []quorum.Option, enter entrance) (e Entry[T], err error) {
	k, err := h.t.read(ctx, key, opts, enter)
	if err != nil {
		return e, err
	}
	defer k.release()
	return h.entry(k, key)
}

// entry decodes what a read has found.
func (h handle[T]) entry(k *call, key string) (Entry[T], error) {
	e, err := h.decode(k, key)
	e.Waited = k.queued
	return e, err
}

// read reads a key, from this node alone where that has all. The caller releases
// the call with what was found.
func (t *table) read(ctx context.Context, key string, opts []quorum.Option, enter entrance) (*call, error) {
	k, n, err := t.get(ctx, key, opts, enter)
	if err != nil {
		return nil, err
	}
	if t.spec.Kind == ring.Everywhere && k.c.Session == nil {
		err = t.local(k, key)
	} else {
		t.startRead(ctx, k, key, n)
		err = t.endRead(ctx, k)
	}
	if err != nil {
		k.release()
		return nil, err
	}
	return k, nil
}

// entrance takes a place for an operation that holds some bytes while it waits, and
// says how long that took: see table.enter.
type entrance func(ctx context.Context, bytes int) (waited time.Duration, err error)

// get prepares a read: the call that it returns has the place that enter gave.
func (t *table) get(ctx context.Context, key string, opts []quorum.Option, enter entrance) (*call, quorum.Level, error) {
	level, err := t.resolve(opts)
	if err == nil {
		err = t.check(ctx, key)
	}
	var queued time.Duration
	if err == nil {
		queued, err = enter(ctx, 0)
	}
	if err != nil {
		return nil, 0, err
	}
	k := t.n.begin()
	k.queued = queued
	t.prepare(k, level)
	return k, level.R, nil
}

// look takes what this node holds of a key, as a read leaves it.
func (k *call) look(t *table, data *replica.Data, key string) (err error) {
	k.delta = append(k.delta[:0], key...)
	k.value, k.has = data.AppendState(k.value[:0], ring.Hash(key), k.delta)
	k.cell, k.joined = crdt.Cell{}, 1
	if k.has && !t.causal {
		k.cell, err = crdt.DecodeCell(k.value)
	}
	return err
}
