package replica

import (
	"maps"
	"slices"

	"github.com/grapevine-go/grapevine/internal/wire"
	"github.com/grapevine-go/grapevine/ring"
)

// sweep compares each table's partitions with one random live co-owner: what
// quorum writes, repairs and fills have missed is found here. A pair that
// agrees exchanges one digest.
func (r *Replica) sweep(out *Effects) {
	v := r.View()
	for _, name := range slices.Sorted(maps.Keys(v.byName)) {
		t := v.byName[name]
		if t.Data == nil || t.Layout == nil || v.Self < 0 {
			continue
		}
		peers := r.coOwners(v, t)
		if len(peers) == 0 {
			continue
		}
		m := v.State.Members()[peers[r.cfg.Rand.IntN(len(peers))]]
		r.askDigest(v, t, digestJob, m, r.fold(v, t, m.Boot.Nonce), out)
	}
}

// coOwners returns the live members that own a partition which this node owns.
func (r *Replica) coOwners(v *View, t *Table) (members []int) {
	shares := make([]bool, len(v.State.Members()))
	for p := range t.Layout.Partitions() {
		if v.owns(t, p) {
			for _, o := range t.Layout.Targets(p) {
				shares[o.Member] = true
			}
		}
	}
	for i, yes := range shares {
		if yes && i != v.Self && !v.down[i] {
			members = append(members, i)
		}
	}
	return members
}

func (r *Replica) askDigest(v *View, t *Table, kind jobKind, m ring.Member, fold [16]byte, out *Effects) {
	token, begun := r.jobs.few(job{about: about{kind: kind, to: m.ID, table: t.Spec.Name, ring: v.version}, nonce: m.Boot.Nonce, data: t.Data})
	if !begun {
		return
	}
	h := r.header(v, wire.KindDigest, classSync, r.cfg.Timeout)
	h.Table, h.Boots = t.Hash, wire.MakeBoots([]uint64{m.Boot.Nonce})
	out.Sends = append(out.Sends, Send{To: m.ID, Class: classSync, Token: token, Msg: wire.AppendDigest(nil, &h, fold)})
}

// digestReply notes the partitions that differ, for pulling.
func (r *Replica) digestReply(b job, a *wire.Reply, err error) {
	if err != nil {
		return
	}
	d, err := a.Digests()
	if err != nil {
		return
	}
	if d.Equal {
		r.stats.digestsEqual.Add(1)
		return
	}
	r.stats.digestsDiffer.Add(1)
	r.mu.Lock()
	defer r.mu.Unlock()
	v := r.View()
	t := b.of(v)
	if t == nil {
		return
	}
	for i := range d.List {
		p := int(d.List[i].Partition)
		if p >= t.Layout.Partitions() || !v.owns(t, p) || len(r.jobs.pulls) >= t.Layout.Partitions() {
			continue
		}
		if mine, _ := t.Data.Digest(p); mine != d.List[i].Fingerprint() {
			pull := job{about: about{kind: pullJob, to: b.to, table: b.table}, nonce: b.nonce, data: b.data, partition: p}
			pull.from, pull.end = PartitionRange(p, t.Layout.Partitions())
			r.jobs.pulls = append(r.jobs.pulls, pull)
		}
	}
}

// pullSome begins waiting pulls, as many as may be under way.
func (r *Replica) pullSome(out *Effects) {
	v := r.View()
	for len(r.jobs.pulls) > 0 && r.jobs.per.pulls < maxPulls {
		b := r.jobs.pulls[0]
		r.jobs.pulls = r.jobs.pulls[1:]
		if t := b.of(v); t != nil {
			r.jobs.per.pulls++
			r.askPage(v, t, b, out)
		}
	}
}
