package reconcile

import (
	"iter"

	"github.com/grapevine-go/grapevine/crdt"
)

// activity is the keys in the order of their last change: a doubly linked list,
// in arrays, whose head is the latest.
type activity struct {
	hash       []uint64
	prev, next []int32 // -1 stands for none; prev is the one that changed later
	head       int32
}

func newActivity(keys int) activity {
	return activity{make([]uint64, keys), make([]int32, keys), make([]int32, keys), -1}
}

// touch brings a key to the head; it is there already if its hash is known.
func (a *activity) touch(i int, hash uint64) {
	at := int32(i)
	if a.head == at {
		return
	}
	if a.hash[i] != 0 {
		a.next[a.prev[i]] = a.next[i]
		if a.next[i] >= 0 {
			a.prev[a.next[i]] = a.prev[i]
		}
	}
	a.hash[i] = hash
	if a.head >= 0 {
		a.prev[a.head] = at
	}
	a.prev[i], a.next[i], a.head = -1, a.head, at
}

// Newest implements antientropy.Recency.
func (r *replica) Newest(skip int) iter.Seq2[uint64, crdt.Fingerprint] {
	return func(yield func(uint64, crdt.Fingerprint) bool) {
		for at := r.order.head; at >= 0; at = r.order.next[at] {
			if skip--; skip >= 0 {
				continue
			}
			for hash, f := range r.Entries(r.order.hash[at], r.order.hash[at]) {
				if !yield(hash, f) {
					return
				}
			}
		}
	}
}

// Recent implements antientropy.Recency.
func (r *replica) Recent() int { return min(r.window, len(r.order.hash)) }
