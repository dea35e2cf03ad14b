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
// pages, and a digest (the sum of its entries' fingerprints), so that two
// replicas with equal partitions find that out by comparing sixteen bytes.
//
// Every method is safe for concurrent use.
package store

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"sync"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/tidwall/btree"
)

// Table is one table's data on one node.
type Table struct {
	newState func() crdt.State
	shift    int // hash >> shift is the partition
	parts    []partition
}

// partition's padding keeps the locks of neighbours off one cache line.
type partition struct {
	mu      sync.RWMutex
	entries btree.Map[uint64, *entry] // by key hash
	key     crdt.Key
	digest  crdt.Fingerprint
	counts  Counts
	_       [64]byte
}

// entry is one key. Keys of equal hash are chained, in no particular order; as
// that hardly ever happens, a link costs memory only where there is one: it is
// kept in front of the state.
type entry struct {
	key  string
	kept crdt.State // the state, or a *linked
}

// linked is the state of an entry that is not the last of its chain.
type linked struct {
	crdt.State
	next *entry
}

// entrySize is about what an entry takes beside its key and state: itself, and
// its place in the ordered map.
const entrySize = 32 + 24

// packedEntry is an entry with its state beside it: a register is found with
// one look into memory less. Almost all entries are registers.
type packedEntry struct {
	entry
	packed crdt.Packed
}

// newEntry returns an entry with the bottom state.
func (t *Table) newEntry() *entry {
	s := t.newState()
	if _, ok := s.(*crdt.Packed); ok {
		e := new(packedEntry)
		e.kept = &e.packed
		return &e.entry
	}
	return &entry{kept: s}
}

// link puts an entry in front of those of the same hash.
func (e *entry) link(next *entry) {
	if next != nil {
		e.kept = &linked{State: e.state(), next: next}
	}
}

func (e *entry) state() crdt.State {
	if l, ok := e.kept.(*linked); ok {
		return l.State
	}
	return e.kept
}

func (e *entry) next() *entry {
	if l, ok := e.kept.(*linked); ok {
		return l.next
	}
	return nil
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
	for i := range t.parts {
		t.parts[i].key = key
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
	head, _ := p.entries.Get(hash)
	e := head.find(key)
	if e == nil {
		return p.insert(hash, key, delta, t.newEntry(), head)
	}
	was := p.measure(hash, e)
	j, err := e.state().JoinBinary(delta)
	if j.Changed {
		p.replace(was, p.measure(hash, e))
	}
	return j, err
}

func (p *partition) insert(hash uint64, key, delta []byte, e *entry, head *entry) (crdt.Joined, error) {
	j, err := e.kept.JoinBinary(delta)
	if err != nil || !j.Changed {
		return j, err
	}
	e.key = string(key)
	e.link(head)
	p.entries.Set(hash, e)
	p.replace(measure{}, p.measure(hash, e))
	return j, nil
}

// measure is what an entry adds to its partition's sums.
type measure struct {
	fingerprint crdt.Fingerprint
	counts      Counts
}

func (p *partition) measure(hash uint64, e *entry) measure {
	m := measure{fingerprint: EntryFingerprint(p.key, hash, e.state().Fingerprint(p.key))}
	m.counts.Bytes = entrySize + len(e.key) + e.state().Size()
	if e.state().Tombstone() {
		m.counts.Dead = 1
	} else {
		m.counts.Live = 1
	}
	return m
}

func (p *partition) replace(old, new measure) {
	p.digest = p.digest.Sub(old.fingerprint).Add(new.fingerprint)
	p.counts.Live += new.counts.Live - old.counts.Live
	p.counts.Dead += new.counts.Dead - old.counts.Dead
	p.counts.Bytes += new.counts.Bytes - old.counts.Bytes
}

// EntryFingerprint binds a state's fingerprint to its key's hash, so that two
// keys that swapped their states do not cancel out in a partition's digest.
func EntryFingerprint(k crdt.Key, hash uint64, state crdt.Fingerprint) crdt.Fingerprint {
	var buf [24]byte
	binary.LittleEndian.PutUint64(buf[:8], hash)
	copy(buf[8:], state[:])
	return k.Sum(buf[:])
}

func (e *entry) find(key []byte) *entry {
	for ; e != nil; e = e.next() {
		if e.key == string(key) {
			return e
		}
	}
	return nil
}

// AppendState appends the key's encoded state to dst; false if there is none.
func (t *Table) AppendState(dst []byte, hash uint64, key []byte) ([]byte, bool) {
	p := t.part(hash)
	p.mu.RLock()
	defer p.mu.RUnlock()
	head, _ := p.entries.Get(hash)
	e := head.find(key)
	if e == nil {
		return dst, false
	}
	return e.state().AppendBinary(dst), true
}

// Fingerprint returns the fingerprint of the key's state; zero if there is
// none.
func (t *Table) Fingerprint(hash uint64, key []byte) crdt.Fingerprint {
	p := t.part(hash)
	p.mu.RLock()
	defer p.mu.RUnlock()
	head, _ := p.entries.Get(hash)
	if e := head.find(key); e != nil {
		return e.state().Fingerprint(p.key)
	}
	return crdt.Fingerprint{}
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
	head, _ := p.entries.Get(hash)
	e := head.find(key)
	if e == nil || e.state().Fingerprint(p.key) != ifVersion {
		return false
	}
	p.replace(p.measure(hash, e), measure{})
	if head = head.without(e); head != nil {
		p.entries.Set(hash, head)
	} else {
		p.entries.Delete(hash)
	}
	return true
}

// without returns the chain without gone; entries before it are copied, so
// that nobody sees a chain change under them.
func (e *entry) without(gone *entry) *entry {
	if e == gone {
		return e.next()
	}
	c := &entry{key: e.key, kept: e.state()}
	c.link(e.next().without(gone))
	return c
}

// Digest returns the sum of the fingerprints of a partition's entries (see
// [EntryFingerprint]) and its counts. Partitions with equal data have equal
// digests, whatever the order in which the data came.
func (t *Table) Digest(partition int) (crdt.Fingerprint, Counts) {
	p := &t.parts[partition]
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.digest, p.counts
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
		p.key, p.digest, p.counts = key, crdt.Fingerprint{}, Counts{}
		p.entries.Scan(func(hash uint64, e *entry) bool {
			for ; e != nil; e = e.next() {
				p.replace(measure{}, p.measure(hash, e))
			}
			return true
		})
		p.mu.Unlock()
	}
}
