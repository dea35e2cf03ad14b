package replica

import (
	"errors"
	"time"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/internal/wire"
	"github.com/grapevine-go/grapevine/ring"
)

// hardSkew is the bound that holds between replicas: a stamp further ahead is
// refused wherever it comes from.
const hardSkew = 24 * time.Hour

// Serve answers a request of another replica, or of this one: it appends the
// reply to dst. It is safe for concurrent use. The request is not kept.
func (r *Replica) Serve(now time.Time, request, dst []byte) []byte {
	r.serving.Add(int64(len(request)))
	defer r.serving.Add(-int64(len(request)))
	v := r.view.Load()
	q, err := wire.ParseRequest(request)
	s := serving{r: r, view: v, now: now, dst: dst}
	if err != nil {
		return s.refuse(wire.Malformed, err.Error())
	}
	last, err := r.clock.observe(q.Clock, now)
	if err != nil {
		r.stats.skewed.Add(1)
	}
	s.head.Clock = last
	switch {
	case v.ended != nil:
		return s.refuse(wire.NotReady, v.ended.Error())
	case q.Cluster != r.cluster:
		return s.refuse(wire.WrongCluster, "this is cluster "+r.cfg.Cluster)
	case q.Version < wire.MinVersion || q.Version > wire.MaxVersion:
		return s.refuse(wire.Malformed, "unknown protocol version")
	case q.Kind == wire.KindRing:
		return s.ring(&q)
	case q.Kind == wire.KindRumor: // whatever the ring state: a rumor is a join that nobody counts
		return s.rumors(&q)
	case q.Kind == wire.KindApply: // which remembers what it refuses, of those below too
		return s.apply(&q)
	case v.Self < 0:
		return s.refuse(wire.NotReady, "the ring state is not known yet")
	case q.Ring != v.version && !r.cfg.Rules.NoFence:
		return s.stale(wire.StaleRing)
	case q.Kind == wire.KindDigest && q.Table == 0:
		return s.fold(&q)
	case q.Kind == wire.KindBatch:
		return s.batch(&q)
	}
	return s.about(&q)
}

// serving is one request under way.
type serving struct {
	r    *Replica
	view *View
	now  time.Time
	head wire.ReplyHeader
	dst  []byte
}

// about answers a request about a table.
func (s *serving) about(q *wire.Request) []byte {
	t := s.view.byHash[q.Table]
	switch {
	case t == nil:
		return s.refuse(wire.TableMismatch, "no table of this specification")
	case t.Data == nil:
		return s.refuse(wire.NotOpen, t.Spec.String())
	case t.Layout == nil || int(q.Partition) >= t.Layout.Partitions():
		return s.refuse(wire.Malformed, "no such partition")
	}
	switch q.Kind {
	case wire.KindDigest:
		return s.digest(q, t)
	case wire.KindPage: // also of what was handed over: a new owner may still need it
		return s.page(q, t)
	case wire.KindSync:
		return s.sync(q, t)
	case wire.KindTransfer:
		return s.transfer(q, t)
	case wire.KindHint: // for others, who are owners
		return s.hint(q, t)
	}
	if !s.view.owns(t, int(q.Partition)) {
		s.r.stats.notOwner.Add(1)
		return s.refuse(wire.NotOwner, string(s.r.cfg.ID)+" does not own the partition")
	}
	if !q.Boots.Contains(s.view.Boot.Nonce) && !s.r.cfg.Rules.NoFence {
		return s.refuse(wire.StaleBoot, "this is boot "+s.view.Boot.String())
	}
	switch q.Kind {
	case wire.KindWrite:
		return s.write(q, t)
	case wire.KindRead:
		return s.read(q, t)
	}
	return s.refuse(wire.Malformed, "unknown "+q.Kind.String())
}

func (s *serving) write(q *wire.Request, t *Table) []byte {
	key, delta, err := q.Write()
	if err != nil {
		return s.refuse(wire.Malformed, err.Error())
	}
	hash := ring.HashBytes(key)
	if status, why := s.check(q, t, hash, delta); status != wire.OK {
		return s.refuse(status, why)
	}
	joined, err := t.Data.Join(hash, key, delta)
	if err != nil {
		return s.refuse(wire.Malformed, err.Error())
	}
	if joined.Changed {
		t.Data.recent.mark(hash)
	}
	if joined.Changed && t.Spec.Kind == ring.Everywhere {
		s.r.originate(s.now, t, hash, key)
	}
	if s.moved(q) {
		return s.stale(wire.Moved)
	}
	return wire.AppendAck(s.dst, s.ok(t, int(q.Partition)), joined)
}

// check says what is wrong with a delta for a key of that hash.
func (s *serving) check(q *wire.Request, t *Table, hash uint64, delta []byte) (status wire.Status, why string) {
	latest, err := t.Data.typ.Latest(delta)
	switch {
	case err != nil:
		return wire.Malformed, err.Error()
	case ring.Partition(hash, t.Layout.Partitions()) != int(q.Partition):
		return wire.Malformed, "the key is of another partition"
	case latest > crdt.TimeOf(s.now.Add(hardSkew)):
		return wire.Skew, "stamped more than a day ahead"
	}
	return wire.OK, ""
}

// moved reports whether the ring state changed while the request was served.
// A join that a page of the newer state cannot have seen must not be
// acknowledged under the older one: the page's reader counts on having all of
// those. (The join stays; it is only not counted.)
func (s *serving) moved(q *wire.Request) bool {
	s.view = s.r.view.Load()
	return s.view.version != q.Ring && !s.r.cfg.Rules.NoFence
}

func (s *serving) read(q *wire.Request, t *Table) []byte {
	key, err := q.Read()
	if err != nil {
		return s.refuse(wire.Malformed, err.Error())
	}
	hash := ring.HashBytes(key)
	p := ring.Partition(hash, t.Layout.Partitions())
	if p != int(q.Partition) {
		return s.refuse(wire.Malformed, "the key is of another partition")
	}
	head := s.ok(t, p)
	if !head.Synced {
		s.r.stats.unsyncedAnswers.Add(1)
		head.Synced = s.r.cfg.Rules.UnsyncedCounts
	}
	equal := !q.Have.IsZero() && t.Data.Fingerprint(hash, key) == q.Have
	begun, reply, found := s.dst, s.dst, false
	if !equal {
		begun = wire.BeginState(s.dst, head)
		reply, found = t.Data.AppendState(begun, hash, key)
	}
	switch {
	case s.moved(q): // what was found may have come after a page of the newer state: it does not count as kept here
		return s.stale(wire.StaleRing)
	case equal:
		return wire.AppendFound(s.dst, head, wire.Equal)
	case found:
		return wire.EndState(begun, reply)
	}
	return wire.AppendFound(s.dst, head, wire.Absent)
}

// digest answers the digests of this node's partitions.
func (s *serving) digest(q *wire.Request, t *Table) []byte {
	if _, err := q.Digest(); err != nil {
		return s.refuse(wire.Malformed, err.Error())
	}
	d := wire.Digests{List: make([]wire.PartitionDigest, 0, t.Layout.Partitions())}
	for p := range t.Layout.Partitions() {
		if s.view.owns(t, p) {
			f, c := t.Data.Digest(p)
			d.List = append(d.List, wire.PartitionDigest{Partition: uint32(p), Synced: t.Data.Synced(p),
				Digest: f[:], Live: uint64(c.Live), Dead: uint64(c.Dead)})
		}
	}
	return wire.AppendDigests(s.dst, s.ok(t, 0), &d)
}

// ring joins the sender's ring state, if it sent one, and answers this node's
// where it differs.
func (s *serving) ring(q *wire.Request) []byte {
	state, err := q.RingState()
	if err != nil {
		return s.refuse(wire.Malformed, err.Error())
	}
	if len(state) > 0 {
		var out Effects
		if err := s.r.Adopt(s.now, state, &out); err != nil {
			return s.refuse(wire.Malformed, err.Error())
		}
		s.r.enqueue(out.Sends)
		s.view = s.r.view.Load()
	}
	if s.view.Self < 0 {
		return s.refuse(wire.NotReady, "the ring state is not known yet")
	}
	s.fill(wire.OK)
	if q.Ring == s.view.version {
		return wire.AppendRingReply(s.dst, &s.head, nil)
	}
	return wire.AppendRingReply(s.dst, &s.head, s.view.State.AppendBinary(nil))
}

// fill completes the reply's head.
func (s *serving) fill(status wire.Status) {
	s.head.Status, s.head.Boot, s.head.Ring = status, s.view.Boot, s.view.version
	s.head.Credit = s.r.credit()
}

func (s *serving) ok(t *Table, partition int) *wire.ReplyHeader {
	s.fill(wire.OK)
	s.head.Synced = t.Data.Synced(partition)
	return &s.head
}

func (s *serving) refuse(status wire.Status, why string) []byte {
	s.fill(status)
	s.r.stats.refused.Add(1)
	return wire.AppendRefusal(s.dst, &s.head, []byte(why))
}

func (s *serving) stale(status wire.Status) []byte {
	s.fill(status)
	s.r.stats.stale.Add(1)
	return wire.AppendRefusal(s.dst, &s.head, s.view.State.AppendBinary(nil))
}

// errReply makes an error of a reply that refuses.
func errReply(a *wire.Reply) error {
	why, err := a.Refusal()
	if err != nil {
		return err
	}
	return errors.New(a.Status.String() + ": " + string(why))
}
