package replica

import "github.com/grapevine-go/grapevine/crdt"

// joined is what a read joins into: a packed register, whose memory a Call
// keeps from one read to the next, or a state of the table's own type.
type joined struct {
	register crdt.Packed
	other    crdt.State // nil: the table holds registers
	any      bool       // something was joined into other
}

// reset makes it bottom, for a table of that data.
func (j *joined) reset(d *Data) {
	j.register.Reset()
	j.other, j.any = nil, false
	if d != nil && !d.registers {
		j.other = d.typ.New()
	}
}

// JoinBinary implements [crdt.State].
func (j *joined) JoinBinary(delta []byte) (crdt.Joined, error) {
	if j.other == nil {
		return j.register.JoinBinary(delta)
	}
	r, err := j.other.JoinBinary(delta)
	j.any = j.any || err == nil
	return r, err
}

// isBottom reports that nothing was joined.
func (j *joined) isBottom() bool {
	if j.other == nil {
		return j.register.IsBottom()
	}
	return !j.any
}

// AppendBinary implements [crdt.State].
func (j *joined) AppendBinary(dst []byte) []byte {
	if j.other == nil {
		return j.register.AppendBinary(dst)
	}
	return j.other.AppendBinary(dst)
}

// Fingerprint implements [crdt.State].
func (j *joined) Fingerprint(k crdt.Key) crdt.Fingerprint {
	if j.other == nil {
		return j.register.Fingerprint(k)
	}
	return j.other.Fingerprint(k)
}

// Tombstone implements [crdt.State].
func (j *joined) Tombstone() bool {
	if j.other == nil {
		return j.register.Tombstone()
	}
	return j.other.Tombstone()
}

// Size implements [crdt.State].
func (j *joined) Size() int {
	if j.other == nil {
		return j.register.Size()
	}
	return j.other.Size()
}

// Cell is the register's: of another type the empty one. It makes the state a
// register to sessions.
func (j *joined) Cell() crdt.Cell { return j.register.Cell() }

// AppendState appends the encoding of what a read has joined, and reports whether
// anybody had anything.
func (c *Call) AppendState(dst []byte) ([]byte, bool) {
	if c.state.isBottom() {
		return dst, false
	}
	return c.state.AppendBinary(dst), true
}
