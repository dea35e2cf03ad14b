// Package store keeps the tables of a node in memory: partitions of key to
// replicated state.
//
// The only thing that ever happens to stored data is a join: [Table.Join] is
// how a local write, a message from another replica, a repair and a hand-over
// all end, and it says what changed. There is one way to let go, [Table.Drop],
// which is never a user's operation and compares before it drops.
//
// A table's keys are spread over a power-of-two number of partitions by the
// top bits of their hash. Each partition has a lock of its own and keeps its
// entries in the order of the hash, so that an exchange can go through it in
// pages, and a hash tree over them, so that two replicas with equal partitions
// find that out by comparing sixteen bytes, and those with others what differs.
//
// Every method is safe for concurrent use.
package store

import (
	"fmt"
	"math/bits"
	"sync"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/merkle"
)

// Table is one table's data on one node.
type Table struct {
	newState func() crdt.State
	packed   bool // the states are crdt.Packed
	shift    int  // hash >> shift is the partition
	parts    []partition
}

// partition's padding keeps the locks of neighbours off one cache line.
type partition struct {
	mu      sync.RWMutex
	entries slots
	key     crdt.Key
	tree    *merkle.Tree
	counts  Counts
	_       [64]byte
}

// Counts is what a partition or a table holds.
type Counts struct {
	Live  int // keys whose state holds something a user could read
	Dead  int // keys kept for their version alone: tombstones
	Bytes int // about how much memory keys and states take
}

func (c *Counts) add(o Counts) {
	c.Live += o.Live
	c.Dead += o.Dead
	c.Bytes += o.Bytes
}

func (c *Counts) sub(o Counts) {
	c.Live -= o.Live
	c.Dead -= o.Dead
	c.Bytes -= o.Bytes
}

// NewTable returns an empty table. Partitions is a power of two from 1 to
// 65536 and newState gives the bottom of the table's type; anything else is a
// programmer's error and panics. The key keys the fingerprints and must be the
// same at all replicas.
func NewTable(partitions int, key crdt.Key, newState func() crdt.State) *Table {
	if partitions < 1 || partitions > 1<<16 || partitions&(partitions-1) != 0 || newState == nil {
		panic(fmt.Sprintf("store: %d partitions, newState %t", partitions, newState != nil))
	}
	t := &Table{
		newState: newState,
		shift:    64 - bits.TrailingZeros(uint(partitions)),
		parts:    make([]partition, partitions),
	}
	_, t.packed = newState().(*crdt.Packed)
	for i := range t.parts {
		t.parts[i].key = key
		t.parts[i].entries.shift = uint(64 - t.shift)
		t.parts[i].tree = merkle.New(t.node(i))
	}
	return t
}

// Partitions returns the number of partitions.
func (t *Table) Partitions() int { return len(t.parts) }

func (t *Table) part(hash uint64) *partition { return &t.parts[hash>>t.shift] }

// Join joins an encoded state or delta into the key's state and says what that
// did. The hash is the key's ring hash. Neither key nor delta is kept. On an
// error, which wraps crdt.ErrCorrupt or crdt.ErrVersion, nothing changed.
func (t *Table) Join(hash uint64, key, delta []byte) (crdt.Joined, error) {
	p := t.part(hash)
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.entries.find(hash, key)
	if e == nil {
		return t.insert(p, hash, key, delta)
	}
	was := e.counts()
	j, err := e.join(delta)
	if j.Changed {
		p.replace(hash, e, was)
	}
	return j, err
}

func (t *Table) insert(p *partition, hash uint64, key, delta []byte) (crdt.Joined, error) {
	e, j, err := t.newEntry(key, delta)
	if err != nil || !j.Changed {
		return j, err
	}
	p.entries.insert(hash, e)
	p.replace(hash, e, Counts{})
	p.reshape()
	return j, nil
}

// replace brings the partition's sums up to date after an entry changed; was is
// what it counted before.
func (p *partition) replace(hash uint64, e *entry, was Counts) {
	now := merkle.Bind(p.key, hash, e.stateFingerprint(p.key))
	p.tree.Update(hash, e.fingerprint, now)
	e.fingerprint = now
	p.counts.sub(was)
	p.counts.add(e.counts())
}

// AppendState appends the key's encoded state to dst; false if there is none.
func (t *Table) AppendState(dst []byte, hash uint64, key []byte) ([]byte, bool) {
	p := t.part(hash)
	p.mu.RLock()
	defer p.mu.RUnlock()
	e := p.entries.find(hash, key)
	if e == nil {
		return dst, false
	}
	return e.appendState(dst), true
}

// Fingerprint returns the fingerprint of the key's state; zero if there is
// none.
func (t *Table) Fingerprint(hash uint64, key []byte) crdt.Fingerprint {
	p := t.part(hash)
	p.mu.RLock()
	defer p.mu.RUnlock()
	if e := p.entries.find(hash, key); e != nil {
		return e.stateFingerprint(p.key)
	}
	return crdt.Fingerprint{}
}

// Size is about how much memory the key's state takes; 0 if there is none.
func (t *Table) Size(hash uint64, key []byte) int {
	p := t.part(hash)
	p.mu.RLock()
	defer p.mu.RUnlock()
	if e := p.entries.find(hash, key); e != nil {
		return e.counts().Bytes
	}
	return 0
}

// Reason says why a key's state is let go.
type Reason uint8

// The reasons that exist. A reason is counted and logged by the caller; the
// table treats them alike.
const (
	Unowned   Reason = iota + 1 // the partition was handed over
	Collected                   // a tombstone that every owner confirmed
	Evicted                     // memory ran short
)

// String names the reason.
func (r Reason) String() string {
	return [...]string{"none", "unowned", "collected", "evicted"}[min(r, Evicted)]
}

// Drop lets go of the key's state if its fingerprint is still the given one,
// and reports whether it did. It is not a delete: the key comes back with the
// next join that holds it. The caller answers for the reason.
func (t *Table) Drop(hash uint64, key []byte, ifVersion crdt.Fingerprint, _ Reason) bool {
	p := t.part(hash)
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.entries.find(hash, key)
	if e == nil || e.stateFingerprint(p.key) != ifVersion {
		return false
	}
	p.tree.Update(hash, e.fingerprint, crdt.Fingerprint{})
	p.counts.sub(e.counts())
	p.entries.remove(hash, e)
	p.reshape()
	return true
}

// Digest returns the sum of the fingerprints of a partition's entries (see
// merkle.Bind) and its counts. Partitions with equal data have equal
// digests, whatever the order in which the data came.
func (t *Table) Digest(partition int) (crdt.Fingerprint, Counts) {
	p := &t.parts[partition]
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.tree.Root(), p.counts
}

// Counts sums the counts of all partitions.
func (t *Table) Counts() Counts {
	var sum Counts
	for i := range t.parts {
		_, c := t.Digest(i)
		sum.add(c)
	}
	return sum
}

// Rekey changes the key of the fingerprints and computes the digests anew, for
// a table that was opened before the cluster agreed on its key.
func (t *Table) Rekey(key crdt.Key) {
	for i := range t.parts {
		p := &t.parts[i]
		p.mu.Lock()
		p.key, p.tree, p.counts = key, merkle.New(t.node(i)), Counts{}
		for _, s := range p.entries.s {
			if s.entry != nil {
				s.entry.fingerprint = crdt.Fingerprint{}
				p.replace(s.hash, s.entry, Counts{})
			}
		}
		for p.tree.Reshape(&p.entries) {
		}
		p.mu.Unlock()
	}
}
