package replica

import (
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"github.com/grapevine-go/grapevine/antientropy"
	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/internal/wire"
	"github.com/grapevine-go/grapevine/ring"
	"github.com/grapevine-go/grapevine/store"
)

// round is a comparison with one member that this node began: first of all that
// both own, in one digest; then, if that differs, of one table after the other
// in a session, after which what was found is brought from there and sent there.
//
// A message that gets no answer is sent again: turns are numbered, and what a
// transfer brings is a join. What has come before a round breaks off is no
// difference any more in the next one.
type round struct {
	to      ring.Member
	view    *View
	doing   stage
	differs bool
	yielded bool        // somebody else compares the table with this node
	tables  []*Table    // to be compared, the present one first
	left    map[int]int // keys of it that were held back, by partition
	held    int         // keys of all tables that were
	debt    uint64      // number of the last debt when it began

	op      wire.OpID
	source  *source
	session *antientropy.Session
	turn    uint64
	mine    []uint64        // what the other side lacks, and is still to be sent
	keep    map[uint64]bool // of those, what is not to be sent
	lacks   lacks           // of those, what part is to be sent
	from    uint64          // what is to be brought begins here
	page    int             // how many of mine the message has
	all     int             // how many mine were

	msg   []byte
	sent  bool
	after time.Time // not before
	tries int
}

// stage is what a round's message is about.
type stage uint8

const (
	folding stage = iota
	comparing
	bringing
	sending
	finishing
	over
)

// ending is how a message of a round ended.
type ending uint8

const (
	answered ending = iota
	unanswered
	turnedAway // there is no room for another session
	refused
)

// maxTries is how often a message is sent that gets no answer.
const maxTries = 3

// errBroken is why a round breaks off that the other side does not go on with.
var errBroken = errors.New("the other side does not go on")

func (r *Replica) newRound(v *View, to ring.Member) *round {
	d := &round{to: to, view: v, debt: r.debt()}
	h := r.roundHeader(d, wire.KindDigest)
	d.msg = wire.AppendDigest(nil, &h, r.foldAll(v, to.Boot.Nonce))
	return d
}

// known is how many keys are known to differ when the round ends.
func (d *round) known() float64 { return float64(d.held + len(d.mine)) }

func (r *Replica) roundHeader(d *round, kind wire.Kind) wire.Header {
	h := r.header(d.view, kind, classSync, r.cfg.Timeout)
	h.Boots, h.Op = wire.MakeBoots([]uint64{d.to.Boot.Nonce}), d.op
	if len(d.tables) > 0 {
		h.Table = d.tables[0].Hash
	}
	return h
}

// say makes the round's next message.
func (d *round) say(doing stage, msg []byte) { d.doing, d.msg, d.sent = doing, msg, false }

// take gives a round the answer to its message.
func (r *Replica) take(now time.Time, d *round, a *wire.Reply) error {
	switch d.doing {
	case folding:
		return r.folded(d, a)
	case comparing:
		return r.compared(d, a)
	case bringing:
		return r.brought(now, d, a)
	case sending:
		r.resolved(d.to.ID, d.tables[0].Spec.Name, d.source.byPartition(d.mine[:d.page]))
		d.mine = d.mine[d.page:]
		r.sendMine(d)
	case finishing:
		r.nextTable(d)
	}
	return nil
}

// folded begins to compare tables if not everything is equal.
func (r *Replica) folded(d *round, a *wire.Reply) error {
	digests, err := a.Digests()
	if err != nil {
		return err
	}
	if !digests.Equal {
		d.differs = true
		r.stats.digestsDiffer.Add(1)
		member := d.view.member(d.to.Boot.Nonce)
		d.tables = slices.DeleteFunc(d.view.compared(), func(t *Table) bool { return !d.view.sharesAny(t, member) })
		r.payFirst(d.to.ID, d.tables)
	}
	r.beginTable(d)
	return nil
}

// beginTable begins the session of the first table that is left.
func (r *Replica) beginTable(d *round) {
	if len(d.tables) == 0 {
		d.doing = over
		return
	}
	if !r.accepted.take(d.tables[0].Hash, d.to.Boot.Nonce) {
		d.doing, d.yielded = over, true
		return
	}
	var cfg antientropy.Config
	binary.LittleEndian.PutUint64(cfg.Salt[:8], r.sweeps.rand.Uint64())
	binary.LittleEndian.PutUint64(cfg.Salt[8:], r.sweeps.rand.Uint64())
	d.op, d.turn, d.from = r.newOp(), 0, 0
	d.mine, d.keep, d.left = nil, make(map[uint64]bool), make(map[int]int)
	d.lacks = lacks{}
	d.source = r.newSource(d.view, d.tables[0], d.view.member(d.to.Boot.Nonce))
	var frames [][]byte
	d.session, frames, _ = antientropy.Start(cfg, d.source) // the strategy is the default
	r.sayTurn(d, frames)
}

// nextTable ends a table's session.
func (r *Replica) nextTable(d *round) {
	for _, n := range d.left {
		d.held += n
	}
	r.diverges(d.to.ID, d.tables[0].Spec.Name, d.left)
	if len(d.left) == 0 {
		r.paid(d.to.ID, d.tables[0].Spec.Name, d.debt)
	}
	d.tables = d.tables[1:]
	r.beginTable(d)
}

func (r *Replica) sayTurn(d *round, frames [][]byte) {
	h := r.roundHeader(d, wire.KindSync)
	d.say(comparing, wire.AppendSync(nil, &h, d.turn, frames))
}

// compared takes the other side's turn.
func (r *Replica) compared(d *round, a *wire.Reply) error {
	turn, frames, err := a.Sync()
	if err == nil && turn != d.turn {
		err = antientropy.ErrUnexpected
	}
	if err == nil {
		frames, err = d.session.Step(frames)
	}
	switch {
	case err != nil:
		return err
	case d.session.Equal():
		r.nextTable(d)
	case d.session.Done():
		d.mine, d.session = d.session.Found(), nil
		d.all = len(d.mine)
		r.diverges(d.to.ID, d.tables[0].Spec.Name, d.source.byPartition(d.mine))
		r.bring(d)
	default:
		d.turn++
		r.sayTurn(d, frames)
	}
	return nil
}

// bring asks for the next page of what this node lacks.
func (r *Replica) bring(d *round) {
	h := r.roundHeader(d, wire.KindTransfer)
	entries := wire.BeginTransfer(nil, &h)
	d.source.outline(entries, d.mine, d.from)
	d.say(bringing, entries.End(d.from, false))
}

// brought joins a page. Where the other side's version is held back, or is the
// newest, this node's is of no use to it.
func (r *Replica) brought(now time.Time, d *round, a *wire.Reply) error {
	list, err := a.Entries()
	if err == nil && !list.Done && list.Next <= d.from {
		err = antientropy.ErrUnexpected
	}
	if err != nil {
		return err
	}
	r.joinFound(now, d.view, d.tables[0], &list, func(m met) {
		d.keep[m.hash] = d.keep[m.hash] || m.held || m.same
		if m.held {
			d.left[d.source.partition(m.hash)]++
		}
		d.lacks.put(m)
	})
	if !list.Done {
		d.from = list.Next
		r.bring(d)
		return nil
	}
	d.mine = slices.DeleteFunc(d.mine, func(hash uint64) bool { return d.keep[hash] })
	r.diverges(d.to.ID, d.tables[0].Spec.Name, d.source.byPartition(d.mine))
	r.sendMine(d)
	return nil
}

// sendMine sends the next page of what the other side lacks, or ends the
// session.
func (r *Replica) sendMine(d *round) {
	h := r.roundHeader(d, wire.KindTransfer)
	for len(d.mine) > 0 {
		entries := wire.BeginTransfer(nil, &h)
		d.page = r.addMine(d, entries)
		if entries.Len() > 0 {
			d.say(sending, entries.End(0, true))
			return
		}
		d.mine = d.mine[d.page:] // all of these are held back, or gone
	}
	d.say(finishing, wire.BeginTransfer(nil, &h).End(0, true))
}

// addMine adds entries of mine until a page is full. Of what is held back there
// is nothing to say: the other side has sent its version by now.
func (r *Replica) addMine(d *round, entries *wire.Entries) (hashes int) {
	for _, hash := range d.mine {
		if full(entries) {
			break
		}
		hashes++
		if d.source.data.recent.has(hash) {
			d.left[d.source.partition(hash)]++
			r.stats.syncHeld.Add(1)
			continue
		}
		d.source.entry(hash, func(e store.Entry) {
			if lack := d.lacks.of[string(e.Key)]; lack != nil {
				entries.AddEncoded(e.Key, lack)
				r.stats.syncDeltas.Add(1)
				return
			}
			entries.Add(e.Key, e.State)
		})
	}
	return hashes
}

// full reports whether a page has enough entries.
func full(entries *wire.Entries) bool {
	return entries.Size() >= pageLimit || entries.Len() >= wire.MaxPage/2
}

// foldAll digests everything that this node and the one with that boot both
// own, in all tables.
func (r *Replica) foldAll(v *View, nonce uint64) (total crdt.Fingerprint) {
	for _, t := range v.compared() {
		if r.cfg.Rules.StaleRoot {
			break
		}
		total = total.Add(r.fold(v, t, nonce))
	}
	return total
}
