package crdt

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// An outline of a set of long elements is a small part of it, and tells what the
// other lacks all the same: here one element, and that one is gone.
func TestOutline(t *testing.T) {
	a, b := NewSet[string](), NewSet[string]()
	long := strings.Repeat("long ", 10)
	for i := range uint64(500) {
		d, err := a.Add(Mint{Dot: Dot{Actor{1}, 1 + i}}, fmt.Sprint(long, i))
		if err != nil {
			t.Fatal(err)
		}
		b.Join(d)
	}
	outline := a.AppendOutline(nil)
	if whole := len(a.AppendBinary(nil)); len(outline) > whole/20 {
		t.Errorf("the outline has %d bytes, the set %d", len(outline), whole)
	}
	if _, err := b.Add(Mint{Dot: Dot{Actor{2}, 1}}, "news"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.Remove(Mint{Dot: Dot{Actor{2}, 2}}, long+"7"); err != nil {
		t.Fatal(err)
	}
	delta, err := b.DifferenceBinary(outline, nil)
	if err != nil || len(delta) > 80 {
		t.Fatalf("%d bytes: %v", len(delta), err)
	}
	if _, err := a.JoinBinary(delta); err != nil || !a.Contains("news") || a.Contains(long+"7") || a.Len() != 500 {
		t.Errorf("%d elements: %v", a.Len(), err)
	}
	if delta, err := b.DifferenceBinary(a.AppendOutline(nil), nil); err != nil || len(delta) > 0 {
		t.Errorf("of two that are equal: %x, %v", delta, err)
	}
	if _, err := NewEnableWins().DifferenceBinary(outline, nil); !errors.Is(err, ErrCorrupt) {
		t.Errorf("an outline of another type: %v", err)
	}
}

// FuzzDecodeOutline: whatever comes as an outline, the answer is a typed error or a
// part of the state.
func FuzzDecodeOutline(f *testing.F) {
	s := NewSet[string]()
	for i := range uint64(5) {
		if _, err := s.Add(Mint{Dot: Dot{Actor{byte(i % 2)}, 1 + i}}, fmt.Sprint(i)); err != nil {
			f.Fatal(err)
		}
	}
	if _, _, err := s.Remove(Mint{Dot: Dot{Actor{1}, 9}}, "3"); err != nil {
		f.Fatal(err)
	}
	f.Add(s.AppendOutline(nil))
	f.Add([]byte{0, 1, 0})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, p []byte) {
		delta, err := s.DifferenceBinary(p, nil)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrVersion) {
				t.Fatal(err)
			}
			return
		}
		was := s.Len()
		if len(delta) > 0 {
			if j, err := s.JoinBinary(delta); err != nil || j.Changed {
				t.Errorf("%x gave %x, which is no part of the state: %v", p, delta, err)
			}
		}
		if s.Len() != was {
			t.Error("asking changed the state")
		}
	})
}
