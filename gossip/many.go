package gossip

import (
	"context"

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

// window is how many operations of a batch are under way at once.
const window = 128

// batch runs operations that are started and then waited for, a window at a
// time. They are independent: a batch is not atomic.
func batch(n int, start, end func(i int)) {
	for from := 0; from < n; from += window {
		to := min(from+window, n)
		for i := from; i < to; i++ {
			start(i)
		}
		for i := from; i < to; i++ {
			end(i)
		}
	}
}

// GetMany reads keys, as [RegisterTable.Get] does, many at a time. The results
// are in the order of the keys.
func (r *RegisterTable[T]) GetMany(ctx context.Context, keys []string, opts ...quorum.Option) []Result[T] {
	results := make([]Result[T], len(keys))
	calls := make([]*call, len(keys))
	batch(len(keys), func(i int) {
		k, n, err := r.get(ctx, keys[i], opts)
		if results[i].Err = err; err == nil {
			calls[i] = k
			r.t.startRead(ctx, k, keys[i], n)
		}
	}, func(i int) {
		if calls[i] != nil {
			results[i].Entry, results[i].Err = r.entry(ctx, calls[i], keys[i])
		}
	})
	return results
}

// PutMany writes values, as [RegisterTable.Put] does, many at a time. It
// returns the errors in the order of the items, nil for those that were
// applied. Which of two items of one key wins is not said.
func (r *RegisterTable[T]) PutMany(ctx context.Context, items []Item[T], opts ...quorum.Option) []error {
	return r.writeMany(ctx, len(items), func(i int) (*call, string, quorum.Level, error) {
		k, w, err := r.put(ctx, items[i].Key, items[i].Value, opts)
		return k, items[i].Key, w, err
	})
}

// DeleteMany deletes keys, as [RegisterTable.Delete] does, many at a time. It
// returns the errors in the order of the keys.
func (r *RegisterTable[T]) DeleteMany(ctx context.Context, keys []string, opts ...quorum.Option) []error {
	return r.writeMany(ctx, len(keys), func(i int) (*call, string, quorum.Level, error) {
		k, w, err := r.remove(ctx, keys[i], opts)
		return k, keys[i], w, err
	})
}

func (r *RegisterTable[T]) writeMany(ctx context.Context, n int, prepare func(i int) (*call, string, quorum.Level, error)) []error {
	errs := make([]error, n)
	calls := make([]*call, n)
	batch(n, func(i int) {
		k, key, w, err := prepare(i)
		if errs[i] = err; err == nil {
			calls[i] = k
			r.t.startWrite(ctx, k, key, w)
		}
	}, func(i int) {
		if calls[i] != nil {
			_, errs[i] = r.t.endWrite(ctx, calls[i])
		}
	})
	return errs
}
