package node

import (
	"context"
	"sync"
	"time"

	"github.com/grapevine-go/grapevine/examples/cachecluster/server"
	"github.com/grapevine-go/grapevine/gossip"
	"github.com/grapevine-go/grapevine/quorum"
)

// table serves a table of registers to Redis clients.
type table struct {
	registers *gossip.RegisterTable[[]byte]
}

// Get implements server.Table.
func (t table) Get(ctx context.Context, key string) (server.Entry, error) {
	e, err := t.registers.Entry(ctx, key)
	return entry(e), coded(err)
}

func entry(e gossip.Entry[[]byte]) server.Entry {
	return server.Entry{Value: e.Value, Found: e.Found, ExpiresAt: e.ExpiresAt}
}

// Put implements server.Table.
func (t table) Put(ctx context.Context, key string, value []byte, expireAt time.Time) error {
	_, err := t.registers.Put(ctx, key, value, expiry(expireAt)...)
	return coded(err)
}

func expiry(at time.Time) []quorum.Option {
	if at.IsZero() {
		return nil
	}
	return []quorum.Option{quorum.ExpireAt(at)}
}

// Expire implements server.Table.
func (t table) Expire(ctx context.Context, key string, at time.Time) (bool, error) {
	found, err := t.registers.Expire(ctx, key, at)
	return found, coded(err)
}

// GetMany implements server.Table.
func (t table) GetMany(ctx context.Context, reads []server.Read) {
	keys := make([]string, len(reads))
	for i := range reads {
		keys[i] = reads[i].Key
	}
	for i, r := range t.registers.GetMany(ctx, keys) {
		reads[i].Entry, reads[i].Err = entry(r.Entry), coded(r.Err)
	}
}

// PutMany implements server.Table. A batch of registers has one expiry, so the
// writes are parted by theirs; nearly always there is one part.
func (t table) PutMany(ctx context.Context, writes []server.Write) {
	var parts sync.WaitGroup
	for len(writes) > 0 {
		n := 1
		for n < len(writes) && writes[n].ExpireAt.Equal(writes[0].ExpireAt) {
			n++
		}
		part := writes[:n]
		writes = writes[n:]
		if len(writes) == 0 {
			t.putPart(ctx, part)
			break
		}
		parts.Go(func() { t.putPart(ctx, part) })
	}
	parts.Wait()
}

func (t table) putPart(ctx context.Context, writes []server.Write) {
	items := make([]gossip.Item[[]byte], len(writes))
	for i := range writes {
		items[i] = gossip.Item[[]byte]{Key: writes[i].Key, Value: writes[i].Value}
	}
	for i, err := range t.registers.PutMany(ctx, items, expiry(writes[0].ExpireAt)...) {
		writes[i].Err = coded(err)
	}
}

// DeleteMany implements server.Table.
func (t table) DeleteMany(ctx context.Context, deletes []server.Write) {
	keys := make([]string, len(deletes))
	for i := range deletes {
		keys[i] = deletes[i].Key
	}
	for i, err := range t.registers.DeleteMany(ctx, keys) {
		deletes[i].Err = coded(err)
	}
}

// Scan implements server.Table.
func (t table) Scan(ctx context.Context, cursor uint64, limit int) ([]string, uint64, error) {
	keys, next, err := t.registers.Scan(ctx, cursor, limit)
	return keys, next, coded(err)
}

// Len implements server.Table.
func (t table) Len(ctx context.Context) (int, error) {
	n, err := t.registers.Len(ctx)
	return n, coded(err)
}
