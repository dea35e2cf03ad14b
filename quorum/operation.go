package quorum

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/internal/wire"
)

// Operation is a write as it was sent, or was to be: all that is needed to send
// the same again, or to ask what became of it. It is a value and can be kept, or
// carried to another process of the cluster, by its encoding.
//
// Whoever can change one can write what he likes: it is for programs, not for
// their clients.
type Operation struct {
	ID    wire.OpID
	Table string
	Key   string
	// Delta is what is joined. It is empty while it is not known: an owner makes
	// it, or has made it.
	Delta []byte
	// Make is the encoded crdt.Op that an owner makes, if Delta is empty.
	Make    []byte
	Boot    uint64    // nonce of the boot of an owner that may have made it; 0: none has
	Begun   crdt.Time // the clock when the id was made
	Attempt uint32    // of the last request to make it
}

// IsZero reports that it is no operation.
func (o Operation) IsZero() bool { return o.ID == wire.OpID{} }

// Sent reports whether an owner may have been sent the write: one that was to make
// it, or any of them, of a write that no owner makes.
func (o Operation) Sent() bool { return len(o.Delta) > 0 || o.Boot != 0 }

// ErrOperation is wrapped by the error of a decoder and of a retry: the bytes are
// no operation, or it is one of another table. Nothing was done.
var ErrOperation = errors.New("quorum: not such an operation")

const (
	operationVersion = 1
	operationHead    = 1 + 2*8 + 8 + 8 + 4
)

// AppendBinary appends the encoding: a version, the id, the boot, the time, the
// attempt, and the table, key, delta and op, each behind its length.
func (o Operation) AppendBinary(dst []byte) []byte {
	dst = append(dst, operationVersion)
	for _, n := range [...]uint64{o.ID.Hi, o.ID.Lo, o.Boot, uint64(o.Begun)} {
		dst = binary.BigEndian.AppendUint64(dst, n)
	}
	dst = binary.BigEndian.AppendUint32(dst, o.Attempt)
	for _, b := range [...][]byte{[]byte(o.Table), []byte(o.Key), o.Delta, o.Make} {
		dst = append(binary.AppendUvarint(dst, uint64(len(b))), b...)
	}
	return dst
}

// DecodeOperation decodes an operation, which keeps nothing of p. The error wraps
// [ErrOperation].
func DecodeOperation(p []byte) (o Operation, err error) {
	if len(p) < operationHead || p[0] != operationVersion {
		return o, fmt.Errorf("%w: %d bytes", ErrOperation, len(p))
	}
	number := func(at int) uint64 { return binary.BigEndian.Uint64(p[at:]) }
	o = Operation{ID: wire.OpID{Hi: number(1), Lo: number(9)}, Boot: number(17), Begun: crdt.Time(number(25)),
		Attempt: binary.BigEndian.Uint32(p[33:])}
	p = p[operationHead:]
	var parts [4][]byte
	for i, most := range [...]uint64{wire.MaxKey, wire.MaxKey, wire.MaxState, wire.MaxState} {
		n, size := binary.Uvarint(p)
		if size <= 0 || size > 1 && p[size-1] == 0 || n > most || n > uint64(len(p)-size) {
			return Operation{}, fmt.Errorf("%w: part %d", ErrOperation, i)
		}
		parts[i], p = p[size:size+int(n)], p[size+int(n):]
	}
	if len(p) > 0 || o.IsZero() {
		return Operation{}, fmt.Errorf("%w: no id, or %d bytes too many", ErrOperation, len(p))
	}
	o.Table, o.Key = string(parts[0]), string(parts[1])
	o.Delta, o.Make = slices.Clone(parts[2]), slices.Clone(parts[3])
	return o, nil
}

// Operation returns the write that failed, to be retried or asked about; of a
// read the zero Operation.
func (e *Error) Operation() Operation { return e.operation }

// Of makes e the error of that write, and returns it.
func (e *Error) Of(o Operation) *Error {
	e.operation = o
	return e
}
