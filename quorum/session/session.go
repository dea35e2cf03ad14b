package session

import (
	"errors"
	"strings"
	"sync"

	"github.com/grapevine-go/grapevine/crdt"
)

// Guarantees is a set of what a session promises.
type Guarantees uint8

// The guarantees. Each is about the operations of one session: those that ended
// before another one began.
const (
	// ReadYourWrites: a read returns nothing older than what the session has
	// written to the key, as far as the write ended as applied.
	ReadYourWrites Guarantees = 1 << iota
	// MonotonicReads: a read returns nothing older than what the session has read
	// of the key.
	MonotonicReads
	// MonotonicWrites: a write is newer than every earlier one of the session,
	// wherever they meet, also than those whose outcome is unknown.
	MonotonicWrites
	// WritesFollowReads: a write is newer than everything that the session has
	// read, wherever they meet.
	WritesFollowReads

	// All is all four.
	All = ReadYourWrites | MonotonicReads | MonotonicWrites | WritesFollowReads
)

// String names the guarantees, joined by "+".
func (g Guarantees) String() string {
	var names []string
	for i, name := range []string{"read your writes", "monotonic reads", "monotonic writes", "writes follow reads"} {
		if g&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, "+")
}

// How much a session holds.
const (
	MaxKeys   = 32 // keys one by one, the newest
	maxSoft   = 16 // of them those with a version that is not known to be at W owners
	maxLocal  = 8  // of them those of tables that every member holds, which cannot be folded
	maxTables = 8  // tables of which something is folded; beyond them, all are
)

// ErrFull: the session holds as many keys of tables that every member holds as
// it can, and they cannot be folded; of those whose values are no registers it
// can hold none. Nothing was sent. Wait until the writes have propagated, and
// begin another session.
var ErrFull = errors.New("session: it can hold no more keys of tables that every member holds")

// Table is what a session has to know of a table.
type Table struct {
	ID    uint64 // the same at all nodes
	Local bool   // every member holds it, and reads ask nobody else
	Loose bool   // its states are no registers: they have no version that is held
}

// Need is what a read in a session asks for.
type Need struct {
	Floor Version // what is returned must cover it
	Wide  bool    // more than N-W owners must answer
	Keep  bool    // what is returned must first be at W owners
	soft  bool    // room is kept for a version
}

// Session is what one client has seen. It is safe for concurrent use; operations
// that overlap are not ordered, and a guarantee is about those that had ended
// before an operation began.
type Session struct {
	mu     sync.Mutex
	seal   *Sealer
	claims Guarantees
	clock  crdt.Time // of what writes must be above
	keys   []key     // the newest last
	folded []fold
	wide   bool // all tables are folded
	full   bool // a version of a local table could not be held
	coming int  // reads under way that have room for a version
}

// key is the version that a session holds of a key.
type key struct {
	table uint64
	hash  uint64 // of the key
	v     Version
	firm  bool // it is at W owners
	local bool
}

// fold is the parts of a table that are folded: those of hashes that begin with
// the numbers in the set.
type fold struct {
	table uint64
	parts [4]uint64
}

func (f *fold) has(hash uint64) bool { return f.parts[hash>>62]&(1<<(hash>>56&63)) != 0 }
func (f *fold) add(hash uint64)      { f.parts[hash>>62] |= 1 << (hash >> 56 & 63) }

// New returns a session that has seen nothing. The sealer makes its tokens; nil:
// it has none.
func New(g Guarantees, s *Sealer) *Session { return &Session{claims: g & All, seal: s} }

// Guarantees returns what the session promises.
func (s *Session) Guarantees() Guarantees { return s.claims }

// Clock returns what the next write must be stamped above.
func (s *Session) Clock() crdt.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.clock
}

// Len returns how many keys the session holds one by one, and how many tables
// are folded, in part at least; -1: all are.
func (s *Session) Len() (keys, folded int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wide {
		return len(s.keys), -1
	}
	return len(s.keys), len(s.folded)
}

// Read says what a read of a key needs. [Session.Saw] or [Session.Missed] is to
// be called once when it has ended. The error is [ErrFull].
func (s *Session) Read(t Table, hash uint64) (n Need, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.find(t.ID, hash)
	if i >= 0 {
		n.Floor = s.keys[i].v
	}
	monotonic := s.claims&MonotonicReads != 0
	switch {
	case t.Local:
		return n, s.room(t, i, monotonic)
	case t.Loose:
		n.Keep = monotonic
	case monotonic: // a soft version stays so; but it may become firm meanwhile, and others take its room
		n.soft = i >= 0 && !s.keys[i].firm || s.soft()+s.coming < maxSoft
		n.Keep = !n.soft
	}
	n.Wide = s.isFolded(t.ID, hash)
	if n.soft {
		s.coming++
	}
	return n, nil
}

// room reports whether a version of a local table can be held: in the place of
// the key's older one, or in one that is free.
func (s *Session) room(t Table, i int, needed bool) error {
	if !needed || i >= 0 && !s.full {
		return nil
	}
	locals := 0
	for _, k := range s.keys {
		if k.local {
			locals++
		}
	}
	if s.full || t.Loose || locals >= maxLocal {
		return ErrFull
	}
	return nil
}

// Saw tells what a read that ended well has returned. Firm says that W owners are
// known to have it; after a Need with Keep it has to be.
func (s *Session) Saw(t Table, hash uint64, n Need, v Version, firm bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n.soft {
		s.coming--
	}
	if s.claims&WritesFollowReads != 0 {
		s.clock = max(s.clock, v.Latest())
	}
	if s.claims&MonotonicReads != 0 {
		s.hold(t, hash, v, firm)
	}
}

// Missed tells that a read has returned nothing.
func (s *Session) Missed(n Need) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n.soft {
		s.coming--
	}
}

// Write says whether a write can be held; the error is [ErrFull].
func (s *Session) Write(t Table, hash uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !t.Local {
		return nil
	}
	return s.room(t, s.find(t.ID, hash), s.claims&ReadYourWrites != 0)
}

// Wrote tells what a write was, and whether it ended as applied.
func (s *Session) Wrote(t Table, hash uint64, v Version, applied bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.claims&MonotonicWrites != 0 {
		s.clock = max(s.clock, v.Latest())
	}
	if applied && s.claims&ReadYourWrites != 0 {
		s.hold(t, hash, v, true)
	}
}

// hold takes a version in, as the newest.
func (s *Session) hold(t Table, hash uint64, v Version, firm bool) {
	if t.Loose && !t.Local {
		s.fold(t.ID, hash)
		return
	}
	k := key{t.ID, hash, v, firm, t.Local}
	if i := s.find(t.ID, hash); i >= 0 {
		old := s.keys[i]
		switch c := old.v.Compare(v); {
		case c > 0:
			k.v, k.firm = old.v, old.firm
		case c == 0:
			k.firm = firm || old.firm
		}
		s.keys = append(s.keys[:i], s.keys[i+1:]...)
	} else if v.IsZero() {
		return // nothing is older than nothing
	} else if t.Local && s.room(t, -1, true) != nil {
		s.full = true // others took the room meanwhile
		return
	}
	s.keys = append(s.keys, k)
	if len(s.keys) > MaxKeys {
		s.foldOldest()
	}
}

// soft counts the versions that are not known to be at W owners.
func (s *Session) soft() (n int) {
	for _, k := range s.keys {
		if !k.firm && !k.local {
			n++
		}
	}
	return n
}

func (s *Session) find(table, hash uint64) int {
	for i := range s.keys {
		if s.keys[i].table == table && s.keys[i].hash == hash {
			return i
		}
	}
	return -1
}

// foldOldest folds the part of a table with the oldest key that may be.
func (s *Session) foldOldest() {
	for _, k := range s.keys {
		if k.firm && !k.local {
			s.fold(k.table, k.hash)
			return
		}
	}
}

// fold folds the part of a table that a hash is in. What is firm there is not
// held one by one any more.
func (s *Session) fold(table, hash uint64) {
	if !s.isFolded(table, hash) {
		s.mark(table, hash)
	}
	kept := s.keys[:0]
	for _, k := range s.keys {
		if !k.firm || k.local || !s.isFolded(k.table, k.hash) {
			kept = append(kept, k)
		}
	}
	s.keys = kept
}

func (s *Session) mark(table, hash uint64) {
	for i := range s.folded {
		if s.folded[i].table == table {
			s.folded[i].add(hash)
			return
		}
	}
	if len(s.folded) == maxTables {
		s.folded, s.wide = nil, true
		return
	}
	s.folded = append(s.folded, fold{table: table})
	s.folded[len(s.folded)-1].add(hash)
}

func (s *Session) isFolded(table, hash uint64) bool {
	if s.wide {
		return true
	}
	for i := range s.folded {
		if s.folded[i].table == table {
			return s.folded[i].has(hash)
		}
	}
	return false
}
