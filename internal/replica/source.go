package replica

import (
	"iter"
	"math/bits"
	"runtime"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/merkle"
	"github.com/grapevine-go/grapevine/ring"
	"github.com/grapevine-go/grapevine/store"
)

// source is what a session of anti-entropy reads of a table: the sums of the
// partitions that two members share, as of its beginning, and their entries.
type source struct {
	merkle.Forest
	data   *Data
	shared []bool // by partition
	spare  []store.Print
	rules  Rules
}

// chunk is how many entries are read under one lock: writers do not wait long.
const chunk = 256

// newSource returns a source over what this node and a member share of a table.
func (r *Replica) newSource(v *View, t *Table, member int) *source {
	s := &source{Forest: make(merkle.Forest, t.Layout.Partitions()), data: t.Data, shared: make([]bool, t.Layout.Partitions()), rules: r.cfg.Rules}
	for p := range s.shared {
		if v.owns(t, p) && v.shares(t, p, member) {
			s.share(p)
		}
	}
	return s
}

// newPartitionSource returns a source over one partition.
func (r *Replica) newPartitionSource(t *Table, p int) *source {
	s := &source{Forest: make(merkle.Forest, t.Layout.Partitions()), data: t.Data, shared: make([]bool, t.Layout.Partitions()), rules: r.cfg.Rules}
	s.share(p)
	return s
}

func (s *source) share(p int) {
	s.shared[p] = true
	s.data.Snapshot(p, &s.Forest[p])
}

// Sum implements merkle.Sums.
func (s *source) Sum(n merkle.Node) crdt.Fingerprint {
	if s.rules.DropLevel && n.Bits > 0 && n.First>>63 == 1 {
		return crdt.Fingerprint{}
	}
	return s.Forest.Sum(n)
}

// Entries implements merkle.Source: it reads the shared partitions as they are
// now.
func (s *source) Entries(from, to uint64) iter.Seq2[uint64, crdt.Fingerprint] {
	return func(yield func(uint64, crdt.Fingerprint) bool) {
		read := s.spare
		s.spare = nil
		defer func() { s.spare = read }()
		if read == nil {
			read = make([]store.Print, 0, chunk)
		}
		shift := 64 - bits.TrailingZeros(uint(len(s.shared)))
		for p := from >> shift; p <= to>>shift; p++ {
			if s.shared[p] && !s.entries(int(p), from, to, read, yield) {
				return
			}
		}
	}
}

// entries reads what lies between from and to of one partition.
func (s *source) entries(p int, from, to uint64, read []store.Print, yield func(uint64, crdt.Fingerprint) bool) bool {
	first, last := PartitionRange(p, len(s.shared))
	at, last := max(from, first), min(to, last)
	for done := false; !done; {
		read, at, done = s.data.Prints(p, at, last, read[:0])
		// Who waits for a processor, or for the time, is let in: to read all takes long.
		runtime.Gosched()
		for i := range read {
			if !yield(read[i].Hash, read[i].Fingerprint) {
				return false
			}
		}
	}
	return true
}

func (s *source) partition(hash uint64) int { return ring.Partition(hash, len(s.shared)) }

// byPartition counts hashes.
func (s *source) byPartition(hashes []uint64) map[int]int {
	n := make(map[int]int)
	for _, h := range hashes {
		n[s.partition(h)]++
	}
	return n
}

// entry visits the entries of one hash.
func (s *source) entry(hash uint64, visit func(store.Entry)) {
	p := s.partition(hash)
	if !s.shared[p] {
		return
	}
	s.data.Page(p, hash, hash, func(e store.Entry) bool {
		visit(e)
		return true
	})
}
