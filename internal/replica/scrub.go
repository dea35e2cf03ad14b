package replica

import "time"

// scrubber reads all data once a pass, a partition at a time, and holds the
// fingerprints and trees against it: what memory has lost without a join is
// noticed, and the next comparisons bring it back.
type scrubber struct {
	next      time.Time
	table     string
	partition int // of the table, the next
}

// scrubPass is how long a pass takes, about.
const scrubPass = time.Hour

// scrub takes the next partition, when that is due.
func (r *Replica) scrub(now time.Time, v *View) {
	s := &r.sweeps.scrubber
	if now.Before(s.next) {
		return
	}
	tables := v.compared()
	partitions := 0
	for _, t := range tables {
		partitions += t.Data.Partitions()
	}
	first := s.next.IsZero()
	s.next = now.Add(scrubPass / time.Duration(max(partitions, 1)))
	if t := s.turn(tables); t != nil && !first {
		r.stats.scrubbed.Add(1)
		r.stats.scrubWrong.Add(uint64(t.Data.Scrub(s.partition)))
		s.partition++
	}
}

// turn returns the table whose partition is next, and makes sure that there is
// one; nil if there is no table.
func (s *scrubber) turn(tables []*Table) *Table {
	for _, t := range tables {
		switch {
		case t.Spec.Name < s.table:
		case t.Spec.Name > s.table:
			s.table, s.partition = t.Spec.Name, 0
			return t
		case s.partition < t.Data.Partitions():
			return t
		}
	}
	s.table, s.partition = "", 0 // the pass is over
	if len(tables) == 0 {
		return nil
	}
	s.table = tables[0].Spec.Name
	return tables[0]
}
