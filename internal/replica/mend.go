package replica

import (
	"github.com/grapevine-go/grapevine/internal/wire"
	"github.com/grapevine-go/grapevine/quorum"
	"github.com/grapevine-go/grapevine/quorum/session"
	"github.com/grapevine-go/grapevine/ring"
)

// Wish is what a call asks for beyond its answers; see quorum.Demand.
type Wish struct {
	Zones int             // of a write: distinct zones that its acknowledgements come from; 0: any
	Hints bool            // of a write: hints count where owners cannot be reached
	Block bool            // what is returned is first brought to as many owners as monotonic reads need
	Ask   bool            // the driver decides whether that may be: in the phase quorum.Diverged
	Wide  bool            // so many owners are asked that every applied write is met, whatever R is
	Floor session.Version // what is returned is this, or newer
}

// demand makes the next read's demand of the wish, which is used up. It returns
// how many owners have to answer.
func (c *Call) demand(r quorum.Level) quorum.Level {
	w, spec := c.Wish, &c.table.Spec
	c.Wish = Wish{}
	if c.r.cfg.Rules.NoSession {
		w.Floor, w.Wide = session.Version{}, false
	}
	c.Op.Demand = quorum.Demand{Floor: w.Floor}
	if spec.Kind != ring.Ring {
		return r
	}
	n := int(spec.N)
	least := r.Least(n) // later reads ask no more, however many this one does
	if wide := n - int(spec.W) + 1; w.Wide && least < wide {
		r = quorum.Level(wide)
	}
	if w.Block && !c.r.cfg.Rules.NoBlocking {
		c.Op.Demand.Keep, c.Op.Demand.Ask = quorum.Keep(n, int(spec.W), least), w.Ask
	}
	return r
}

// appendMend appends the message by which a read writes what it is about to
// return to owners that lack it.
func (c *Call) appendMend(h *wire.Header) []byte {
	return wire.AppendWrite(c.msg[:0], h, c.key, c.Op.State.AppendBinary(nil))
}

// mended takes the acknowledgement of such a message.
func (c *Call) mended(round uint8, i int, a *wire.Reply) (send uint32) {
	j, err := a.Ack()
	if err != nil {
		return c.Op.Fail(round, i, err, true)
	}
	c.r.stats.mended.Add(1)
	c.Op.Ack(round, i, j)
	return 0
}

// JoinLate joins what came after the state stood, when nobody reads it any
// more: others may lack that, too.
func (c *Call) JoinLate() {
	if !c.late.isBottom() {
		_, _ = c.state.JoinBinary(c.late.AppendBinary(nil)) // it was a state when it was joined into late
		c.late.reset(c.table.Data)
	}
}

// Kept returns how many owners are known to have what a read returns.
func (c *Call) Kept() int {
	state, _ := c.AppendState(nil)
	return c.Op.Kept(state)
}
