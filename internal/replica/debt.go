package replica

import (
	"cmp"
	"slices"

	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/ring"
)

// Debt is what is left of something that was meant for an owner and could be kept
// no longer, such as a hint that there was no room for: a partition in which that
// owner lacks something.
type Debt struct {
	Peer      peer.ID
	Table     string
	Partition int
}

// owed are the partitions of a table, as bits, of which something is owed to a
// member: at most 8 KiB.
type owed struct {
	partitions []uint64
	newest     uint64 // number of the last debt
}

// Owe makes a comparison with a member due at once, and has it begin with the
// tables of which something is owed to it. It is for whoever has to drop what was
// meant for an owner. A debt is kept until a comparison that began after it has gone
// through, or the member is no more; to owe the same twice is to owe it once.
//
// It reports false, and nothing has changed, if this node cannot pay: the partition
// is not one that it owns together with that member.
func (r *Replica) Owe(d Debt) bool {
	v := r.View()
	t, member := v.byName[d.Table], v.index(d.Peer)
	if t == nil || t.Layout == nil || d.Partition < 0 || d.Partition >= t.Layout.Partitions() ||
		member < 0 || member == v.Self || !v.owns(t, d.Partition) || !v.shares(t, d.Partition, member) {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	to := pair{d.Peer, d.Table}
	o := r.jobs.debts[to]
	if o == nil || len(o.partitions) != (t.Layout.Partitions()+63)/64 {
		o = &owed{partitions: make([]uint64, (t.Layout.Partitions()+63)/64)}
		r.jobs.debts[to] = o
	}
	r.jobs.lastDebt++
	o.newest = r.jobs.lastDebt
	o.partitions[d.Partition/64] |= 1 << (d.Partition % 64)
	r.jobs.hurryTo(d.Peer)
	return true
}

// Debts returns what is owed, in order.
func (r *Replica) Debts() (list []Debt) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for to, o := range r.jobs.debts {
		for p := range 64 * len(o.partitions) {
			if o.partitions[p/64]>>(p%64)&1 == 1 {
				list = append(list, Debt{to.peer, to.table, p})
			}
		}
	}
	slices.SortFunc(list, func(a, b Debt) int {
		return cmp.Or(cmp.Compare(a.Peer, b.Peer), cmp.Compare(a.Table, b.Table), cmp.Compare(a.Partition, b.Partition))
	})
	return list
}

// payFirst puts the tables of which something is owed to a member before the
// others.
func (r *Replica) payFirst(to peer.ID, tables []*Table) {
	r.mu.Lock()
	defer r.mu.Unlock()
	rank := func(t *Table) int {
		if r.jobs.debts[pair{to, t.Spec.Name}] != nil {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(tables, func(a, b *Table) int { return cmp.Compare(rank(a), rank(b)) })
}

// debt is the number of the last debt.
func (r *Replica) debt() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.jobs.lastDebt
}

// paid forgets what was owed to a member of a table, or of all for "", before a
// comparison that has gone through began.
func (r *Replica) paid(to peer.ID, table string, before uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for p, o := range r.jobs.debts {
		if p.peer == to && (table == "" || p.table == table) && o.newest <= before {
			delete(r.jobs.debts, p)
		}
	}
}

// forgive forgets what was owed to those who are no members any more.
func (r *Replica) forgive(v *View) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for p := range r.jobs.debts {
		if v.index(p.peer) < 0 || v.byName[p.table] == nil {
			delete(r.jobs.debts, p)
		}
	}
}

// index returns the place of a member in the ring state; -1 if it is none.
func (v *View) index(id peer.ID) int {
	return slices.IndexFunc(v.State.Members(), func(m ring.Member) bool { return m.ID == id })
}
