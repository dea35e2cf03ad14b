package replica

import (
	"fmt"
	"time"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/internal/wire"
	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/quorum"
	"github.com/grapevine-go/grapevine/ring"
)

// Explaining asks every owner of a key what it has. It is not safe for
// concurrent use.
type Explaining struct {
	quorum.Explanation
	r    *Replica
	view *View
	t    *Table
	wait int
}

// Explain begins: it appends a request to each other owner, with the owner's
// number as its token for [Explaining.Reply], and asks this node itself, if it is
// one. The error wraps [ErrNotReady] or [ErrTableMismatch].
func (r *Replica) Explain(now time.Time, timeout time.Duration, table, key string, out *Effects) (*Explaining, error) {
	v := r.View()
	t := v.byName[table]
	switch {
	case v.Self < 0:
		return nil, ErrNotReady
	case t == nil || t.Layout == nil || t.Data == nil:
		return nil, fmt.Errorf("%w: no table %q", ErrTableMismatch, table)
	}
	part := ring.Partition(ring.Hash(key), t.Layout.Partitions())
	x := &Explaining{r: r, view: v, t: t, Explanation: quorum.Explanation{
		Table: table, Type: t.Spec.Type, Key: key, Partition: part, Ring: v.version,
	}}
	h := r.header(v, wire.KindRead, classForeground, timeout)
	h.Table, h.Partition = t.Hash, uint32(part)
	members := v.State.Members()
	for i, o := range t.Layout.Targets(part) {
		m := &members[o.Member]
		x.Owners = append(x.Owners, quorum.OwnerState{ID: m.ID, Zone: m.Zone, Current: o.Current, Next: o.Next,
			Down: v.down[o.Member], Err: quorum.ErrNoAnswer})
		h.Boots = wire.MakeBoots([]uint64{m.Boot.Nonce})
		msg := wire.AppendRead(nil, &h, key)
		if x.wait++; int(o.Member) == v.Self {
			x.Reply(now, uint64(i), r.Serve(now, msg, nil), nil, 0, out)
			continue
		}
		out.Sends = append(out.Sends, Send{To: m.ID, Class: classForeground, Token: uint64(i), Msg: msg})
	}
	return x, nil
}

// Reply takes an owner's reply, or why there is none, and how long it took. It
// reports whether all have answered.
func (x *Explaining) Reply(now time.Time, token uint64, reply []byte, failure error, took time.Duration, out *Effects) (all bool) {
	o := &x.Owners[token]
	x.wait--
	if o.Err = failure; failure == nil {
		o.RTT = took
		o.Err = x.take(now, o, reply, out)
	}
	return x.wait == 0
}

func (x *Explaining) take(now time.Time, o *quorum.OwnerState, reply []byte, out *Effects) error {
	a, err := wire.ParseReply(reply)
	if err != nil {
		return err
	}
	if err := x.r.status(now, o.ID, &a, out); err != nil {
		return err
	}
	_, state, err := a.Found()
	if err == nil {
		o.Took(state, a.Synced)
	}
	return err
}

// End returns the explanation; owners that have not answered are told as such.
func (x *Explaining) End(now time.Time) quorum.Explanation {
	x.Explain(x.t.Data.typ.New, x.t.Spec.Key, now, x.view.writer)
	return x.Explanation
}

// writer names who writes under an actor.
func (v *View) writer(a crdt.Actor) string {
	for _, m := range v.State.Members() {
		own := crdt.Actor(peer.NewActor(m.ID, m.Boot))
		apart := own
		apart[0] ^= 0x80 // see Replica.stamp
		if a == own || a == apart {
			return string(m.ID)
		}
	}
	return fmt.Sprintf("a node or boot that is gone (%x)", a[:4])
}
