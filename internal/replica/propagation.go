package replica

import (
	"fmt"
	"time"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/internal/wire"
	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/ring"
)

// Propagation finds out which members have what this node holds of one key, by
// asking each of them: a read that gives the fingerprint, and that a member
// which has the same answers with one word. It is not safe for concurrent use.
type Propagation struct {
	r     *Replica
	name  string
	key   string
	state []byte
	print crdt.Fingerprint
	have  map[peer.ID]uint64 // who has it, and the boot that said so
	asked []ring.Member      // by token
}

// Propagation begins to find out about a key. The error wraps
// [ErrTableMismatch] if there is no such table here, and [ErrNotReady] if the
// key was never written here or the node is no member.
func (r *Replica) Propagation(table, key string) (*Propagation, error) {
	v := r.View()
	t := v.byName[table]
	if t == nil || t.Data == nil {
		return nil, fmt.Errorf("%w: no table %q", ErrTableMismatch, table)
	}
	p := &Propagation{r: r, name: table, key: key, have: make(map[peer.ID]uint64)}
	hash := ring.Hash(key)
	state, found := t.Data.AppendState(nil, hash, []byte(key))
	if !found || v.Self < 0 {
		return nil, fmt.Errorf("%w: %q was never written here", ErrNotReady, key)
	}
	p.state, p.print = state, t.Data.Fingerprint(hash, []byte(key))
	return p, nil
}

// Ask appends a request to each member that is not known to have the key, with
// its token for Reply. Those who have left the cluster are asked no more.
func (p *Propagation) Ask(out *Effects) {
	v := p.r.View()
	t := v.byName[p.name]
	if t == nil || t.Layout == nil {
		return
	}
	part := ring.Partition(ring.Hash(p.key), t.Layout.Partitions())
	for _, m := range p.missing(v) {
		h := p.r.header(v, wire.KindRead, classSync, p.r.cfg.Timeout)
		h.Table, h.Partition, h.Have = t.Hash, uint32(part), p.print
		h.Boots = wire.MakeBoots([]uint64{m.Boot.Nonce})
		out.Sends = append(out.Sends, Send{To: m.ID, Class: classSync, Token: uint64(len(p.asked)), Msg: wire.AppendRead(nil, &h, p.key)})
		p.asked = append(p.asked, m)
	}
}

// missing lists the members that are not known to have the key.
func (p *Propagation) missing(v *View) (list []ring.Member) {
	for i, m := range v.State.Members() {
		if nonce, has := p.have[m.ID]; m.Status != ring.Left && i != v.Self && (!has || nonce != m.Boot.Nonce) {
			list = append(list, m)
		}
	}
	return list
}

// Reply takes the reply to one of the requests.
func (p *Propagation) Reply(now time.Time, token uint64, reply []byte, out *Effects) {
	a, err := wire.ParseReply(reply)
	if err != nil {
		return
	}
	m := p.asked[token]
	if p.r.status(now, m.ID, &a, out) != nil {
		return // a ring state that differed is the same at the next round
	}
	found, state, err := a.Found()
	if err == nil && (found == wire.Equal || found == wire.State && p.covers(state)) {
		p.have[m.ID] = m.Boot.Nonce
	}
}

// covers reports whether a member's state holds all of this node's.
func (p *Propagation) covers(state []byte) bool {
	t := p.r.View().byName[p.name]
	if t == nil || t.Data == nil {
		return false
	}
	s := t.Data.typ.New()
	if _, err := s.JoinBinary(state); err != nil {
		return false
	}
	j, err := s.JoinBinary(p.state)
	return err == nil && !j.Changed
}

// Progress returns how many members have the key, this node included, and which
// are not known to.
func (p *Propagation) Progress() (have int, missing []peer.ID) {
	v := p.r.View()
	for _, m := range p.missing(v) {
		missing = append(missing, m.ID)
	}
	have = 1
	for i, m := range v.State.Members() {
		if nonce, has := p.have[m.ID]; i != v.Self && m.Status != ring.Left && has && nonce == m.Boot.Nonce {
			have++
		}
	}
	return have, missing
}
