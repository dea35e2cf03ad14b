package store

import "github.com/grapevine-go/grapevine/crdt"

// Entry is one key of a page. Its fields refer to the table and are valid only
// during the call that is given them.
type Entry struct {
	Hash        uint64
	Key         string
	State       crdt.State
	Fingerprint crdt.Fingerprint // of the state and the key's hash, see EntryFingerprint
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
	done, more := true, true
	p.entries.Ascend(from, func(hash uint64, e *entry) bool {
		if hash > to {
			return false
		}
		if !more {
			next, done = hash, false
			return false
		}
		for ; e != nil; e = e.next() {
			s := e.state()
			f := EntryFingerprint(p.key, hash, s.Fingerprint(p.key))
			if !visit(Entry{Hash: hash, Key: e.key, State: s, Fingerprint: f}) {
				more = false
			}
		}
		return true
	})
	return next, done
}
