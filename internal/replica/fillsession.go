package replica

import (
	"encoding/binary"

	"github.com/grapevine-go/grapevine/antientropy"
	"github.com/grapevine-go/grapevine/internal/wire"
)

// comparison is the session by which a fill finds out what this node lacks of a
// partition of which it has much already. It is a round's in one direction, about
// one partition, and holds nothing back: what was acknowledged a moment ago has to
// come too.
//
// It misses nothing that pages would have brought. The other side takes its copy of
// the sums when it knows this boot, so all that it has acknowledged to others is in
// them; and a session ends only where the sums of what both have are equal, or
// the ranges in which they are not have been listed as they are by then.
type comparison struct {
	op      wire.OpID
	source  *source
	session *antientropy.Session // nil once it has found what there is
	differ  []uint64             // what was found of what is here
	turn    uint64
	frames  [][]byte
}

// newComparison begins one. The caller holds the replica's lock.
func (r *Replica) newComparison(t *Table, p int) *comparison {
	var cfg antientropy.Config
	binary.LittleEndian.PutUint64(cfg.Salt[:8], r.cfg.Rand.Uint64())
	binary.LittleEndian.PutUint64(cfg.Salt[8:], r.cfg.Rand.Uint64())
	c := &comparison{op: r.newOp(), source: r.newPartitionSource(t, p)}
	r.stats.fillSessions.Add(1)
	c.session, c.frames, _ = antientropy.Start(cfg, c.source) // the strategy is the default
	return c
}

// ask returns the comparison's next message: a turn, or a wish for a page of what
// was found.
func (c *comparison) ask(h *wire.Header, from uint64) []byte {
	h.Op = c.op
	if c.session == nil {
		h.Kind = wire.KindTransfer
		entries := wire.BeginTransfer(nil, h)
		c.source.outline(entries, c.differ, from)
		return entries.End(from, false)
	}
	h.Kind = wire.KindSync
	return wire.AppendSync(nil, h, c.turn, c.frames)
}

// take gives the comparison the other side's turn, and reports whether nothing is
// lacked.
func (c *comparison) take(a *wire.Reply) (equal bool, err error) {
	turn, frames, err := a.Sync()
	if err == nil && turn != c.turn {
		err = antientropy.ErrUnexpected
	}
	if err == nil {
		c.frames, err = c.session.Step(frames)
	}
	c.turn++
	if err == nil && c.session.Done() {
		if equal = c.session.Equal(); !equal {
			c.differ = c.session.Found()
		}
		c.session = nil
	}
	return equal, err
}

// fillTurn answers a turn of a session that fills another owner's partition.
func (s *serving) fillTurn(q *wire.Request, t *Table) []byte {
	turn, frames, err := q.Sync()
	switch {
	case err != nil:
		return s.refuse(wire.Malformed, err.Error())
	case !q.Boots.Contains(s.view.Boot.Nonce):
		return s.refuse(wire.StaleBoot, "this is boot "+s.view.Boot.String())
	}
	a := s.r.accepted.get(s.now, q.Op)
	if a == nil && turn == 0 {
		a = s.r.accepted.beginFill(s.now, q)
	}
	switch {
	case a == nil && turn == 0:
		return s.refuse(wire.Overloaded, "enough partitions are being filled from here")
	case a == nil:
		return s.refuse(wire.Malformed, "no such session")
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.session == nil {
		a.table, a.source = t, s.r.newPartitionSource(t, int(q.Partition))
		a.session = antientropy.Accept(a.source)
	}
	if problem := a.step(t, turn, frames); problem != "" {
		s.r.accepted.drop(q.Op)
		return s.refuse(wire.Malformed, problem)
	}
	if a.session.Equal() {
		s.r.accepted.drop(q.Op)
	}
	return wire.AppendSyncReply(s.dst, s.okToFill(t, int(q.Partition)), turn, a.last)
}

// fillPage answers a page of what such a session found, whatever was written when.
// The last ends the session.
func (s *serving) fillPage(q *wire.Request, t *Table) []byte {
	list, err := q.Transfer()
	if err != nil || list.Done {
		return s.refuse(wire.Malformed, "a fill brings nothing")
	}
	a := s.r.accepted.get(s.now, q.Op)
	if a == nil {
		return s.refuse(wire.Malformed, "no such session")
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.session == nil || !a.fill || a.table.Data != t.Data {
		return s.refuse(wire.Malformed, "no such session of this table")
	}
	entries := wire.BeginEntries(s.dst, s.okToFill(t, int(q.Partition)))
	if next, more := s.r.addFound(entries, a, askedBy(&list), false); more {
		return entries.End(next, false)
	}
	s.r.accepted.drop(q.Op)
	return entries.End(0, true)
}

// okToFill is the head of a reply that tells a filling owner whether what it
// gets is complete.
func (s *serving) okToFill(t *Table, p int) *wire.ReplyHeader {
	head := s.ok(t, p)
	head.Synced = head.Synced && s.view.owns(t, p)
	return head
}
