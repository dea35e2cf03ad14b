package crdt

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/cespare/xxhash/v2"
)

// Cell is a last-writer-wins register with an expiry: two registers side by
// side. The zero Cell is bottom: nothing was ever written.
//
// The value is ordered by (time, actor, deleted, bytes). The expiry is ordered
// first by the stamp of the value it belongs to, so that an expiry set on an
// older value never touches a newer one, and a late one never replaces it; an
// expiry for a value that is no longer there is dropped. One for a value that
// has not arrived yet waits, in the place of the expiry of the value that is
// about to be replaced: until then that one, were it to expire, stays visible.
//
// Whether a cell has expired is the reader's judgement, see [Cell.Expired]: the
// clock hides a value, only a join changes the cell, and so time never makes
// two replicas differ.
type Cell struct {
	Value  Value
	Expiry Expiry
}

// Value is the value register of a [Cell]. The zero Value is unwritten.
type Value struct {
	Stamp   Stamp
	Deleted bool   // a tombstone; Bytes is empty
	Bytes   []byte // owned by the cell; never changed in place
}

// Expiry is the expiry register of a [Cell]. The zero Expiry is unwritten.
type Expiry struct {
	Stamp Stamp // when the expiry was set
	For   Stamp // the stamp of the value it belongs to
	At    int64 // milliseconds since 1970 from which the value is hidden; 0: stays
}

func (v Value) compare(o Value) int {
	if c := v.Stamp.Compare(o.Stamp); c != 0 {
		return c
	}
	if v.Deleted != o.Deleted {
		if v.Deleted {
			return 1
		}
		return -1
	}
	return bytes.Compare(v.Bytes, o.Bytes)
}

func (e Expiry) compare(o Expiry) int {
	if c := e.For.Compare(o.For); c != 0 {
		return c
	}
	if c := e.Stamp.Compare(o.Stamp); c != 0 {
		return c
	}
	return cmp.Compare(e.At, o.At)
}

// Put returns the delta that sets the value, with an expiry if at, in
// milliseconds since 1970, is not 0; at a time gone by the value is hidden from
// the start. The delta refers to value. A delta under the zero stamp is bottom.
func Put(s Stamp, value []byte, at int64) Cell {
	c := Cell{Value: Value{Stamp: s, Bytes: value}}
	if at != 0 {
		c.Expiry = Expiry{Stamp: s, For: s, At: at}
	}
	return c
}

// Delete returns the delta that leaves a tombstone. Under the zero stamp it is
// bottom.
func Delete(s Stamp) Cell { return Cell{Value: Value{Stamp: s, Deleted: true}} }

// Expire returns the delta that sets when the value written at stamp of
// expires, in milliseconds since 1970; 0 makes it stay. With a zero stamp it is
// bottom.
func Expire(s, of Stamp, at int64) Cell { return Cell{Expiry: Expiry{Stamp: s, For: of, At: at}} }

// Restamp returns the delta with a newer stamp: the same operation, written
// again above whatever dominated it. An expiry alone keeps the value that it
// belongs to: once that value was overwritten, no stamp brings it to bear.
func (c Cell) Restamp(s Stamp) Cell {
	if !c.Value.Stamp.IsZero() {
		if c.Expiry.For == c.Value.Stamp {
			c.Expiry.For = s
		}
		c.Value.Stamp = s
	}
	if !c.Expiry.Stamp.IsZero() {
		c.Expiry.Stamp = s
	}
	return c
}

// Stamp returns the highest stamp in the cell.
func (c Cell) Stamp() Stamp {
	if c.Value.Stamp.Compare(c.Expiry.Stamp) < 0 {
		return c.Expiry.Stamp
	}
	return c.Value.Stamp
}

// Expired reports whether the cell's value is hidden at now, in milliseconds
// since 1970.
func (c Cell) Expired(now int64) bool {
	return c.Expiry.At != 0 && c.Expiry.For == c.Value.Stamp && now >= c.Expiry.At
}

// Get returns the value that a reader sees at now: false if there is none, or
// it is deleted or expired. The bytes must not be changed.
func (c Cell) Get(now int64) ([]byte, bool) {
	if c.Value.Stamp.IsZero() || c.Value.Deleted || c.Expired(now) {
		return nil, false
	}
	return c.Value.Bytes, true
}

// Join joins d into the cell, which then shares d's bytes.
func (c *Cell) Join(d Cell) Joined {
	var j Joined
	d.normal()
	if !d.Value.Stamp.IsZero() {
		switch o := d.Value.compare(c.Value); {
		case o > 0:
			c.Value, j.Changed = d.Value, true
		case o < 0:
			j.Dominated = c.Value.Stamp
		}
	}
	if !d.Expiry.For.IsZero() {
		switch o := d.Expiry.compare(c.Expiry); {
		case d.Expiry.For.Compare(c.Value.Stamp) < 0:
			j.dominate(c.Value.Stamp)
		case o > 0:
			c.Expiry, j.Changed = d.Expiry, true
		case o < 0:
			j.dominate(c.Expiry.Stamp)
		}
	}
	if c.Expiry.For.Compare(c.Value.Stamp) < 0 {
		c.Expiry = Expiry{}
	}
	return j
}

// normal leaves out what has no meaning, so that one state has one form: what
// is under a zero stamp, a tombstone's bytes, the expiry of an older value. What
// comes out of a join or a decoder is normal; a cell put together by hand may
// not be.
func (c *Cell) normal() *Cell {
	if c.Value.Stamp.IsZero() {
		c.Value = Value{}
	}
	if c.Value.Deleted {
		c.Value.Bytes = nil
	}
	if c.Expiry.For.IsZero() || c.Expiry.Stamp.IsZero() || c.Expiry.For.Compare(c.Value.Stamp) < 0 {
		c.Expiry = Expiry{}
	}
	return c
}

// Difference returns what the cell has and o lacks: the registers of the cell
// that are news to o. It is the zero Cell if there is none.
func (c Cell) Difference(o Cell) Cell {
	c.normal()
	if c.Value.compare(o.Value) <= 0 {
		c.Value = Value{}
	}
	if c.Expiry.compare(o.Expiry) <= 0 || c.Expiry.For.Compare(o.Value.Stamp) < 0 {
		c.Expiry = Expiry{}
	}
	return c
}

func (j *Joined) dominate(s Stamp) {
	if j.Dominated.Compare(s) < 0 {
		j.Dominated = s
	}
}

// AppendVersion appends the canonical encoding in the given version, of which
// there is one; see [Mutable].
func (c *Cell) AppendVersion(dst []byte, version byte) ([]byte, error) {
	if version != cellVersion {
		return dst, fmt.Errorf("%w: version %d, %d can be written", ErrVersion, version, cellVersion)
	}
	return c.AppendBinary(dst), nil
}

// Tombstone reports that the cell holds no value: deleted, or never written.
func (c *Cell) Tombstone() bool { return c.Value.Deleted || c.Value.Stamp.IsZero() }

// Size is about how many bytes of memory the cell takes.
func (c *Cell) Size() int { return 136 + len(c.Value.Bytes) }

// JoinBinary joins an encoded cell; see [State].
func (c *Cell) JoinBinary(delta []byte) (Joined, error) {
	d, err := DecodeCell(delta)
	if err != nil {
		return Joined{}, err
	}
	if d.Value.compare(c.Value) > 0 {
		d.Value.Bytes = slices.Clone(d.Value.Bytes)
	}
	return c.Join(d), nil
}

// The encoding of a cell, version 1 (docs/wire.md draws it):
//
//	version 1 | flags 1 | [value stamp 24] | [expiry stamp 24 | for 24 | at 8] | value bytes
//
// Integers are big-endian. A stamp is time 8, actor 16. An expiry that was set
// together with its value leaves its two stamps out.
const (
	cellVersion = 1

	cellValue    = 1 << 0 // a value stamp follows
	cellDeleted  = 1 << 1 // the value is a tombstone
	cellExpiry   = 1 << 2 // an expiry follows
	cellTogether = 1 << 3 // its stamps are those of the value and left out
	cellFlags    = cellValue | cellDeleted | cellExpiry | cellTogether

	stampSize = 24
)

// AppendBinary appends the canonical encoding.
func (c *Cell) AppendBinary(dst []byte) []byte {
	n := *c
	return n.normal().appendTo(dst)
}

func (c *Cell) appendTo(dst []byte) []byte {
	dst, head := append(dst, cellVersion, 0), len(dst)+1
	var flags byte
	if !c.Value.Stamp.IsZero() {
		flags |= cellValue
		if c.Value.Deleted {
			flags |= cellDeleted
		}
		dst = appendStamp(dst, c.Value.Stamp)
	}
	if !c.Expiry.For.IsZero() {
		flags |= cellExpiry
		if c.Expiry.For == c.Value.Stamp && c.Expiry.Stamp == c.Value.Stamp {
			flags |= cellTogether
		} else {
			dst = appendStamp(appendStamp(dst, c.Expiry.Stamp), c.Expiry.For)
		}
		dst = binary.BigEndian.AppendUint64(dst, uint64(c.Expiry.At))
	}
	dst[head] = flags
	return append(dst, c.Value.Bytes...)
}

// DecodeCell decodes a cell that refers to p's bytes. The error wraps
// [ErrCorrupt] or [ErrVersion]. Only canonical encodings are accepted.
func DecodeCell(p []byte) (Cell, error) {
	var c Cell
	if len(p) < 2 {
		return c, fmt.Errorf("%w: cell of %d bytes", ErrCorrupt, len(p))
	}
	if p[0] != cellVersion {
		return c, fmt.Errorf("%w: cell version %d", ErrVersion, p[0])
	}
	flags := p[1]
	p = p[2:]
	need := 0
	if flags&cellValue != 0 {
		need += stampSize
	}
	if flags&cellExpiry != 0 {
		need += 8
		if flags&cellTogether == 0 {
			need += 2 * stampSize
		}
	}
	if flags&^cellFlags != 0 || len(p) < need {
		return c, fmt.Errorf("%w: cell flags %#x with %d bytes", ErrCorrupt, flags, len(p))
	}
	if flags&cellValue != 0 {
		c.Value.Stamp, p = takeStamp(p)
		c.Value.Deleted = flags&cellDeleted != 0
	}
	if flags&cellExpiry != 0 {
		c.Expiry.Stamp, c.Expiry.For = c.Value.Stamp, c.Value.Stamp
		if flags&cellTogether == 0 {
			c.Expiry.Stamp, p = takeStamp(p)
			c.Expiry.For, p = takeStamp(p)
		}
		c.Expiry.At = int64(binary.BigEndian.Uint64(p))
		p = p[8:]
	}
	if len(p) > 0 {
		c.Value.Bytes = p
	}
	return c, c.valid(flags)
}

// valid refuses what AppendBinary never writes, so that one state has one
// encoding.
func (c *Cell) valid(flags byte) error {
	value, expiry := flags&cellValue != 0, flags&cellExpiry != 0
	switch {
	case value == c.Value.Stamp.IsZero(),
		expiry == c.Expiry.For.IsZero(),
		expiry == c.Expiry.Stamp.IsZero(),
		!value && (c.Value.Bytes != nil || flags&(cellDeleted|cellTogether) != 0),
		c.Value.Deleted && c.Value.Bytes != nil,
		!expiry && flags&cellTogether != 0,
		expiry && flags&cellTogether == 0 && c.Expiry.Stamp == c.Value.Stamp && c.Expiry.For == c.Value.Stamp,
		expiry && c.Expiry.For.Compare(c.Value.Stamp) < 0:
		return fmt.Errorf("%w: cell is not canonical", ErrCorrupt)
	}
	return nil
}

func appendStamp(dst []byte, s Stamp) []byte {
	dst = binary.BigEndian.AppendUint64(dst, uint64(s.Time))
	return append(dst, s.Actor[:]...)
}

func takeStamp(p []byte) (Stamp, []byte) {
	var s Stamp
	s.Time = Time(binary.BigEndian.Uint64(p))
	copy(s.Actor[:], p[8:])
	return s, p[stampSize:]
}

// Fingerprint digests the stamps, the flags, the length and a 64-bit hash of
// the bytes; the zero Cell has the zero fingerprint. Hashing the bytes with the
// faster function is enough: two different values under one stamp do not
// occur, as an actor never uses a stamp twice.
func (c *Cell) Fingerprint(k Key) Fingerprint {
	n := *c
	n.normal()
	if n.Value.Stamp.IsZero() && n.Expiry.For.IsZero() {
		return Fingerprint{}
	}
	var buf [2 + 3*stampSize + 8 + 16]byte
	value := n.Value.Bytes
	n.Value.Bytes = nil
	return k.Sum(appendLengthAndHash(n.appendTo(buf[:0]), value))
}

// appendLengthAndHash stands for a value's bytes in a fingerprint.
func appendLengthAndHash(dst, value []byte) []byte {
	dst = binary.BigEndian.AppendUint64(dst, uint64(len(value)))
	return binary.BigEndian.AppendUint64(dst, xxhash.Sum64(value))
}
