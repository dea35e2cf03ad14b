package replica

import (
	"strings"
	"time"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/quorum/session"
	"github.com/grapevine-go/grapevine/ring"
)

// StampIn returns a new stamp of this boot for a write in a session: above what
// its writes have to follow. Nil: in none.
func (r *Replica) StampIn(s *session.Session, now time.Time) crdt.Stamp {
	if s == nil || r.cfg.Rules.NoSession {
		return r.stamp(0, now)
	}
	return r.stamp(s.Clock(), now)
}

// enter asks the session what the operation needs; the error is
// session.ErrFull.
func (c *Call) enter() (err error) {
	if c.Session == nil {
		return nil
	}
	c.known = session.Table{
		ID: ring.Hash(c.name), Local: c.table.Spec.Kind == ring.Everywhere,
		Loose: !strings.HasPrefix(c.table.Spec.Type, registerPrefix),
	}
	t, hash := c.known, ring.Hash(c.key)
	if c.verb != reading {
		err = c.Session.Write(t, hash)
	} else {
		c.need, err = c.Session.Read(t, hash)
		c.Wish.Floor, c.Wish.Wide = c.need.Floor, c.need.Wide
		if c.need.Keep && !c.r.cfg.Rules.SoftFold {
			c.Wish.Block, c.Wish.Ask = true, false // the session relies on it: nobody is asked
		}
	}
	c.entered = err == nil
	return err
}

// Record tells the session what came of the operation, once it has ended and
// before late answers may change what it has read. In a node that has died it
// tells that nothing came.
func (c *Call) Record() {
	if !c.entered {
		return
	}
	c.entered = false
	t, hash := c.known, ring.Hash(c.key)
	applied := c.Ended() && c.Op.Cause == nil
	switch {
	case c.verb != reading:
		c.Session.Wrote(t, hash, c.Version(), applied)
	case applied:
		c.Session.Saw(t, hash, c.need, c.Version(), c.r.cfg.Rules.SoftFold || c.Kept() >= int(c.table.Spec.W))
	default:
		c.Session.Missed(c.need)
	}
}

// Version returns what an operation in a session has found, or was stamped with
// in the end; of types that are no registers it is zero.
func (c *Call) Version() session.Version {
	switch {
	case c.known.Loose:
		return session.Version{}
	case c.verb != reading:
		cell, _ := crdt.DecodeCell(c.delta)
		return session.VersionOf(cell)
	}
	return session.VersionOf(c.state.Cell())
}

// poll asks for what the session has seen anew, of the owners as they are now: one
// that was believed dead may be back.
func (c *Call) poll(now time.Time) (send uint32) {
	if !c.look() {
		return 0
	}
	c.have, c.encoded = crdt.Fingerprint{}, false
	return c.Op.Again(now, c.place())
}
