package replica

import (
	"fmt"
	"slices"
	"time"

	"github.com/grapevine-go/grapevine/internal/wire"
	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/ring"
)

// Verdict takes what membership believes of a node: that this boot of it is
// alive, or dead. Owners do not follow from verdicts, only whom to ask first.
func (r *Replica) Verdict(id peer.ID, nonce uint64, alive bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	old, known := r.verdicts[id]
	if known && !alive && old.nonce != nonce {
		return // an older boot is dead: no news
	}
	r.verdicts[id] = verdict{nonce: nonce, alive: alive}
	if !alive {
		delete(r.notReady, id)
		if _, member := r.View().State.Index(id); !member {
			delete(r.verdicts, id) // as if it had never been there
		}
	}
	if m, member := r.View().State.Member(id); alive && (!member || m.Boot.Nonce != nonce) {
		r.jobs.meet[id] = true // one of both knows a newer ring
	}
	if alive && !(known && old.alive && old.nonce == nonce) {
		r.jobs.hurryTo(id)
		r.wakeHints(id)
	}
	r.jobs.wake()
	r.view.Store(r.View().withVerdicts(r))
}

// Form makes this node the first member of a new cluster. It does nothing on a
// node that has learned a ring state.
func (r *Replica) Form(now time.Time, out *Effects) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.learned {
		return
	}
	r.learned, r.blind = true, true
	s := r.View().State.With(r.self(peer.Boot{Counter: 1, Nonce: r.cfg.Nonce}, 1, ring.Serving))
	r.install(now, s, out)
}

// Alone reports that every live node known has not learned a ring state either,
// and that this one comes first by id: if every seed was reached, there is no
// cluster yet, and this node may form it.
func (r *Replica) Alone() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.learned {
		return false
	}
	for id, v := range r.verdicts {
		if v.alive && id != r.cfg.ID && (!r.notReady[id] || id < r.cfg.ID) {
			return false
		}
	}
	return true
}

// Learned reports whether the node knows the ring state and its own boot.
func (r *Replica) Learned() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.learned
}

func (r *Replica) self(b peer.Boot, rev uint64, s ring.Status) ring.Member {
	return ring.Member{ID: r.cfg.ID, Boot: b, Rev: rev, Status: s,
		Weight: r.cfg.Weight, Zone: r.cfg.Zone, Addr: r.cfg.Addr, Data: r.cfg.Data}
}

// Adopt joins an encoded ring state. The error is that of its decoding, and
// nothing changed.
func (r *Replica) Adopt(now time.Time, encoded []byte, out *Effects) error {
	s, err := ring.Decode(encoded)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.Version() == r.View().version && r.learned {
		return nil
	}
	if len(s.Members()) == 0 {
		return nil // whoever sent it has not learned anything either
	}
	r.install(now, r.claim(r.View().State.Join(s)), out)
	return nil
}

// claim sees to this node's own entry of a state: it takes the boot after the
// last one that the cluster remembers, and ends the node if that is taken.
func (r *Replica) claim(s *ring.State) *ring.State {
	last, known := s.Member(r.cfg.ID)
	mine := known && last.Boot.Nonce == r.cfg.Nonce
	switch {
	case mine && r.learned && last.Status == ring.Left && !r.leaving:
		r.ended = fmt.Errorf("%w: %s", ErrForgotten, r.cfg.ID)
	case mine:
	case r.learned && !r.blind:
		r.ended = fmt.Errorf("%w: %s boot %v, this is %v", ErrReplaced, r.cfg.ID, last.Boot, r.View().Boot)
	default:
		// A boot that was taken without hearing of an earlier one (the node began
		// a cluster of its own) is taken anew above it; so is a first one.
		status := ring.Joining
		if known && last.Status != ring.Joining && last.Status != ring.Left {
			status = ring.Serving // owner before and after: only its memory is new
		}
		s = s.With(r.self(peer.Boot{Counter: last.Boot.Counter + 1, Nonce: r.cfg.Nonce}, 1, status))
		r.blind = false
	}
	r.learned = true
	return s
}

// install makes s the ring state: views, data and jobs follow, and everybody
// alive is told if this node changed something itself.
func (r *Replica) install(now time.Time, s *ring.State, out *Effects) {
	old := r.View()
	if s.Version() == old.version && r.ended == old.ended {
		return
	}
	for _, spec := range s.Tables() {
		r.dataFor(spec)
	}
	v := newView(r, s)
	r.unsync(old, v)
	r.blind = r.blind && len(s.Members()) == 1
	r.view.Store(v)
	r.jobs.restart()
	if soon := now.Add(r.jitter(r.cfg.RingEvery)); soon.Before(r.compareAt) {
		r.compareAt = soon
	}
	mine, _ := s.Member(r.cfg.ID)
	before, _ := old.State.Member(r.cfg.ID)
	if mine != before {
		r.tell(v, out)
	}
}

// dataFor makes the data of a table whose type is built in, and keys it as the
// catalog says.
//
// Where an earlier creation of another specification has come to light, what
// was kept under the later one belongs to no table: it goes, and those who
// opened it so are told with their next operation.
func (r *Replica) dataFor(spec ring.Table) {
	old, known := r.View().State.Table(spec.Name)
	if d := r.data[spec.Name]; d != nil && (!known || old.Same(spec)) {
		if known && old.Key != spec.Key {
			d.Rekey(spec.Key)
		}
		return
	}
	delete(r.data, spec.Name)
	delete(r.jobs.fills, spec.Name) // and nobody waits for it
	if typ, ok := builtin(spec.Type); ok && spec.Codec == typ.Codec {
		r.data[spec.Name] = newData(spec, typ)
	}
}

// unsync marks what this node gains with the new view, and everything if it took
// another boot: it has to be filled before it counts. What it loses is not synced
// any more either: it gets no writes from now on.
//
// Who began a cluster blind and meets other owners has to be filled as well,
// even if its boot is the greater one: theirs may be the cluster that its name
// was known to, and have acknowledged what it has never seen.
func (r *Replica) unsync(old, v *View) {
	for name, t := range v.byName {
		if t.Data == nil || t.Layout == nil {
			continue
		}
		before := old.byName[name]
		for p := range t.Layout.Partitions() {
			had := before != nil && before.Data == t.Data && old.Boot == v.Boot && old.owns(before, p) &&
				!(r.blind && v.othersOwn(t, p))
			if !had || !v.owns(t, p) {
				t.Data.synced[p].Store(false)
				delete(r.jobs.fills[name], p) // what it began with does not count
			}
		}
	}
}

// othersOwn reports whether anybody but this node is an owner of the partition
// in the current placement.
func (v *View) othersOwn(t *Table, p int) bool {
	return slices.ContainsFunc(t.Layout.Current(p), func(m uint16) bool { return int(m) != v.Self })
}

// tell sends the ring state to everybody alive.
func (r *Replica) tell(v *View, out *Effects) {
	state := v.State.AppendBinary(nil)
	for i, m := range v.State.Members() {
		if i != v.Self && !v.down[i] {
			r.push(v, m.ID, state, out)
		}
	}
}

// push sends a ring state to one node, or, if it is empty, asks for that node's.
func (r *Replica) push(v *View, to peer.ID, state []byte, out *Effects) {
	what := about{kind: ringJob, to: to}
	if len(state) > 0 {
		what.ring = v.version
	}
	token, begun := r.jobs.few(job{about: what})
	if !begun {
		return
	}
	h := r.header(v, wire.KindRing, classControl, r.cfg.Timeout)
	out.Sends = append(out.Sends, Send{To: to, Class: classControl, Token: token, Msg: wire.AppendRing(nil, &h, state)})
}

// SetStatus changes this node's own status in the ring state, such as to
// Leaving. It does nothing on a node that is not a member.
func (r *Replica) SetStatus(now time.Time, s ring.Status, out *Effects) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.leaving = r.leaving || s >= ring.Leaving
	r.setStatus(now, s, out)
}

func (r *Replica) setStatus(now time.Time, status ring.Status, out *Effects) {
	v := r.View()
	if v.Self < 0 {
		return
	}
	m := v.State.Members()[v.Self]
	if m.Status == status {
		return
	}
	m.Status, m.Rev = status, m.Rev+1
	r.install(now, v.State.With(m), out)
}

// Forget removes a member that is gone for good: its partitions get other
// owners. It reports whether there was such a member.
func (r *Replica) Forget(now time.Time, id peer.ID, out *Effects) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	v := r.View()
	m, ok := v.State.Member(id)
	if !ok || m.Status == ring.Left {
		return false
	}
	m.Status, m.Rev = ring.Left, m.Rev+1
	r.install(now, v.State.With(m), out)
	r.tell(r.View(), out)
	return true
}
