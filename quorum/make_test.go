package quorum

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/internal/wire"
)

// three are three owners.
func three() []Target {
	return []Target{{ID: "a", Nonce: 1, Current: true, Next: true}, {ID: "b", Nonce: 2, Current: true, Next: true}, {ID: "c", Nonce: 3, Current: true, Next: true}}
}

var later = time.Unix(1, 0)

// TestLateAcks: an owner whose acknowledgement comes after the end lacks nothing.
func TestLateAcks(t *testing.T) {
	var o Op
	o.StartWrite(2, later, three())
	for i, left := range []uint32{0b110, 0b100, 0} {
		o.Ack(o.Round, i, crdt.Joined{Changed: true})
		if o.Unacked() != left {
			t.Errorf("after %d acknowledgements %b are left", i+1, o.Unacked())
		}
	}
}

// TestMake goes through what can become of an operation that an owner makes.
func TestMake(t *testing.T) {
	refused := errors.New("refused")
	for _, tc := range []struct {
		name  string
		w     Level
		bound uint64
		down  int
		do    func(o *Op) []uint32 // what is sent
		want  []uint32
		phase Phase
		out   Outcome
		boot  uint64 // that may have made it
	}{
		{"made, and acknowledged by one more", 2, 0, -1, func(o *Op) []uint32 {
			send := o.Made(0, 0)
			o.Ack(1, 2, crdt.Joined{Changed: true})
			return []uint32{send}
		}, []uint32{0b001, 0b110}, Ended, Applied, 1},
		{"one is enough, and the others get it too", 1, 0, -1, func(o *Op) []uint32 { return []uint32{o.Made(0, 0)} }, []uint32{0b001, 0b110}, Ended, Applied, 1},
		{"the first is dead", 2, 0, 0, func(o *Op) []uint32 { return []uint32{o.Made(0, 1)} }, []uint32{0b010, 0b100}, Asking, Unknown, 2},
		{"the first refuses", 2, 0, -1, func(o *Op) []uint32 {
			return []uint32{o.Fail(0, 0, refused, false), o.Made(0, 0), o.Made(1, 1)}
		}, []uint32{0b001, 0b010, 0, 0b101}, Asking, Unknown, 2},
		{"all refuse", 2, 0, -1, func(o *Op) []uint32 {
			return []uint32{o.Fail(0, 0, refused, false), o.Fail(1, 1, refused, false), o.Fail(2, 2, refused, false)}
		}, []uint32{0b001, 0b010, 0b100, 0}, Ended, NotApplied, 0},
		{"the first may have made it", 2, 0, -1, func(o *Op) []uint32 { return []uint32{o.Fail(0, 0, refused, true)} }, []uint32{0b001, 0}, Ended, Unknown, 1},
		{"a retry goes to the same boot", 2, 3, -1, func(o *Op) []uint32 { return []uint32{o.Made(0, 2)} }, []uint32{0b100, 0b011}, Asking, Unknown, 3},
		{"a retry that is refused goes to nobody else", 2, 3, -1, func(o *Op) []uint32 { return []uint32{o.Fail(0, 2, refused, false)} }, []uint32{0b100, 0}, Ended, Unknown, 3},
		{"a retry of a boot that is gone", 2, 9, -1, func(o *Op) []uint32 { return nil }, []uint32{0}, Ended, Unknown, 9},
		{"the type does not take it", 2, 0, -1, func(o *Op) []uint32 {
			o.Reject(0, 0, ErrInvalid, false)
			return nil
		}, []uint32{0b001}, Ended, NotApplied, 0},
		{"it may have been forgotten", 2, 0, -1, func(o *Op) []uint32 {
			o.Reject(0, 0, ErrForgotten, true)
			return nil
		}, []uint32{0b001}, Ended, Unknown, 1},
		{"the ring has changed before", 2, 0, -1, func(o *Op) []uint32 {
			if !o.Stale(0, false) {
				return nil
			}
			return []uint32{o.Restart(three()[1:])}
		}, []uint32{0b001, 0b001}, Making, Unknown, 2},
		{"the ring has changed after", 2, 0, -1, func(o *Op) []uint32 {
			if !o.Stale(0, true) {
				return nil
			}
			return []uint32{o.Restart(three()), o.Made(1, 0)}
		}, []uint32{0b001, 0b001, 0b110}, Asking, Unknown, 1},
		{"the deadline", 2, 0, -1, func(o *Op) []uint32 { return []uint32{o.Tick(later)} }, []uint32{0b001, 0}, Ended, Unknown, 1},
	} {
		targets := three()
		if tc.down >= 0 {
			targets[tc.down].Down = true
		}
		var o Op
		sent := append([]uint32{o.StartMake(tc.w, later, targets, tc.bound, 4)}, tc.do(&o)...)
		if !slices.Equal(sent, tc.want) || o.Phase != tc.phase || o.Bound() != tc.boot {
			t.Errorf("%s: sent %b, want %b; phase %d, boot %d", tc.name, sent, tc.want, o.Phase, o.Bound())
		}
		if o.Phase == Ended && o.Outcome() != tc.out {
			t.Errorf("%s: %v, %v", tc.name, o.Outcome(), o.Err("write", wire.OpID{}))
		}
		if tc.want[0] != 0 && o.Attempt() <= 4 {
			t.Errorf("%s: attempt %d", tc.name, o.Attempt())
		}
	}
}
