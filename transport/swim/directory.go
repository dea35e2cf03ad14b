package swim

import (
	"cmp"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/grapevine-go/grapevine/peer"
)

// maxGone bounds how many members that failed or left are remembered. Beyond
// it the one that has been gone longest is forgotten.
const maxGone = 1024

// directory is the table of members: what memberlist's callbacks say goes in,
// members and events come out. It is the whole shared state of a Swim; it
// takes no decision of the protocol and calls nobody, so its lock may be taken
// under memberlist's.
//
// Invariants: an id has at least one boot in the table, or no entry. Of boots
// of which it is certain which is newer (both counters known and different),
// only the newest is in the table. An entry whose current boot is not what was
// told is in dirty, once.
type directory struct {
	self peer.ID
	boot uint64 // own nonce

	mu      sync.Mutex
	entries map[peer.ID]*entry
	gone    int       // entries whose current boot is not live, self left out
	dirty   []peer.ID // to be told, oldest change first
	wake    chan struct{}
	rival   Member // the newest other boot of self believed alive; ID empty: none
	ask     bool   // whether it is one to stop for has changed
}

// entry is what is known of an id.
type entry struct {
	boots  []record // one, or several while it is open which is the newest
	told   Member   // what the last event said; Left or Dead before the first
	queued bool     // in dirty
	gone   bool     // counted in directory.gone
}

// record is one boot of an id.
type record struct {
	Member
	gone time.Time // since when it is Dead or Left
}

func newDirectory(self peer.ID, nonce uint64) *directory {
	return &directory{
		self: self, boot: nonce,
		entries: make(map[peer.ID]*entry),
		wake:    make(chan struct{}, 1),
	}
}

// current is the boot that stands for the id: a live one if there is one, of
// those the newest.
func (e *entry) current() *record {
	best := &e.boots[0]
	for i := range e.boots[1:] {
		if r := &e.boots[i+1]; r.newer(best) {
			best = r
		}
	}
	return best
}

func (r *record) newer(o *record) bool {
	if r.State.Live() != o.State.Live() {
		return r.State.Live()
	}
	return r.Boot.Compare(o.Boot) > 0
}

func (e *entry) find(nonce uint64) *record {
	for i := range e.boots {
		if e.boots[i].Boot.Nonce == nonce {
			return &e.boots[i]
		}
	}
	return nil
}

// superseded reports whether b is certainly older than o. A counter of 0 is
// one that the node has not learned yet.
func superseded(b, o peer.Boot) bool {
	return b.Counter != 0 && b.Counter < o.Counter
}

// heard notes that a boot of a member is alive and what it tells. The
// goodbye flag makes it Left at once: what follows can only be its end.
func (d *directory) heard(m Member) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if m.ID == d.self && m.Boot.Nonce != d.boot {
		d.noteRival(m)
		return
	}
	e := d.entries[m.ID]
	if e == nil {
		e = &entry{told: Member{State: Left}}
		d.entries[m.ID] = e
	}
	for _, r := range e.boots {
		if superseded(m.Boot, r.Boot) {
			return
		}
	}
	r := e.find(m.Boot.Nonce)
	if r == nil {
		e.boots = append(e.boots, record{})
		r = &e.boots[len(e.boots)-1]
	}
	m.RTT = r.RTT
	r.Member, r.gone = m, time.Time{}
	if m.State == Left {
		r.gone = time.Now()
	}
	d.settle(m.ID, e)
}

// noteRival remembers another boot of the own id that is believed alive.
func (d *directory) noteRival(m Member) {
	switch {
	case !m.State.Live():
		d.dropRival(m.Boot.Nonce)
	case d.rival.ID == "" || d.rival.Boot.Nonce == m.Boot.Nonce || m.Boot.Compare(d.rival.Boot) > 0:
		d.rival, d.ask = m, true
		d.ring()
	}
}

func (d *directory) dropRival(nonce uint64) {
	if d.rival.Boot.Nonce == nonce {
		d.rival = Member{}
	}
}

// believedRival gives the newest other boot of the own id that is believed
// alive; false if there is none.
func (d *directory) believedRival() (Member, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rival, d.rival.ID != ""
}

// takeRival gives another boot of the own id that is believed alive and newer
// than this one, once per sign of life. A boot that does not know its counter
// yet is neither newer nor older.
func (d *directory) takeRival() (Member, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	e := d.entries[d.self]
	if e == nil || !d.ask {
		return Member{}, false
	}
	d.ask = false
	own, other := e.current().Boot, d.rival.Boot
	return d.rival, own.Counter != 0 && other.Counter != 0 && other.Compare(own) > 0
}

// end notes that memberlist gave a boot up: it left, or else it failed.
func (d *directory) end(id peer.ID, nonce uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if id == d.self {
		d.dropRival(nonce)
	}
	e := d.entries[id]
	if e == nil {
		return
	}
	r := e.find(nonce)
	if r == nil || !r.State.Live() {
		return
	}
	r.State, r.gone = Dead, time.Now()
	if id == d.self {
		r.State = Left // nobody fails in its own eyes
	}
	d.settle(id, e)
}

// unanswered notes that a ping to a live boot was not answered in time.
func (d *directory) unanswered(id peer.ID, nonce uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if r := d.find(id, nonce); r != nil && r.State == Alive {
		r.State = Suspect
	}
}

// answered notes the round trip of a ping: an exponentially weighted average
// with 1/8 for the new one, as TCP smooths its own (RFC 6298, section 2).
func (d *directory) answered(id peer.ID, nonce uint64, rtt time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if id == d.self && nonce == d.rival.Boot.Nonce {
		d.ask = true
		d.ring()
	}
	r := d.find(id, nonce)
	if r == nil {
		return
	}
	if r.RTT == 0 {
		r.RTT = rtt
	} else {
		r.RTT += (rtt - r.RTT) / 8
	}
	if r.State == Suspect {
		r.State = Alive
	}
}

func (d *directory) find(id peer.ID, nonce uint64) *record {
	if e := d.entries[id]; e != nil {
		return e.find(nonce)
	}
	return nil
}

// settle drops the boots that can no longer stand for the id, and queues the
// id if there may be something to tell.
func (d *directory) settle(id peer.ID, e *entry) {
	cur := *e.current()
	e.boots = slices.DeleteFunc(e.boots, func(r record) bool {
		return r.Boot != cur.Boot && (!r.State.Live() || superseded(r.Boot, cur.Boot))
	})
	if id == d.self {
		d.ask = true // the own counter may have come
		d.ring()
		return
	}
	if !e.queued {
		e.queued = true
		d.dirty = append(d.dirty, id)
	}
	d.ring()
	d.count(e, !cur.State.Live())
	for d.gone > maxGone && d.forget() {
	}
}

// ring wakes the goroutine that delivers events.
func (d *directory) ring() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// count keeps the number of members that are gone.
func (d *directory) count(e *entry, gone bool) {
	switch {
	case gone && !e.gone:
		d.gone++
	case !gone && e.gone:
		d.gone--
	}
	e.gone = gone
}

// forget drops the member that has been gone longest. One whose end is still
// to be told is kept; it reports false if there is no other.
func (d *directory) forget() bool {
	var oldest peer.ID
	var since time.Time
	for id, e := range d.entries {
		if !e.gone || e.queued {
			continue
		}
		if r := e.current(); oldest == "" || r.gone.Before(since) {
			oldest, since = id, r.gone
		}
	}
	if oldest == "" {
		return false
	}
	d.count(d.entries[oldest], false)
	delete(d.entries, oldest)
	return true
}

// next gives the next event to deliver; ok is false when there is none.
func (d *directory) next() (ev Event, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(d.dirty) > 0 {
		id := d.dirty[0]
		d.dirty = d.dirty[1:]
		e := d.entries[id]
		if e == nil { // forgotten meanwhile
			continue
		}
		e.queued = false
		m := e.current().Member
		if kind, changed := change(e.told, m); changed {
			e.told = m
			return Event{Kind: kind, Member: m}, true
		}
	}
	d.dirty = nil // lets go of the array
	return Event{}, false
}

// change says what turned old into new.
func change(old, new Member) (kind EventKind, changed bool) {
	switch {
	case new.State.Live() && (!old.State.Live() || new.Boot.Nonce != old.Boot.Nonce):
		return Join, true
	case new.State == Left && old.State.Live():
		return Leave, true
	case new.State == Dead && old.State.Live():
		return Fail, true
	}
	old.State, old.RTT = new.State, new.RTT
	return Update, new.State.Live() && old != new
}

// member gives the current boot of an id.
func (d *directory) member(id peer.ID) (Member, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if e := d.entries[id]; e != nil {
		return e.current().Member, true
	}
	return Member{}, false
}

// at reports whether a live member has the address, and whether a failed one
// had it. Both are true of an address that was given to another node.
func (d *directory) at(a netip.AddrPort) (live, dead bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range d.entries {
		if m := e.current(); m.Addr == a {
			live = live || m.State.Live()
			dead = dead || m.State == Dead
		}
	}
	return live, dead
}

// members gives the current boot of every id, sorted by id.
func (d *directory) members() []Member {
	d.mu.Lock()
	all := make([]Member, 0, len(d.entries))
	for _, e := range d.entries {
		all = append(all, e.current().Member)
	}
	d.mu.Unlock()
	slices.SortFunc(all, func(a, b Member) int { return cmp.Compare(a.ID, b.ID) })
	return all
}
