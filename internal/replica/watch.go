package replica

import (
	"slices"
	"strings"
	"sync"
)

// Watch collects the keys of a table that joins change, for one reader. Changes
// of one key coalesce; more than a bounded number of keys become the word that
// everything may have changed. It is safe for concurrent use.
type Watch struct {
	prefix string
	wake   func()
	mu     sync.Mutex
	keys   []string // in the order in which they changed first
	known  map[string]struct{}
	all    bool // more changed than is kept
}

// maxWatched is how many changed keys wait for the reader of a watch.
const maxWatched = 1024

// Watch begins to collect the keys with a prefix that change from now on. Wake
// is called when there is something to take, by whoever joined it; it must not
// wait. The caller ends the watch with Unwatch.
func (d *Data) Watch(prefix string, wake func()) *Watch {
	w := &Watch{prefix: prefix, wake: wake, known: make(map[string]struct{})}
	d.changeWatches(func(list []*Watch) []*Watch { return append(list, w) })
	return w
}

// Unwatch ends a watch.
func (d *Data) Unwatch(w *Watch) {
	d.changeWatches(func(list []*Watch) (left []*Watch) {
		for _, o := range list {
			if o != w {
				left = append(left, o)
			}
		}
		return left
	})
}

// changeWatches replaces the list as a whole: joins read it without a lock.
func (d *Data) changeWatches(change func([]*Watch) []*Watch) {
	for {
		old := d.watches.Load()
		var list []*Watch
		if old != nil {
			list = append(list, *old...)
		}
		if list = change(list); d.watches.CompareAndSwap(old, &list) {
			return
		}
	}
}

// changed tells the watches of a key.
func (d *Data) changed(key []byte) {
	if list := d.watches.Load(); list != nil {
		for _, w := range *list {
			if strings.HasPrefix(string(key), w.prefix) && w.add(key) {
				w.wake()
			}
		}
	}
}

// add reports whether the key is news to the reader.
func (w *Watch) add(key []byte) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, known := w.known[string(key)]; known || w.all {
		return false
	}
	if len(w.keys) < maxWatched {
		w.keys = append(w.keys, string(key))
		w.known[string(key)] = struct{}{}
	} else {
		w.keys, w.all = nil, true
		clear(w.known)
	}
	return true
}

// Take returns the keys that changed since it was called last, the earliest
// first; or all, if there were too many to keep.
func (w *Watch) Take() (keys []string, all bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	keys, all = w.keys, w.all
	w.keys, w.all = nil, false
	clear(w.known)
	return keys, all
}

// Looks tells that the reader is about to look at a key: what has changed by now
// it sees without being told.
func (w *Watch) Looks(key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, known := w.known[key]; known {
		delete(w.known, key)
		w.keys = slices.DeleteFunc(w.keys, func(k string) bool { return k == key })
	}
}
