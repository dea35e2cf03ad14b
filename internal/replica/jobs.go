package replica

import (
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/grapevine-go/grapevine/antientropy"
	"github.com/grapevine-go/grapevine/internal/wire"
	"github.com/grapevine-go/grapevine/peer"
)

// jobs are the exchanges that go on by themselves. All of it is under the
// replica's lock.
type jobs struct {
	token uint64
	open  map[uint64]job              // under way, by token
	same  map[about]int               // of those that are needless many times: how many
	fills map[string]map[int]*fill    // unsynced partitions, by table
	paced []job                       // pages that wait for the budget
	meet  map[peer.ID]bool            // whose ring state is to be compared with the next tick
	hand  map[peer.ID]map[string]bool // while changing: who is filled, in which table
	acked map[peer.ID]bool            // who has the same ring state
	queue []Send                      // made while serving, sent with the next tick
	scan  time.Time                   // when to look for fills again
	busy  int                         // fills under way
	calm  int                         // how often the distance of comparisons of ring states was doubled, as nothing changed

	budget     *antientropy.Budget // of comparisons and fills, in bytes
	hurry      map[peer.ID]bool    // with whom a comparison is due
	arrived    []arrival           // answers to comparisons' messages, one for each round at the most
	divergence map[pair]map[int]int
	debts      map[pair]*owed
	lastDebt   uint64
	progress   []Progress // of the comparisons under way
}

// How many exchanges are under way at once.
const (
	maxFills = 32
	maxHands = 16 // tables that one member is asked about
	maxSame  = 4  // about one thing; more than one, for one may be lost
	// maxRepairs is how many exchanges of all kinds may be under way for a repair
	// to be added.
	maxRepairs = 256
	maxQueue   = 1024
	maxCalm    = 3 // eight times as seldom: a cluster that does not change keeps hardly a connection for it
)

type jobKind uint8

const (
	ringJob   jobKind = iota // exchange ring states
	fillJob                  // one page for an unsynced partition
	roundJob                 // a message of a comparison
	handJob                  // ask whether a table was taken over
	repairJob                // a repair after a read; its end is all that counts
	hintJob                  // a hint, whose number is from
)

// job is one exchange under way.
type job struct {
	about
	nonce     uint64 // boot of to that was asked
	data      *Data  // of the table as it was then; an earlier creation may have taken its name
	partition int
	from      uint64      // first hash of the page
	to64      uint64      // last hash of the page
	end       uint64      // last hash of the partition
	probe     bool        // asks whether all is equal before it lists anything
	compare   *comparison // by which it is found out what is lacked; nil while everything is
	unsynced  bool        // a page came from a replica that was not synced
	fill      *fill       // what a fillJob belongs to
	round     *round      // what a roundJob belongs to
}

// about is what an exchange is about. Of those about one ring state or digest
// only a few are under way: what keeps coming, such as the refusals of a node
// that is behind, or asking one that hangs, does not pile up.
type about struct {
	kind  jobKind
	to    peer.ID
	table string
	ring  uint64 // version of the ring state that a ringJob carries, or under which a digest is asked for
}

// of returns the table that a job is about, nil if the view has it no more.
func (b *job) of(v *View) *Table {
	if t := v.byName[b.table]; t != nil && t.Data == b.data {
		return t
	}
	return nil
}

func (j *jobs) init() {
	j.open, j.same = make(map[uint64]job), make(map[about]int)
	j.fills = make(map[string]map[int]*fill)
	j.hand = make(map[peer.ID]map[string]bool)
	j.meet = make(map[peer.ID]bool)
	j.acked = make(map[peer.ID]bool)
	j.hurry = make(map[peer.ID]bool)
	j.divergence, j.debts = make(map[pair]map[int]int), make(map[pair]*owed)
}

// expect notes a job under way and returns its token.
func (j *jobs) expect(b job) uint64 {
	j.token++
	j.open[j.token] = b
	return j.token
}

// few is expect for what is needless many times; false if enough are under way.
func (j *jobs) few(b job) (token uint64, begun bool) {
	if j.same[b.about] >= maxSame {
		return 0, false
	}
	j.same[b.about]++
	return j.expect(b), true
}

// end takes a job out of those under way; false if it is none of them.
func (j *jobs) end(token uint64) (b job, ok bool) {
	b, ok = j.open[token]
	delete(j.open, token)
	if j.same[b.about]--; j.same[b.about] <= 0 {
		delete(j.same, b.about)
	}
	return b, ok
}

// wake makes the next tick look for fills.
func (j *jobs) wake() { j.scan = time.Time{} }

// restart forgets what belongs to an older ring state.
func (j *jobs) restart() {
	clear(j.hand)
	clear(j.acked)
	j.calm = 0
	j.wake()
}

// enqueue keeps what serving a request gave rise to for the next tick.
func (r *Replica) enqueue(sends []Send) {
	if len(sends) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range sends {
		if len(r.jobs.queue) >= maxQueue {
			r.jobs.end(s.Token) // comparing rings with random members makes up for it
			continue
		}
		r.jobs.queue = append(r.jobs.queue, s)
	}
}

// Tick does what is due. It is to be called every few milliseconds; nothing
// depends on how often exactly.
func (r *Replica) Tick(now time.Time, out *Effects) {
	r.spreadTick(now, out)
	r.replayHints(now, out)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended != nil {
		return
	}
	out.Sends = append(out.Sends, r.jobs.queue...)
	r.jobs.queue = r.jobs.queue[:0]
	for _, id := range slices.Sorted(maps.Keys(r.jobs.meet)) {
		r.push(r.View(), id, nil, out)
	}
	clear(r.jobs.meet)
	if now.After(r.compareAt) {
		r.compareAt = now.Add(r.jitter(r.cfg.RingEvery << r.jobs.calm))
		switch {
		case !r.learned:
			r.compareAt = now.Add(r.jitter(r.cfg.Retry))
		case r.View().changing():
		default:
			r.jobs.calm = min(r.jobs.calm+1, maxCalm)
		}
		r.compareRing(out)
	}
	if !r.learned {
		return
	}
	if !now.Before(r.jobs.scan) {
		r.jobs.scan = now.Add(r.cfg.Retry)
		r.fillAll(now, out)
		r.settle(now, out)
		r.askOthers(out)
	}
	r.askPaced(now, out)
}

// jitter spreads a period over half to one and a half of it.
func (r *Replica) jitter(d time.Duration) time.Duration {
	return d/2 + time.Duration(r.cfg.Rand.Int64N(int64(d)+1))
}

// compareRing compares ring states with a random live node: the last resort
// for whoever missed a change, and how a new node learns.
func (r *Replica) compareRing(out *Effects) {
	v := r.View()
	ids := slices.Sorted(maps.Keys(r.verdicts))
	ids = slices.DeleteFunc(ids, func(id peer.ID) bool { return !r.verdicts[id].alive || id == r.cfg.ID })
	if len(ids) == 0 {
		return
	}
	if r.learned {
		ids = ids[r.cfg.Rand.IntN(len(ids)):][:1]
	}
	for _, id := range ids[:min(len(ids), 8)] { // any of them may be the one that knows
		r.push(v, id, nil, out)
	}
}

// Reply takes the reply to one of the effects' sends, or why there is none.
func (r *Replica) Reply(now time.Time, token uint64, reply []byte, failure error, out *Effects) {
	if token&spreadToken != 0 {
		r.rumorReply(now, token, reply, failure, out)
		return
	}
	r.mu.Lock()
	b, ok := r.jobs.end(token)
	r.mu.Unlock()
	if !ok {
		return
	}
	a, err := wire.ParseReply(reply)
	if failure != nil {
		err = failure
	}
	if err == nil {
		_, _ = r.clock.observe(a.Clock, now) // counted where it is served
		err = r.status(now, b.to, &a, out)
	}
	switch b.kind {
	case ringJob:
		r.ringReply(now, b, &a, err, out)
	case fillJob:
		r.pageReply(now, b, &a, len(reply), err, out)
	case roundJob:
		r.arrived(now, b, reply, &a, failure, err)
	case handJob:
		r.handReply(b, &a, err)
	case hintJob:
		r.hintReply(now, b, &a, err)
	}
	if failure == nil {
		r.heard(b.to, a.Ring)
	}
}

// errStale is why an exchange is begun again: one of both knew a newer ring.
var errStale = errors.New("stale ring")

// status judges a reply's status. A stale ring is joined, and this node's goes
// back where that is still another.
func (r *Replica) status(now time.Time, from peer.ID, a *wire.Reply, out *Effects) error {
	switch a.Status {
	case wire.OK:
		return nil
	case wire.StaleRing, wire.Moved:
		body, err := a.Refusal()
		if err == nil {
			err = r.Adopt(now, body, out)
		}
		if err != nil {
			return err
		}
		if v := r.View(); v.version != a.Ring {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.push(v, from, v.State.AppendBinary(nil), out)
		}
		return errStale
	}
	return errReply(a)
}

func (r *Replica) ringReply(now time.Time, b job, a *wire.Reply, err error, out *Effects) {
	r.mu.Lock()
	r.notReady[b.to] = a.Status == wire.NotReady
	r.mu.Unlock()
	if err != nil {
		return
	}
	state, err := a.RingState()
	if err != nil || len(state) == 0 {
		return
	}
	if err := r.Adopt(now, state, out); err != nil {
		return
	}
	if v := r.View(); v.version != a.Ring && v.Self >= 0 {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.push(v, b.to, v.State.AppendBinary(nil), out)
	}
}
