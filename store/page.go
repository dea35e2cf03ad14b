package store

import "github.com/grapevine-go/grapevine/crdt"

// Entry is one key of a page. Its fields refer to the table and are valid only
// during the call that is given them.
type Entry struct {
	Hash        uint64
	Key         []byte
	State       crdt.State
	Fingerprint crdt.Fingerprint // of the state and the key's hash, see merkle.Bind
}

// Page visits the partition's entries with from <= hash <= to, in the order of
// the hash, while visit returns true, and returns the hash to go on from, and
// whether the range was visited to its end. Entries of one hash are never
// divided between two pages: visit's answer counts between hashes. The
// partition cannot change during the call; visit must be quick and must not
// call the table.
func (t *Table) Page(partition int, from, to uint64, visit func(Entry) bool) (next uint64, done bool) {
	p := &t.parts[partition]
	p.mu.RLock()
	defer p.mu.RUnlock()
	first := uint64(partition) << t.shift
	if to < first {
		return 0, true
	}
	packed, more, last := new(crdt.Packed), true, uint64(0)
	for i := p.entries.from(max(from, first)); i < len(p.entries.s); i++ {
		s := p.entries.s[i]
		switch {
		case s.entry == nil:
			continue
		case s.hash > to:
			return 0, true
		case !more && s.hash != last:
			return s.hash, false
		}
		if !visit(s.entry.page(s.hash, packed)) {
			more = false
		}
		last = s.hash
	}
	return 0, true
}

// Print is an entry as it is compared.
type Print struct {
	Hash        uint64
	Fingerprint crdt.Fingerprint // see merkle.Bind
}

// Prints lists entries as Page visits them, about as many as dst has room for,
// without looking at their states. It returns dst with them, and the rest as Page
// does.
func (t *Table) Prints(partition int, from, to uint64, dst []Print) (prints []Print, next uint64, done bool) {
	p := &t.parts[partition]
	p.mu.RLock()
	defer p.mu.RUnlock()
	most := cap(dst)
	for i := p.entries.from(max(from, uint64(partition)<<t.shift)); i < len(p.entries.s); i++ {
		s := p.entries.s[i]
		switch {
		case s.entry == nil:
			continue
		case s.hash > to:
			return dst, 0, true
		case len(dst) >= most && len(dst) > 0 && s.hash != dst[len(dst)-1].Hash:
			return dst, s.hash, false
		}
		dst = append(dst, Print{s.hash, s.entry.fingerprint})
	}
	return dst, 0, true
}

// page is the entry as a page shows it; packed is the state of registers.
func (e *entry) page(hash uint64, packed *crdt.Packed) Entry {
	state := e.state
	if state == nil {
		*packed = e.register()
		state = packed
	}
	return Entry{Hash: hash, Key: e.key(), State: state, Fingerprint: e.fingerprint}
}
