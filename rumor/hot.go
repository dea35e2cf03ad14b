package rumor

import (
	"slices"
	"time"

	"github.com/grapevine-go/grapevine/peer"
)

// item is a rumor that is hot at a node.
type item struct {
	Rumor
	count    int16   // the counter of the stop rule; of a median counter the state
	age      int16   // cycles since it was heard
	contacts int16   // it was part of
	recent   int32   // contacts, of this cycle
	useless  int32   // of this cycle: with nodes that knew
	less     int32   // of this cycle: with nodes behind in the median counter
	more     int32   // of this cycle: with nodes not behind
	heard    int32   // copies received
	told     int16   // announcements sent
	quota    int16   // structured bodies to send in all
	names    int16   // announcements to send in all
	fades    bool    // of this cycle: a node in the fading states of the median counter was met
	fresh    bool    // heard in this cycle: told from the next on
	useful   bool    // of this cycle: somebody needed it
	settled  bool    // the missing copies are counted; of a tree: it was announced
	source   peer.ID // of a tree: who told it first
}

const (
	defaultMessage  = 1200
	defaultHotBytes = 1 << 20
)

// room is how many bytes of entries a message takes.
func (c *Core) room() int {
	if c.cfg.Message != 0 {
		return c.cfg.Message - messageOverhead
	}
	return defaultMessage - messageOverhead
}

func (c *Core) find(key string) *item {
	for i := range c.hot {
		if c.hot[i].Key == key {
			return &c.hot[i]
		}
	}
	return nil
}

// learn makes a rumor hot, in place of an older version of its key. It returns
// nil if there is no room for it at all.
func (c *Core) learn(now time.Time, r Rumor) *item {
	if len(c.hot) == 0 {
		c.advance(now) // the grid stood still while there was nothing to do
	}
	if i := slices.IndexFunc(c.hot, func(it item) bool { return it.Key == r.Key }); i >= 0 {
		c.forget(i, i+1)
	}
	limit := c.cfg.HotBytes
	if limit == 0 {
		limit = defaultHotBytes
	}
	size := len(r.Key) + len(r.Body)
	if size > limit {
		c.stats.Overflow++
		return nil
	}
	drop := 0
	for left := c.bytes; left+size > limit; drop++ {
		left -= len(c.hot[drop].Key) + len(c.hot[drop].Body)
		c.stats.Overflow++
	}
	c.forget(0, drop)
	r.News = false
	if r.K <= 0 || c.cfg.Policy.Targets != Structured {
		r.K = c.k
	}
	r.K = min(r.K, MaxK)
	c.hot = append(c.hot, item{Rumor: r, fresh: true, quota: r.K, names: int16(c.cfg.Policy.Announce)})
	c.bytes += size
	return &c.hot[len(c.hot)-1]
}

// forget drops the items from i up to j.
func (c *Core) forget(i, j int) {
	for _, it := range c.hot[i:j] {
		c.bytes -= len(it.Key) + len(it.Body)
	}
	c.hot = slices.Delete(c.hot, i, j)
}

// put appends the rumor to a message with that much room left, or its name if
// it never fits a message, and returns the room taken.
func (c *Core) put(it *item, m *Message, room int) int {
	name := entryOverhead + len(it.Key)
	switch size := it.size(); {
	case !c.cfg.Policy.Digest && size <= room:
		told := it.Rumor
		told.Count = it.count
		m.Rumors = append(m.Rumors, told)
		c.stats.Sent++
		return size
	case (c.cfg.Policy.Digest || size > c.room()) && (name <= room || len(m.Have) == 0):
		m.Have = append(m.Have, Ref{Key: it.Key, Version: it.Version})
		c.stats.Announced++
		return name
	}
	return 0
}
