package gossip

import (
	"context"
	"fmt"
	"time"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/internal/replica"
	"github.com/grapevine-go/grapevine/quorum"
	"github.com/grapevine-go/grapevine/ring"
)

// Registers is the kind of table whose values are last-writer-wins registers
// with an optional expiry: [crdt.Cell]. The codec is CodecOf[T] unless one
// is given; its name is part of the table's type.
func Registers[T any](codec ...Codec[T]) Kind[*RegisterTable[T]] {
	c := CodecOf[T]()
	if len(codec) > 0 {
		c = codec[0]
	}
	return Kind[*RegisterTable[T]]{typ: replica.Register(c.Name()), handle: func(t *table) *RegisterTable[T] {
		r := &RegisterTable[T]{codec: c}
		r.handle = handle[T]{t, func(k *call, key string) (Entry[T], error) { return r.visible(&k.cell, key) }}
		return r
	}}
}

// RegisterTable is a table of registers. Keys have 1 to 4,096 bytes.
//
// Every method may be called from any goroutine. The error of a write is a
// [*quorum.Error] that tells whether it was not applied or is unknown, unless it
// came before anything was sent: quorum.ErrLevel, [ErrKey],
// quorum.ErrTooLarge, [ErrTableMismatch], [ErrClosed], the context's, or the
// codec's. The context's deadline and end are obeyed; without a deadline
// Config.Timeout holds. A deadline that has passed is quorum.ErrTimeout, and
// context.DeadlineExceeded too if it was the context's.
type RegisterTable[T any] struct {
	handle[T]
	codec Codec[T]
}

// Put writes a value, and clears an earlier expiry unless [quorum.ExpireAt]
// sets one. It returns when W owners have joined it.
func (r *RegisterTable[T]) Put(ctx context.Context, key string, value T, opts ...quorum.Option) (quorum.Receipt, error) {
	if err := r.t.full(); err != nil { // before anything is encoded
		return quorum.Receipt{}, err
	}
	k, w, err := r.put(ctx, key, value, opts, r.t.enter)
	if err != nil {
		return quorum.Receipt{}, err
	}
	return r.t.write(ctx, k, key, w)
}

// put prepares a write of a value; the call that it returns has the delta, and the
// place that enter gave. A codec that hangs holds none.
func (r *RegisterTable[T]) put(ctx context.Context, key string, value T, opts []quorum.Option, enter entrance) (*call, quorum.Level, error) {
	level, err := r.t.resolve(opts)
	if err == nil {
		err = r.t.check(ctx, key)
	}
	if err != nil {
		return nil, 0, err
	}
	k := r.t.n.begin()
	if k.value, err = r.codec.Append(k.value[:0], value); err != nil {
		err = fmt.Errorf("gossip: encode value of %q: %w", key, err)
	} else if most := r.t.n.cfg.MaxValue; len(k.value) > most {
		err = fmt.Errorf("%w: value of %q has %d bytes, at most %d", quorum.ErrTooLarge, key, len(k.value), most)
	} else {
		k.queued, err = enter(ctx, len(k.value))
	}
	if err != nil {
		k.pool() // not used: what it found the last time is not repaired again
		return nil, 0, err
	}
	var at int64
	if !level.ExpiresAt.IsZero() {
		at = max(level.ExpiresAt.UnixMilli(), 1)
	}
	r.t.prepare(k, level)
	k.encode(crdt.Put(r.t.n.replica.StampIn(level.Session, time.Now()), k.value, at))
	return k, level.W, nil
}

// Delete hides the value by a tombstone. It returns when W owners have joined
// it. Deleting what does not exist is applied as well.
func (r *RegisterTable[T]) Delete(ctx context.Context, key string, opts ...quorum.Option) (quorum.Receipt, error) {
	k, w, err := r.remove(ctx, key, opts, r.t.enter)
	if err != nil {
		return quorum.Receipt{}, err
	}
	return r.t.write(ctx, k, key, w)
}

// remove prepares a delete, as put a write.
func (r *RegisterTable[T]) remove(ctx context.Context, key string, opts []quorum.Option, enter entrance) (*call, quorum.Level, error) {
	level, err := r.t.resolve(opts)
	if err == nil {
		err = r.t.check(ctx, key)
	}
	var queued time.Duration
	if err == nil {
		queued, err = enter(ctx, 0)
	}
	if err != nil {
		return nil, 0, err
	}
	k := r.t.n.begin()
	k.queued = queued
	r.t.prepare(k, level)
	k.encode(crdt.Delete(r.t.n.replica.StampIn(level.Session, time.Now())))
	return k, level.W, nil
}

// Get reads a value: the newest of what R owners have. False means that there
// is none.
func (r *RegisterTable[T]) Get(ctx context.Context, key string, opts ...quorum.Option) (value T, found bool, err error) {
	e, err := r.Entry(ctx, key, opts...)
	return e.Value, e.Found, err
}

// Entry reads a value with its expiry and its stamp, as [RegisterTable.Get]
// does.
func (r *RegisterTable[T]) Entry(ctx context.Context, key string, opts ...quorum.Option) (Entry[T], error) {
	if len(opts) == 0 && r.t.spec.Kind == ring.Ring {
		return r.coalesced(ctx, key)
	}
	return r.handle.Entry(ctx, key, opts...)
}

// coalesced reads at the table's levels, with others if the key is hot.
func (r *RegisterTable[T]) coalesced(ctx context.Context, key string) (e Entry[T], err error) {
	if err := r.t.full(); err != nil { // before it takes a lock
		return e, err
	}
	h := &r.t.hot
	s, tracked := h.enter(key)
	defer h.reading.Add(-1)
	if s == nil {
		if tracked {
			defer h.leave(key)
		}
		return r.single(ctx, key, time.Time{}, nil)
	}
	begun := time.Now()
	lead, err := r.t.await(ctx, key, s)
	switch {
	case err != nil:
		return e, err
	case lead:
		defer h.leave(key)
		defer close(s.done)
		e, s.err = r.single(ctx, key, begun, &s.cell)
		return e, s.err
	case s.err != nil: // whoever read may have had less time
		return r.single(ctx, key, begun, nil)
	}
	return r.visible(&s.cell, key)
}

// single reads at the table's levels, by a deadline that counts from begun, if
// that is set. Found, if it is not nil, gets a copy of the cell.
func (r *RegisterTable[T]) single(ctx context.Context, key string, begun time.Time, found *crdt.Cell) (e Entry[T], err error) {
	k, n, err := r.t.get(ctx, key, nil, r.t.enter)
	if err != nil {
		return e, err
	}
	defer k.release()
	if !begun.IsZero() {
		k.waited = time.Since(begun)
	}
	r.t.startRead(ctx, k, key, n)
	if err = r.t.endRead(ctx, k); err != nil {
		return e, err
	}
	if found != nil {
		*found = keep(&k.cell)
	}
	return r.entry(k, key)
}

// visible gives what a reader sees of a cell.
func (r *RegisterTable[T]) visible(c *crdt.Cell, key string) (e Entry[T], err error) {
	e.Stamp = c.Value.Stamp
	b, ok := c.Get(time.Now().UnixMilli())
	if !ok {
		return e, nil
	}
	if c.Expiry.For == c.Value.Stamp && c.Expiry.At != 0 {
		e.ExpiresAt = time.UnixMilli(c.Expiry.At)
	}
	if e.Value, err = r.codec.Decode(b); err != nil {
		return Entry[T]{Stamp: e.Stamp}, fmt.Errorf("gossip: decode value of %q: %w", key, err)
	}
	e.Found = true
	return e, nil
}

// Expire sets when the present value is hidden; the zero time makes it stay. It
// reads the key first, and false means that there was no value. A value that is
// written meanwhile is not touched: the expiry belongs to the value that was
// read.
func (r *RegisterTable[T]) Expire(ctx context.Context, key string, at time.Time, opts ...quorum.Option) (found bool, err error) {
	k, err := r.t.read(ctx, key, opts, r.t.enter)
	if err != nil {
		return false, err
	}
	_, found = k.cell.Get(time.Now().UnixMilli())
	of := k.cell.Value.Stamp
	k.release()
	if !found {
		return false, nil
	}
	var ms int64
	if !at.IsZero() {
		ms = max(at.UnixMilli(), 1)
	}
	level, _ := r.t.resolve(opts)
	if _, err := r.t.enter(ctx, 0); err != nil {
		return false, err
	}
	k = r.t.n.begin()
	r.t.prepare(k, level)
	k.encode(crdt.Expire(r.t.n.replica.StampIn(level.Session, time.Now()), of, ms))
	_, err = r.t.write(ctx, k, key, level.W)
	return err == nil, err
}
