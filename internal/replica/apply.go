package replica

import (
	"errors"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/internal/wire"
	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/ring"
)

// Apply makes an operation at a key and tells the watches. It returns the delta.
func (d *Data) Apply(hash uint64, key []byte, mint func() crdt.Mint, op crdt.Op) ([]byte, error) {
	delta, err := d.Table.Apply(hash, key, mint, op, nil)
	if err == nil {
		d.changed(key)
	}
	return delta, err
}

// apply makes an operation, unless it was made before; then it answers what came
// of it. Whatever it refuses stays refused, for as long as it could be confused
// with what the sender does next.
func (s *serving) apply(q *wire.Request) []byte {
	a, err := q.Apply()
	if err != nil {
		return s.refuse(wire.Malformed, err.Error())
	}
	shard := s.r.made.of(q.Op)
	shard.mu.Lock()
	defer shard.mu.Unlock()
	e := shard.ops[q.Op]
	if s.r.cfg.Rules.NoWindow {
		e = nil
	}
	switch v := s.view; {
	case shard.forgot(q.Op, a.Begun):
		return s.refuse(wire.Forgotten, "operations as old as this one are not remembered any more")
	case q.Ring != v.version && !s.r.cfg.Rules.NoFence && e != nil && e.delta != nil:
		return s.stale(wire.Moved)
	case q.Ring != v.version && !s.r.cfg.Rules.NoFence:
		shard.keep(s.now, q.Op, &a, nil)
		return s.stale(wire.StaleRing)
	}
	t, status, why := s.maker(q, &a, e)
	if status != wire.OK {
		if e == nil || e.delta == nil {
			shard.keep(s.now, q.Op, &a, nil)
		}
		return s.refuse(status, why)
	}
	var delta []byte
	switch {
	case e != nil && e.delta != nil:
		delta = e.delta
	case a.Tell:
		shard.keep(s.now, q.Op, &a, nil)
	default:
		delta, err = s.make(q, &a, t)
		shard.keep(s.now, q.Op, &a, delta)
		if err != nil {
			return s.refuse(wire.Invalid, err.Error())
		}
	}
	if s.moved(q) {
		return s.stale(wire.Moved)
	}
	return wire.AppendMade(s.dst, s.ok(t, int(q.Partition)), delta)
}

// maker says whether this node may make the operation, or answer what it made.
func (s *serving) maker(q *wire.Request, a *wire.Apply, e *madeOp) (t *Table, status wire.Status, why string) {
	if s.view.Self < 0 {
		return nil, wire.NotReady, "the ring state is not known yet"
	}
	t = s.view.byHash[q.Table]
	switch p := int(q.Partition); {
	case t == nil:
		return nil, wire.TableMismatch, "no table of this specification"
	case t.Data == nil:
		return nil, wire.NotOpen, t.Spec.String()
	case t.Layout == nil || p >= t.Layout.Partitions() || ring.Partition(ring.HashBytes(a.Key), t.Layout.Partitions()) != p:
		return nil, wire.Malformed, "the key is of another partition"
	case !s.view.owns(t, p):
		return nil, wire.NotOwner, string(s.r.cfg.ID) + " does not own the partition"
	case !q.Boots.Contains(s.view.Boot.Nonce):
		return nil, wire.StaleBoot, "this is boot " + s.view.Boot.String()
	case e != nil && e.delta != nil:
		return t, wire.OK, ""
	case e != nil && a.Attempt <= e.attempt:
		return nil, wire.NotReady, "this attempt was refused before"
	case !t.Data.Synced(p) && !s.r.cfg.Rules.UnsyncedMints:
		return nil, wire.Unsynced, "the partition has not been filled yet"
	}
	return t, wire.OK, ""
}

// errFull is why nothing is added to a value.
var errFull = errors.New("the value is as large as one can be")

// make makes an operation, under a dot that rises with each. This node must be
// synced: it then holds all that its actor ever did to the value, also where it
// was not an owner for a while. (A restart is another actor, and so begins with
// nothing: what it knows too little of is what a remove would have to see.)
func (s *serving) make(q *wire.Request, a *wire.Apply, t *Table) (delta []byte, err error) {
	op, err := crdt.DecodeOp(a.Op)
	if err != nil {
		return nil, err
	}
	hash := ring.HashBytes(a.Key)
	mint := func() crdt.Mint {
		actor := s.view.actor
		if s.r.cfg.Rules.UnsyncedMints {
			actor = crdt.Actor(peer.NewActor(s.r.cfg.ID, peer.Boot{}))
		}
		return crdt.Mint{Dot: crdt.Dot{Actor: actor, N: s.r.dots.Add(1)}}
	}
	if adds(op.Kind) && t.Data.Size(hash, a.Key)+len(a.Op) > wire.MaxState {
		return nil, errFull
	}
	if delta, err = t.Data.Apply(hash, a.Key, mint, op); err != nil {
		return nil, err
	}
	t.Data.recent.mark(hash)
	if t.Spec.Kind == ring.Everywhere {
		s.r.originate(s.now, t, hash, a.Key)
	}
	return delta, nil
}

// adds reports whether an operation may make a value larger.
func adds(k crdt.OpKind) bool { return k != crdt.OpRemove && k != crdt.OpReset && k != crdt.OpDisable }
