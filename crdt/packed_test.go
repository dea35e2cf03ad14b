package crdt

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

// A Packed is a Cell in another form: the same joins, bytes and fingerprints.
func TestPackedIsACell(t *testing.T) {
	key := Key{1, 2, 3}
	rapid.Check(t, func(t *rapid.T) {
		var cell Cell
		var packed Packed
		for range rapid.IntRange(0, 8).Draw(t, "joins") {
			delta := drawPackedDelta(t)
			enc := delta.AppendBinary(nil)
			want := cell.Join(delta)
			got, err := packed.JoinBinary(enc)
			if err != nil || got != want {
				t.Fatalf("join of %v: %v %v, the cell says %v", delta, got, err, want)
			}
			clear(enc) // nothing of the delta may be kept
			if b, w := packed.AppendBinary(nil), cell.AppendBinary(nil); !bytes.Equal(b, w) {
				t.Fatalf("encoded %x, the cell %x", b, w)
			}
			if f, w := packed.Fingerprint(key), cell.Fingerprint(key); f != w {
				t.Fatalf("fingerprint %x, the cell %x", f, w)
			}
			if packed.Tombstone() != cell.Tombstone() {
				t.Fatalf("tombstone %t, the cell %t", packed.Tombstone(), cell.Tombstone())
			}
		}
	})
}

func drawPackedDelta(t *rapid.T) Cell {
	stamp := func(name string) Stamp {
		return Stamp{Time: Time(rapid.Uint64Range(1, 6).Draw(t, name)), Actor: Actor{byte(rapid.IntRange(0, 2).Draw(t, name+" actor"))}}
	}
	switch rapid.IntRange(0, 3).Draw(t, "kind") {
	case 0:
		return Delete(stamp("at"))
	case 1:
		return Expire(stamp("at"), stamp("of"), rapid.Int64Range(0, 5).Draw(t, "expiry"))
	}
	s := stamp("at")
	value := bytes.Repeat([]byte{byte(s.Time), s.Actor[0]}, int(s.Time)) // one value a stamp
	return Put(s, value, rapid.Int64Range(0, 2).Draw(t, "expiry"))
}

func BenchmarkPackedOverwrite(b *testing.B) {
	p := new(Packed)
	deltas := make([][]byte, 2)
	for i := range deltas {
		c := Put(Stamp{Time: Time(i + 1)}, make([]byte, 100), 0)
		deltas[i] = c.AppendBinary(nil)
	}
	b.ReportAllocs()
	for b.Loop() {
		p.Reset()
		_, _ = p.JoinBinary(deltas[0])
		_, _ = p.JoinBinary(deltas[1])
	}
}
