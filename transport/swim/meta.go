package swim

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/grapevine-go/grapevine/peer"
)

// meta is what a node tells about itself: memberlist's NodeMeta. On the wire,
// integers big-endian:
//
//	0        1       2                      +16                         +2+2
//	┌────────┬───────┬────┬────┬─────────┬───────┬─────┬────────┬──────┬──────────┬────┬──────┬────────┐
//	│ format │ flags │ n  │ id │ counter │ nonce │ a   │ address│ port │ min, max │ z  │ zone │ weight │
//	│ 1      │       │ u8 │ n  │ u64     │ u64   │ u8  │ a      │ u16  │ u8, u8   │ u8 │ z    │ u32    │
//	└────────┴───────┴────┴────┴─────────┴───────┴─────┴────────┴──────┴──────────┴────┴──────┴────────┘
//
// Flags: bit 0, the node is leaving; the others are ignored. a is 0, 4 or 16;
// without an address there is no port. Bytes behind the weight are ignored, so
// that fields can be added; another format number is another layout.
type meta struct {
	id       peer.ID
	boot     peer.Boot
	leaving  bool
	data     netip.AddrPort
	versions Versions
	zone     string
	weight   uint32
}

const (
	metaFormat  = 1
	metaLeaving = 1 << 0
	metaMax     = 512 // memberlist's limit
)

var errMeta = errors.New("swim: malformed metadata")

// append encodes m. The longest result, 237 bytes, is within metaMax.
func (m meta) append(b []byte) []byte {
	var flags byte
	if m.leaving {
		flags |= metaLeaving
	}
	b = append(b, metaFormat, flags, byte(len(m.id)))
	b = append(b, m.id...)
	b = binary.BigEndian.AppendUint64(b, m.boot.Counter)
	b = binary.BigEndian.AppendUint64(b, m.boot.Nonce)
	addr := m.data.Addr().AsSlice()
	b = append(b, byte(len(addr)))
	b = append(b, addr...)
	if len(addr) > 0 {
		b = binary.BigEndian.AppendUint16(b, m.data.Port())
	}
	b = append(b, m.versions.Min, m.versions.Max, byte(len(m.zone)))
	b = append(b, m.zone...)
	return binary.BigEndian.AppendUint32(b, m.weight)
}

// parseMeta decodes what came from the wire; it keeps nothing of b. The error
// wraps errMeta.
func parseMeta(b []byte) (meta, error) {
	if len(b) > metaMax {
		return meta{}, fmt.Errorf("%w: %d bytes, at most %d", errMeta, len(b), metaMax)
	}
	r := metaReader{b: b}
	if f := r.byte(); f != metaFormat && !r.short {
		return meta{}, fmt.Errorf("%w: format %d is unknown", errMeta, f)
	}
	var m meta
	m.leaving = r.byte()&metaLeaving != 0
	m.id = peer.ID(r.take(int(r.byte())))
	m.boot = peer.Boot{Counter: r.uint64(), Nonce: r.uint64()}
	if addr := r.take(int(r.byte())); len(addr) > 0 {
		a, ok := netip.AddrFromSlice(addr)
		if !ok {
			return meta{}, fmt.Errorf("%w: data address of %d bytes", errMeta, len(addr))
		}
		m.data = netip.AddrPortFrom(a, r.uint16())
	}
	m.versions = Versions{Min: r.byte(), Max: r.byte()}
	m.zone = string(r.take(int(r.byte())))
	m.weight = r.uint32()
	if r.short {
		return meta{}, fmt.Errorf("%w: cut off at %d bytes", errMeta, len(b))
	}
	return m, m.check()
}

// check refuses values that no valid configuration produces.
func (m meta) check() error {
	if err := m.id.Validate(); err != nil {
		return fmt.Errorf("%w: %w", errMeta, err)
	}
	a := m.data.Addr()
	switch {
	case m.boot.Nonce == 0:
		return fmt.Errorf("%w: boot without nonce", errMeta)
	case m.data != netip.AddrPort{} && (!a.IsValid() || a.Is4In6() || a.IsUnspecified() || m.data.Port() == 0):
		return fmt.Errorf("%w: data address %v", errMeta, m.data)
	case m.versions.Min > m.versions.Max:
		return fmt.Errorf("%w: versions %d to %d", errMeta, m.versions.Min, m.versions.Max)
	case len(m.zone) > MaxZone || !utf8.ValidString(m.zone):
		return fmt.Errorf("%w: zone %q", errMeta, m.zone)
	}
	return nil
}

// metaReader takes fields from the front of b; once one is missing, short is
// set and all that follow are zero.
type metaReader struct {
	b     []byte
	short bool
}

func (r *metaReader) take(n int) []byte {
	if r.short || n > len(r.b) {
		r.short = true
		return nil
	}
	field := r.b[:n]
	r.b = r.b[n:]
	return field
}

func (r *metaReader) byte() byte {
	if f := r.take(1); f != nil {
		return f[0]
	}
	return 0
}

func (r *metaReader) uint16() uint16 {
	if f := r.take(2); f != nil {
		return binary.BigEndian.Uint16(f)
	}
	return 0
}

func (r *metaReader) uint32() uint32 {
	if f := r.take(4); f != nil {
		return binary.BigEndian.Uint32(f)
	}
	return 0
}

func (r *metaReader) uint64() uint64 {
	if f := r.take(8); f != nil {
		return binary.BigEndian.Uint64(f)
	}
	return 0
}

// wireName is the name of one life of a node in memberlist: the id and the
// nonce, "a~9f86d081884c7d65". Memberlist orders the messages about a name by
// an incarnation that starts anew with the process, and pins a name to an
// address; with a name per boot neither stands in the way of a restart.
func wireName(id peer.ID, nonce uint64) string {
	return fmt.Sprintf("%s~%016x", id, nonce)
}

// parseWireName takes a name apart; ok is false if wireName did not make it.
func parseWireName(name string) (id peer.ID, nonce uint64, ok bool) {
	i, hex, found := strings.Cut(name, "~")
	nonce, err := strconv.ParseUint(hex, 16, 64)
	id = peer.ID(i)
	return id, nonce, found && err == nil && wireName(id, nonce) == name
}
