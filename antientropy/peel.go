package antientropy

import (
	"encoding/binary"
	"fmt"
	"iter"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/merkle"
)

// Recency is what the strategies [Checksum] and [PeelBack] need of a [Source]
// besides.
type Recency interface {
	// Newest yields the entries in the order of activity, that is of their last
	// change here, the latest first and each once, without the first skip of them.
	Newest(skip int) iter.Seq2[uint64, crdt.Fingerprint]
	// Recent is how many of them changed within the window that Demers calls τ:
	// long enough for almost every update to have reached everybody, short enough
	// for few to be listed.
	Recent() int
}

// peel is what a session knows that lists what changed last until the sums of the
// rest are equal (section 1.3 of the paper). Peeling back is by timestamps there;
// here it is in the order of activity, which the paper proposes where rumors are
// spread too: an old update that has just come is of more use than a young one
// that everybody has.
//
// A turn is: what I lack of your last list; the sum of what, as far as I know, we
// both have; my next list. Whoever takes it takes from that sum what it lacks of
// the list itself, so that the two sums are of the same knowledge: if they are
// equal everything has been found. If both have listed all they may and the sums
// still differ, everything is listed.
//
// Sums and fingerprints are compared by their first half, like those of a descent.
type peel struct {
	settled map[uint64]bool // both have it, or this side has been told of another version
	known   uint64          // sum of what was found of mine
	listed  int             // of Newest
	batch   int             // how many come next
	done    bool            // there are no more to list here
	last    bool            // nor at the other side
	wants   []uint64        // what is lacked here of the list that came
	lacked  uint64          // the sum of that
	sum     uint64          // the other side's, when its turn was made
	heard   bool            // it has come
}

const (
	firstPeel  = 16 // entries of the first list; each has twice as many as the one before
	peeledSize = 16 // bytes of an entry in a list
)

func half(f crdt.Fingerprint) uint64 { return binary.LittleEndian.Uint64(f[:8]) }

// beginPeel begins to list; false if the source does not know what changed last.
func (s *Session) beginPeel() bool {
	if _, ok := s.src.(Recency); !ok {
		return false
	}
	s.phase = peeling
	s.peel = peel{settled: make(map[uint64]bool), batch: firstPeel}
	if s.strategy == Checksum {
		s.peel.batch = turnGoal / peeledSize
	}
	return true
}

// commonHalf is the sum of what both sides have, as far as is known here.
func (s *Session) commonHalf() uint64 { return half(s.src.Sum(merkle.Node{})) - s.peel.known }

// lose finds this side's entries of a hash, which the other side lacks.
func (s *Session) lose(hash uint64) {
	if s.found[hash] {
		return
	}
	for _, f := range s.src.Entries(hash, hash) {
		s.found[hash] = true
		s.peel.known += half(f)
	}
}

// receivePeel takes a frame of a session that peels.
func (s *Session) receivePeel(kind byte, r *reader) error {
	switch kind {
	case frameList:
		return s.takeList(r)
	case frameWant:
		return s.takeWants(r)
	case frameSum:
		return s.takeSum(r)
	case framePeeled:
		s.phase = finished
		return nil
	}
	return fmt.Errorf("%w: %q", ErrUnexpected, kind)
}

// takeList takes a frame of the other side's list.
func (s *Session) takeList(r *reader) error {
	p := &s.peel
	p.last = r.byte() != 0
	for len(r.p) > 0 && !r.bad {
		hash, theirs := r.uint64(), r.uint64()
		same := false
		for _, f := range s.src.Entries(hash, hash) {
			same = same || half(f) == theirs
		}
		if p.settled[hash] = true; same {
			continue
		}
		p.wants = append(p.wants, hash)
		p.lacked += theirs
		s.lose(hash)
	}
	if r.bad {
		return corrupt(frameList, "length")
	}
	return nil
}

// takeWants takes a frame of hashes that the other side lacks.
func (s *Session) takeWants(r *reader) error {
	for len(r.p) > 0 && !r.bad {
		s.lose(r.uint64())
	}
	if r.bad {
		return corrupt(frameWant, "length")
	}
	return nil
}

func (s *Session) takeSum(r *reader) error {
	s.peel.sum, s.peel.heard = r.uint64(), true
	if !r.end() {
		return corrupt(frameSum, "length")
	}
	return nil
}

// sayPeel makes this side's turn.
func (s *Session) sayPeel() {
	p := &s.peel
	for wants := p.wants; len(wants) > 0; {
		frame := []byte{frameWant}
		for len(wants) > 0 && len(frame) < frameGoal {
			frame, wants = binary.LittleEndian.AppendUint64(frame, wants[0]), wants[1:]
		}
		s.send(frame)
	}
	agree := p.heard && s.commonHalf() == p.sum-p.lacked
	p.wants, p.lacked = nil, 0
	if agree {
		s.send([]byte{framePeeled})
		if s.phase = finished; s.starter {
			s.phase = ending // what is lacked here has to arrive
		}
		return
	}
	if p.done && p.last {
		s.phase = descending
		s.send([]byte{frameGiveUp})
		s.diff.List(merkle.Node{})
		return
	}
	s.send(binary.LittleEndian.AppendUint64([]byte{frameSum}, s.commonHalf()))
	s.list()
}

// list sends the next entries.
func (s *Session) list() {
	p, r := &s.peel, s.src.(Recency)
	most := s.src.Len()
	if s.strategy == Checksum {
		most = r.Recent()
	}
	frame, n := []byte{frameList, 0}, 0
	p.done = true
	for hash, f := range r.Newest(p.listed) {
		if p.listed >= most {
			break
		}
		if n == p.batch {
			p.done = false
			break
		}
		if p.listed++; s.found[hash] || p.settled[hash] {
			continue
		}
		if len(frame) >= frameGoal {
			s.send(frame)
			frame = []byte{frameList, 0}
		}
		frame = binary.LittleEndian.AppendUint64(frame, hash)
		frame = append(frame, f[:8]...)
		n++
	}
	if p.done {
		frame[1] = 1
	}
	s.send(frame)
	p.batch = min(2*p.batch, turnGoal/peeledSize)
}
