package wire

import (
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/peer"
)

// wordsIn draws integers whose lengths on the wire differ.
func wordsIn(limit uint64) *rapid.Generator[uint64] {
	edges := []uint64{0, 1, 127, 128, 255, 256, 1<<16 - 1, 1 << 16, 1<<32 - 1, 1 << 32, 1<<64 - 1}
	return rapid.OneOf(rapid.SampledFrom(edges), rapid.Uint64()).Filter(func(v uint64) bool { return v <= limit })
}

var (
	words  = wordsIn(1<<64 - 1)
	blobs  = rapid.OneOf(rapid.SliceOfN(rapid.Byte(), 0, 300), rapid.Just(make([]byte, 70_000)))
	keys   = rapid.StringN(0, 40, 160)
	prints = rapid.Custom(func(t *rapid.T) (f crdt.Fingerprint) {
		copy(f[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "f"))
		return f
	})
	stamps = rapid.Custom(func(t *rapid.T) (s crdt.Stamp) {
		s.Time = crdt.Time(words.Draw(t, "time"))
		copy(s.Actor[:], rapid.SliceOfN(rapid.ByteMin(1), 16, 16).Draw(t, "actor"))
		return s
	})
	boots = rapid.Custom(func(t *rapid.T) peer.Boot {
		return peer.Boot{Counter: words.Draw(t, "counter"), Nonce: words.Draw(t, "nonce")}
	})
	headers = rapid.Custom(func(t *rapid.T) Header {
		return Header{
			Kind: Kind(rapid.Uint8().Draw(t, "kind")), Version: rapid.Uint8().Draw(t, "version"),
			Cluster: words.Draw(t, "cluster"), Table: words.Draw(t, "table"),
			Partition: uint32(rapid.Uint16().Draw(t, "partition")), Ring: words.Draw(t, "ring"),
			Boots: MakeBoots(rapid.SliceOfN(words, 0, MaxBoots).Draw(t, "boots")),
			Boot:  boots.Draw(t, "boot"), Clock: crdt.Time(words.Draw(t, "clock")),
			Op:        OpID{Hi: words.Draw(t, "hi"), Lo: words.Draw(t, "lo")},
			Remaining: time.Duration(rapid.Int64Range(0, 1<<40).Draw(t, "remaining")) * time.Millisecond,
			Class:     rapid.Uint8().Draw(t, "class"), Frontier: crdt.Time(words.Draw(t, "frontier")),
			Have: rapid.OneOf(rapid.Just(crdt.Fingerprint{}), prints).Draw(t, "have"),
		}
	})
	replyHeaders = rapid.Custom(func(t *rapid.T) ReplyHeader {
		return ReplyHeader{
			Status: Status(rapid.Uint8().Draw(t, "status")), Boot: boots.Draw(t, "boot"), Synced: rapid.Bool().Draw(t, "synced"),
			Ring: words.Draw(t, "ring"), Clock: crdt.Time(words.Draw(t, "clock")), Credit: rapid.Uint32().Draw(t, "credit"),
		}
	})
)

// sameBoots compares the boots of a header before it was sent and after.
var sameBoots = cmp.Comparer(func(a, b Boots) bool { return slices.Equal(nonces(a), nonces(b)) })

func nonces(b Boots) (list []uint64) {
	list = append(list, b.nonces...)
	for r := (reader{p: b.raw}); len(r.p) > 0; {
		list = append(list, r.uint())
	}
	return list
}

// blob is a state of any bytes.
type blob []byte

func (b blob) JoinBinary([]byte) (crdt.Joined, error)    { return crdt.Joined{}, nil }
func (b blob) AppendBinary(dst []byte) []byte            { return append(dst, b...) }
func (b blob) Fingerprint(crdt.Key) (f crdt.Fingerprint) { return f }
func (b blob) Tombstone() bool                           { return false }
func (b blob) Size() int                                 { return len(b) }
