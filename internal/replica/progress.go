package replica

import (
	"math"
	"slices"

	"github.com/grapevine-go/grapevine/peer"
)

// Progress is how far a comparison is that this node has begun.
type Progress struct {
	Peer  peer.ID
	Table string // that is being compared; empty while everything is, in one digest
	// Doing is what goes on: "folding" (one digest over everything), "comparing"
	// (finding what differs), "bringing" (what is lacked here), "sending" (what is
	// lacked there) or "finishing".
	Doing string
	// Share is how much of that is done, from 0 to 1; of bringing by where in the
	// hash space it is, of comparing it is not known beforehand and stays 0.
	Share float64
	// Keys is about how many keys are still to be sent or brought of this table:
	// while they are brought, as many as differ here, for the other side alone knows
	// how many it has.
	Keys int
	// Tables is how many tables come after this one.
	Tables int
}

var doings = [...]string{"folding", "comparing", "bringing", "sending", "finishing"}

// progress describes a round that is not over.
func (d *round) progress() Progress {
	p := Progress{Peer: d.to.ID, Doing: doings[d.doing]}
	if d.doing == folding {
		return p
	}
	p.Table, p.Tables = d.tables[0].Spec.Name, len(d.tables)-1
	switch d.doing {
	case bringing:
		p.Share = float64(d.from) / math.MaxUint64
		p.Keys = len(d.mine) + int(math.Round(float64(len(d.mine))*(1-p.Share)))
	case sending:
		p.Keys = len(d.mine)
		p.Share = 1 - float64(p.Keys)/float64(max(d.all, 1))
	case finishing:
		p.Share = 1
	}
	return p
}

// Progress returns how far the comparisons are that this node has begun, as of the
// last call of Synchronize.
func (r *Replica) Progress() []Progress {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.jobs.progress)
}
