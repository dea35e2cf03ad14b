package antientropy

import (
	"fmt"
	"slices"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/merkle"
)

// Session is one side of a comparison. The zero Session is no use; [Start] and
// [Accept] make one.
type Session struct {
	src      Source
	strategy Strategy
	salt     salt
	phase    phase
	starter  bool
	equal    bool  // the roots were
	awaited  bool  // the other side has not said everything
	k        uint8 // bits of the ranges that are looked at

	found map[uint64]bool
	diff  *merkle.Diff
	code  code
	peel  peel
	out   [][]byte
}

// phase is what a session waits for.
type phase uint8

const (
	waitHello  phase = iota
	waitRanges       // the starter: how the other side looks
	waitDomain       // the other: what the symbols are over
	coding           // symbols one way, wishes and results the other
	peeling          // lists of what changed last, one after the other
	ending           // the starter: that the other side has heard the last
	descending       // trees
	finished
)

// Start begins a session and returns the first turn. The error wraps
// [ErrConfig].
func Start(cfg Config, src Source) (*Session, [][]byte, error) {
	if int(cfg.Strategy) >= len(names) {
		return nil, nil, fmt.Errorf("%w: %v", ErrConfig, cfg.Strategy)
	}
	s := Accept(src)
	s.starter, s.strategy, s.salt = true, cfg.Strategy, newSalt(cfg.Salt)
	switch s.phase = waitRanges; cfg.Strategy {
	case Merkle, Full:
		s.phase = descending
	case Checksum, PeelBack:
		if !s.beginPeel() {
			return nil, nil, fmt.Errorf("%w: %v of a source without Recency", ErrConfig, cfg.Strategy)
		}
	}
	root := src.Sum(merkle.Node{})
	hello := append([]byte{frameHello, byte(cfg.Strategy), byte(src.Depth())}, cfg.Salt[:]...)
	return s, [][]byte{append(hello, root[:]...)}, nil
}

// Accept returns the session of the side that did not start it.
func Accept(src Source) *Session {
	return &Session{src: src, diff: merkle.NewDiff(src, src), found: make(map[uint64]bool)}
}

// Found returns the hashes of this side's entries that the other side lacks, or
// has in another version, as far as is known; in order.
func (s *Session) Found() []uint64 {
	s.keep(s.diff.Found())
	all := make([]uint64, 0, len(s.found))
	for h := range s.found {
		all = append(all, h)
	}
	slices.Sort(all)
	return all
}

func (s *Session) keep(hashes []uint64) {
	for _, h := range hashes {
		s.found[h] = true
	}
}

// Done reports, at the side that started the session, that it is over. The other
// side answers turns for as long as there are any.
func (s *Session) Done() bool { return s.phase == finished }

// Equal reports that the session is over because both roots were equal: neither
// side lacks anything. Either side may ask.
func (s *Session) Equal() bool { return s.equal }

// Step takes the frames of the other side's turn and returns those of this
// side's. An error wraps [ErrCorrupt] or [ErrUnexpected] and ends the session.
func (s *Session) Step(frames [][]byte) ([][]byte, error) {
	s.out = nil
	if len(frames) == 0 && (s.phase == waitRanges || s.phase == coding || s.phase == peeling) {
		return nil, fmt.Errorf("%w: nothing", ErrUnexpected)
	}
	for _, frame := range frames {
		if len(frame) == 0 || len(frame) > MaxFrame {
			return nil, fmt.Errorf("%w: %d bytes", ErrCorrupt, len(frame))
		}
		if err := s.receive(frame[0], frame[1:]); err != nil {
			s.phase = finished
			return nil, err
		}
	}
	switch {
	case s.phase == coding && !s.starter:
		s.decode()
	case s.phase == peeling:
		s.sayPeel()
	case s.phase == ending:
		s.phase = finished
	}
	s.speak()
	if s.starter && s.phase == descending && len(s.out) == 0 {
		if !s.awaited {
			s.phase = finished
			return nil, nil
		}
		s.send([]byte{frameGoOn})
	}
	s.awaited = false
	return s.out, nil
}

// speak adds what the descent has to say, or as much as one turn takes.
func (s *Session) speak() {
	for size := 0; !s.diff.Idle() && size < turnGoal; {
		frame := s.diff.Next([]byte{frameTree}, frameGoal)
		size += len(frame)
		s.send(frame)
	}
	if !s.diff.Idle() {
		s.send([]byte{frameGoOn})
	}
}

func (s *Session) send(frame []byte) { s.out = append(s.out, frame) }

func (s *Session) receive(kind byte, body []byte) error {
	r := &reader{p: body}
	switch {
	case kind == frameHello && s.phase == waitHello:
		return s.hello(r)
	case kind == frameEqual && s.starter:
		s.phase, s.equal = finished, true
		return nil
	case kind == frameTree && s.phase != waitHello:
		return s.tree(body)
	case kind == frameGoOn && s.phase != waitHello:
		s.awaited = true
		return nil
	case kind == frameGiveUp && (s.phase == coding && s.starter || s.phase == peeling):
		s.phase = descending
		return nil
	case kind == frameRanges && s.phase == waitRanges:
		return s.ranges(r)
	case kind == frameDomain && s.phase == waitDomain:
		return s.domain(r)
	case kind == frameCoded && s.phase == coding && !s.starter:
		return s.coded(body)
	case kind == frameMore && s.phase == coding && s.starter:
		return s.more(r)
	case kind == frameLacked && s.phase == coding && s.starter:
		return s.lacked(r)
	case kind == frameCheck && s.phase == coding && s.starter:
		return s.verify(r)
	case s.phase == peeling:
		return s.receivePeel(kind, r)
	}
	return fmt.Errorf("%w: %q", ErrUnexpected, kind)
}

func (s *Session) hello(r *reader) error {
	s.strategy = Strategy(r.byte())
	depth := int(r.byte())
	var fresh [16]byte
	var root crdt.Fingerprint
	copy(fresh[:], r.take(16))
	copy(root[:], r.take(16))
	if !r.end() || int(s.strategy) >= len(names) {
		return corrupt(frameHello, s.strategy.String())
	}
	s.salt = newSalt(fresh)
	if root == s.src.Sum(merkle.Node{}) {
		s.phase, s.equal = finished, true
		s.send([]byte{frameEqual})
		return nil
	}
	switch s.strategy {
	case Merkle:
		s.phase = descending
		s.diff.Compare(merkle.Node{})
	case Full:
		s.phase = descending
		s.diff.List(merkle.Node{})
	case Checksum, PeelBack:
		if !s.beginPeel() {
			return fmt.Errorf("%w: %v, but it is not known here what changed last", ErrUnexpected, s.strategy)
		}
	default:
		s.phase = waitDomain
		s.sendRanges(depth)
	}
	return nil
}

func (s *Session) tree(body []byte) error {
	if err := s.diff.Receive(body); err != nil {
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return nil
}
