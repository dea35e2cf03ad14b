package gossip

import (
	"context"
	"fmt"
	"time"

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
// then takes a place for each key: it would wait for its own. What start refuses is
// told to failed, all others to end.
func (t *table) batch(ctx context.Context, keys int, start func(i int, b *bundle) (*call, error), end func(i int, k *call), failed func(i int, err error)) {
	for from := 0; from < keys; from += windowSize {
		to := min(from+windowSize, keys)
		b := &bundle{n: t.n, wake: make(chan struct{}, 1)}
		waited, err := t.enter(ctx, 0)
		if err != nil {
			for i := from; i < to; i++ {
				failed(i, err)
			}
			continue
		}
		b.place = func(ctx context.Context, _ int) (time.Duration, error) {
			_, err := t.also(ctx, 0)
			return waited, err
		}
		t.window(ctx, b, from, to, start, end, failed)
		if ctx.Err() != nil {
			b.cancel()
		}
	}
}

// window runs a window of a batch that has entered. A codec may panic, and the
// application may go on after that: all that has begun is ended all the same, or
// else its places would be taken for ever.
func (t *table) window(ctx context.Context, b *bundle, from, to int, start func(i int, b *bundle) (*call, error), end func(i int, k *call), failed func(i int, err error)) {
	calls := make([]*call, 0, to-from)
	defer func() { endAll(from, calls, end) }()
	func() {
		defer b.send()
		defer t.leave()
		for i := from; i < to; i++ {
			k, err := start(i, b)
			if err != nil {
				failed(i, err)
			}
			calls = append(calls, k)
		}
	}()
	b.drive(ctx, calls)
}

// endAll ends the calls of the keys from one on, those behind one that panics too;
// nil is one that has ended already.
func endAll(from int, calls []*call, end func(i int, k *call)) {
	done := 0
	defer func() {
		if done < len(calls) {
			endAll(from+done+1, calls[done+1:], end)
		}
	}()
	for ; done < len(calls); done++ {
		if k := calls[done]; k != nil {
			end(from+done, k)
		}
	}
}

// GetMany reads keys, as Get does, many at a time: each owner gets one message for
// up to 256 of them. The results are in the order of the keys, and each has an error
// of its own; quorum.Degrade is refused, since there is no place to say of which key
// it was.
func (h handle[T]) GetMany(ctx context.Context, keys []string, opts ...quorum.Option) []Result[T] {
	results := make([]Result[T], len(keys))
	if level, _ := h.t.nwr.Resolve(opts); level.Degraded != nil {
		for i := range results {
			results[i].Err = fmt.Errorf("%w: there is no place to say which reads of a batch are degraded", quorum.ErrLevel)
		}
		return results
	}
	h.t.readMany(ctx, keys, opts, func(i int, k *call, err error) {
		if results[i].Err = err; err == nil {
			results[i].Entry, results[i].Err = h.entry(k, keys[i])
		}
	})
	return results
}

// readMany reads keys; found is told of each, and may use the call until it
// returns.
func (t *table) readMany(ctx context.Context, keys []string, opts []quorum.Option, found func(i int, k *call, err error)) {
	t.batch(ctx, len(keys), func(i int, b *bundle) (*call, error) {
		k, n, err := t.get(ctx, keys[i], opts, b.place)
		if err == nil {
			k.bundle, k.batch = b, b
			t.startRead(ctx, k, keys[i], n)
		}
		return k, err
	}, func(i int, k *call) {
		defer k.release() // also if a codec panics
		err := t.endRead(ctx, k)
		found(i, k, err)
	}, func(i int, err error) { found(i, nil, err) })
}

// PutMany writes values, as [RegisterTable.Put] does, many at a time. It
// returns the errors in the order of the items, nil for those that were
// applied. Which of two items of one key wins is not said.
func (r *RegisterTable[T]) PutMany(ctx context.Context, items []Item[T], opts ...quorum.Option) []error {
	return r.writeMany(ctx, len(items), func(i int, place entrance) (*call, string, quorum.Level, error) {
		k, w, err := r.put(ctx, items[i].Key, items[i].Value, opts, place)
		return k, items[i].Key, w, err
	})
}

// DeleteMany deletes keys, as [RegisterTable.Delete] does, many at a time. It
// returns the errors in the order of the keys.
func (r *RegisterTable[T]) DeleteMany(ctx context.Context, keys []string, opts ...quorum.Option) []error {
	return r.writeMany(ctx, len(keys), func(i int, place entrance) (*call, string, quorum.Level, error) {
		k, w, err := r.remove(ctx, keys[i], opts, place)
		return k, keys[i], w, err
	})
}

func (r *RegisterTable[T]) writeMany(ctx context.Context, n int, prepare func(i int, place entrance) (*call, string, quorum.Level, error)) []error {
	errs := make([]error, n)
	r.t.batch(ctx, n, func(i int, b *bundle) (*call, error) {
		k, key, w, err := prepare(i, b.place)
		if err == nil {
			k.bundle, k.batch = b, b
			r.t.startWrite(ctx, k, key, w)
		}
		return k, err
	}, func(i int, k *call) { _, errs[i] = r.t.endWrite(ctx, k) }, func(i int, err error) { errs[i] = err })
	return errs
}
