package store

import "github.com/grapevine-go/grapevine/crdt"

// entry is one key and its state. Almost all states are registers: their
// encoding lies behind the key, so that a join meets three places in memory,
// the slot, the entry and its bytes.
type entry struct {
	fingerprint crdt.Fingerprint // see merkle.Bind; kept, so that no join hashes a state twice
	state       crdt.State       // nil: a register
	bytes       []byte           // the key, then the register
	keySize     int
}

// entrySize is about what an entry takes beside its key and state: itself less
// the slice that a state's Size counts, and its slot.
const entrySize = 64 - 24 + 24

func (e *entry) key() []byte { return e.bytes[:e.keySize] }

// register returns the register; a join into it must be kept.
func (e *entry) register() crdt.Packed { return crdt.PackedOf(e.bytes[e.keySize:]) }

// newEntry returns an entry that a delta was joined into, if that changed
// anything.
func (t *Table) newEntry(key, delta []byte) (*entry, crdt.Joined, error) {
	e := &entry{keySize: len(key)}
	if !t.packed {
		e.state = t.newState()
		j, err := e.state.JoinBinary(delta)
		e.bytes = append(e.bytes, key...)
		return e, j, err
	}
	var r crdt.Packed
	j, err := r.JoinBinary(delta)
	e.bytes = pack(key, r.Encoding())
	return e, j, err
}

// pack lays a register behind its key.
func pack(key, register []byte) []byte {
	return append(append(make([]byte, 0, len(key)+len(register)), key...), register...)
}

func (e *entry) join(delta []byte) (crdt.Joined, error) {
	if e.state != nil {
		return e.state.JoinBinary(delta)
	}
	r := e.register()
	j, err := r.JoinBinary(delta)
	if j.Changed {
		e.keep(r.Encoding())
	}
	return j, err
}

// keep takes a register that may have been written in its old place.
func (e *entry) keep(register []byte) {
	size := e.keySize + len(register)
	if cap(e.bytes) >= size && &e.bytes[:e.keySize+1][e.keySize] == &register[0] {
		e.bytes = e.bytes[:size]
		return
	}
	e.bytes = pack(e.key(), register)
}

func (e *entry) appendState(dst []byte) []byte {
	if e.state != nil {
		return e.state.AppendBinary(dst)
	}
	r := e.register()
	return r.AppendBinary(dst)
}

func (e *entry) stateFingerprint(k crdt.Key) crdt.Fingerprint {
	if e.state != nil {
		return e.state.Fingerprint(k)
	}
	r := e.register()
	return r.Fingerprint(k)
}

// counts is what the entry adds to its partition's.
func (e *entry) counts() Counts {
	var dead bool
	size := entrySize + e.keySize
	if e.state != nil {
		dead, size = e.state.Tombstone(), size+e.state.Size()
	} else {
		r := e.register()
		dead, size = r.Tombstone(), size+r.Size()
	}
	if dead {
		return Counts{Dead: 1, Bytes: size}
	}
	return Counts{Live: 1, Bytes: size}
}
