package antientropy

import (
	"encoding/binary"
	"math"
	"math/bits"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/merkle"
)

// code is what a session knows while it exchanges coded symbols.
type code struct {
	domain ranges // what the symbols are over
	left   ranges // what differs too, but is left to the descent
	mine   []symbol
	sent   int // by the starter

	theirs   []symbol // that came and are not yet decoded
	decoder  *decoder
	guess    float64 // elements that differ
	vague    bool    // the guess is only a lower bound
	planned  bool    // symbols came with the domain, so there is no need of samples
	attempts int

	known crdt.Fingerprint // sum of what was found of mine
}

// care is how many of the symbols that should suffice are asked for at each
// attempt. Samples guess roughly, so the first wish is a small one; symbols, even
// those that do not suffice, tell precisely how many would. What they do not
// suffice for either is rare: bytes are spent then, to save round trips.
var care = [...]float64{0.7, 1, 1.1, 1.5, 2}

const (
	leastSymbols = 24 // tell how many are needed if they do not suffice
	fewElements  = 60 // of so few the estimate says little: twice as many symbols are next
	mostAttempts = 12
	probe        = 512 // symbols that tell how many differ where samples cannot
	samplesSize  = 256
)

// grow makes this side's symbols up to length, in one reading of the domain.
func (s *Session) grow(length int) {
	from := len(s.code.mine)
	if length <= from {
		return
	}
	fresh := make([]symbol, length-from)
	for _, n := range s.code.domain.all() {
		for hash, f := range s.src.Entries(n.First, n.Last()) {
			s.salt.add(fresh, from, s.salt.element(hash, f), 1)
		}
	}
	s.code.mine = append(s.code.mine, fresh...)
}

// short is the salted digest of a range in two bytes.
func (s *Session) short(n merkle.Node) uint16 { return uint16(s.salt.digest(s.src.Sum(n)) >> 48) }

func (s *Session) sendRanges(theirDepth int) {
	if s.strategy == Hybrid {
		s.k = uint8(min(rangeBits, theirDepth, s.src.Depth()))
	}
	frame := []byte{frameRanges, s.k}
	all := newRanges(s.k)
	for i := range all.has {
		frame = binary.LittleEndian.AppendUint16(frame, s.short(all.node(i)))
	}
	s.send(frame)
}

// ranges compares the other side's digests with mine and begins: with the
// descent where one side has nothing, with symbols elsewhere.
func (s *Session) ranges(r *reader) error {
	s.k = r.byte()
	if s.k > rangeBits || int(s.k) > s.src.Depth() {
		return corrupt(frameRanges, "too many ranges")
	}
	digests := r.take(2 << s.k)
	if !r.end() {
		return corrupt(frameRanges, "length")
	}
	c := &s.code
	c.domain, c.left = newRanges(s.k), newRanges(s.k)
	nothing := uint16(s.salt.digest(crdt.Fingerprint{}) >> 48)
	differ := 0
	for i := range c.domain.has {
		n, theirs := c.domain.node(i), binary.LittleEndian.Uint16(digests[2*i:])
		switch {
		case theirs == s.short(n):
			continue
		case theirs == nothing || s.src.Sum(n).IsZero():
			c.left.has[i] = true
			s.diff.Compare(n)
		default:
			c.domain.has[i] = true
			differ++
		}
	}
	s.begin(differ)
	return nil
}

// begin sends the domain, and symbols if the number of ranges that differ tells
// how many to send. Where (almost) all differ, samples of smaller ranges will.
func (s *Session) begin(differ int) {
	c := &s.code
	if s.phase = coding; differ == 0 {
		if s.phase = descending; s.diff.Idle() { // two digests were equal by chance
			s.diff.Compare(merkle.Node{})
		}
		return
	}
	total := float64(len(c.domain.has))
	first := 0
	if float64(differ) > 0.9*total { // one of the others looks equal by chance sooner than it is
		for i := range c.domain.has {
			c.domain.has[i] = !c.left.has[i]
		}
	}
	if share := float64(differ) / total; share < 0.99 {
		first = firstSymbols(-2 * total * math.Log1p(-share))
	}
	frame := binary.AppendUvarint([]byte{frameDomain}, uint64(2*first))
	frame = c.left.append(c.domain.append(append(frame, byte(s.src.Depth()))))
	if first == 0 {
		s.eachSample(s.src.Depth(), func(_, _ int, n merkle.Node) { frame = append(frame, byte(s.short(n))) })
	}
	s.send(frame)
	s.grow(2 * first)
	s.sendSymbols(first)
}

// firstSymbols is how many to send for a number of elements that is guessed from
// the ranges that differ: few round trips where few differ, few bytes where
// many do.
func firstSymbols(elements float64) int {
	switch {
	case elements < fewElements:
		return max(leastSymbols, enough(elements)*9/8)
	case elements < 600:
		return enough(elements) * 9 / 10
	}
	return enough(elements) * 8 / 10 // few ranges are left to tell by
}

// eachSample visits parts of the domain, the same on both sides, of 2 bits more
// than its ranges, 4 bits, and so on up to the depth.
func (s *Session) eachSample(depth int, visit func(level, of int, n merkle.Node)) {
	nodes := s.code.domain.all()
	levels := (depth - int(s.k)) / 2
	for level := range levels {
		of := samplesSize / levels
		for i := range of {
			bits := 2 * uint8(level+1)
			x := mix(s.salt.a + uint64(level*of+i))
			n := nodes[x>>32%uint64(len(nodes))]
			n.First |= x << 32 >> (64 - bits) << (64 - bits) >> n.Bits
			n.Bits += bits
			visit(level, of, n)
		}
	}
}

// sendSymbols sends symbols up to a total, or as many as one turn takes.
func (s *Session) sendSymbols(total int) {
	c := &s.code
	total = min(total, len(c.mine), c.sent+turnGoal/symbolSize)
	s.out = appendSymbols(s.out, c.mine[c.sent:max(total, c.sent)])
	c.sent = max(total, c.sent)
}

// more is the starter's answer to a wish.
func (s *Session) more(r *reader) error {
	total, length := r.number(maxSymbols), r.number(2*maxSymbols)
	if !r.end() || total <= s.code.sent || length < total {
		return corrupt(frameMore, "numbers")
	}
	if len(s.code.mine) < total {
		s.grow(length)
	}
	s.sendSymbols(total)
	return nil
}

// domain is what the accepting side learns of the symbols to come.
func (s *Session) domain(r *reader) error {
	c := &s.code
	length, depth := r.number(2*maxSymbols), int(r.byte())
	c.domain, c.left = r.ranges(s.k), r.ranges(s.k)
	nodes := c.domain.all()
	if r.bad || len(nodes) == 0 || depth > merkle.MaxDepth || depth < int(s.k) {
		return corrupt(frameDomain, "ranges")
	}
	if length > 32*len(c.domain.has)*leastSymbols {
		return corrupt(frameDomain, "length") // more than its sender can know to need
	}
	if c.planned = length > 0; !c.planned {
		c.guess = s.compareSamples(r, depth, len(nodes))
	}
	if !r.end() {
		return corrupt(frameDomain, "samples")
	}
	c.decoder = newDecoder(s.salt)
	s.phase = coding
	s.grow(length)
	return nil
}

// compareSamples guesses how many elements differ from the first level of which
// not nearly all samples do.
func (s *Session) compareSamples(r *reader, depth, nodes int) float64 {
	guess, settled := float64(2*nodes), false
	hits, seen := 0, 0
	s.eachSample(depth, func(level, of int, n merkle.Node) {
		theirs := r.byte()
		if int(n.Bits) > s.src.Depth() || settled {
			return
		}
		if seen++; theirs != byte(s.short(n)) {
			hits++
		}
		if seen == of {
			share := min(float64(hits)/float64(of), 0.995) / (1 - 1.0/256)
			parts := float64(nodes) * float64(uint64(4)<<(2*level))
			guess = -2 * parts * math.Log1p(-min(share, 0.995))
			settled, s.code.vague = share < 0.75, share > 0.97
			hits, seen = 0, 0
		}
	})
	return guess
}

func (s *Session) coded(body []byte) error {
	c := &s.code
	if len(body)%symbolSize != 0 || len(c.theirs)+len(c.decoder.rest)+len(body)/symbolSize > maxSymbols {
		return corrupt(frameCoded, "length")
	}
	for ; len(body) > 0; body = body[symbolSize:] {
		c.theirs = append(c.theirs, readSymbol(body))
	}
	return nil
}

// decode ends a turn of the accepting side: with the result, or a wish for more
// symbols, or by leaving it to the descent.
func (s *Session) decode() {
	c := &s.code
	if len(c.theirs) > 0 {
		have := len(c.decoder.rest)
		s.grow(have + len(c.theirs))
		if c.decoder.extend(c.theirs, c.mine[have:have+len(c.theirs)]) {
			s.result()
			return
		}
		c.guess, c.theirs = c.decoder.guess, nil
	}
	have := len(c.decoder.rest)
	length := 2 * enough(c.guess) // room for more wishes without another reading
	step := c.attempts
	if c.planned {
		step++
	}
	want := max(int(float64(enough(c.guess))*care[min(step, len(care)-1)]), have+have/16+8)
	if have > 0 && c.guess < fewElements {
		want = max(want, 2*have)
	}
	if c.vague {
		want, c.vague = probe, false
	}
	length = min(max(length, want), 2*maxSymbols)
	entries := float64(s.src.Len()) * float64(len(c.domain.all())) / float64(len(c.domain.has))
	c.attempts++
	switch {
	case float64(want)*symbolSize+3*c.guess > 14*entries+4096: // listing everything costs no more
		s.giveUp(s.diff.List)
	case want > maxSymbols || c.attempts > mostAttempts:
		s.giveUp(s.diff.Compare)
	default:
		s.send(binary.AppendUvarint(binary.AppendUvarint([]byte{frameMore}, uint64(want)), uint64(length)))
		s.grow(length)
	}
}

// giveUp leaves the domain to the descent.
func (s *Session) giveUp(how func(merkle.Node)) {
	s.phase = descending
	s.send([]byte{frameGiveUp})
	for _, n := range s.code.domain.all() {
		how(n)
	}
}

// result tells the starter what it has that this side lacks, and what is left
// of this side's sum without what it lacks itself.
func (s *Session) result() {
	var lacked []element
	for e, sign := range s.code.decoder.found {
		if sign > 0 {
			lacked = append(lacked, e)
		} else {
			s.locate(e, 0)
		}
	}
	s.out = appendElements(s.out, lacked, spare(len(lacked), s.src.Len()))
	common := s.common()
	s.send(append([]byte{frameCheck}, common[:]...))
	s.phase = finished
}

// spare is how many of the last bits of n elements are not sent to the side that
// looks them up again, among so many entries: what is left tells each from the
// others with a chance of 2^-14 that one of them is taken for another, and the sum
// at the end tells if it was.
func spare(n, entries int) int {
	return min(max(elementBits-bits.Len(uint(n))-bits.Len(uint(entries))-14, 0), elementBits-placeBits)
}

// locate finds the entry that an element was made of, by its place. Spare is how
// many of its last bits are left out.
func (s *Session) locate(e element, spare int) {
	from := uint64(e) >> (elementBits - placeBits - spare) << (64 - placeBits)
	for hash, f := range s.src.Entries(from, from|^uint64(0)>>placeBits) {
		if s.salt.element(hash, f)>>spare == e {
			s.found[hash] = true
			s.code.known = s.code.known.Add(f)
		}
	}
}

// common is the sum of all that both sides have, if everything was found.
func (s *Session) common() crdt.Fingerprint {
	sum := s.src.Sum(merkle.Node{}).Sub(s.code.known)
	for _, n := range s.code.left.all() {
		sum = sum.Sub(s.src.Sum(n))
	}
	return sum
}

func (s *Session) lacked(r *reader) error {
	spare := int(r.byte())
	if spare > elementBits-placeBits {
		return corrupt(frameLacked, "bits")
	}
	elements := r.elements(spare)
	if !r.end() {
		return corrupt(frameLacked, "elements")
	}
	for _, e := range elements {
		s.locate(e, spare)
	}
	return nil
}

// verify ends the symbols at the starter. If both do not have the same in
// common, a range that differs looked equal (a chance of 2^-16), or somebody
// wrote meanwhile: the descent finds it, once.
func (s *Session) verify(r *reader) error {
	theirs := r.take(16)
	if !r.end() {
		return corrupt(frameCheck, "length")
	}
	if common := s.common(); common != crdt.Fingerprint(theirs) {
		s.diff.Compare(merkle.Node{})
	}
	s.phase = descending
	return nil
}
