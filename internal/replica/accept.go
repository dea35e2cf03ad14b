package replica

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/grapevine-go/grapevine/antientropy"
	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/internal/wire"
	"github.com/grapevine-go/grapevine/ring"
	"github.com/grapevine-go/grapevine/store"
)

// maxSessions is how many sessions that others began a node takes part in, each
// of another table: two at once about the same data would find and bring the
// same.
const maxSessions = 8

// maxFillSessions is how many sessions that fill others' partitions a node takes
// part in besides.
const maxFillSessions = 4 * maxFills

// acceptor keeps the sessions that others began.
type acceptor struct {
	mu       sync.Mutex
	sessions map[wire.OpID]*accepted
	own      uint64 // table of the session that this node has begun; 0: none
	with     uint64 // boot that it is with
}

// accepted is one of them.
type accepted struct {
	mu      sync.Mutex
	session *antientropy.Session
	source  *source
	table   *Table
	turn    uint64   // the next
	last    [][]byte // the answer to the last
	found   []uint64 // what the other side lacks, when that is known

	// Under the acceptor's lock:
	subject uint64 // table's hash
	fill    bool   // of a partition, for an owner that is not synced
	ring    uint64 // version of the ring state
	used    time.Time
}

// get returns a session that is known.
func (a *acceptor) get(now time.Time, op wire.OpID) *accepted {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.sessions[op]
	if s != nil {
		s.used = now
	}
	return s
}

// begin returns the session of a first turn, a new one if there is room for it.
// Where both sides begin at once, the one whose id is less goes on; while this
// node compares the table with somebody else, nobody is let in.
func (a *acceptor) begin(now time.Time, q *wire.Request, yields bool) *accepted {
	if s := a.get(now, q.Op); s != nil {
		return s // the turn comes again
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for op, s := range a.sessions {
		if s.ring != q.Ring || !s.fill && s.subject == q.Table && op.Hi == q.Op.Hi {
			delete(a.sessions, op) // whoever began it has given it up
		}
	}
	if a.busy(q.Table) || a.own == q.Table && (a.with != q.Boot.Nonce || !yields) || a.count(false) >= maxSessions {
		return nil
	}
	s := &accepted{subject: q.Table, ring: q.Ring, used: now}
	a.sessions[q.Op] = s
	return s
}

// beginFill returns a new session of a fill, if there is room for it.
func (a *acceptor) beginFill(now time.Time, q *wire.Request) *accepted {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.count(true) >= maxFillSessions {
		return nil
	}
	s := &accepted{subject: q.Table, fill: true, ring: q.Ring, used: now}
	a.sessions[q.Op] = s
	return s
}

// count counts the sessions that fill, or those that do not. The caller holds
// the lock.
func (a *acceptor) count(fill bool) (n int) {
	for _, s := range a.sessions {
		if s.fill == fill {
			n++
		}
	}
	return n
}

// busy reports whether somebody compares the table with this node. The caller
// holds the lock.
func (a *acceptor) busy(table uint64) bool {
	for _, s := range a.sessions {
		if s.subject == table && !s.fill {
			return true
		}
	}
	return false
}

// take makes a table the one whose session this node begins, unless it takes
// part in another's; 0 says that there is none any more.
func (a *acceptor) take(table, with uint64) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if table != 0 && a.busy(table) {
		return false
	}
	a.own, a.with = table, with
	return true
}

func (a *acceptor) drop(op wire.OpID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.sessions, op)
}

// expire forgets sessions that nobody has gone on with since some time: those that
// fill since longer, because many of them may wait for one budget.
func (a *acceptor) expire(before, fillBefore time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for op, s := range a.sessions {
		if s.used.Before(before) && (!s.fill || s.used.Before(fillBefore)) {
			delete(a.sessions, op)
		}
	}
}

// fold answers whether everything that this node and the sender share is equal.
func (s *serving) fold(q *wire.Request) []byte {
	fold, err := q.Digest()
	if err != nil {
		return s.refuse(wire.Malformed, err.Error())
	}
	s.fill(wire.OK)
	return wire.AppendDigests(s.dst, &s.head, &wire.Digests{Equal: fold == s.r.foldAll(s.view, q.Boot.Nonce)})
}

// sync answers a turn of a session.
func (s *serving) sync(q *wire.Request, t *Table) []byte {
	if q.Class == classFill {
		return s.fillTurn(q, t)
	}
	turn, frames, err := q.Sync()
	if err != nil {
		return s.refuse(wire.Malformed, err.Error())
	}
	var a *accepted
	if turn > 0 {
		a = s.r.accepted.get(s.now, q.Op)
	} else if !s.r.filling(s.now) {
		a = s.r.accepted.begin(s.now, q, s.yields(q))
	}
	if a == nil {
		if turn == 0 {
			return s.refuse(wire.Overloaded, "the table is compared with somebody else")
		}
		return s.refuse(wire.Malformed, "no such session")
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.session == nil {
		member := s.view.member(q.Boot.Nonce)
		if member < 0 {
			return s.refuse(wire.Malformed, "the sender is not a member")
		}
		a.table, a.source = t, s.r.newSource(s.view, t, member)
		a.session = antientropy.Accept(a.source)
	}
	if problem := a.step(t, turn, frames); problem != "" {
		s.r.accepted.drop(q.Op)
		return s.refuse(wire.Malformed, problem)
	}
	if a.session.Equal() {
		s.r.accepted.drop(q.Op)
	}
	return wire.AppendSyncReply(s.dst, s.ok(t, 0), turn, a.last)
}

// yields reports whether the sender's session comes before this node's own.
func (s *serving) yields(q *wire.Request) bool {
	i := s.view.member(q.Boot.Nonce)
	return i >= 0 && s.view.State.Members()[i].ID < s.r.cfg.ID
}

// step has a session take a turn, unless it has already. It returns what is
// wrong. The caller holds the session's lock.
func (a *accepted) step(t *Table, turn uint64, frames [][]byte) (problem string) {
	switch {
	case turn+1 == a.turn:
		return ""
	case turn != a.turn || a.table.Data != t.Data:
		return "another turn was expected"
	}
	out, err := a.session.Step(frames)
	if err != nil {
		return err.Error()
	}
	a.turn, a.last = turn+1, out
	return ""
}

// transfer joins what the other side of a session brings, and answers a page of
// what it lacks. To bring nothing and ask for nothing ends the session.
func (s *serving) transfer(q *wire.Request, t *Table) []byte {
	if q.Class == classFill {
		return s.fillPage(q, t)
	}
	list, err := q.Transfer()
	if err != nil {
		return s.refuse(wire.Malformed, err.Error())
	}
	a := s.r.accepted.get(s.now, q.Op)
	if a == nil {
		return s.refuse(wire.Malformed, "no such session")
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.session == nil || a.fill || a.table.Data != t.Data {
		return s.refuse(wire.Malformed, "no such session of this table")
	}
	if list.Done && list.Len() == 0 {
		s.r.accepted.drop(q.Op)
	}
	if list.Done {
		s.r.joinFound(s.now, s.view, t, &list, nil)
		return wire.BeginEntries(s.dst, s.ok(t, 0)).End(0, true)
	}
	entries := wire.BeginEntries(s.dst, s.ok(t, 0))
	if next, more := s.r.addFound(entries, a, askedBy(&list), true); more {
		return entries.End(next, false)
	}
	return entries.End(0, true)
}

// addFound adds what a session found and is asked for until a page is full, and
// returns where the next page begins. Of entries that have come a short while ago
// only the key is sent if they are to be held back: it tells the other side not to
// send its own version.
func (r *Replica) addFound(entries *wire.Entries, a *accepted, q ask, hold bool) (next uint64, more bool) {
	if a.found == nil {
		a.found = a.session.Found()
	}
	i, _ := slices.BinarySearch(a.found, q.from)
	for _, hash := range a.found[i:] {
		if full(entries) || hash > q.to {
			return hash, true
		}
		held := hold && a.source.data.recent.has(hash)
		a.source.entry(hash, func(e store.Entry) {
			if held {
				entries.Add(e.Key, nil)
				r.stats.syncHeld.Add(1)
			} else if q.add(entries, e) {
				r.stats.syncDeltas.Add(1)
			}
		})
	}
	return 0, false
}

// met is what became of an entry that a session brought.
type met struct {
	hash uint64
	key  []byte
	held bool   // it was only named: the other side holds it back
	same bool   // what is here now is just what came
	lack []byte // what is here now and was not in what came; nil if the type cannot tell
}

// joinFound joins entries that a session found, and tells seen of each whether what
// is here is of any use to the other side still. What is not of a partition that
// this node owns, cannot be decoded or is stamped too far ahead is passed over and
// counted.
func (r *Replica) joinFound(now time.Time, v *View, t *Table, list *wire.EntryList, seen func(met)) {
	for {
		e, ok := list.Entry()
		if !ok {
			return
		}
		m := met{hash: ring.HashBytes(e.Key), key: e.Key, held: len(e.State)+len(e.Outline) == 0}
		err := errNotOwned
		switch {
		case !v.owns(t, ring.Partition(m.hash, t.Layout.Partitions())):
		case m.held:
			err = nil
		default:
			err = r.joinOne(now, t, &m, e, seen != nil)
		}
		if err != nil {
			r.stats.refused.Add(1)
		} else if seen != nil {
			seen(m)
		}
	}
}

// errNotOwned is why an entry is passed over whose partition is not this node's.
var errNotOwned = errors.New("the partition is not owned here")

// joinOne joins a state, or what this node lacked of one, and says if asked what it
// has beyond that.
func (r *Replica) joinOne(now time.Time, t *Table, m *met, e wire.Entry, ask bool) error {
	if len(e.State) > 0 {
		j, err := t.joinRemote(now, m.hash, e)
		if err != nil {
			return err
		}
		if j.Changed {
			r.stats.swept.Add(1)
		}
	}
	if !ask {
		return nil
	}
	other := e.State
	if len(e.Outline) > 0 {
		other = e.Outline
	}
	lack, ok, err := t.Data.AppendDifference(nil, m.hash, m.key, other)
	switch {
	case err != nil:
		return err
	case ok:
		m.same, m.lack = len(lack) == 0, lack
		return nil
	case len(e.Outline) > 0:
		return nil // the key has gone meanwhile
	}
	theirs := t.Data.typ.New()
	if _, err := theirs.JoinBinary(e.State); err != nil {
		return err
	}
	m.same = theirs.Fingerprint(t.Spec.Key) == t.Data.Fingerprint(m.hash, m.key)
	return nil
}

// joinRemote joins what another node sent, unless it is stamped too far ahead.
func (t *Table) joinRemote(now time.Time, hash uint64, e wire.Entry) (crdt.Joined, error) {
	latest, err := t.Data.typ.Latest(e.State)
	if err == nil && latest > crdt.TimeOf(now.Add(hardSkew)) {
		err = crdt.ErrSkew
	}
	if err != nil {
		return crdt.Joined{}, err
	}
	return t.Data.Join(hash, e.Key, e.State)
}
