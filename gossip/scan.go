package gossip

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/internal/replica"
	"github.com/grapevine-go/grapevine/internal/wire"
	"github.com/grapevine-go/grapevine/quorum"
	"github.com/grapevine-go/grapevine/ring"
)

// Scan returns a page of keys that hold a value, and the cursor of the next
// page; begin with 0, and stop when 0 comes back. Limit is about how many keys
// a page has; a page may be empty without being the last.
//
// The cursor is a key hash: it is valid at any node and across restarts. Every
// key that is there from the first page to the last is returned at least once;
// a key that comes or goes meanwhile may or may not be. Each page is read from
// R owners.
func (h handle[T]) Scan(ctx context.Context, cursor uint64, limit int, opts ...quorum.Option) (keys []string, next uint64, err error) {
	return h.t.scan(ctx, cursor, limit, opts)
}

// Len counts the keys that hold a value, each once. It goes through all of
// them, by their versions and without their values.
func (h handle[T]) Len(ctx context.Context, opts ...quorum.Option) (n int, err error) {
	return h.t.length(ctx, opts)
}

// scan is Scan of every kind of table.
func (t *table) scan(ctx context.Context, cursor uint64, limit int, opts []quorum.Option) (keys []string, next uint64, err error) {
	level, err := t.resolve(opts)
	if err == nil && level.Session != nil {
		err = fmt.Errorf("gossip: table %q: %w: a session is about single keys, and this is a scan", t.spec.Name, quorum.ErrLevel)
	}
	if err == nil {
		err = t.agree(ctx)
	}
	if err != nil {
		return nil, 0, err
	}
	limit = max(limit, 1)
	for now := time.Now().UnixMilli(); len(keys) < limit; {
		p, err := t.page(ctx, cursor, min(limit-len(keys), maxPage), level.R)
		if err != nil {
			return nil, 0, err
		}
		keys = append(keys, p.keys(now)...)
		if cursor = t.after(cursor, p); cursor == 0 {
			break
		}
	}
	return keys, cursor, nil
}

// length is Len of every kind of table.
func (t *table) length(ctx context.Context, opts []quorum.Option) (n int, err error) {
	for cursor := uint64(0); ; {
		keys, next, err := t.scan(ctx, cursor, maxPage, opts)
		if err != nil {
			return 0, err
		}
		n += len(keys)
		if cursor = next; cursor == 0 {
			return n, nil
		}
	}
}

// bytesPerKey is what a key takes in a page, roughly: how a number of keys
// becomes a limit of bytes.
const bytesPerKey = 64

// maxPage is how many keys are asked for at once, about.
const maxPage = 8192

// page reads the keys from a hash on, of one partition, from n owners.
func (t *table) page(ctx context.Context, from uint64, limit int, n quorum.Level) (*page, error) {
	p := newPage(t.typ.New)
	k := t.n.begin()
	now := time.Now()
	k.begun, k.op = now, opScan
	k.trace(ctx, t, n)
	k.start(k.c.ReadPage(t.n.replica, now, t.n.deadline(ctx, now), hedgeAfter, t.spec.Name, from, limit*bytesPerKey, n, p))
	k.finish(ctx)
	k.mu.Lock()
	err := k.c.Err()
	p.closed = true // late answers must not change it any more
	k.mu.Unlock()
	k.done(err)
	k.release()
	return p, err
}

// after returns the cursor that follows a page: the rest of the partition, the
// next partition, or 0 at the end.
func (t *table) after(from uint64, p *page) uint64 {
	if !p.done {
		return p.next
	}
	partitions := int(t.spec.Partitions)
	next := ring.Partition(from, partitions) + 1
	if next == partitions {
		return 0
	}
	first, _ := replica.PartitionRange(next, partitions)
	return first
}

// page is the join of what several owners answered to one page request: as a
// state, so that a read of a page is a read like any other.
type page struct {
	bottom  func() crdt.State
	entries map[string]crdt.State
	next    uint64 // the earliest hash at which an owner's page ended
	done    bool   // all owners' pages reached the partition's end
	closed  bool
}

func newPage(bottom func() crdt.State) *page {
	return &page{bottom: bottom, entries: make(map[string]crdt.State), done: true}
}

// JoinBinary joins a reply to a page request.
func (p *page) JoinBinary(reply []byte) (crdt.Joined, error) {
	if p.closed {
		return crdt.Joined{}, nil
	}
	a, err := wire.ParseReply(reply)
	if err != nil {
		return crdt.Joined{}, err
	}
	list, err := a.Entries()
	if err != nil {
		return crdt.Joined{}, err
	}
	for entry, ok := list.Entry(); ok; entry, ok = list.Entry() {
		e := p.entries[string(entry.Key)]
		if e == nil {
			e = p.bottom()
			p.entries[string(entry.Key)] = e
		}
		if _, err := e.JoinBinary(entry.State); err != nil {
			return crdt.Joined{}, err
		}
	}
	if !list.Done && (p.done || list.Next < p.next) {
		p.next, p.done = list.Next, false
	}
	return crdt.Joined{Changed: true}, nil
}

// keys returns the keys that hold a value, up to where the shortest of the
// owners' pages ended, in the order of their hashes.
func (p *page) keys(now int64) (keys []string) {
	for key, e := range p.entries {
		if visible(e, now) && (p.done || ring.Hash(key) < p.next) {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b string) int { return cmp.Compare(ring.Hash(a), ring.Hash(b)) })
	return keys
}

// visible reports whether a reader sees anything of a state.
func visible(s crdt.State, now int64) bool {
	if r, ok := s.(*crdt.Packed); ok {
		c := r.Cell()
		_, ok := c.Get(now)
		return ok
	}
	return !s.Tombstone()
}

// The rest of crdt.State has no meaning for a page, which is never stored.

// AppendBinary appends nothing.
func (p *page) AppendBinary(dst []byte) []byte { return dst }

// Fingerprint is zero.
func (p *page) Fingerprint(crdt.Key) crdt.Fingerprint { return crdt.Fingerprint{} }

// Tombstone is false.
func (p *page) Tombstone() bool { return false }

// Size is zero.
func (p *page) Size() int { return 0 }
