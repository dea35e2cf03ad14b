package transport

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/grapevine-go/grapevine/peer"
)

// The protocol versions this code speaks.
const (
	minVersion = 1
	maxVersion = 1
)

const (
	helloMagic  = "GRPV"
	helloPrefix = 7    // magic, length of the rest, type
	maxHello    = 1024 // bytes of the rest

	typeHello   = 1
	typeRefusal = 2

	tlsHandshake = 0x16 // the first byte of a TLS connection
)

// hello is how each side of a connection introduces itself. Each sends one
// before any frame, the dialling side first.
type hello struct {
	minVersion, maxVersion uint8
	features               uint32 // none is defined; a set bit that both know switches it on
	boot                   peer.Boot
	maxMessage             uint32
	cluster                string
	id                     peer.ID
	to                     peer.ID // whom the dialling side believes to reach; empty in the answer
}

// appendHello encodes h with its prefix. The strings have at most 255 bytes:
// Config.Validate and Transport.Peer saw to it.
func appendHello(b []byte, h hello) []byte {
	return appendPrefixed(b, typeHello, func(b []byte) []byte {
		b = append(b, h.minVersion, h.maxVersion)
		b = binary.BigEndian.AppendUint32(b, h.features)
		b = binary.BigEndian.AppendUint64(b, h.boot.Counter)
		b = binary.BigEndian.AppendUint64(b, h.boot.Nonce)
		b = binary.BigEndian.AppendUint32(b, h.maxMessage)
		for _, s := range []string{h.cluster, string(h.id), string(h.to)} {
			b = append(append(b, byte(len(s))), s...)
		}
		return b
	})
}

func appendPrefixed(b []byte, typ byte, body func([]byte) []byte) []byte {
	b = append(b, helloMagic...)
	at := len(b)
	b = body(append(b, 0, 0, typ))
	binary.BigEndian.PutUint16(b[at:], uint16(len(b)-at-3))
	return b
}

// parseHello decodes the body of a hello. Bytes behind the known fields belong
// to later versions and are ignored. Its errors wrap ErrProtocol.
func parseHello(b []byte) (hello, error) {
	const fixed = 2 + 4 + 8 + 8 + 4
	if len(b) < fixed {
		return hello{}, fmt.Errorf("%w: hello of %d bytes", ErrProtocol, len(b))
	}
	h := hello{
		minVersion: b[0], maxVersion: b[1],
		features:   binary.BigEndian.Uint32(b[2:]),
		boot:       peer.Boot{Counter: binary.BigEndian.Uint64(b[6:]), Nonce: binary.BigEndian.Uint64(b[14:])},
		maxMessage: binary.BigEndian.Uint32(b[22:]),
	}
	b = b[fixed:]
	var cluster, id, to string
	for _, s := range []*string{&cluster, &id, &to} {
		if len(b) == 0 || len(b) < 1+int(b[0]) {
			return hello{}, fmt.Errorf("%w: truncated hello", ErrProtocol)
		}
		*s, b = string(b[1:1+int(b[0])]), b[1+int(b[0]):]
	}
	h.cluster, h.id, h.to = cluster, peer.ID(id), peer.ID(to)
	if h.minVersion == 0 || h.maxVersion < h.minVersion || h.maxMessage == 0 {
		return hello{}, fmt.Errorf("%w: hello with versions %d to %d, messages of %d bytes", ErrProtocol, h.minVersion, h.maxVersion, h.maxMessage)
	}
	if err := h.id.Validate(); err != nil {
		return hello{}, fmt.Errorf("%w: hello: %w", ErrProtocol, err)
	}
	return h, nil
}

// refusal is the answer to a hello that is not accepted. It names no more than
// a reason: a stranger learns nothing about this cluster.
type refusal struct {
	reason                 uint8
	minVersion, maxVersion uint8
}

// refusals are the reasons on the wire and the errors they stand for.
var refusals = []struct {
	reason uint8
	err    error
}{{1, ErrCluster}, {2, ErrVersion}, {3, ErrIdentity}, {4, ErrTLS}, {5, ErrBusy}}

func appendRefusal(b []byte, r refusal) []byte {
	return appendPrefixed(b, typeRefusal, func(b []byte) []byte {
		return append(b, r.reason, r.minVersion, r.maxVersion)
	})
}

// parseRefusal turns a refusal into the error that it means.
func parseRefusal(b []byte) error {
	if len(b) < 3 {
		return fmt.Errorf("%w: refusal of %d bytes", ErrProtocol, len(b))
	}
	for _, r := range refusals {
		switch {
		case r.reason != b[0]:
		case r.err == ErrVersion:
			return fmt.Errorf("refused by the peer: %w: it speaks %d to %d, this node %d to %d", r.err, b[1], b[2], minVersion, maxVersion)
		default:
			return fmt.Errorf("refused by the peer: %w", r.err)
		}
	}
	return fmt.Errorf("%w: refused for reason %d", ErrProtocol, b[0])
}

// readHello reads the other side's hello, or its refusal as an error.
func readHello(r io.Reader) (hello, error) {
	var prefix [helloPrefix]byte
	if _, err := io.ReadFull(r, prefix[:1]); err != nil {
		return hello{}, fmt.Errorf("no hello: %w", err)
	}
	if prefix[0] == tlsHandshake {
		return hello{}, fmt.Errorf("%w: the peer speaks TLS, this node does not", ErrTLS)
	}
	if _, err := io.ReadFull(r, prefix[1:]); err != nil {
		return hello{}, fmt.Errorf("no hello: %w", err)
	}
	n := int(binary.BigEndian.Uint16(prefix[4:]))
	if string(prefix[:4]) != helloMagic || n > maxHello {
		return hello{}, fmt.Errorf("%w: not a hello", ErrProtocol)
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(r, body); err != nil {
		return hello{}, fmt.Errorf("no hello: %w", err)
	}
	switch prefix[6] {
	case typeHello:
		return parseHello(body)
	case typeRefusal:
		return hello{}, parseRefusal(body)
	}
	return hello{}, fmt.Errorf("%w: hello of type %d", ErrProtocol, prefix[6])
}

// negotiate picks the highest version that both speak.
func negotiate(h hello) (uint8, error) {
	v := min(h.maxVersion, maxVersion)
	if v < max(h.minVersion, minVersion) {
		return 0, fmt.Errorf("%w: the peer speaks %d to %d, this node %d to %d", ErrVersion, h.minVersion, h.maxVersion, minVersion, maxVersion)
	}
	return v, nil
}
