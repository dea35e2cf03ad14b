package replica

import (
	"maps"
	"slices"
	"time"

	"github.com/grapevine-go/grapevine/internal/wire"
	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/ring"
)

// A change of the owners has two steps. With the first, a node is joining or
// leaving: there is a coming placement beside the current one, and every
// operation needs its quorum in both. With the second, the node serves or has
// left: the coming placement is the current one. In between
//
//   - everybody who gains partitions is filled, and
//   - every member that was not removed has acknowledged the ring state of the
//     first step: nobody reads or writes by the placement of before any more,
//     not even behind a cut in the network.
//
// So two operations under way at once are one step apart at most, and their
// quorums meet in the placement that they have in common. A dead member holds
// the second step up until it is back or forgotten.
//
// One case is left open: two nodes that change at the same time end their
// changes on both sides of a cut, and on one side a third begins its own before
// the other is heard. Those sides are two steps apart. Changes one after the
// other are safe, cuts or not.

// changing reports whether this node is between the two steps.
func (v *View) changing() bool {
	s, ok := v.Status()
	return ok && (s == ring.Joining || s == ring.Leaving)
}

// waiting returns the members that the second step waits for: nobody where
// there is no table yet, as when a cluster begins.
func (r *Replica) waiting(v *View) (ids []peer.ID) {
	if r.cfg.Rules.NoBarrier || len(v.byName) == 0 {
		return nil
	}
	for i, m := range v.State.Members() {
		if i != v.Self && m.Status != ring.Left && (!r.jobs.acked[m.ID] || len(r.unfilled(v, i)) > 0) {
			ids = append(ids, m.ID)
		}
	}
	return ids
}

// unfilled returns the tables of which a member gains partitions and has not
// said that it is filled.
func (r *Replica) unfilled(v *View, member int) (tables []*Table) {
	id := v.State.Members()[member].ID
	for _, name := range slices.Sorted(maps.Keys(v.byName)) {
		t := v.byName[name]
		if t.Spec.Kind == ring.Everywhere {
			continue // nobody takes over from anybody: the newcomer fills itself
		}
		if t.Layout != nil && t.Data != nil && !r.jobs.hand[id][name] && gains(t, member) {
			tables = append(tables, t)
		}
	}
	return tables
}

// gains reports whether the member gains a partition.
func gains(t *Table, member int) bool {
	for range t.Layout.Gains(member) {
		return true
	}
	return false
}

// askOthers asks those whom the second step waits for.
func (r *Replica) askOthers(out *Effects) {
	v := r.View()
	if !v.changing() || len(r.jobs.fills) > 0 {
		return
	}
	for i, m := range v.State.Members() {
		if i == v.Self || m.Status == ring.Left {
			continue
		}
		tables := r.unfilled(v, i)
		for _, t := range tables[:min(len(tables), maxHands)] {
			r.askSynced(v, t, m, out)
		}
		if len(tables) == 0 && !r.jobs.acked[m.ID] {
			r.push(v, m.ID, nil, out)
		}
	}
}

// askSynced asks a member which of its partitions of a table are synced.
func (r *Replica) askSynced(v *View, t *Table, m ring.Member, out *Effects) {
	token, begun := r.jobs.few(job{about: about{kind: handJob, to: m.ID, table: t.Spec.Name, ring: v.version}, nonce: m.Boot.Nonce, data: t.Data})
	if !begun {
		return
	}
	h := r.header(v, wire.KindDigest, classSync, r.cfg.Timeout)
	h.Table, h.Boots = t.Hash, wire.MakeBoots([]uint64{m.Boot.Nonce})
	out.Sends = append(out.Sends, Send{To: m.ID, Class: classSync, Token: token, Msg: wire.AppendDigest(nil, &h, [16]byte{})})
}

// heard notes which ring state a member has.
func (r *Replica) heard(from peer.ID, version uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if v := r.View(); version == v.version && !r.jobs.acked[from] {
		r.jobs.acked[from] = true
		if v.changing() {
			r.jobs.wake()
		}
	}
}

// handReply notes whether a member is filled. What it said of another ring state
// says nothing of this one.
func (r *Replica) handReply(b job, a *wire.Reply, err error) {
	if err != nil {
		return
	}
	d, err := a.Digests()
	if err != nil || slices.ContainsFunc(d.List, func(p wire.PartitionDigest) bool { return !p.Synced }) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if a.Ring != r.View().version {
		return
	}
	if r.jobs.hand[b.to] == nil {
		r.jobs.hand[b.to] = make(map[string]bool)
	}
	r.jobs.hand[b.to][b.table] = true
	r.jobs.wake()
}

// settle makes a joining node serve once it may.
func (r *Replica) settle(now time.Time, out *Effects) {
	v := r.View()
	if s, ok := v.Status(); ok && s == ring.Joining && len(r.jobs.fills) == 0 && len(r.waiting(v)) == 0 {
		r.setStatus(now, ring.Serving, out)
	}
}

// HandedOver returns whom a leaving node still waits for: those who take over
// its partitions and are not filled, and those who have not heard that it
// leaves. When there is nobody left, it may say that it has left.
func (r *Replica) HandedOver() (waiting []peer.ID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.waiting(r.View())
}
