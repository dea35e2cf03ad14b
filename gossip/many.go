package gossip

import (
	"context"
	"fmt"

	"github.com/grapevine-go/grapevine/internal/replica"
	"github.com/grapevine-go/grapevine/quorum"
)

// Item is a key with the value to put.
type Item[T any] struct {
	Key   string
	Value T
}

// Result is what became of one key of a batch.
type Result[T any] struct {
	Entry[T]
	Err error
}

// windowSize is how many operations of a batch are under way at once.
const windowSize = replica.MaxBatch

// batch runs operations that are started and then waited for, a window at a
// time. What those of a window send an owner first goes in one message; else they
// are independent: a batch is not atomic. A window enters as one operation, and
// then takes a place for each key: it would wait for its own.
func (t *table) batch(ctx context.Context, keys int, start func(i int, b *bundle), end func(i int), refused func(i int, err error)) {
	for from := 0; from < keys; from += windowSize {
		to := min(from+windowSize, keys)
		b := &bundle{n: t.n}
		if _, err := t.enter(ctx); err != nil {
			for i := from; i < to; i++ {
				refused(i, err)
			}
			continue
		}
		t.window(b, from, to, start, end)
		if ctx.Err() != nil {
			b.cancel()
		}
	}
}

// window runs a window of a batch that has entered. A codec may panic, and the
// application may go on after that: all that has begun is ended all the same, or
// else its places would be taken for ever.
func (t *table) window(b *bundle, from, to int, start func(i int, b *bundle), end func(i int)) {
	begun := from
	defer func() { endAll(from, begun, end) }()
	defer b.send()
	defer t.leave()
	for ; begun < to; begun++ {
		start(begun, b)
	}
}

// endAll ends operations, those behind one that panics too.
func endAll(from, to int, end func(i int)) {
	defer func() {
		if from < to {
			endAll(from+1, to, end)
		}
	}()
	for ; from < to; from++ {
		end(from)
	}
}

// GetMany reads keys, as [RegisterTable.Get] does, many at a time. The results
// are in the order of the keys.
func (r *RegisterTable[T]) GetMany(ctx context.Context, keys []string, opts ...quorum.Option) []Result[T] {
	results := make([]Result[T], len(keys))
	if level, _ := r.t.nwr.Resolve(opts); level.Degraded != nil {
		for i := range results {
			results[i].Err = fmt.Errorf("%w: there is no place to say which reads of a batch are degraded", quorum.ErrLevel)
		}
		return results
	}
	calls := make([]*call, len(keys))
	r.t.batch(ctx, len(keys), func(i int, b *bundle) {
		k, n, err := r.get(ctx, keys[i], opts, r.t.also)
		if results[i].Err = err; err == nil {
			calls[i], k.bundle, k.many = k, b, true
			r.t.startRead(ctx, k, keys[i], n)
		}
	}, func(i int) {
		if calls[i] != nil {
			results[i].Entry, results[i].Err = r.entry(ctx, calls[i], keys[i])
		}
	}, func(i int, err error) { results[i].Err = err })
	return results
}

// PutMany writes values, as [RegisterTable.Put] does, many at a time. It
// returns the errors in the order of the items, nil for those that were
// applied. Which of two items of one key wins is not said.
func (r *RegisterTable[T]) PutMany(ctx context.Context, items []Item[T], opts ...quorum.Option) []error {
	return r.writeMany(ctx, len(items), func(i int) (*call, string, quorum.Level, error) {
		k, w, err := r.put(ctx, items[i].Key, items[i].Value, opts, r.t.also)
		return k, items[i].Key, w, err
	})
}

// DeleteMany deletes keys, as [RegisterTable.Delete] does, many at a time. It
// returns the errors in the order of the keys.
func (r *RegisterTable[T]) DeleteMany(ctx context.Context, keys []string, opts ...quorum.Option) []error {
	return r.writeMany(ctx, len(keys), func(i int) (*call, string, quorum.Level, error) {
		k, w, err := r.remove(ctx, keys[i], opts, r.t.also)
		return k, keys[i], w, err
	})
}

func (r *RegisterTable[T]) writeMany(ctx context.Context, n int, prepare func(i int) (*call, string, quorum.Level, error)) []error {
	errs := make([]error, n)
	calls := make([]*call, n)
	r.t.batch(ctx, n, func(i int, b *bundle) {
		k, key, w, err := prepare(i)
		if errs[i] = err; err == nil {
			calls[i], k.bundle, k.many = k, b, true
			r.t.startWrite(ctx, k, key, w)
		}
	}, func(i int) {
		if calls[i] != nil {
			_, errs[i] = r.t.endWrite(ctx, calls[i])
		}
	}, func(i int, err error) { errs[i] = err })
	return errs
}
