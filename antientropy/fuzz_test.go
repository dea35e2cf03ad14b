package antientropy

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

// split reads frames from fuzzed bytes: each with two bytes of length.
func split(p []byte) (frames [][]byte) {
	for len(p) >= 2 {
		n := min(int(binary.LittleEndian.Uint16(p)), len(p)-2)
		frames, p = append(frames, p[2:2+n]), p[2+n:]
	}
	return frames
}

func join(frames [][]byte) (p []byte) {
	for _, f := range frames {
		p = append(binary.LittleEndian.AppendUint16(p, uint16(len(f))), f...)
	}
	return p
}

// FuzzStep gives both sides two hostile turns, after a true one. Nothing
// panics, and nothing that is not theirs is found.
func FuzzStep(f *testing.F) {
	a, b := scatter(rand.New(rand.NewPCG(1, 1)), 400, 40)
	x, y := newReplica(a), newReplica(b)
	for _, strategy := range strategies {
		s, frames, _ := Start(Config{Strategy: strategy}, x)
		o := Accept(y)
		hello := join(frames)
		var turns [][]byte
		for !s.Done() {
			frames, _ = o.Step(frames)
			turns = append(turns, join(frames))
			frames, _ = s.Step(frames)
			turns = append(turns, join(frames))
		}
		turns = append(turns, nil, nil, nil)
		f.Add(byte(strategy), true, turns[0], turns[2])
		f.Add(byte(strategy), false, hello, turns[1])
	}
	f.Fuzz(func(t *testing.T, strategy byte, starter bool, first, second []byte) {
		s := Accept(y)
		if starter {
			var err error
			if s, _, err = Start(Config{Strategy: Strategy(strategy % 6)}, y); err != nil {
				t.Fatal(err)
			}
		}
		for _, turn := range [][]byte{first, second} {
			out, err := s.Step(split(turn))
			if err != nil {
				return
			}
			for _, frame := range out {
				if len(frame) > MaxFrame {
					t.Errorf("frame of %d bytes", len(frame))
				}
			}
		}
		s.Found()
	})
}

// FuzzParseStrategy: what is read is written again.
func FuzzParseStrategy(f *testing.F) {
	f.Add("hybrid")
	f.Fuzz(func(t *testing.T, name string) {
		if s, err := ParseStrategy(name); err == nil && s.String() != name {
			t.Errorf("%q became %v", name, s)
		}
	})
}
