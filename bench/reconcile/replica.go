package reconcile

import (
	"fmt"
	"iter"
	"math/bits"
	"slices"

	"github.com/cespare/xxhash/v2"
	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/merkle"
	"github.com/grapevine-go/grapevine/store"
)

const partitions = 256

// replica is a node's table of registers, and what a session sees of it.
type replica struct {
	merkle.Forest
	table  *store.Table
	spare  []store.Print
	order  activity
	window int // how many of the newest entries are recent
}

// key is the i-th key, of 16 bytes, and its hash.
func key(i int) ([]byte, uint64) {
	k := fmt.Appendf(nil, "key:%012d", i)
	return k, xxhash.Sum64(k)
}

func newReplica(keys, window int) (*replica, error) {
	r := &replica{
		Forest: make(merkle.Forest, partitions), spare: make([]store.Print, 0, 256),
		table: store.NewTable(partitions, crdt.Key{1, 2, 3}, crdt.NewPacked),
		order: newActivity(keys), window: window,
	}
	for i := range keys {
		if err := r.write(i, cell(1, 0)); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// cell is an encoded register of 100 bytes that an actor has written.
func cell(time int, actor byte) []byte {
	value := make([]byte, 100)
	c := crdt.Put(crdt.Stamp{Time: crdt.Time(time), Actor: crdt.Actor{actor}}, value, 0)
	return c.AppendBinary(nil)
}

// Entries reads the table, some at a time as a node does.
func (r *replica) Entries(from, to uint64) iter.Seq2[uint64, crdt.Fingerprint] {
	return func(yield func(uint64, crdt.Fingerprint) bool) {
		shift := 64 - bits.TrailingZeros(partitions)
		read := r.spare
		r.spare = nil
		defer func() { r.spare = read }()
		for p := from >> shift; p <= to>>shift; p++ {
			for at, done := from, false; !done; {
				read, at, done = r.table.Prints(int(p), at, to, read[:0])
				for i := range read {
					if !yield(read[i].Hash, read[i].Fingerprint) {
						return
					}
				}
			}
		}
	}
}

// write joins an encoded cell, and keeps the tree up to date.
func (r *replica) write(i int, delta []byte) error {
	k, hash := key(i)
	j, err := r.table.Join(hash, k, delta)
	if j.Changed {
		r.order.touch(i, hash)
	}
	return err
}

// snapshot is what a session begins with.
func (r *replica) snapshot() {
	for p := range r.Forest {
		r.table.Snapshot(p, &r.Forest[p])
	}
}

// change writes d keys at one of two replicas each, and returns their hashes in
// order and how to make the replicas equal again.
func change(a, b *replica, time int, which []int) (hashes []uint64, heal func() error, err error) {
	sides := []*replica{a, b}
	for n, i := range which {
		if err := sides[n%2].write(i, cell(time, byte(1+n%2))); err != nil {
			return nil, nil, err
		}
		_, hash := key(i)
		hashes = append(hashes, hash)
	}
	slices.Sort(hashes)
	return hashes, func() error {
		for n, i := range which {
			if err := sides[1-n%2].write(i, cell(time, byte(1+n%2))); err != nil {
				return err
			}
		}
		return nil
	}, nil
}
