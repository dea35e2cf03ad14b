package ring

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/peer"
)

// The encoding of a state. Numbers marked v are unsigned varints, fixed ones
// are big-endian; a text is a length v and its bytes.
//
//	state   version(1) members v, member… tables v, table…
//	member  id, boot counter v, boot nonce(8), rev v, status(1), weight v, zone, addr, data
//	table   name, type, codec(1), kind(1), n(1), w(1), partitions v, key(16), time(8), actor(16)
//
// Members and tables ascend strictly by name.
const stateVersion = 1

// The shortest encoding of an entry: no count above what the remaining bytes
// can hold makes the decoder allocate.
const (
	minMember = 2 + 1 + 8 + 1 + 1 + 1 + 1 + 1 + 1
	minTable  = 2 + 2 + 4 + 1 + 16 + 8 + 16
)

var (
	// ErrCorrupt is wrapped by every decoding error but one: the bytes are not
	// the canonical encoding of a state within the limits.
	ErrCorrupt = errors.New("ring: corrupt state")
	// ErrVersion is wrapped when the bytes are in a format that this program
	// does not know.
	ErrVersion = errors.New("ring: unknown state version")
)

// AppendBinary appends the canonical encoding: equal states give equal bytes.
func (s *State) AppendBinary(dst []byte) []byte {
	if s.enc == nil {
		return append(dst, stateVersion, 0, 0)
	}
	return append(dst, s.enc...)
}

// Decode reads what [State.AppendBinary] wrote, and nothing else: one state
// has one encoding. The error wraps [ErrCorrupt] or [ErrVersion]. The state
// keeps no reference to p.
func Decode(p []byte) (*State, error) {
	if len(p) == 0 {
		return nil, fmt.Errorf("%w: empty", ErrCorrupt)
	}
	if p[0] != stateVersion {
		return nil, fmt.Errorf("%w: %d", ErrVersion, p[0])
	}
	d := decoder{rest: p[1:]}
	members := list(&d, "members", MaxMembers, minMember, (*decoder).member)
	tables := list(&d, "tables", MaxTables, minTable, (*decoder).table)
	if d.err == nil && len(d.rest) > 0 {
		d.fail("%d bytes too many", len(d.rest))
	}
	if d.err != nil {
		return nil, d.err
	}
	s := newState(members, tables)
	if !bytes.Equal(s.AppendBinary(nil), p) {
		return nil, fmt.Errorf("%w: not canonical", ErrCorrupt)
	}
	return s, nil
}

func appendState(dst []byte, members []Member, tables []Table) []byte {
	dst = binary.AppendUvarint(append(dst, stateVersion), uint64(len(members)))
	for i := range members {
		dst = appendMember(dst, &members[i])
	}
	dst = binary.AppendUvarint(dst, uint64(len(tables)))
	for i := range tables {
		dst = appendTable(dst, &tables[i])
	}
	return dst
}

func appendMember(dst []byte, m *Member) []byte {
	dst = appendText(dst, string(m.ID))
	dst = binary.AppendUvarint(dst, m.Boot.Counter)
	dst = binary.BigEndian.AppendUint64(dst, m.Boot.Nonce)
	dst = binary.AppendUvarint(dst, m.Rev)
	dst = append(dst, byte(m.Status))
	dst = binary.AppendUvarint(dst, uint64(m.Weight))
	return appendText(appendText(appendText(dst, m.Zone), m.Addr), m.Data)
}

func appendTable(dst []byte, t *Table) []byte {
	dst = appendText(appendText(dst, t.Name), t.Type)
	dst = append(dst, t.Codec, byte(t.Kind), t.N, t.W)
	dst = binary.AppendUvarint(dst, uint64(t.Partitions))
	dst = append(dst, t.Key[:]...)
	dst = binary.BigEndian.AppendUint64(dst, uint64(t.Created.Time))
	return append(dst, t.Created.Actor[:]...)
}

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// decoder takes values off the front of rest. After the first error, which it
// keeps, everything it gives is zero.
type decoder struct {
	rest []byte
	err  error
}

func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: %w", ErrCorrupt, fmt.Errorf(format, args...))
	}
	d.rest = nil
}

// list reads a count and that many entries, each valid and above the one
// before it.
func list[T interface {
	Validate() error
	name() string
}](d *decoder, what string, limit, size int, entry func(*decoder) T) []T {
	n := d.uvarint()
	if n > uint64(limit) || n > uint64(len(d.rest)/size) {
		d.fail("%d %s in %d bytes, at most %d", n, what, len(d.rest), limit)
		return nil
	}
	out := make([]T, 0, n)
	for range n {
		e := entry(d)
		if d.err != nil {
			return nil
		}
		if err := e.Validate(); err != nil {
			d.fail("%w", err)
			return nil
		}
		if len(out) > 0 && e.name() <= out[len(out)-1].name() {
			d.fail("%s are not in order at %q", what, e.name())
			return nil
		}
		out = append(out, e)
	}
	return out
}

func (m Member) name() string { return string(m.ID) }
func (t Table) name() string  { return t.Name }

func (d *decoder) member() Member {
	m := Member{
		ID:     peer.ID(d.text()),
		Boot:   peer.Boot{Counter: d.uvarint(), Nonce: d.uint64()},
		Rev:    d.uvarint(),
		Status: Status(d.byte()),
		Weight: d.uint32(),
		Zone:   d.text(),
		Addr:   d.text(),
		Data:   d.text(),
	}
	if m.Weight == 0 {
		d.fail("member %q has no weight", m.ID)
	}
	return m
}

func (d *decoder) table() Table {
	t := Table{
		Name: d.text(), Type: d.text(),
		Codec: d.byte(), Kind: Kind(d.byte()), N: d.byte(), W: d.byte(),
		Partitions: d.uint32(),
	}
	copy(t.Key[:], d.take(len(t.Key)))
	t.Created.Time = crdt.Time(d.uint64())
	copy(t.Created.Actor[:], d.take(len(t.Created.Actor)))
	return t
}

func (d *decoder) take(n int) []byte {
	if n > len(d.rest) {
		d.fail("%d bytes missing", n-len(d.rest))
		return nil
	}
	p := d.rest[:n]
	d.rest = d.rest[n:]
	return p
}

func (d *decoder) byte() byte {
	if p := d.take(1); p != nil {
		return p[0]
	}
	return 0
}

func (d *decoder) uint64() uint64 {
	if p := d.take(8); p != nil {
		return binary.BigEndian.Uint64(p)
	}
	return 0
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.rest)
	if n <= 0 {
		d.fail("bad number")
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

func (d *decoder) uint32() uint32 {
	v := d.uvarint()
	if v > 1<<32-1 {
		d.fail("number %d is out of range", v)
	}
	return uint32(v)
}

func (d *decoder) text() string {
	n := d.uvarint()
	if n > MaxText {
		d.fail("text of %d bytes, at most %d", n, MaxText)
		return ""
	}
	return string(d.take(int(n)))
}
