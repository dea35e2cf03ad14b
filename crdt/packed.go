package crdt

// Packed is a [Cell] kept in its encoding, as a [State] for stores: half the
// memory of a Cell, and reading it is a copy. The zero Packed is bottom.
type Packed struct {
	enc []byte // nil, or a valid encoding
}

// NewPacked returns bottom as a State: what a store starts a register from.
func NewPacked() State { return new(Packed) }

// PackedOf returns the state with an encoding that [Packed.Encoding] gave, or
// bottom if it is empty. The memory up to the encoding's capacity belongs to the
// state from then on.
func PackedOf(encoding []byte) Packed { return Packed{encoding} }

// Encoding returns the encoding as the state keeps it; it is empty for bottom,
// and valid until the next join.
func (p *Packed) Encoding() []byte { return p.enc }

// Cell returns the cell, which shares the state's bytes until the next join.
func (p *Packed) Cell() Cell {
	if len(p.enc) == 0 {
		return Cell{}
	}
	c, _ := DecodeCell(p.enc) // enc was written by AppendBinary
	return c
}

// Reset makes p bottom again and keeps its memory for the next join.
func (p *Packed) Reset() { p.enc = p.enc[:0] }

// IsBottom reports that nothing was ever joined.
func (p *Packed) IsBottom() bool { return len(p.enc) == 0 }

// JoinBinary joins an encoded cell; see [State].
func (p *Packed) JoinBinary(delta []byte) (Joined, error) {
	d, err := DecodeCell(delta)
	if err != nil {
		return Joined{}, err
	}
	c := p.Cell()
	old := c.Value.Stamp
	j := c.Join(d)
	if j.Changed {
		p.set(&c, c.Value.Stamp != old)
	}
	return j, nil
}

// set encodes c over the old encoding where it fits, without waste if there was
// one. That is only safe when c's bytes are not part of the old encoding.
func (p *Packed) set(c *Cell, foreign bool) {
	size := c.encodedSize()
	if foreign && cap(p.enc) >= size && (len(p.enc) == 0 || cap(p.enc) <= 2*size) {
		p.enc = c.AppendBinary(p.enc[:0])
		return
	}
	p.enc = c.AppendBinary(make([]byte, 0, size))
}

// AppendBinary appends the canonical encoding.
func (p *Packed) AppendBinary(dst []byte) []byte {
	if len(p.enc) == 0 {
		return append(dst, cellVersion, 0)
	}
	return append(dst, p.enc...)
}

// head returns the encoding up to the value's bytes.
func (p *Packed) head() []byte {
	n, flags := 2, p.enc[1]
	if flags&cellValue != 0 {
		n += stampSize
	}
	if flags&cellExpiry != 0 {
		n += 8
	}
	if flags&(cellExpiry|cellTogether) == cellExpiry {
		n += 2 * stampSize
	}
	return p.enc[:n]
}

// Fingerprint is that of the cell, taken from the encoding as it is.
func (p *Packed) Fingerprint(k Key) Fingerprint {
	if len(p.enc) == 0 || p.enc[1] == 0 {
		return Fingerprint{}
	}
	head := p.head()
	var buf [2 + 3*stampSize + 8 + 16]byte
	return k.Sum(appendLengthAndHash(append(buf[:0], head...), p.enc[len(head):]))
}

// Tombstone reports that the cell holds no value.
func (p *Packed) Tombstone() bool {
	return len(p.enc) == 0 || p.enc[1]&(cellValue|cellDeleted) != cellValue
}

// Size is about how many bytes of memory the state takes.
func (p *Packed) Size() int { return 24 + cap(p.enc) }

// encodedSize is the length of what AppendBinary appends.
func (c *Cell) encodedSize() int {
	n := 2 + len(c.Value.Bytes)
	if !c.Value.Stamp.IsZero() {
		n += stampSize
	}
	if !c.Expiry.For.IsZero() {
		n += 8
		if c.Expiry.For != c.Value.Stamp || c.Expiry.Stamp != c.Value.Stamp {
			n += 2 * stampSize
		}
	}
	return n
}
