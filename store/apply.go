package store

import (
	"fmt"

	"github.com/grapevine-go/grapevine/crdt"
)

// Apply makes an operation at the key's state: it joins the delta that comes of
// it, and appends the delta's encoding to dst. The mint is asked for under the
// partition's lock, so that numbers which rise from call to call rise in each
// state; it must not call the table. That the state holds all that the mint's
// actor ever did to the value is for the caller to know.
//
// The error wraps crdt.ErrOperation if the table's type takes no operations, or
// is that of crdt.Mutable; nothing changed then. The key is not kept.
func (t *Table) Apply(hash uint64, key []byte, mint func() crdt.Mint, op crdt.Op, dst []byte) ([]byte, error) {
	p := t.part(hash)
	p.mu.Lock()
	defer p.mu.Unlock()
	e, was := p.entries.find(hash, key), Counts{}
	known := e != nil
	if known {
		was = e.counts()
	} else {
		e = &entry{keySize: len(key), state: t.newState(), bytes: append([]byte(nil), key...)}
	}
	m, ok := e.state.(crdt.Mutable)
	if !ok {
		return dst, fmt.Errorf("%w: the table's type takes none", crdt.ErrOperation)
	}
	dst, _, err := m.ApplyBinary(mint(), op, dst)
	if err != nil {
		return dst, err
	}
	if !known {
		p.entries.insert(hash, e)
	}
	p.replace(hash, e, was)
	if !known {
		p.reshape()
	}
	return dst, nil
}

// AppendDifference appends to dst what the key's state has and the encoded one
// lacks: nothing if it lacks nothing. It reports false, and appends nothing, if the
// table's type cannot tell, or the key is not here. The error is that of the
// encoding.
func (t *Table) AppendDifference(dst []byte, hash uint64, key, other []byte) (diff []byte, ok bool, err error) {
	p := t.part(hash)
	p.mu.RLock()
	defer p.mu.RUnlock()
	e := p.entries.find(hash, key)
	if e == nil {
		return dst, false, nil
	}
	m, ok := e.state.(crdt.Mutable)
	if !ok {
		return dst, false, nil
	}
	diff, err = m.DifferenceBinary(other, dst)
	return diff, err == nil, err
}
