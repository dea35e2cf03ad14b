package rumor

import (
	"time"

	"github.com/grapevine-go/grapevine/peer"
)

// contact begins an exchange with a random member to whom none of the messages
// from first on goes yet.
func (c *Core) contact(out *Effects, first int) {
	p := &c.cfg.Policy
	if p.Mode == Push && !c.anyToTell() {
		return
	}
	to := c.partner(out, first)
	if to == "" {
		c.alone()
		return
	}
	m := out.message(to)
	m.Contact, m.Pull = true, p.Mode&Pull != 0
	if p.Mode&Push != 0 {
		c.pack(m)
	}
	if m.Empty() {
		out.drop()
	}
}

// alone counts a contact that found nobody as one that was not needed, so that
// rumors end; anti-entropy tells those who join later.
func (c *Core) alone() {
	for i := range c.hot {
		if it := &c.hot[i]; !it.quiet(&c.cfg.Policy) {
			it.contacts += min(1, 1<<15-1-it.contacts)
			it.recent++
			it.useless++
			it.more++
		}
	}
}

func (c *Core) anyToTell() bool {
	for i := range c.hot {
		if !c.hot[i].quiet(&c.cfg.Policy) {
			return true
		}
	}
	return false
}

// partner draws a member. It tries a few times to find one that was not drawn
// in this cycle, and then takes what it has: with few members there may be none.
func (c *Core) partner(out *Effects, first int) (to peer.ID) {
	for range 4 {
		near := c.cfg.Policy.Far > 1 && c.cfg.Rand.IntN(c.cfg.Policy.Far) > 0
		if to = c.peers.Sample(c.cfg.Rand, near); to == "" || !addressed(out, first, to) {
			break
		}
	}
	return to
}

func addressed(out *Effects, first int, to peer.ID) bool {
	for i := first; i < len(out.Sends); i++ {
		if out.Sends[i].To == to {
			return true
		}
	}
	return false
}

// pack fills a message with what is hot, each time from where the last ended.
func (c *Core) pack(m *Message) {
	p := &c.cfg.Policy
	room, n := c.room(), len(c.hot)
	if c.turn >= n {
		c.turn = 0
	}
	start := c.turn
	for i := range n {
		it := &c.hot[(start+i)%n]
		if it.quiet(p) {
			continue
		}
		took := c.put(it, m, room)
		if took == 0 {
			c.turn = (start + i) % n
			return
		}
		room -= took
		it.contacts += min(1, 1<<15-1-it.contacts)
		it.recent++
	}
}

// structured sends the messages of one rumor that a cycle allows, each to the
// successor in the next order: bodies first, then announcements.
func (c *Core) structured(it *item, out *Effects, first int) {
	for range c.cfg.Policy.Fanout {
		order := int(it.contacts) + int(it.told)
		switch {
		case it.contacts < it.quota:
			it.contacts++
			if m := c.towards(it, order, out, first); m != nil {
				it.count = int16(order)
				c.put(it, m, c.room())
			}
		case it.told < it.names:
			it.told++
			if m := c.towards(it, order, out, first); m != nil {
				m.Have = append(m.Have, Ref{Key: it.Key, Version: it.Version})
				c.stats.Announced++
			}
		default:
			return
		}
	}
}

// towards returns a message with room for the rumor to its successor in an
// order, or nil if there is none.
func (c *Core) towards(it *item, order int, out *Effects, first int) *Message {
	to := c.successor(it.Salt, order)
	if to == "" {
		return nil
	}
	for i := first; i < len(out.Sends); i++ {
		if m := &out.Sends[i].Message; out.Sends[i].To == to && m.Contact && m.Size()+it.size() <= c.room()+messageOverhead {
			return m
		}
	}
	m := out.message(to)
	m.Contact = true
	return m
}

// successor gives the target in an order of a salt: the first of every Far
// orders is over all zones.
func (c *Core) successor(salt uint32, order int) peer.ID {
	far := c.cfg.Policy.Far
	return c.peers.Successor(Order(salt, order), far > 1 && order%far > 0)
}

// settle reports whether nothing is left to send of a structured rumor. Once
// its patience has ended it owes more, for each copy that did not come. Two that
// did not come tell more than twice as much as one, which is seen where little
// is lost too; names are cheap, so they go by the square.
func (c *Core) settle(it *item) bool {
	p := &c.cfg.Policy
	sent := it.contacts >= it.quota && it.told >= it.names
	switch {
	case !sent || it.settled || p.Resend+p.Remind == 0:
		return sent
	case int(it.age) <= p.Patience:
		return false
	}
	it.settled = true
	c.stats.Expected += uint64(it.K)
	c.stats.Heard += uint64(min(it.heard, int32(it.K)))
	missing := min(max(0, int(it.K)-int(it.heard)), MaxMissing)
	it.quota += int16(missing * p.Resend)
	it.names += int16(missing * missing * p.Remind)
	return missing == 0
}

// rush passes on at once what has come a few hops only and was just heard.
func (c *Core) rush(m *Message, out *Effects, first int) {
	for i := range m.Rumors {
		r := &m.Rumors[i]
		if it := c.find(r.Key); r.News && int(r.Hops) < c.rushes && it != nil && it.Version == r.Version && it.contacts == 0 {
			c.structured(it, out, first)
		}
	}
}

// mail tells every member, at once and once (Demers et al., section 1.2): n
// messages, and whoever misses its own is left to anti-entropy. What does not fit
// into a message is announced.
func (c *Core) mail(r *Rumor, out *Effects) {
	it := item{Rumor: *r}
	for id := range c.peers.All() {
		m := out.message(id)
		if m.Contact = true; it.size() > c.room() {
			c.announce(&it, m)
			continue
		}
		m.Rumors = append(m.Rumors, it.Rumor)
		c.stats.Sent++
	}
}

// request is a body that was asked for.
type request struct {
	key     string
	version uint64
	until   time.Time // before which it is not asked for again
}

// maxRequests bounds the bodies that are waited for; what is over it is asked
// for once more than needed.
const maxRequests = 256

// consider asks for what is announced and lacking, one announcer an interval.
func (c *Core) consider(now time.Time, ref *Ref, reply *Message) {
	if !ref.Lacks {
		return
	}
	kept := c.asked[:0]
	waits := false
	for _, q := range c.asked {
		if now.Before(q.until) {
			kept = append(kept, q)
			waits = waits || q.key == ref.Key && q.version == ref.Version
		}
	}
	c.asked = kept
	if waits {
		return
	}
	if len(c.asked) < maxRequests {
		c.asked = append(c.asked, request{ref.Key, ref.Version, now.Add(c.interval)})
	}
	reply.Want = append(reply.Want, Ref{Key: ref.Key, Version: ref.Version})
	c.stats.Asked++
}
