package store

import (
	"iter"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/merkle"
)

// Each partition keeps a hash tree (package merkle) over its entries: what two
// replicas compare is there when they do.

// node is the range of hashes of a partition.
func (t *Table) node(partition int) merkle.Node {
	return merkle.Node{First: uint64(partition) << t.shift, Bits: uint8(64 - t.shift)}
}

// Entries implements merkle.Source, for the tree's own use: the caller holds the
// partition's lock.
func (x *slots) Entries(from, to uint64) iter.Seq2[uint64, crdt.Fingerprint] {
	return func(yield func(uint64, crdt.Fingerprint) bool) {
		for i := x.from(from); i < len(x.s); i++ {
			s := x.s[i]
			if s.entry == nil {
				continue
			}
			if s.hash > to || !yield(s.hash, s.entry.fingerprint) {
				return
			}
		}
	}
}

// reshape does a piece of fitting the tree to the number of entries.
func (p *partition) reshape() {
	if p.tree.Due() {
		p.tree.Reshape(&p.entries)
	}
}

// Snapshot copies the sums of a partition's tree into v, whose memory it uses
// again. They are those of one moment; v does not change when the partition
// does.
func (t *Table) Snapshot(partition int, v *merkle.View) {
	p := &t.parts[partition]
	p.mu.RLock()
	defer p.mu.RUnlock()
	p.tree.Snapshot(v)
}

// Scrub computes the fingerprints of a partition's entries and its tree anew, and
// returns how many entries and leaves were not as they should be: what memory
// has lost, a comparison brings back from other replicas once the tree says so.
// Joins wait meanwhile, about a millisecond for each ten thousand entries.
func (t *Table) Scrub(partition int) (wrong int) {
	p := &t.parts[partition]
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.entries.s {
		if s.entry == nil {
			continue
		}
		if f := merkle.Bind(p.key, s.hash, s.entry.stateFingerprint(p.key)); f != s.entry.fingerprint {
			s.entry.fingerprint = f
			wrong++
		}
	}
	return wrong + p.tree.Check(&p.entries)
}
