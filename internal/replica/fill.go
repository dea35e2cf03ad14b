package replica

import (
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/internal/wire"
	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/ring"
	"github.com/grapevine-go/grapevine/store"
)

// fill is how far an unsynced partition is.
type fill struct {
	done   []filled
	busy   bool
	after  time.Time // not before
	failed int       // exchanges; who did not answer is not asked first again
}

// filled is an exchange that went through: all of what that boot of a co-owner
// had, and whether its data was complete.
type filled struct {
	nonce  uint64
	synced bool
}

// fillAll begins exchanges for unsynced partitions, as many as may be under way,
// and marks as synced what is complete.
func (r *Replica) fillAll(now time.Time, out *Effects) {
	v := r.View()
	for _, name := range slices.Sorted(maps.Keys(v.byName)) {
		t := v.byName[name]
		if t.Data == nil || t.Layout == nil || v.Self < 0 {
			continue
		}
		for p := range t.Layout.Partitions() {
			if !t.Data.Synced(p) {
				r.fillOne(now, v, t, p, out)
			}
		}
		if len(r.jobs.fills[name]) == 0 {
			delete(r.jobs.fills, name)
		}
	}
}

// fillOne takes an unsynced partition one step on.
func (r *Replica) fillOne(now time.Time, v *View, t *Table, p int, out *Effects) {
	name := t.Spec.Name
	if !v.owns(t, p) {
		delete(r.jobs.fills[name], p)
		return
	}
	if r.jobs.fills[name] == nil {
		r.jobs.fills[name] = make(map[int]*fill)
	}
	f := r.jobs.fills[name][p]
	if f == nil {
		f = new(fill)
		r.jobs.fills[name][p] = f
	}
	if r.complete(v, t, p, f) {
		t.Data.synced[p].Store(true)
		delete(r.jobs.fills[name], p)
		return
	}
	if f.busy || now.Before(f.after) || r.jobs.busy >= maxFills || r.jobs.budget.Wait(now) > 0 {
		return
	}
	if m, ok := f.candidate(v, t, p); ok {
		f.busy = true
		r.jobs.busy++
		b := job{about: about{kind: fillJob, to: m.ID, table: name}, nonce: m.Boot.Nonce, data: t.Data, partition: p, fill: f}
		b.from, b.end = PartitionRange(p, t.Layout.Partitions())
		_, have := t.Data.Digest(p)
		entries := have.Live + have.Dead
		b.probe = entries > r.cfg.ListUpTo || entries > 0 && t.Data.typ.Outlined
		r.askPage(now, v, t, b, out)
	}
}

// fewEntries is the default of [Config.ListUpTo].
const fewEntries = 64

// PartitionRange returns the first and the last hash of a partition.
func PartitionRange(p, partitions int) (first, last uint64) {
	span := ^uint64(0)/uint64(partitions) + 1 // wraps to 0, for 2^64, if there is one partition
	first = uint64(p) * span
	return first, first + span - 1
}

// complete reports whether everything acknowledged is here: exchanges with so
// many synced owners that every set of W owners is met, or with all others,
// whatever their state (how a fresh cluster begins, or one that lost
// everything). Only exchanges with boots that the ring state still knows count.
func (r *Replica) complete(v *View, t *Table, p int, f *fill) bool {
	owners := t.Layout.Current(p)
	synced, all := 0, true
	for _, o := range owners {
		if int(o) == v.Self {
			continue
		}
		i := slices.IndexFunc(f.done, func(d filled) bool { return d.nonce == v.State.Members()[o].Boot.Nonce })
		switch {
		case i < 0:
			all = false
		case f.done[i].synced:
			synced++
		}
	}
	if r.cfg.Rules.FillFromOne && len(f.done) > 0 {
		return true
	}
	need := max(1, len(owners)-int(t.Spec.W)+1)
	if t.Spec.Kind == ring.Everywhere {
		need = 1 // a write ends where it was made: nobody promises that a second member has it
	}
	return all || synced >= need
}

// candidate picks the next owner to exchange with: one that is believed dead
// only if there is no other, for the belief may be wrong.
func (f *fill) candidate(v *View, t *Table, p int) (m ring.Member, ok bool) {
	owners := t.Layout.Current(p)
	first := v.fillFrom(t, owners) + f.failed
	for i := range owners {
		o := owners[(first+i)%len(owners)]
		c := v.State.Members()[o]
		if int(o) == v.Self || slices.ContainsFunc(f.done, func(d filled) bool { return d.nonce == c.Boot.Nonce }) {
			continue
		}
		if !v.down[o] {
			return c, true
		}
		m, ok = c, true
	}
	return m, ok
}

// fillFrom returns with which owner a fill begins. Where every member is one,
// it is the creator of the table as long as it lives, who is synced when nobody
// else is yet, and else the node's successor, so that not all ask the same.
func (v *View) fillFrom(t *Table, owners []uint16) int {
	if t.Spec.Kind != ring.Everywhere {
		return 0
	}
	next := 0
	for i, o := range owners {
		m := v.State.Members()[o]
		if !v.down[o] && crdt.Actor(peer.NewActor(m.ID, m.Boot)) == t.Spec.Created.Actor {
			return i
		}
		if int(o) <= v.Self {
			next = i + 1
		}
	}
	return next
}

// maxKnown is how many of its own entries a node lists in one page request.
const maxKnown = 2048

// pageLimit is after how many bytes a page ends. To make one and to join it takes a
// fraction of a millisecond, which operations that come meanwhile wait for.
const pageLimit = 64 << 10

// askPage asks for the entries from b.from on that this node lacks.
func (r *Replica) askPage(now time.Time, v *View, t *Table, b job, out *Effects) {
	page := wire.Page{From: b.from, To: b.end, Limit: pageLimit}
	h := r.header(v, wire.KindPage, classFill, r.cfg.Timeout)
	h.Table, h.Partition, h.Boots = t.Hash, uint32(b.partition), wire.MakeBoots([]uint64{b.nonce})
	switch {
	case b.probe:
		h.Have, _ = t.Data.Digest(b.partition)
	case b.compare == nil:
		page.To, page.Known = t.known(b)
	}
	b.to64 = page.To
	var msg []byte
	if b.compare != nil {
		msg = b.compare.ask(&h, b.from)
	} else {
		msg = wire.AppendPage(nil, &h, &page)
	}
	r.jobs.budget.Use(now, float64(len(msg)))
	out.Sends = append(out.Sends, Send{To: b.to, Class: classFill, Token: r.jobs.expect(b), Msg: msg})
}

// known lists what is here of a page of a partition, and where the page ends.
func (t *Table) known(b job) (to uint64, known wire.Known) {
	next, done := t.Data.Page(b.partition, b.from, b.end, func(e store.Entry) bool {
		known = known.Append(e.Hash, e.Fingerprint)
		return known.Len() < maxKnown
	})
	if !done {
		return next - 1, known
	}
	return b.end, known
}

// askPaced asks for the pages that waited for the budget.
func (r *Replica) askPaced(now time.Time, out *Effects) {
	v := r.View()
	for len(r.jobs.paced) > 0 && r.jobs.budget.Wait(now) == 0 {
		b := r.jobs.paced[0]
		r.jobs.paced = r.jobs.paced[1:]
		if t := b.of(v); t != nil && r.jobs.fills[b.table][b.partition] == b.fill {
			r.askPage(now, v, t, b, out)
		} else {
			r.jobs.busy-- // the partition was lost meanwhile
		}
	}
}

// filling reports whether a fill has brought a page a moment ago: what it brings
// is not to be brought by a comparison too.
func (r *Replica) filling(now time.Time) bool {
	return now.UnixNano() < r.filled.Load()+int64(r.cfg.Retry)
}

// page answers a page request.
func (s *serving) page(q *wire.Request, t *Table) []byte {
	page, err := q.Page()
	p := int(q.Partition)
	first, last := PartitionRange(p, t.Layout.Partitions())
	if err != nil || page.From < first || page.To > last {
		return s.refuse(wire.Malformed, "page outside of the partition")
	}
	if !q.Boots.Contains(s.view.Boot.Nonce) {
		return s.refuse(wire.StaleBoot, "this is boot "+s.view.Boot.String())
	}
	entries := wire.BeginEntries(s.dst, s.okToFill(t, p))
	if !q.Have.IsZero() {
		mine, _ := t.Data.Digest(p)
		return entries.End(page.From, mine == q.Have)
	}
	limit := min(int(page.Limit), pageLimit)
	next, done := t.Data.Page(p, page.From, page.To, func(e store.Entry) bool {
		switch {
		case page.Keys:
			entries.Add(e.Key, t.Data.typ.Head(e.State))
		case !page.Known.Skip(e.Hash, e.Fingerprint):
			entries.Add(e.Key, e.State)
		}
		return entries.Size() < limit && entries.Len() < wire.MaxPage/2
	})
	return entries.End(next, done)
}

// Why an exchange is broken off, and begun anew later.
var (
	errNoCredit   = errors.New("no credit left") // the replica is busy
	errNoProgress = errors.New("a page that ends outside of what was asked for")
)

// pageReply joins a page, and goes on to the next or notes that the exchange
// went through.
func (r *Replica) pageReply(now time.Time, b job, a *wire.Reply, size int, err error, out *Effects) {
	v := r.View()
	t := b.of(v)
	done := false
	switch {
	case err != nil:
	case t == nil:
		err = errStale
	default:
		if b.compare != nil && b.compare.session != nil {
			done, err = b.compare.take(a)
		} else {
			b.from, done, err = r.joinPage(now, t, b, a)
		}
		b.unsynced = b.unsynced || !a.Synced // one page that was not complete spoils the exchange
		r.filled.Store(now.UnixNano())
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.jobs.wake()
	r.jobs.budget.Use(now, float64(size))
	t = b.of(r.View()) // as it is now that the lock is held
	f := r.jobs.fills[b.table][b.partition]
	if f != b.fill {
		f = nil // the partition was lost meanwhile, and what was begun with it
	}
	again := err == nil && !done && t != nil && f != nil
	if again && a.Credit == 0 { // no room there: leave off, and begin anew later
		again, err = false, errNoCredit
	}
	if again && b.probe {
		b.probe, b.compare = false, r.newComparison(t, b.partition)
	}
	if again {
		r.jobs.paced = append(r.jobs.paced, b)
		r.askPaced(now, out)
		return
	}
	r.jobs.busy--
	if f == nil {
		return
	}
	f.busy = false
	if err == nil && done {
		f.done = append(f.done, filled{nonce: b.nonce, synced: !b.unsynced})
		return
	}
	f.failed++
	// Those met before they were synced may be synced by now, and then do for the
	// one that failed.
	f.done = slices.DeleteFunc(f.done, func(d filled) bool { return !d.synced })
	if err != errStale {
		f.after = now.Add(r.cfg.Retry)
	}
}

// joinPage joins the entries of a page and returns where the next begins. An
// entry that is not one of this partition, that cannot be decoded or that is
// stamped too far ahead is passed over and counted: it must not keep the
// others from coming.
func (r *Replica) joinPage(now time.Time, t *Table, b job, a *wire.Reply) (from uint64, done bool, err error) {
	list, err := a.Entries()
	if err != nil {
		return 0, false, err
	}
	for {
		e, ok := list.Entry()
		if !ok {
			break
		}
		if len(e.State) == 0 && len(e.Outline) > 0 {
			continue // nothing of it was lacked
		}
		hash := ring.HashBytes(e.Key)
		var j crdt.Joined
		err := errNotOwned
		if ring.Partition(hash, t.Layout.Partitions()) == b.partition {
			j, err = t.joinRemote(now, hash, e)
		}
		if err != nil {
			r.stats.refused.Add(1)
		} else if j.Changed {
			r.stats.filled.Add(1)
		}
	}
	switch {
	case b.probe && !list.Done:
		return b.from, false, nil
	case !list.Done && (list.Next <= b.from || list.Next > b.to64):
		return 0, false, errNoProgress
	case !list.Done:
		return list.Next, false, nil
	case b.to64 < b.end:
		return b.to64 + 1, false, nil
	}
	return 0, true, nil
}

// Fills returns how many partitions of this node's are not synced, by table.
func (r *Replica) Fills() map[string]int {
	v := r.View()
	open := make(map[string]int)
	for name, t := range v.byName {
		if t.Data == nil || t.Layout == nil || v.Self < 0 {
			continue
		}
		for p := range t.Layout.Partitions() {
			if !t.Data.Synced(p) && v.owns(t, p) {
				open[name]++
			}
		}
	}
	return open
}

// fold digests the partitions that this node and the one with that boot both
// own.
func (r *Replica) fold(v *View, t *Table, nonce uint64) (sum [16]byte) {
	i := v.member(nonce)
	if i < 0 {
		return sum
	}
	total := t.Spec.Key.Sum(nil) // so that nothing is not zero
	for p := range t.Layout.Partitions() {
		if v.owns(t, p) && v.shares(t, p, i) {
			d, _ := t.Data.Digest(p)
			total = total.Add(d)
			if r.cfg.Rules.FoldTwice && (p+v.Self)%2 == 0 {
				total = total.Add(d)
			}
		}
	}
	return total
}
