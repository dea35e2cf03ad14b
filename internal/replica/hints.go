package replica

import (
	"math/bits"
	"slices"
	"sync"
	"time"

	"github.com/grapevine-go/grapevine/antientropy"
	"github.com/grapevine-go/grapevine/internal/wire"
	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/quorum"
	"github.com/grapevine-go/grapevine/quorum/hint"
	"github.com/grapevine-go/grapevine/ring"
)

// Hinted handoff: what a write could not bring to an owner waits at its
// coordinator, or at a fallback of it, and is sent when the owner is alive again, as
// a join like any other.
// Where a hint has to be dropped, a debt is left if this node can pay it; else
// the other owners' comparisons find it.

// hints is the hinted handoff of a replica. Its lock may be taken under the
// replica's, and under it only that of a partition.
type hints struct {
	mu      sync.Mutex
	queue   *hint.Queue
	to      map[peer.ID]*replay
	stopped bool // replay to all is
	budget  *antientropy.Budget
	stats   HintStats
	expire  time.Time // when old ones are looked for
}

// replay is how the hints for one target are delivered.
type replay struct {
	sent     map[uint64][]byte // under way: number and delta
	last     uint64            // the highest number that was sent since the beginning of the line
	failures int               // in a row
	again    time.Time         // not before
	stopped  bool
	declined bool // the target has declined some, and those behind them were sent
}

// HintStats counts hints since the start.
type HintStats struct {
	Stored   uint64
	Counted  uint64                   // of those, the ones that counted as an acknowledgement at this node
	Fallback uint64                   // of those, the ones that this node keeps as a fallback of other nodes' writes
	Joined   uint64                   // of those, into a hint of the same key
	Replayed uint64                   // that their targets have acknowledged
	Rerouted uint64                   // handed to other owners because the ring changed
	Dropped  [hint.Dropped + 1]uint64 // by reason
	Owed     uint64                   // of those dropped, the ones that left a debt
}

// How hints are delivered.
const (
	hintBatch   = 32               // under way to one target
	hintBackoff = 30 * time.Second // between tries to a target that does not answer, at most
	hintShare   = 4                // the part of SyncRate that replay may take
)

func (h *hints) init(cfg *Config) {
	h.to = make(map[peer.ID]*replay)
	h.budget = antientropy.NewBudget(cfg.SyncRate / hintShare)
	if cfg.Hints.MaxBytes <= 0 {
		return // there are none
	}
	q, err := hint.NewQueue(cfg.Hints, new(hint.Memory))
	if err != nil {
		panic(err) // whoever made the configuration has to validate it
	}
	h.queue = q
}

// Handoff leaves hints for owners that did not acknowledge a write which may have
// been applied. It is called when no reply of the call is to come any more.
func (c *Call) Handoff(now time.Time) {
	h := &c.r.hints
	if h.queue == nil || c.verb != writing || c.table == nil || c.table.Spec.Kind != ring.Ring || len(c.delta) == 0 || !c.Op.Unsettled() {
		return
	}
	var drops []hint.Drop
	h.mu.Lock()
	for m := c.Op.Unacked(); m != 0; m &= m - 1 {
		if t := c.Op.Targets[bits.TrailingZeros32(m)]; t.ID != c.r.cfg.ID {
			drops = append(drops, h.keep(c.table, t.ID, hint.Hint{Table: c.name, Partition: c.part, Key: c.key, Delta: c.delta, At: now})...)
		}
	}
	h.mu.Unlock()
	c.r.owe(drops)
}

// hint keeps the hints that a write with CountHints lacks acknowledgements for, and
// goes on with what is to be sent.
func (c *Call) hint(now time.Time, send uint32) uint32 {
	for c.Op.Phase == quorum.Hinting {
		var kept, none uint32
		for m := c.Op.Short(); m != 0; m &= m - 1 {
			if i := bits.TrailingZeros32(m); c.keptFor(now, i) {
				kept |= 1 << i
			} else {
				none |= 1 << i
			}
		}
		c.Op.Hinted(kept, none)
		if c.Op.Phase == quorum.Restamp {
			send = c.restamp(now)
		}
	}
	return send
}

// keptFor keeps a hint for one target, if there is room for it.
func (c *Call) keptFor(now time.Time, i int) bool {
	h, to := &c.r.hints, c.Op.Targets[i].ID
	if h.queue == nil || c.table.Spec.Kind != ring.Ring || to == c.r.cfg.ID {
		return false
	}
	h.mu.Lock()
	drops := h.keep(c.table, to, hint.Hint{Table: c.name, Partition: c.part, Key: c.key, Delta: c.delta, At: now})
	_, ok := h.queue.Pending(to, c.name, c.key)
	if ok {
		h.stats.Counted++
	}
	h.mu.Unlock()
	c.r.owe(drops)
	return ok
}

// keep stores a hint, joined with what waits for the same key.
func (h *hints) keep(t *Table, to peer.ID, n hint.Hint) []hint.Drop {
	drops := h.queue.Add(to, h.joined(t, to, n))
	if _, ok := h.queue.Pending(to, n.Table, n.Key); ok { // or it was dropped itself
		h.stats.Stored++
	}
	return drops
}

// joined returns the hint with bytes of its own, joined with what waits for the same
// key.
func (h *hints) joined(t *Table, to peer.ID, n hint.Hint) hint.Hint {
	n.Delta = slices.Clone(n.Delta)
	if old, ok := h.queue.Pending(to, n.Table, n.Key); ok && t.Data != nil {
		s := t.Data.typ.New()
		_, err1 := s.JoinBinary(old.Delta)
		_, err2 := s.JoinBinary(n.Delta)
		if err1 == nil && err2 == nil {
			h.stats.Joined++
			n.Delta = s.AppendBinary(nil)
		}
	}
	return n
}

// owe counts what was dropped, and leaves debts.
func (r *Replica) owe(drops []hint.Drop) {
	for _, d := range drops {
		owed := d.Reason != hint.Dropped && r.Owe(Debt{Peer: d.Target, Table: d.Table, Partition: d.Partition})
		r.hints.mu.Lock()
		r.hints.stats.Dropped[d.Reason]++
		if owed {
			r.hints.stats.Owed++
		}
		r.hints.mu.Unlock()
	}
}

// replayHints sends hints to targets that are believed alive. It is called with
// each tick, without a lock.
func (r *Replica) replayHints(now time.Time, out *Effects) {
	h := &r.hints
	if h.queue == nil {
		return
	}
	v := r.View()
	var drops []hint.Drop
	h.mu.Lock()
	if !now.Before(h.expire) {
		h.expire = now.Add(time.Second)
		drops = h.queue.Expire(now)
	}
	targets := h.queue.Targets()
	for id := range h.to {
		if !slices.Contains(targets, id) && len(h.to[id].sent) == 0 && !h.to[id].stopped {
			delete(h.to, id)
		}
	}
	h.mu.Unlock()
	for _, id := range targets {
		if i := v.index(id); i < 0 || v.State.Members()[i].Status == ring.Left {
			drops = append(drops, r.reroute(v, id)...)
		} else if v.reachable(id) {
			drops = append(drops, r.replayTo(now, v, id, out)...)
		}
	}
	r.owe(drops)
}

// replayTo sends the next hints to a target, as far as the budget and what is under
// way allow.
func (r *Replica) replayTo(now time.Time, v *View, id peer.ID, out *Effects) (drops []hint.Drop) {
	h := &r.hints
	h.mu.Lock()
	p := h.to[id]
	if p == nil {
		p = &replay{sent: make(map[uint64][]byte)}
		h.to[id] = p
	}
	if h.stopped || p.stopped || now.Before(p.again) || len(p.sent) >= hintBatch || h.budget.Wait(now) > 0 {
		h.mu.Unlock()
		return nil
	}
	ids, hints, drops := h.queue.Next(id, p.last, hintBatch-len(p.sent))
	if len(ids) == 0 && len(p.sent) == 0 {
		p.last = 0 // once more from the beginning: what failed, or has grown since
		if p.declined {
			p.declined = false
			p.backOff(now, r.cfg.Retry, 0.5)
		}
	}
	h.mu.Unlock()
	for i, n := range hints {
		if !r.sendHint(now, v, id, p, ids[i], n, out) {
			drops = append(drops, r.moved(v, id, ids[i], n)...)
		}
	}
	return drops
}

// sendHint sends a hint; false if the target is not an owner of its key.
func (r *Replica) sendHint(now time.Time, v *View, id peer.ID, p *replay, number uint64, n hint.Hint, out *Effects) bool {
	t, member := v.byName[n.Table], v.index(id)
	if t == nil || t.Layout == nil || n.Partition >= t.Layout.Partitions() || !v.shares(t, n.Partition, member) {
		return false
	}
	hd := r.header(v, wire.KindWrite, classHint, r.cfg.Timeout)
	hd.Table, hd.Partition, hd.Op = t.Hash, uint32(n.Partition), r.newOp()
	hd.Boots = wire.MakeBoots([]uint64{v.State.Members()[member].Boot.Nonce})
	msg := wire.AppendWrite(nil, &hd, n.Key, n.Delta)
	h := &r.hints
	h.mu.Lock()
	p.sent[number], p.last = slices.Clone(n.Delta), max(p.last, number)
	h.budget.Use(now, float64(len(msg)))
	h.mu.Unlock()
	r.mu.Lock()
	token := r.jobs.expect(job{about: about{kind: hintJob, to: id}, from: number})
	r.mu.Unlock()
	out.Sends = append(out.Sends, Send{To: id, Class: classHint, Token: token, Msg: msg})
	return true
}

// hintReply takes the answer to a hint: what was joined is forgotten, and whoever
// does not answer, or has no room, is left alone for a while.
func (r *Replica) hintReply(now time.Time, b job, a *wire.Reply, err error) {
	scarceNow := err == nil && a.Credit < scarce
	r.mu.Lock()
	jitter := r.cfg.Rand.Float64()
	r.mu.Unlock()
	h := &r.hints
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.to[b.to]
	if p == nil {
		return
	}
	sent := p.sent[b.from]
	delete(p.sent, b.from)
	if err == nil {
		h.queue.Done(b.to, b.from, sent)
		h.stats.Replayed++
		p.failures = 0
		if scarceNow {
			p.again = now.Add(r.cfg.Retry)
		}
		return
	}
	if declines(a.Status) { // what is behind it must not wait for that
		p.declined = true
		return
	}
	if p.last = 0; now.Before(p.again) {
		return // of those that were under way together one failure is enough
	}
	p.backOff(now, r.cfg.Retry, jitter)
}

// backOff leaves the target alone for a while, longer each time; jitter is from 0
// to 1.
func (p *replay) backOff(now time.Time, retry time.Duration, jitter float64) {
	p.failures = min(p.failures+1, 16)
	wait := min(retry<<p.failures, hintBackoff)
	p.again = now.Add(wait/2 + time.Duration(jitter*float64(wait)))
}

// declines reports whether a target has refused a hint for what it is, such as one
// for a table that its program has not opened yet. It may take others.
func declines(s wire.Status) bool {
	switch s {
	case wire.TableMismatch, wire.NotOpen, wire.TooLarge, wire.Skew, wire.Malformed:
		return true
	}
	return false
}

// moved hands a hint whose target does not own its key any more to those who do.
func (r *Replica) moved(v *View, id peer.ID, number uint64, n hint.Hint) (drops []hint.Drop) {
	h := &r.hints
	h.mu.Lock()
	defer h.mu.Unlock()
	h.queue.Done(id, number, n.Delta)
	t := v.byName[n.Table]
	if t == nil || t.Layout == nil || n.Partition >= t.Layout.Partitions() {
		h.stats.Dropped[hint.Dropped]++ // there is no such table any more
		return nil
	}
	h.stats.Rerouted++
	for _, o := range t.Layout.Targets(n.Partition) {
		if owner := v.State.Members()[o.Member].ID; owner != r.cfg.ID {
			drops = append(drops, h.keep(t, owner, n)...)
		} else if t.Data != nil {
			_, _ = t.Data.Join(ring.Hash(n.Key), []byte(n.Key), n.Delta) // it was a delta when it was kept
		}
	}
	return drops
}

// reroute hands on all hints of a target that is no member any more.
func (r *Replica) reroute(v *View, id peer.ID) (drops []hint.Drop) {
	for range hintBatch {
		r.hints.mu.Lock()
		ids, hints, lost := r.hints.queue.Next(id, 0, 1)
		r.hints.mu.Unlock()
		drops = append(drops, lost...)
		if len(ids) == 0 {
			return drops
		}
		drops = append(drops, r.moved(v, id, ids[0], hints[0])...)
	}
	return drops
}

// HintsFor is what waits for one owner.
type HintsFor struct {
	hint.Stats
	Paused bool // replay to it is
}

// Hints returns what waits, by target, and what was counted.
func (r *Replica) Hints() (list []HintsFor, stats HintStats) {
	h := &r.hints
	if h.queue == nil {
		return nil, stats
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, id := range h.queue.Targets() {
		p := h.to[id]
		list = append(list, HintsFor{h.queue.Stats(id), h.stopped || p != nil && p.stopped})
	}
	return list, h.stats
}

// HintsWait reports whether something waits for a member that is believed alive.
func (r *Replica) HintsWait() bool {
	list, _ := r.Hints()
	v := r.View()
	return slices.ContainsFunc(list, func(h HintsFor) bool { return h.Hints > 0 && !h.Paused && v.reachable(h.Target) })
}

// wakeHints lets the hints for a target go at once: it has come back.
func (r *Replica) wakeHints(to peer.ID) {
	r.hints.mu.Lock()
	defer r.hints.mu.Unlock()
	if p := r.hints.to[to]; p != nil {
		p.failures, p.again = 0, time.Time{}
	}
}

// PauseHints stops or resumes the replay to a target, or with "" to all.
func (r *Replica) PauseHints(to peer.ID, stop bool) {
	h := &r.hints
	h.mu.Lock()
	defer h.mu.Unlock()
	if to == "" {
		h.stopped = stop
		return
	}
	if h.to[to] == nil {
		h.to[to] = &replay{sent: make(map[uint64][]byte)}
	}
	h.to[to].stopped = stop
}

// DropHints drops what waits for a target; comparisons find it.
func (r *Replica) DropHints(to peer.ID) {
	h := &r.hints
	if h.queue == nil {
		return
	}
	h.mu.Lock()
	drops := h.queue.Drop(to)
	h.mu.Unlock()
	r.owe(drops)
}
