package swim

import "testing"

// BenchmarkMembers: what a caller pays for the list of a hundred members, and
// for one of them.
func BenchmarkMembers(b *testing.B) {
	d := newDirectory("self", 1)
	for i := range 100 {
		d.heard(alive(peerID(i), 1, uint64(i+1)))
	}
	b.Run("all", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			d.members()
		}
	})
	b.Run("one", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			d.member("n42")
		}
	})
}

// BenchmarkMeta: the cost beside memberlist's own decoding of each message that
// says that a member is alive.
func BenchmarkMeta(b *testing.B) {
	b.ReportAllocs()
	m := alive("n42", 1, 7)
	enc := meta{id: m.ID, boot: m.Boot, data: m.Addr, zone: "north"}.append(nil)
	for b.Loop() {
		if _, err := parseMeta(enc); err != nil {
			b.Fatal(err)
		}
	}
}
