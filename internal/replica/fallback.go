package replica

import (
	"time"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/internal/wire"
	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/quorum"
	"github.com/grapevine-go/grapevine/quorum/hint"
	"github.com/grapevine-go/grapevine/ring"
)

// Fallbacks of a sloppy quorum: live members that are no owners of a key and keep a
// hint for one that cannot be reached, in their own queue and like their own.

// fallbacks appends those who may keep hints for the owners of a partition, which
// are in dst: live members but this one, in the order of the members, from another
// one on for each partition. (Dynamo goes on around its ring. Here owners are dealt
// out, and what a member has missed is spread as evenly so.) All nodes ask the same
// ones. Who leaves takes no more hints.
func (v *View) fallbacks(dst []quorum.Target, t *Table, partition int) []quorum.Target {
	members := v.State.Members()
	for i := range members {
		at := (partition + i) % len(members)
		m := &members[at]
		_, stays := m.Owns()
		if !stays || at == v.Self || v.down[at] || v.shares(t, partition, at) {
			continue
		}
		if len(dst) == quorum.MaxTargets {
			break
		}
		dst = append(dst, quorum.Target{ID: m.ID, Nonce: m.Boot.Nonce, Zone: v.zones[at], Member: uint16(at)})
	}
	return dst
}

// hintMsg is the message to a fallback that stands for an owner.
func (c *Call) hintMsg(now time.Time, i, owner int) []byte {
	h := c.r.header(c.view, wire.KindHint, c.class, c.deadline.Sub(now))
	h.Table, h.Partition, h.Op = c.table.Hash, uint32(c.part), c.ID
	h.Boots = wire.MakeBoots([]uint64{c.Op.Targets[i].Nonce})
	return wire.AppendHint(nil, &h, c.key, c.delta, c.Op.Targets[owner].Nonce)
}

// hint keeps a hint of another node's write, for an owner of the key.
func (s *serving) hint(q *wire.Request, t *Table) []byte {
	n, err := q.Hint()
	if err != nil {
		return s.refuse(wire.Malformed, err.Error())
	}
	status, why := s.check(q, t, ring.HashBytes(n.Key), n.Delta)
	p, owner := int(q.Partition), s.view.member(n.Owner)
	switch {
	case status != wire.OK:
		return s.refuse(status, why)
	case !q.Boots.Contains(s.view.Boot.Nonce) && !s.r.cfg.Rules.NoFence:
		return s.refuse(wire.StaleBoot, "this is boot "+s.view.Boot.String())
	case t.Spec.Kind != ring.Ring || s.view.owns(t, p):
		return s.refuse(wire.Malformed, "an owner is no fallback")
	case owner < 0 || !s.view.shares(t, p, owner):
		return s.refuse(wire.Malformed, "the hint is for no owner of the key")
	}
	if _, err := t.Data.typ.New().JoinBinary(n.Delta); err != nil {
		return s.refuse(wire.Malformed, err.Error())
	}
	if !s.r.keepForOther(t, s.view.State.Members()[owner].ID, hint.Hint{Table: t.Spec.Name, Partition: p, Key: string(n.Key), Delta: n.Delta, At: s.now}) {
		return s.refuse(wire.Overloaded, "there is no room for the hint")
	}
	return wire.AppendAck(s.dst, s.ok(t, p), crdt.Joined{Changed: true})
}

// keepForOther keeps a hint as a fallback, if no other has to be dropped for it.
func (r *Replica) keepForOther(t *Table, to peer.ID, n hint.Hint) bool {
	h := &r.hints
	if h.queue == nil {
		return false
	}
	h.mu.Lock()
	n = h.joined(t, to, n)
	if !h.queue.Fits(to, n) {
		h.mu.Unlock()
		return false
	}
	h.stats.Stored++
	h.stats.Fallback++
	drops := h.queue.Add(to, n)
	h.mu.Unlock()
	r.owe(drops)
	return len(drops) == 0
}
