package swim

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"net"

	"github.com/hashicorp/go-msgpack/v2/codec"
	"github.com/hashicorp/memberlist"
)

const (
	// releaseName marks the ping that is never sent; no node has it.
	releaseName = "~release"
	// releasePings is how many pings back one may still be waiting: they are
	// numbered, and sent at a few a second.
	releasePings = 256
)

// Memberlist's message types and its version of sealed packets.
const (
	msgPing     = 0
	msgAck      = 2
	msgCompound = 7
	sealVersion = 1
)

var errForeign = errors.New("swim: not a packet of memberlist's")

// release lets the goroutines of memberlist end that wait for the answer to a
// ping. Memberlist's Shutdown does not reach them: a probe of a silent member
// would go on for a probe interval and up to eight times that, 8 s at LAN. So
// nothing is sent any more, which ends a probe that begins, and those that
// wait get an answer: a ping made for the purpose, and caught by the transport,
// tells the number of the last one, and acknowledgements for it and those
// before it are put in as if they had come from outside. Should a newer
// memberlist number or seal otherwise, nothing is put in and Close leaves a
// goroutine behind for that while.
func (s *Swim) release() {
	s.tr.quiet.Store(true)
	_, _ = s.ml.Ping(releaseName, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1})
	packet := s.tr.probe.Load()
	if packet == nil {
		return
	}
	last, err := s.pingNumber(*packet)
	if err != nil {
		return
	}
	for n := last; n > 0 && last-n < releasePings; n-- {
		ack, err := s.seal(ackPacket(n))
		if err != nil {
			return
		}
		s.tr.inject(ack)
	}
}

// pingNumber takes the number out of a packet that begins with a ping.
func (s *Swim) pingNumber(packet []byte) (uint32, error) {
	b, _, err := memberlist.RemoveLabelHeaderFromPacket(packet)
	if err == nil && s.keys != nil {
		b, err = s.unseal(b)
	}
	if err != nil {
		return 0, err
	}
	if len(b) > 1 && b[0] == msgCompound { // count, a length of two bytes each, then the first
		b = b[min(len(b), 2+2*int(b[1])):]
	}
	if len(b) < 1 || b[0] != msgPing {
		return 0, errForeign
	}
	var ping struct{ SeqNo uint32 }
	err = codec.NewDecoderBytes(b[1:], &codec.MsgpackHandle{}).Decode(&ping)
	return ping.SeqNo, err
}

// ackPacket is an acknowledgement as memberlist encodes it: the type and a map
// with one field.
func ackPacket(n uint32) []byte {
	b := append([]byte{msgAck, 0x81, 0xa5}, "SeqNo"...)
	return binary.BigEndian.AppendUint32(append(b, 0xce), n)
}

// seal puts a packet into the form in which it would arrive.
func (s *Swim) seal(b []byte) ([]byte, error) {
	if s.keys != nil {
		gcm, err := newGCM(s.keys.GetPrimaryKey())
		if err != nil {
			return nil, err
		}
		head := make([]byte, 1+gcm.NonceSize())
		head[0] = sealVersion
		if _, err := rand.Read(head[1:]); err != nil {
			return nil, err
		}
		b = gcm.Seal(head, head[1:], b, []byte(s.cfg.Cluster))
	}
	return memberlist.AddLabelHeaderToPacket(b, s.cfg.Cluster)
}

// unseal opens what seal closed.
func (s *Swim) unseal(b []byte) ([]byte, error) {
	for _, key := range s.keys.GetKeys() {
		gcm, err := newGCM(key)
		if err != nil || len(b) < 1+gcm.NonceSize() || b[0] != sealVersion {
			return nil, errForeign
		}
		nonce, sealed := b[1:1+gcm.NonceSize()], b[1+gcm.NonceSize():]
		if plain, err := gcm.Open(nil, nonce, sealed, []byte(s.cfg.Cluster)); err == nil {
			return plain, nil
		}
	}
	return nil, errForeign
}

func newGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
