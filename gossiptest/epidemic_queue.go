package gossiptest

import (
	"math/rand/v2"
	"time"

	"github.com/grapevine-go/grapevine/rumor"
)

// entry is an event of an epidemic: a node's tick or a letter's arrival.
type entry uint32

func tickOf(node uint32) entry       { return entry(node<<1 | 1) }
func mailOf(mail uint32) entry       { return entry(mail << 1) }
func (e entry) tick() (uint32, bool) { return uint32(e >> 1), e&1 == 1 }
func (e entry) mail() uint32         { return uint32(e >> 1) }

// calendar is a queue of events by time, a bucket for each grain of virtual
// time: adding and taking cost the same however many there are (Brown 1988).
// Events of one grain come in the order in which they were added.
type calendar struct {
	buckets [][]entry
	grain   int64 // the current bucket's
	taken   int   // of the current bucket
	count   int
}

// init makes room for events up to the span ahead.
func (c *calendar) init(span time.Duration) {
	c.buckets = make([][]entry, span/resolution+3)
}

// add queues an event, at the first grain not before at.
func (c *calendar) add(at time.Duration, e entry) {
	g := max(int64((at+resolution-1)/resolution), c.grain)
	b := &c.buckets[g%int64(len(c.buckets))]
	*b = append(*b, e)
	c.count++
}

// next takes the earliest event.
func (c *calendar) next() (time.Duration, entry, bool) {
	if c.count == 0 {
		return 0, 0, false
	}
	for {
		b := &c.buckets[c.grain%int64(len(c.buckets))]
		if c.taken < len(*b) {
			e := (*b)[c.taken]
			c.taken++
			c.count--
			return time.Duration(c.grain) * resolution, e, true
		}
		*b = (*b)[:0]
		c.taken = 0
		c.grain++
	}
}

// letter is a message on its way.
type letter struct {
	rumor.Message
	from, to uint32
}

// tells is 1 for a letter that may make a rumor hot somewhere.
func (l *letter) tells() int {
	return min(1, len(l.Rumors)+len(l.Have)+len(l.Want))
}

// mailbox keeps letters in slots that are used again, and a line of them for
// worlds without time.
type mailbox struct {
	slots   []*letter
	unused  []uint32
	line    []uint32
	first   int // of the line
	waiting int // letters that tell or ask for something; idle pulls count not
}

// put copies a message into a slot at the end of the line, and returns the slot.
func (p *mailbox) put(from, to uint32, m *rumor.Message) uint32 {
	var slot uint32
	if n := len(p.unused); n > 0 {
		slot = p.unused[n-1]
		p.unused = p.unused[:n-1]
	} else {
		slot = uint32(len(p.slots))
		p.slots = append(p.slots, new(letter))
	}
	l := p.slots[slot]
	l.CopyFrom(m)
	l.from, l.to = from, to
	p.line = append(p.line, slot)
	p.waiting += l.tells()
	return slot
}

func (p *mailbox) letter(slot uint32) *letter { return p.slots[slot] }

func (p *mailbox) free(slot uint32) {
	p.unused = append(p.unused, slot)
	p.waiting -= p.slots[slot].tells()
}

// shuffle puts the line in random order.
func (p *mailbox) shuffle(r *rand.Rand) {
	r.Shuffle(len(p.line), func(i, j int) { p.line[i], p.line[j] = p.line[j], p.line[i] })
}

// next takes the first of the line.
func (p *mailbox) next() (uint32, bool) {
	if p.first == len(p.line) {
		p.line, p.first = p.line[:0], 0
		return 0, false
	}
	p.first++
	return p.line[p.first-1], true
}
