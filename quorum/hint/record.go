package hint

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/cespare/xxhash/v2"
)

// Hint is a delta that an owner has missed.
type Hint struct {
	Table     string
	Partition int
	Key       string
	Delta     []byte    // an encoded state or delta of the table's type
	At        time.Time // when the oldest part of it was written, to the millisecond
}

// Limits of a record, in bytes.
const (
	MaxTable = 256
	MaxKey   = 4 << 10
	MaxDelta = 24 << 20
)

// readable reports whether what append makes of the hint can be decoded.
func (h *Hint) readable() bool {
	return len(h.Table) <= MaxTable && len(h.Key) <= MaxKey && len(h.Delta) <= MaxDelta
}

// ErrCorrupt is wrapped by the error for a record that is none, or whose checksum
// is wrong.
var ErrCorrupt = errors.New("hint: corrupt record")

const recordVersion = 1

// append appends the record: version, table, partition, key, time, delta, and
// the xxhash64 of all that.
func (h *Hint) append(dst []byte) []byte {
	start := len(dst)
	dst = append(dst, recordVersion)
	dst = append(binary.AppendUvarint(dst, uint64(len(h.Table))), h.Table...)
	dst = binary.AppendUvarint(dst, uint64(h.Partition))
	dst = append(binary.AppendUvarint(dst, uint64(len(h.Key))), h.Key...)
	dst = binary.AppendUvarint(dst, uint64(max(h.At.UnixMilli(), 0)))
	dst = append(binary.AppendUvarint(dst, uint64(len(h.Delta))), h.Delta...)
	return binary.LittleEndian.AppendUint64(dst, xxhash.Sum64(dst[start:]))
}

// DecodeRecord decodes a record of a [Log]. The hint's delta refers to p. The
// error wraps [ErrCorrupt].
func DecodeRecord(p []byte) (h Hint, err error) {
	if len(p) < 9 || xxhash.Sum64(p[:len(p)-8]) != binary.LittleEndian.Uint64(p[len(p)-8:]) {
		return h, fmt.Errorf("%w: checksum of %d bytes", ErrCorrupt, len(p))
	}
	r := reader{p: p[1 : len(p)-8]}
	if p[0] != recordVersion {
		return h, fmt.Errorf("%w: version %d", ErrCorrupt, p[0])
	}
	h.Table = string(r.bytes(MaxTable))
	h.Partition = int(r.number(1<<16 - 1))
	h.Key = string(r.bytes(MaxKey))
	h.At = time.UnixMilli(int64(r.number(1 << 50)))
	h.Delta = r.bytes(MaxDelta)
	if r.bad || len(r.p) > 0 {
		return Hint{}, fmt.Errorf("%w: fields of %d bytes", ErrCorrupt, len(p))
	}
	return h, nil
}

// reader takes a record apart; after a fault it gives zeros.
type reader struct {
	p   []byte
	bad bool
}

func (r *reader) number(most uint64) uint64 {
	n, width := binary.Uvarint(r.p)
	if width <= 0 || n > most {
		r.bad, r.p = true, nil
		return 0
	}
	r.p = r.p[width:]
	return n
}

func (r *reader) bytes(most uint64) []byte {
	n := r.number(most)
	if n > uint64(len(r.p)) {
		r.bad, r.p = true, nil
		return nil
	}
	b := r.p[:n]
	r.p = r.p[n:]
	return b
}
