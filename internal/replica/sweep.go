package replica

import (
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/grapevine-go/grapevine/antientropy"
	"github.com/grapevine-go/grapevine/internal/wire"
	"github.com/grapevine-go/grapevine/peer"
)

// sweeps are the comparisons with others that this node begins: what quorum
// writes, repairs, rumors and fills have missed is found here. They belong to
// whoever calls [Replica.Synchronize].
type sweeps struct {
	rand     *rand.Rand
	schedule *antientropy.Schedule
	view     *View // whose members are the schedule's partners
	rounds   []*round
	turned   time.Time // when the windows of what is recent began
	scrubber scrubber
}

// The policy of comparisons.
const (
	sweepCalm   = 4 // while nothing differs they grow this much rarer
	sweepSpread = 1 // towards members of the same zone
	sweepLimit  = 1 // begun here and under way
	sweepHunt   = 2 // members tried in place of a busy one

	// longestWindow is how long a write is left to arrive by itself before what
	// a comparison finds of it is brought. Where comparisons are more frequent it
	// is their interval.
	longestWindow = 2 * time.Second
)

// arrival is the end of a round's message.
type arrival struct {
	round *round
	reply []byte
	end   ending
}

// Synchronize does what is due of comparing with others. It is to be called
// every few milliseconds by one caller at a time, which may be another than that
// of Tick: to read a large table takes some time. No lock is held meanwhile but
// that of a partition.
func (r *Replica) Synchronize(now time.Time, out *Effects) {
	s := &r.sweeps
	arrivals, hurry, ready := r.whatIsNew()
	if !ready {
		return
	}
	v := r.View()
	r.beginSweeps(now)
	r.setPartners(now, v)
	for _, id := range hurry {
		s.schedule.Hurry(id)
	}
	for _, a := range arrivals {
		if slices.Contains(s.rounds, a.round) {
			r.arrive(now, a)
		}
	}
	r.turnWindows(now, v)
	r.scrub(now, v)
	for !r.filling(now) {
		id, ok := s.schedule.Next(now)
		if !ok {
			break
		}
		m, _ := v.State.Member(id)
		s.rounds = append(s.rounds, r.newRound(v, m))
	}
	r.sendRounds(now, v, out)
	if s.rounds = slices.DeleteFunc(s.rounds, func(d *round) bool { return d.doing == over }); len(s.rounds) == 0 {
		r.accepted.take(0, 0)
	}
}

// whatIsNew takes what has come, and reports whether this node has a place in
// the cluster.
func (r *Replica) whatIsNew() (arrivals []arrival, hurry []peer.ID, ready bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	arrivals, r.jobs.arrived = r.jobs.arrived, nil
	if len(r.jobs.hurry) > 0 {
		hurry = slices.Sorted(maps.Keys(r.jobs.hurry))
		clear(r.jobs.hurry)
	}
	return arrivals, hurry, r.learned && r.ended == nil
}

// hurryTo makes a comparison with a member due: it has come, or come back, or
// something meant for it was lost. The caller holds the replica's lock.
func (j *jobs) hurryTo(id peer.ID) { j.hurry[id] = true }

// hurryToSome makes a comparison with some live member due: rumors that were
// dropped for want of room are told by nobody, and what they were about spreads
// from one to the other by comparisons.
func (r *Replica) hurryToSome() {
	v := r.View()
	members := v.State.Members()
	r.mu.Lock()
	defer r.mu.Unlock()
	first := r.cfg.Rand.IntN(max(len(members), 1))
	for i := range members {
		j := (first + i) % len(members)
		if j != v.Self && !v.down[j] {
			r.jobs.hurryTo(members[j].ID)
			return
		}
	}
}

// arrived notes the end of a round's message.
func (r *Replica) arrived(now time.Time, b job, reply []byte, a *wire.Reply, failure, err error) {
	end := answered
	switch {
	case failure != nil:
		end = unanswered
	case a.Status == wire.Overloaded:
		end = turnedAway
	case err != nil:
		end = refused
	}
	r.stats.syncIn.Add(uint64(len(reply)))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.jobs.budget.Use(now, float64(len(reply)))
	r.jobs.arrived = append(r.jobs.arrived, arrival{b.round, slices.Clone(reply), end})
}

func (r *Replica) beginSweeps(now time.Time) {
	s := &r.sweeps
	if s.schedule != nil {
		return
	}
	var err error
	s.schedule, err = antientropy.NewSchedule(antientropy.ScheduleConfig{Interval: r.cfg.SweepEvery, Calm: sweepCalm,
		Spread: sweepSpread, Limit: sweepLimit, Hunt: sweepHunt, Rand: s.rand}, now)
	if err != nil {
		panic(err) // whoever made the configuration has to validate it
	}
	s.turned = now
}

// setPartners makes the live members that share a partition with this node the
// schedule's partners, those of its own zone the nearest. Rounds under an older
// ring state, and with those who have gone, break off.
func (r *Replica) setPartners(now time.Time, v *View) {
	s := &r.sweeps
	if v == s.view {
		return
	}
	s.view = v
	var list []antientropy.Partner
	tables := v.compared()
	for i, m := range v.State.Members() {
		if i == v.Self || v.down[i] || !slices.ContainsFunc(tables, func(t *Table) bool { return v.sharesAny(t, i) }) {
			continue
		}
		p := antientropy.Partner{ID: m.ID}
		if m.Zone != r.cfg.Zone {
			p.Distance = 1
		}
		list = append(list, p)
	}
	for _, d := range s.rounds {
		if d.view.version != v.version || !slices.ContainsFunc(list, func(p antientropy.Partner) bool { return p.ID == d.to.ID }) {
			d.doing = over
			s.schedule.Fail(d.to.ID, d.known())
		}
	}
	s.schedule.SetPartners(now, list)
	r.forgive(v)
}

// turnWindows begins the next window of what is recent, and forgets sessions of
// others that are not gone on with.
func (r *Replica) turnWindows(now time.Time, v *View) {
	s := &r.sweeps
	if now.Sub(s.turned) < min(longestWindow, r.cfg.SweepEvery) {
		return
	}
	s.turned = now
	for _, t := range v.compared() {
		t.Data.recent.turn()
	}
	r.accepted.expire(now.Add(-2*r.cfg.Timeout), now.Add(-20*r.cfg.Timeout))
}

// arrive gives a round its answer.
func (r *Replica) arrive(now time.Time, a arrival) {
	d := a.round
	if d.doing == over {
		return
	}
	reply, err := wire.ParseReply(a.reply)
	switch {
	case a.end == turnedAway:
		d.doing = over
		r.sweeps.schedule.Busy(d.to.ID)
		return
	case a.end == unanswered && d.tries < maxTries:
		d.after, d.sent = now.Add(r.cfg.Retry), false
		return
	case a.end == answered && err == nil:
		err = r.take(now, d, &reply)
	case d.doing != finishing: // the other side need not know of it any more
		err = errBroken
	}
	switch {
	case err != nil:
		d.doing = over
		r.sweeps.schedule.Fail(d.to.ID, d.known())
	case d.doing == finishing && a.end != answered:
		r.nextTable(d)
		fallthrough
	default:
		d.tries = 0
		r.finish(now, d)
	}
}

// finish tells the schedule of a round that is over.
func (r *Replica) finish(now time.Time, d *round) {
	if d.doing != over {
		return
	}
	if d.yielded {
		r.sweeps.schedule.Busy(d.to.ID)
		return
	}
	if !d.differs {
		r.stats.digestsEqual.Add(1)
		r.sweeps.schedule.Equal(now, d.to.ID)
		r.agreed(d.to.ID)
		r.paid(d.to.ID, "", d.debt)
		return
	}
	r.sweeps.schedule.Differ(now, d.to.ID, d.known())
}

// sendRounds sends the rounds' messages as far as the budget goes.
func (r *Replica) sendRounds(now time.Time, v *View, out *Effects) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.jobs.progress = r.jobs.progress[:0]
	for _, d := range r.sweeps.rounds {
		if d.doing != over {
			r.jobs.progress = append(r.jobs.progress, d.progress())
		}
		if d.doing == over || d.sent || now.Before(d.after) || r.jobs.budget.Wait(now) > 0 {
			continue
		}
		d.sent, d.tries = true, d.tries+1
		r.jobs.budget.Use(now, float64(len(d.msg)))
		r.stats.syncOut.Add(uint64(len(d.msg)))
		token := r.jobs.expect(job{about: about{kind: roundJob, to: d.to.ID}, nonce: d.to.Boot.Nonce, round: d})
		out.Sends = append(out.Sends, Send{To: d.to.ID, Class: classSync, Token: token, Msg: d.msg})
	}
}
