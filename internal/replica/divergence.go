package replica

import (
	"cmp"
	"slices"

	"github.com/grapevine-go/grapevine/peer"
)

// Divergence is how many keys of a partition are known to differ between this
// node and a member: found by the last comparison and not brought yet, or held
// back because they may be on their way.
type Divergence struct {
	Peer      peer.ID
	Table     string
	Partition int
	Keys      int
}

// pair is what divergence is known of.
type pair struct {
	peer  peer.ID
	table string
}

// diverges notes what a comparison found, by partition.
func (r *Replica) diverges(id peer.ID, table string, keys map[int]int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(keys) == 0 {
		delete(r.jobs.divergence, pair{id, table})
		return
	}
	r.jobs.divergence[pair{id, table}] = keys
}

// resolved notes that keys do not differ any more.
func (r *Replica) resolved(id peer.ID, table string, keys map[int]int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	known := r.jobs.divergence[pair{id, table}]
	if known == nil {
		return
	}
	for p, n := range keys {
		if known[p] -= n; known[p] <= 0 {
			delete(known, p)
		}
	}
	if len(known) == 0 {
		delete(r.jobs.divergence, pair{id, table})
	}
}

// agreed notes that nothing differs.
func (r *Replica) agreed(id peer.ID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for p := range r.jobs.divergence {
		if p.peer == id {
			delete(r.jobs.divergence, p)
		}
	}
}

// Divergences returns what is known to differ from others, in order: of each
// member what the last comparison with it found. It becomes less as a comparison
// resolves it.
func (r *Replica) Divergences() (list []Divergence) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for p, keys := range r.jobs.divergence {
		for partition, n := range keys {
			list = append(list, Divergence{p.peer, p.table, partition, n})
		}
	}
	slices.SortFunc(list, func(a, b Divergence) int {
		return cmp.Or(cmp.Compare(a.Peer, b.Peer), cmp.Compare(a.Table, b.Table), cmp.Compare(a.Partition, b.Partition))
	})
	return list
}
