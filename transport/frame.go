package transport

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// A frame is a header of 16 bytes and at most 65,520 bytes of payload, numbers
// in network byte order:
//
//	0        4      6      7       8                16
//	┌────────┬──────┬──────┬───────┬────────────────┬─ ─ ─ ─ ─
//	│ CRC32C │length│ kind │ class │     stream     │ payload
//	└────────┴──────┴──────┴───────┴────────────────┴─ ─ ─ ─ ─
//
// The checksum covers everything behind it. TCP's own lets one in some ten
// million damaged packets pass, and what arrives here is stored and spread.
// The upper half of the class byte is for flags; none is defined.
const (
	headerSize = 16
	maxFrame   = 64 << 10
	maxPayload = maxFrame - headerSize
	chunkSize  = 32 << 10 // payload of a data frame: what an urgent frame waits for at most

	requestPrefix = 4                          // remaining time
	maxSmall      = maxPayload - requestPrefix // the largest message of one frame
)

type kind uint8

const (
	kindVoid        kind = iota // never sent: marks a queued frame that was withdrawn
	kindRequest                 // remaining µs (4), body
	kindRequestOpen             // remaining µs (4), total (4); the body follows as data
	kindReply                   // body
	kindReplyOpen               // total (4); the body follows as data
	kindData                    // the next bytes of an opened message
	kindWindow                  // further bytes that may be sent (4)
	kindCancel                  // the request is withdrawn, or its reply unwanted
	kindRefuse                  // reason (1): the request was not served
	kindPing                    // token (8)
	kindPong                    // the token of the ping
	kindGoAway                  // the last request that is served has this stream; then the connection ends
	numKinds
)

// Reasons of kindRefuse.
const (
	refuseOverloaded    = 1 // not served
	refuseTooLarge      = 2 // not served: the request is above the receiver's limit
	refuseReplyTooLarge = 3 // served, but the reply is above the asking side's limit
)

// payloadSize gives the least and the largest payload of each kind.
var payloadSize = [numKinds][2]int{
	kindRequest:     {requestPrefix, maxPayload},
	kindRequestOpen: {8, 8},
	kindReply:       {0, maxPayload},
	kindReplyOpen:   {4, 4},
	kindData:        {1, maxPayload},
	kindWindow:      {4, 4},
	kindCancel:      {0, 0},
	kindRefuse:      {1, 1},
	kindPing:        {8, 8},
	kindPong:        {8, 8},
	kindGoAway:      {0, 0},
}

// frame is a decoded frame; payload aliases the buffer it was read into.
type frame struct {
	kind    kind
	class   Class
	stream  uint64
	payload []byte
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// appendHeader begins a frame whose payload of size bytes the caller appends.
// The checksum stays open until seal.
func appendHeader(b []byte, k kind, c Class, stream uint64, size int) []byte {
	b = append(b, 0, 0, 0, 0, byte(size>>8), byte(size), byte(k), byte(c))
	return binary.BigEndian.AppendUint64(b, stream)
}

// frameSize returns the whole size of the frame that begins at b, which holds
// at least its first six bytes.
func frameSize(b []byte) int { return headerSize + int(binary.BigEndian.Uint16(b[4:])) }

// seal fills in the checksums of a run of whole frames.
func seal(b []byte) (frames int) {
	for len(b) > 0 {
		n := frameSize(b)
		binary.BigEndian.PutUint32(b, crc32.Checksum(b[4:n], castagnoli))
		b = b[n:]
		frames++
	}
	return frames
}

// parseFrame decodes b, which is one whole frame. Its errors wrap ErrProtocol.
func parseFrame(b []byte) (frame, error) {
	f := frame{kind: kind(b[6]), class: Class(b[7]), stream: binary.BigEndian.Uint64(b[8:]), payload: b[headerSize:]}
	if sum := crc32.Checksum(b[4:], castagnoli); sum != binary.BigEndian.Uint32(b) {
		return f, fmt.Errorf("%w: checksum of a frame", ErrProtocol)
	}
	if f.kind == kindVoid || f.kind >= numKinds {
		return f, fmt.Errorf("%w: kind %d", ErrProtocol, f.kind)
	}
	if f.class >= numClasses {
		return f, fmt.Errorf("%w: class %d", ErrProtocol, f.class)
	}
	if n, limits := len(f.payload), payloadSize[f.kind]; n < limits[0] || n > limits[1] {
		return f, fmt.Errorf("%w: kind %d with %d bytes", ErrProtocol, f.kind, n)
	}
	return f, nil
}
