package ring

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"

	"github.com/cespare/xxhash/v2"
	"pgregory.net/rapid"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/peer"
)

// sample has every field set to something of its own.
func sample() *State {
	s := (&State{}).
		With(Member{ID: "b", Boot: peer.Boot{Counter: 300, Nonce: 0x0102030405060708}, Rev: 9, Status: Leaving, Weight: 200, Zone: "z1", Addr: "h:1", Data: "h:2"}).
		With(Member{ID: "a"})
	return s.WithTable(Table{
		Name: "t", Type: "set", Codec: 1, N: 3, W: 2, Partitions: 256,
		Key: crdt.Key{0xaa, 15: 0xbb}, Created: crdt.Stamp{Time: 0x1122334455667788, Actor: crdt.Actor{0xcc, 15: 0xdd}},
	})
}

// What is stored and sent must stay readable: this encoding never changes.
func TestGoldenEncoding(t *testing.T) {
	const want = "01" + "02" +
		"0161" + "00" + "0000000000000000" + "00" + "00" + "01" + "00" + "00" + "00" +
		"0162" + "ac02" + "0102030405060708" + "09" + "02" + "c801" + "027a31" + "03683a31" + "03683a32" +
		"01" +
		"0174" + "03736574" + "01" + "00" + "03" + "02" + "8002" +
		"aa0000000000000000000000000000bb" + "1122334455667788" + "cc0000000000000000000000000000dd"
	if got := hex.EncodeToString(sample().AppendBinary(nil)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got, want := sample().Version(), xxhash.Sum64(sample().AppendBinary(nil)); got != want {
		t.Errorf("version %#x, want %#x", got, want)
	}
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anyState(t)
		p := s.AppendBinary(nil)
		back, err := Decode(p)
		if err != nil {
			t.Fatalf("%v", err)
		}
		same(t, "decoded", s, back)
		for i := range p { // the state keeps no reference to the bytes
			p[i] = 0xff
		}
		same(t, "decoded, then the input overwritten", s, back)
	})
}

func TestDecodeRefuses(t *testing.T) {
	good := sample().AppendBinary(nil)
	for n := range good {
		if _, err := Decode(good[:n]); !errors.Is(err, ErrCorrupt) {
			t.Errorf("cut at %d: %v", n, err)
		}
	}
	edit := func(at int, with ...byte) []byte {
		return append(append(bytes.Clone(good[:at]), with...), good[at+1:]...)
	}
	for name, p := range map[string][]byte{
		"byte too many":       append(bytes.Clone(good), 0),
		"too many members":    {stateVersion, 0xff, 0xff, 0xff, 0xff, 0x0f},
		"count above bytes":   {stateVersion, 5, 0},
		"too many tables":     {stateVersion, 0, 0xff, 0xff, 0x7f},
		"long number":         {stateVersion, 0x80, 0x00, 0x00},
		"endless number":      append([]byte{stateVersion}, bytes.Repeat([]byte{0xff}, 12)...),
		"status unknown":      edit(14, 9),
		"no weight":           edit(15, 0),
		"weight out of range": edit(15, 0x80, 0x80, 0x80, 0x80, 0x10),
		"weight too large":    edit(15, 0xe9, 0x07),
		"names out of order":  edit(3, 'c'),
		"name twice":          edit(3, 'b'),
		"bad name":            edit(3, ' '),
		"long text":           edit(16, 0xff, 0x7f),
	} {
		if s, err := Decode(p); !errors.Is(err, ErrCorrupt) || s != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Decode(edit(0, 2)); !errors.Is(err, ErrVersion) {
		t.Errorf("another version: %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte{stateVersion, 0, 0})
	f.Add(sample().AppendBinary(nil))
	f.Fuzz(func(t *testing.T, p []byte) {
		s, err := Decode(p)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrVersion) {
				t.Fatalf("untyped error %v", err)
			}
			return
		}
		if got := s.AppendBinary(nil); !bytes.Equal(got, p) {
			t.Fatalf("%x encodes as %x", p, got)
		}
		if s.Join(sample()).Version() != sample().Join(s).Version() {
			t.Fatal("join does not commute")
		}
	})
}
