package gossip

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/grapevine-go/grapevine/internal/replica"
	"github.com/grapevine-go/grapevine/store"
)

// Change is what a watch tells.
type Change[T any] struct {
	// Key is the key that changed; its entry is what it holds now. Found is
	// false if it was deleted, or what it holds is empty.
	Key string
	Entry[T]
	// Resync says that everything may have changed: the watch begins, or more
	// keys changed than wait for a reader. Key is empty then, and all keys of the
	// prefix follow, the deleted ones too.
	Resync bool
	// Err says that the value of the key cannot be decoded, or, without a key,
	// why the watch has ended; it is the last change then.
	Err error
}

// Watch follows the keys with a prefix, in a table of [Everywhere]; the empty
// prefix follows all. The sequence begins with a Resync and what the keys hold,
// goes on with what changes, and ends with a last change that has the error: the
// context's, [ErrClosed], [ErrNotEverywhere], [ErrTableMismatch]. It waits for the
// node to be filled first.
//
// Several changes of one key become one: what is told is what the key holds
// when it is told. Changes that wait for a slow reader take bounded memory (1,024
// keys); beyond that the watch begins anew, with a Resync: no change is lost
// without being told. The passing of an expiry is no change.
//
// The sequence may be ranged over again, and by several goroutines; each range
// is a watch of its own, which ends when its loop does.
func (h handle[T]) Watch(ctx context.Context, prefix string) iter.Seq[Change[T]] {
	return func(yield func(Change[T]) bool) {
		err := h.watch(ctx, prefix, yield)
		if !errors.Is(err, errStopped) {
			yield(Change[T]{Err: err})
		}
	}
}

// errStopped ends a watch whose reader has left the loop.
var errStopped = errors.New("reader has stopped")

func (h handle[T]) watch(ctx context.Context, prefix string, yield func(Change[T]) bool) error {
	data, err := h.t.filled(ctx)
	if err != nil {
		return err
	}
	wake := make(chan struct{}, 1)
	w := data.Watch(prefix, func() {
		select {
		case wake <- struct{}{}:
		default:
		}
	})
	defer data.Unwatch(w)
	keys, all := []string(nil), true
	for {
		if all {
			err = h.resync(ctx, data, w, prefix, yield)
		} else {
			err = h.tellKeys(data, w, keys, yield)
		}
		if err != nil {
			return err
		}
		if err := h.t.awaitChange(ctx, wake); err != nil {
			return err
		}
		keys, all = w.Take()
	}
}

// filled waits until the table can be read here.
func (t *table) filled(ctx context.Context) (*replica.Data, error) {
	for {
		if err := t.everywhere(ctx); err != nil {
			return nil, err
		}
		if view := t.n.replica.View().Table(t.spec.Name); view != nil && view.Data != nil && t.n.replica.Fills()[t.spec.Name] == 0 {
			return view.Data, nil
		}
		if err := t.n.sleep(ctx, 20*time.Millisecond); err != nil {
			return nil, fmt.Errorf("gossip: watch of table %q: %w", t.spec.Name, err)
		}
	}
}

// awaitChange waits until the watch has something; the table must still be the
// one that was opened.
func (t *table) awaitChange(ctx context.Context, wake <-chan struct{}) error {
	for {
		view := t.n.changed.wait()
		if err := t.agree(ctx); err != nil {
			return err
		}
		select {
		case <-wake:
			return nil
		case <-view:
		case <-ctx.Done():
			return fmt.Errorf("gossip: watch of table %q: %w", t.spec.Name, ctx.Err())
		case <-t.n.ctx.Done():
			return t.n.alive()
		}
	}
}

// watchPage is how many keys are listed at once while a watch goes through all.
const watchPage = 256

// resync tells all keys of the prefix. It holds no lock while it tells.
func (h handle[T]) resync(ctx context.Context, data *replica.Data, w *replica.Watch, prefix string, yield func(Change[T]) bool) error {
	if !yield(Change[T]{Resync: true}) {
		return errStopped
	}
	for p := range data.Partitions() {
		from, to := replica.PartitionRange(p, data.Partitions())
		for done := false; !done; {
			if err := h.t.agree(ctx); err != nil {
				return err
			}
			var keys []string
			seen := 0
			from, done = data.Page(p, from, to, func(e store.Entry) bool {
				if key := string(e.Key); strings.HasPrefix(key, prefix) {
					keys = append(keys, key)
				}
				seen++
				return seen < watchPage
			})
			if err := h.tellKeys(data, w, keys, yield); err != nil {
				return err
			}
		}
	}
	return nil
}

// tellKeys tells what keys hold now.
func (h handle[T]) tellKeys(data *replica.Data, w *replica.Watch, keys []string, yield func(Change[T]) bool) error {
	k := h.t.n.begin()
	defer k.release()
	for _, key := range keys {
		c := Change[T]{Key: key}
		w.Looks(key)
		if c.Err = k.look(h.t, data, key); !k.has {
			continue
		}
		if c.Err == nil {
			c.Entry, c.Err = h.decode(k, key)
		}
		if !yield(c) {
			return errStopped
		}
	}
	return nil
}
