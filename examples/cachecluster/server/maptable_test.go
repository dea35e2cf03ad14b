package server

import (
	"context"
	"errors"
	"hash/fnv"
	"slices"
	"strings"
	"sync"
	"time"
)

// mapTable is a Table on one machine, as simple as can be. Keys that begin
// with "fail" fail, those with "slow" wait until slow is closed.
type mapTable struct {
	mu      sync.Mutex
	entries map[string]Entry
	calls   []string // the methods that were called
	slow    chan struct{}
}

var errMade = &Error{Code: "TRYAGAIN", Err: errors.New("made to fail; not applied")}

func newMapTable() *mapTable {
	return &mapTable{entries: map[string]Entry{}, slow: make(chan struct{})}
}

func (t *mapTable) enter(ctx context.Context, method string, keys ...string) error {
	t.mu.Lock()
	t.calls = append(t.calls, strings.Join(append([]string{method}, keys...), " "))
	t.mu.Unlock()
	for _, k := range keys {
		switch {
		case strings.HasPrefix(k, "fail"):
			return errMade
		case strings.HasPrefix(k, "slow"):
			select {
			case <-t.slow:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	return nil
}

func (t *mapTable) called() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	calls := t.calls
	t.calls = nil
	return calls
}

func (t *mapTable) get(key string) Entry {
	e := t.entries[key]
	if !e.ExpiresAt.IsZero() && !time.Now().Before(e.ExpiresAt) {
		return Entry{}
	}
	return e
}

func (t *mapTable) Get(ctx context.Context, key string) (Entry, error) {
	if err := t.enter(ctx, "Get", key); err != nil {
		return Entry{}, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.get(key), nil
}

func (t *mapTable) Put(ctx context.Context, key string, value []byte, expireAt time.Time) error {
	if err := t.enter(ctx, "Put", key); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.entries[key] = Entry{Value: slices.Clone(value), Found: true, ExpiresAt: expireAt}
	return nil
}

func (t *mapTable) Expire(ctx context.Context, key string, at time.Time) (bool, error) {
	if err := t.enter(ctx, "Expire", key); err != nil {
		return false, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.get(key)
	if e.Found {
		e.ExpiresAt = at
		t.entries[key] = e
	}
	return e.Found, nil
}

func (t *mapTable) GetMany(ctx context.Context, reads []Read) {
	for i := range reads {
		r := &reads[i]
		r.Entry, r.Err = t.Get(ctx, r.Key)
	}
}

func (t *mapTable) PutMany(ctx context.Context, writes []Write) {
	for i := range writes {
		w := &writes[i]
		w.Err = t.Put(ctx, w.Key, w.Value, w.ExpireAt)
	}
}

func (t *mapTable) DeleteMany(ctx context.Context, deletes []Write) {
	for i := range deletes {
		d := &deletes[i]
		if d.Err = t.enter(ctx, "Delete", d.Key); d.Err == nil {
			t.mu.Lock()
			delete(t.entries, d.Key)
			t.mu.Unlock()
		}
	}
}

func keyHash(key string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(key))
	return h.Sum64() | 1 // 0 is the cursor that ends
}

func (t *mapTable) Scan(ctx context.Context, cursor uint64, limit int) ([]string, uint64, error) {
	if err := t.enter(ctx, "Scan"); err != nil {
		return nil, 0, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	var keys []string
	for k := range t.entries {
		if t.get(k).Found && keyHash(k) >= cursor {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b string) int {
		if keyHash(a) < keyHash(b) {
			return -1
		}
		return 1
	})
	if len(keys) <= limit {
		return keys, 0, nil
	}
	return keys[:limit], keyHash(keys[limit]), nil
}

func (t *mapTable) Len(ctx context.Context) (int, error) {
	if err := t.enter(ctx, "Len"); err != nil {
		return 0, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	n := 0
	for k := range t.entries {
		if t.get(k).Found {
			n++
		}
	}
	return n, nil
}
