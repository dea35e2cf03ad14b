package replica

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/grapevine-go/grapevine/ring"
)

// ErrTableMismatch is wrapped by the error of [Replica.Open] and of every
// operation on a table that the cluster knows by another specification.
var ErrTableMismatch = errors.New("table is known by another specification")

// ErrNotReady is returned while the node has not learned the ring state, or,
// by a read of a table that every member holds, has not been filled with what
// the others have.
var ErrNotReady = errors.New("the node has not synchronised with the others yet")

// Open makes this node serve a table, and creates it in the catalog if nobody
// has. Key and Created of the specification are the creator's and are filled
// in here. The error wraps [ErrTableMismatch] and tells both specifications, or
// [ErrNotReady], or a ring.ErrTable.
//
// Two nodes may create a table under one name at the same time; the earlier
// creation wins, and if it is another specification the later one's operations
// fail with [ErrTableMismatch] from then on: check with [Table.Matches].
func (r *Replica) Open(now time.Time, spec ring.Table, typ Type, out *Effects) error {
	if err := spec.Validate(); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	v := r.View()
	if !r.learned || v.Self < 0 {
		return ErrNotReady
	}
	if known, ok := v.State.Table(spec.Name); ok {
		if err := Matches(known, spec); err != nil {
			return err
		}
		spec = known
	} else {
		binary.BigEndian.PutUint64(spec.Key[:8], r.cfg.Rand.Uint64())
		binary.BigEndian.PutUint64(spec.Key[8:], r.cfg.Rand.Uint64())
		spec.Created = r.stamp(0, now)
	}
	if r.data[spec.Name] == nil {
		r.data[spec.Name] = newData(spec, typ)
	}
	s := v.State.WithTable(spec)
	if s == v.State { // known, and only now opened here
		opened := newView(r, s)
		r.unsync(v, opened)
		r.view.Store(opened)
		r.jobs.wake()
		return nil
	}
	r.install(now, s, out)
	if d := r.data[spec.Name]; spec.Kind == ring.Everywhere {
		for p := range d.synced { // nobody else has any of it yet
			d.synced[p].Store(true)
		}
	}
	r.tell(r.View(), out)
	return nil
}

// Matches returns an error that wraps [ErrTableMismatch] unless both are the
// same specification.
func Matches(known, wanted ring.Table) error {
	if known.Same(wanted) {
		return nil
	}
	return fmt.Errorf("%w: the cluster has %v, this node wants %v", ErrTableMismatch, known, wanted)
}
