package merkle

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// A message is a sequence of items, each about one node:
//
//	kind  bits  prefix                      bits/8 bytes, rounded up
//	's'   k     2^k sums of 8 bytes         the parts of the node, k from 1 to 4
//	'l'   n     n of (suffix, 8 bytes)      all my entries in the range
//	'w'   n     n suffixes                  entries of a list that I lack
//
// n is an unsigned varint; a suffix is the hash without the prefix's whole
// bytes. Sums and fingerprints are sent by their first half: 64 bits, keyed,
// are enough to compare two values at one place.
const (
	itemSums = 's'
	itemList = 'l'
	itemWant = 'w'
)

// ErrCorrupt is wrapped by the errors for messages that are none. The machine
// that was given one has not changed.
var ErrCorrupt = errors.New("merkle: corrupt message")

func appendNode(dst []byte, kind byte, n Node) []byte {
	dst = append(dst, kind, n.Bits)
	var prefix [8]byte
	binary.BigEndian.PutUint64(prefix[:], n.First)
	return append(dst, prefix[:(n.Bits+7)/8]...)
}

func (n Node) appendSuffix(dst []byte, hash uint64) []byte {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], hash)
	return append(dst, b[n.Bits/8:]...)
}

// item is one part of a message, whose numbers refer to the message's bytes.
type item struct {
	kind  byte
	node  Node
	k     uint8
	count int
	body  []byte // count times size bytes
	size  int
}

// nextItem takes the first item off a message.
func nextItem(msg []byte) (it item, rest []byte, err error) {
	if len(msg) < 2 {
		return item{}, nil, fmt.Errorf("%w: item cut short", ErrCorrupt)
	}
	it.kind, it.node.Bits = msg[0], msg[1]
	prefix := (int(it.node.Bits) + 7) / 8
	if it.node.Bits > 64 || len(msg) < 2+prefix {
		return item{}, nil, fmt.Errorf("%w: prefix of %d bits", ErrCorrupt, it.node.Bits)
	}
	var b [8]byte
	copy(b[:], msg[2:2+prefix])
	it.node.First = binary.BigEndian.Uint64(b[:])
	if it.node.First<<it.node.Bits != 0 {
		return item{}, nil, fmt.Errorf("%w: prefix longer than %d bits", ErrCorrupt, it.node.Bits)
	}
	n, width := binary.Uvarint(msg[2+prefix:])
	if width <= 0 {
		return item{}, nil, fmt.Errorf("%w: count", ErrCorrupt)
	}
	return it.withBody(n, msg[2+prefix+width:])
}

func (it item) withBody(n uint64, rest []byte) (item, []byte, error) {
	suffix := 8 - int(it.node.Bits)/8
	switch it.kind {
	case itemSums:
		if n < 1 || n > fanBits || it.node.Bits+uint8(n) > 64 {
			return item{}, nil, fmt.Errorf("%w: sums of %d levels below %d bits", ErrCorrupt, n, it.node.Bits)
		}
		it.k, it.size, n = uint8(n), 8, 1<<n
	case itemList:
		it.size = suffix + 8
	case itemWant:
		it.size = suffix
	default:
		return item{}, nil, fmt.Errorf("%w: kind %#x", ErrCorrupt, it.kind)
	}
	if n > uint64(len(rest)/max(it.size, 1)) || it.size == 0 && n > 1 {
		return item{}, nil, fmt.Errorf("%w: count %d, %d bytes left", ErrCorrupt, n, len(rest))
	}
	it.count = int(n)
	it.body = rest[:it.count*it.size]
	return it, rest[len(it.body):], nil
}

func (it item) sum(i int) uint64 { return binary.LittleEndian.Uint64(it.body[8*i:]) }

// entry is the i-th of a list or of wants; want has no fingerprint.
func (it item) entry(i int) (e entry) {
	p := it.body[i*it.size:][:it.size]
	suffix := 8 - int(it.node.Bits)/8
	var b [8]byte
	copy(b[8-suffix:], p[:suffix])
	e.hash = it.node.First | binary.BigEndian.Uint64(b[:])
	if it.kind == itemList {
		e.half = binary.LittleEndian.Uint64(p[suffix:])
	}
	return e
}

// entry is how an entry is compared: by its hash and half a fingerprint.
type entry struct{ hash, half uint64 }

// validate walks over a message and reports whether every item can be read and
// lies in its range; the error wraps ErrCorrupt.
func validate(msg []byte) error {
	for len(msg) > 0 {
		it, rest, err := nextItem(msg)
		if err != nil {
			return err
		}
		for i := range it.count {
			if h := it.entryHash(i); h < it.node.First || h > it.node.Last() {
				return fmt.Errorf("%w: entry outside of its range", ErrCorrupt)
			}
		}
		msg = rest
	}
	return nil
}

// entryHash is a hash in the range for an item of sums, which has none.
func (it item) entryHash(i int) uint64 {
	if it.kind == itemSums {
		return it.node.First
	}
	return it.entry(i).hash
}

func appendCount(dst []byte, n int) []byte { return binary.AppendUvarint(dst, uint64(n)) }
