package rumor

import (
	"slices"

	"github.com/grapevine-go/grapevine/peer"
)

// Tree targets are Plumtree (Leitão, Pereira and Rodrigues, SRDS 2007): bodies go
// at once along the eager links, which come to be a spanning tree, and names, in
// the cycle after the next, along the lazy ones. A link becomes lazy at both ends
// when a body that came by it was known already (PRUNE: an [Ack] that says so),
// and eager when somebody asks for what was announced (GRAFT: a [Ref] in Want).
//
// The overlay is K fixed orders of the members: the links of a node are its
// successors in them, and those whose successor it is, who become known when
// they first send. The paper waits before it grafts, for the body may be on its
// way; here names wait at the sender, for a whole cycle.

// link is a member that a node tells.
type link struct {
	id   peer.ID
	lazy bool
}

// maxLinks bounds the links of a node. Those of an order are two; what is over
// comes from views that differ.
const maxLinks = 4 * MaxFanout

// treeSalt numbers the orders of the overlay.
const treeSalt = 0x7ee

// link returns the link to a member, nil if there is no room for it.
func (c *Core) link(id peer.ID) *link {
	i := slices.IndexFunc(c.links, func(l link) bool { return l.id == id })
	if i < 0 {
		if len(c.links) >= maxLinks || id == "" {
			return nil
		}
		i = len(c.links)
		c.links = append(c.links, link{id: id})
	}
	return &c.links[i]
}

// lean makes the link to a member lazy, or eager.
func (c *Core) lean(id peer.ID, lazy bool) {
	if l := c.link(id); l != nil {
		l.lazy = lazy
	}
}

// Down says that a member is gone: it is told nothing any more, with
// [Tree] targets, until [Peers] names it again or it sends something.
func (c *Core) Down(id peer.ID) {
	c.links = slices.DeleteFunc(c.links, func(l link) bool { return l.id == id })
}

// branch sends a rumor that was just heard along the eager links, but not back.
func (c *Core) branch(it *item, from peer.ID, out *Effects) {
	for n := range c.cfg.Policy.K {
		c.link(c.successor(treeSalt, n))
	}
	it.source = from
	large := it.size() > c.room()
	for i := range c.links {
		if l := &c.links[i]; l.id != from && !l.lazy {
			m := out.message(l.id)
			if m.Contact = true; large {
				c.announce(it, m)
			} else {
				m.Rumors = append(m.Rumors, it.Rumor)
				c.stats.Sent++
			}
		}
	}
}

// remind announces along the lazy links what was heard, a message a link.
func (c *Core) remind(out *Effects) {
	for i := range c.links {
		l := &c.links[i]
		if !l.lazy {
			continue
		}
		m := out.message(l.id)
		m.Contact = true
		for j := range c.hot {
			if it := &c.hot[j]; it.due() && it.source != l.id {
				c.announce(it, m)
			}
		}
		if m.Empty() {
			out.drop()
		}
	}
	for j := range c.hot {
		c.hot[j].settled = c.hot[j].settled || c.hot[j].due()
	}
}

// due reports whether the rumor is to be announced now: not before a whole cycle
// has passed, in which the eager links have brought it to whom they reach. A name
// that overtook the body would graft a link that nobody needs.
func (it *item) due() bool { return it.age >= 2 && !it.settled }

func (c *Core) announce(it *item, m *Message) {
	m.Have = append(m.Have, Ref{Key: it.Key, Version: it.Version})
	c.stats.Announced++
}

// grow takes what a message shows of the link that it came by, and passes on what
// was news.
func (c *Core) grow(from peer.ID, m *Message, out *Effects) {
	for i := range m.Acks {
		if !m.Acks[i].Needed {
			c.lean(from, true)
		}
	}
	if len(m.Want) > 0 {
		c.lean(from, false)
	}
	for i := range m.Have {
		if m.Have[i].Lacks {
			c.lean(from, false)
		}
	}
	for i := range m.Rumors {
		r := &m.Rumors[i]
		c.lean(from, !r.News)
		if it := c.find(r.Key); r.News && it != nil && it.Version == r.Version && it.fresh && it.source == "" {
			c.branch(it, from, out)
		}
	}
}
