package hint

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/grapevine-go/grapevine/peer"
)

// Config bounds a [Queue].
type Config struct {
	// MaxBytes is how many bytes of records are kept for a target, above 0; what
	// is over it is dropped, the oldest first.
	MaxBytes int
	// MaxAge is how long a hint is kept, above 0.
	MaxAge time.Duration
}

// ErrConfig is wrapped by the error for a configuration.
var ErrConfig = errors.New("hint: invalid configuration")

// Reason says why a hint was dropped.
type Reason uint8

// The reasons.
const (
	Room    Reason = iota // MaxBytes was reached
	Age                   // it was older than MaxAge
	Lost                  // its record cannot be read, or could not be written
	Dropped               // an operator, or because the target is no member any more
)

// String names the reason.
func (r Reason) String() string {
	return [...]string{"room", "age", "lost", "dropped"}[min(r, Dropped)]
}

// Drop is a hint that was dropped: the target lacks something of the partition.
type Drop struct {
	Target    peer.ID
	Table     string
	Partition int
	Reason    Reason
}

// Queue is the hints of one node, in the order in which they came, by target. It
// is a machine without clock or I/O but what its log does, for one caller at a
// time.
type Queue struct {
	cfg     Config
	log     Log
	targets map[peer.ID]*target
	last    uint64
}

// target is what waits for one node. Entries that are done leave a hole, until
// those before them are done too.
type target struct {
	line  []entry
	byKey map[key]uint64
	bytes int
	count int
}

type key struct{ table, key string }

type entry struct {
	id        uint64
	key       key
	partition int
	at        time.Time
	size      int // 0: done
}

// NewQueue returns an empty queue over an empty log. The error wraps
// [ErrConfig].
func NewQueue(cfg Config, log Log) (*Queue, error) {
	if cfg.MaxBytes <= 0 || cfg.MaxAge <= 0 || log == nil {
		return nil, fmt.Errorf("%w: MaxBytes %d, MaxAge %v, log %t", ErrConfig, cfg.MaxBytes, cfg.MaxAge, log != nil)
	}
	return &Queue{cfg: cfg, log: log, targets: make(map[peer.ID]*target)}, nil
}

// Pending returns the hint of a key for a target, into which a newer delta of the
// key is to be joined before it is added.
func (q *Queue) Pending(to peer.ID, table, name string) (Hint, bool) {
	t := q.targets[to]
	if t == nil {
		return Hint{}, false
	}
	id, ok := t.byKey[key{table, name}]
	if !ok {
		return Hint{}, false
	}
	h, err := DecodeRecord(q.log.Get(to, id))
	return h, err == nil
}

// Add keeps a hint for a target, in place of the key's earlier one if there is
// one: its place in the line and its age stay. It returns what was dropped for
// it, perhaps the hint itself.
func (q *Queue) Add(to peer.ID, h Hint) (drops []Drop) {
	t := q.targets[to]
	if t == nil {
		t = &target{byKey: make(map[key]uint64)}
		q.targets[to] = t
	}
	k := key{h.Table, h.Key}
	id, replaces := t.byKey[k]
	i := len(t.line)
	if replaces {
		i = t.index(id)
		h.At = t.line[i].at
	} else {
		q.last++
		id = q.last
	}
	record := h.append(nil)
	if len(record) > q.cfg.MaxBytes || !h.readable() {
		drops = append(drops, Drop{to, h.Table, h.Partition, Room})
		if replaces {
			q.remove(to, t, i)
		}
		return drops
	}
	if q.log.Put(to, id, record) != nil {
		return append(drops, Drop{to, h.Table, h.Partition, Lost})
	}
	if replaces {
		t.bytes += len(record) - t.line[i].size
		t.line[i].size = len(record)
	} else {
		t.line = append(t.line, entry{id, k, h.Partition, h.At, len(record)})
		t.byKey[k] = id
		t.bytes, t.count = t.bytes+len(record), t.count+1
	}
	for j := 0; t.bytes > q.cfg.MaxBytes && j < len(t.line); j++ {
		if e := t.line[j]; e.size > 0 && e.id != id {
			drops = append(drops, Drop{to, e.key.table, e.partition, Room})
			q.remove(to, t, j)
		}
	}
	t.trim()
	return drops
}

// Fits reports whether Add would keep the hint and drop nothing for it: for whoever
// is asked to keep one, and can refuse.
func (q *Queue) Fits(to peer.ID, h Hint) bool {
	bytes := len(h.append(nil))
	if t := q.targets[to]; t != nil {
		bytes += t.bytes
		if id, ok := t.byKey[key{h.Table, h.Key}]; ok {
			bytes -= t.line[t.index(id)].size
		}
	}
	return bytes <= q.cfg.MaxBytes && h.readable()
}

// index finds an entry by its number; they rise.
func (t *target) index(id uint64) int {
	i, _ := slices.BinarySearchFunc(t.line, id, func(e entry, id uint64) int {
		switch {
		case e.id < id:
			return -1
		case e.id > id:
			return 1
		}
		return 0
	})
	return i
}

// remove makes a hole of an entry.
func (q *Queue) remove(to peer.ID, t *target, i int) {
	e := &t.line[i]
	q.log.Remove(to, e.id)
	delete(t.byKey, e.key)
	t.bytes, t.count = t.bytes-e.size, t.count-1
	e.size = 0
}

// trim takes the holes off the front.
func (t *target) trim() {
	n := 0
	for n < len(t.line) && t.line[n].size == 0 {
		n++
	}
	t.line = t.line[n:]
}

// Next returns up to n hints for a target, the oldest first, of those after the
// given number (0: from the first), with their numbers. Records that cannot be
// read are dropped.
func (q *Queue) Next(to peer.ID, after uint64, n int) (ids []uint64, hints []Hint, drops []Drop) {
	t := q.targets[to]
	if t == nil {
		return nil, nil, nil
	}
	for i := t.index(after); i < len(t.line) && len(ids) < n; i++ {
		e := t.line[i]
		if e.size == 0 || e.id == after {
			continue
		}
		h, err := DecodeRecord(q.log.Get(to, e.id))
		if err != nil {
			drops = append(drops, Drop{to, e.key.table, e.partition, Lost})
			q.remove(to, t, i)
			continue
		}
		ids, hints = append(ids, e.id), append(hints, h)
	}
	return ids, hints, drops
}

// Done forgets a hint that the target has, if what is kept is still what was
// sent: a delta that was joined into it since is not there yet.
func (q *Queue) Done(to peer.ID, id uint64, sent []byte) {
	t := q.targets[to]
	if t == nil {
		return
	}
	i := t.index(id)
	if i == len(t.line) || t.line[i].id != id || t.line[i].size == 0 {
		return
	}
	if h, err := DecodeRecord(q.log.Get(to, id)); err == nil && string(h.Delta) != string(sent) {
		return
	}
	q.remove(to, t, i)
	t.trim()
}

// Expire drops what has waited for longer than MaxAge.
func (q *Queue) Expire(now time.Time) (drops []Drop) {
	for _, to := range q.Targets() {
		t := q.targets[to]
		for i := range t.line {
			if e := t.line[i]; e.size > 0 && now.Sub(e.at) > q.cfg.MaxAge {
				drops = append(drops, Drop{to, e.key.table, e.partition, Age})
				q.remove(to, t, i)
			}
		}
		if t.trim(); t.count == 0 {
			delete(q.targets, to)
		}
	}
	return drops
}

// Drop drops all that waits for a target.
func (q *Queue) Drop(to peer.ID) (drops []Drop) {
	t := q.targets[to]
	if t == nil {
		return nil
	}
	for i := range t.line {
		if e := t.line[i]; e.size > 0 {
			drops = append(drops, Drop{to, e.key.table, e.partition, Dropped})
			q.remove(to, t, i)
		}
	}
	delete(q.targets, to)
	return drops
}

// Targets returns for whom something waits, in order.
func (q *Queue) Targets() []peer.ID { return slices.Sorted(maps.Keys(q.targets)) }

// Stats is what waits for a target.
type Stats struct {
	Target peer.ID
	Hints  int
	Bytes  int       // of their records
	Oldest time.Time // when the oldest was written; zero: there is none
}

// Stats returns what waits for a target.
func (q *Queue) Stats(to peer.ID) Stats {
	s := Stats{Target: to}
	t := q.targets[to]
	if t == nil {
		return s
	}
	s.Hints, s.Bytes = t.count, t.bytes
	for _, e := range t.line {
		if e.size > 0 && (s.Oldest.IsZero() || e.at.Before(s.Oldest)) {
			s.Oldest = e.at
		}
	}
	return s
}
