package replica

import (
	"fmt"
	"time"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/internal/wire"
	"github.com/grapevine-go/grapevine/quorum"
	"github.com/grapevine-go/grapevine/ring"
)

// Inquiry finds out what became of an operation: it asks the boot that was to
// make it for the delta, where that is not known, and then every owner for what
// it has. Its driver sends what Ask appends, brings the replies to Reply, and asks
// again as long as Open says so and it is willing. It is not safe for concurrent
// use.
type Inquiry struct {
	r     *Replica
	op    quorum.Operation
	now   time.Time
	fate  quorum.Fate
	over  bool             // the fate is known without the owners
	heard map[uint64]heard // by the nonce of an owner
	asked []question       // by token
}

// question is a message that was sent, to whom, and whether it is for the delta.
type question struct {
	to    ring.Member
	maker bool
}

// heard is how an owner has answered.
type heard uint8

const (
	unheard heard = iota
	hasIt
	hasNewer
	lacksIt
	isUnsynced
)

// Inquire begins to find out about an operation. The error wraps
// [ErrTableMismatch] if there is no such table here, quorum.ErrOperation if the
// operation's bytes are none of its type, and [ErrNotReady].
func (r *Replica) Inquire(now time.Time, op quorum.Operation) (*Inquiry, error) {
	v := r.View()
	t := v.byName[op.Table]
	switch {
	case t == nil || t.Data == nil || t.Layout == nil:
		return nil, fmt.Errorf("%w: no table %q", ErrTableMismatch, op.Table)
	case v.Self < 0:
		return nil, ErrNotReady
	}
	if len(op.Delta) > 0 {
		if _, err := t.Data.typ.New().JoinBinary(op.Delta); err != nil {
			return nil, fmt.Errorf("%w: %w", quorum.ErrOperation, err)
		}
	}
	q := &Inquiry{r: r, op: op, now: now, heard: make(map[uint64]heard)}
	if len(op.Delta) == 0 && op.Boot == 0 { // nobody was asked who could have made it
		q.end(quorum.Absent)
	}
	return q, nil
}

func (q *Inquiry) end(k quorum.FateKind) { q.over, q.fate.Kind = true, k }

// Open reports whether there is more to ask.
func (q *Inquiry) Open() bool {
	if q.over {
		return false
	}
	if len(q.op.Delta) == 0 {
		return true
	}
	for _, m := range q.owners() {
		if q.heard[m.Boot.Nonce] == unheard {
			return true
		}
	}
	return false
}

// owners returns the owners of the key, in both placements; of a table that every
// member holds it is this node.
func (q *Inquiry) owners() (list []ring.Member) {
	v := q.r.View()
	t := v.byName[q.op.Table]
	if t == nil || t.Layout == nil || v.Self < 0 {
		return nil
	}
	for _, target := range v.targets(nil, t, ring.Partition(ring.Hash(q.op.Key), t.Layout.Partitions())) {
		if m, ok := v.State.Member(target.ID); ok {
			list = append(list, m)
		}
	}
	return list
}

// Ask appends the questions that are open.
func (q *Inquiry) Ask(out *Effects) {
	if q.over {
		return
	}
	v := q.r.View()
	t := v.byName[q.op.Table]
	if t == nil || t.Layout == nil {
		return
	}
	h := q.r.header(v, wire.KindRead, classForeground, q.r.cfg.Timeout)
	h.Table, h.Partition = t.Hash, uint32(ring.Partition(ring.Hash(q.op.Key), t.Layout.Partitions()))
	if len(q.op.Delta) == 0 {
		i := v.member(q.op.Boot)
		if i < 0 {
			q.end(quorum.Forgotten)
			return
		}
		h.Kind, h.Op, h.Boots = wire.KindApply, q.op.ID, wire.MakeBoots([]uint64{q.op.Boot})
		tell := wire.Apply{Op: q.op.Make, Begun: q.op.Begun, Attempt: q.op.Attempt, Tell: true}
		q.send(v.State.Members()[i], true, wire.AppendApply(nil, &h, q.op.Key, &tell), out)
		return
	}
	for _, m := range q.owners() {
		if q.heard[m.Boot.Nonce] == unheard {
			h.Boots = wire.MakeBoots([]uint64{m.Boot.Nonce})
			q.send(m, false, wire.AppendRead(nil, &h, q.op.Key), out)
		}
	}
}

// send asks a member, this node at once.
func (q *Inquiry) send(m ring.Member, maker bool, msg []byte, out *Effects) {
	q.asked = append(q.asked, question{m, maker})
	token := uint64(len(q.asked) - 1)
	if m.ID == q.r.cfg.ID {
		q.Reply(q.now, token, q.r.Serve(q.now, msg, nil), out)
		return
	}
	out.Sends = append(out.Sends, Send{To: m.ID, Class: classForeground, Token: token, Msg: msg})
}

// Reply takes the reply to a question.
func (q *Inquiry) Reply(now time.Time, token uint64, reply []byte, out *Effects) {
	a, err := wire.ParseReply(reply)
	if err != nil || q.over {
		return
	}
	from := q.asked[token]
	switch {
	case from.maker && a.Status == wire.Forgotten:
		q.end(quorum.Forgotten)
		return
	case from.maker && a.Status == wire.Unsynced: // it has not made it, and will not
		q.end(quorum.Absent)
		return
	case q.r.status(now, from.to.ID, &a, out) != nil:
		return // a ring state that differed is the same at the next round
	}
	if from.maker {
		switch delta, err := a.Made(); {
		case err != nil:
		case len(delta) == 0:
			q.end(quorum.Absent)
		default:
			q.op.Delta = append([]byte(nil), delta...)
		}
		return
	}
	if found, state, err := a.Found(); err == nil {
		q.heard[from.to.Boot.Nonce] = q.judge(found == wire.State, state, a.Synced)
	}
}

// judge says how an owner's state stands to the operation.
func (q *Inquiry) judge(found bool, state []byte, synced bool) heard {
	t := q.r.View().byName[q.op.Table]
	if t == nil || t.Data == nil {
		return unheard
	}
	s, joined := t.Data.typ.New(), crdt.Joined{Changed: true}
	if found {
		if _, err := s.JoinBinary(state); err != nil {
			return unheard
		}
		var err error
		if joined, err = s.JoinBinary(q.op.Delta); err != nil {
			return unheard
		}
	}
	switch {
	case !joined.Changed && joined.Dominated.IsZero():
		return hasIt
	case !joined.Dominated.IsZero():
		return hasNewer
	case !synced:
		return isUnsynced
	}
	return lacksIt
}

// Fate returns what was found out.
func (q *Inquiry) Fate() quorum.Fate {
	f := q.fate
	owners := q.owners()
	f.Owners = len(owners)
	if q.over {
		if f.Kind == quorum.Absent {
			f.Absent = f.Owners
		}
		return f
	}
	for _, m := range owners {
		switch q.heard[m.Boot.Nonce] {
		case hasIt:
			f.Present++
		case hasNewer:
			f.Newer++
		case lacksIt:
			f.Absent++
		}
	}
	f.Judge()
	return f
}

// Known reports whether anything was found out: the fate is worth something.
func (q *Inquiry) Known() bool { return q.over || len(q.heard) > 0 }
