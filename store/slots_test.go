package store

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
)

// check looks for a slot that a look-up would miss or a walk would meet too
// early.
func (x *slots) check(t *testing.T) {
	t.Helper()
	n, last, gap := 0, uint64(0), 0
	for i, s := range x.s {
		if s.entry == nil {
			gap = i + 1
			continue
		}
		n++
		if home := x.home(s.hash); home < gap || home > i || s.hash < last {
			t.Fatalf("%x at %d of %d: home %d, gap before %d, behind %x", s.hash, i, len(x.s), home, gap, last)
		}
		last = s.hash
	}
	if n != x.n {
		t.Fatalf("%d entries, not %d", n, x.n)
	}
}

// TestSlots fills and empties an index with hashes that are uniform, crowded
// at the range's end, equal, and one after the other, beside a sorted slice.
func TestSlots(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for name, draw := range map[string]func() uint64{
		"uniform": rnd.Uint64,
		"crowded": func() uint64 { return ^uint64(0) - rnd.Uint64N(1000) },
		"equal":   func() uint64 { return rnd.Uint64N(3) << 62 },
		"near":    func() uint64 { return 1<<63 + rnd.Uint64N(1<<20) },
	} {
		t.Run(name, func(t *testing.T) {
			x, twin := slots{shift: 2}, []slot(nil)
			for step := range 6000 {
				hash := draw()&^(3<<62) | 1<<62
				grow := rnd.IntN(100) < 80 == (step/1500%2 == 0)
				if grow {
					e := &entry{bytes: []byte{byte(step), byte(step >> 8)}, keySize: 2}
					x.insert(hash, e)
					twin = append(twin, slot{hash, e})
				} else if len(twin) > 0 {
					i := rnd.IntN(len(twin))
					x.remove(twin[i].hash, twin[i].entry)
					twin = slices.Delete(twin, i, i+1)
				}
				if len(twin) > 0 {
					s := twin[rnd.IntN(len(twin))]
					if got := x.find(s.hash, s.entry.key()); got != s.entry {
						t.Fatalf("%x is lost", s.hash)
					}
				}
				if x.find(hash, []byte("no")) != nil {
					t.Fatal("found what is not there")
				}
				if step%100 == 0 || step > 5900 {
					x.check(t)
					walk(t, &x, twin, hash)
				}
			}
			if homes := x.homes; homes > 8*uint64(x.n)+firstHomes {
				t.Errorf("%d homes for %d entries", homes, x.n)
			}
		})
	}
}

// walk compares what lies from a hash on.
func walk(t *testing.T, x *slots, twin []slot, from uint64) {
	t.Helper()
	var got, want []uint64
	for _, s := range x.s[x.from(from):] {
		if s.entry != nil {
			got = append(got, s.hash)
		}
	}
	for _, s := range twin {
		if s.hash >= from {
			want = append(want, s.hash)
		}
	}
	slices.SortFunc(want, cmp.Compare[uint64])
	if !slices.Equal(got, want) {
		t.Fatalf("from %x: %d entries, not %d", from, len(got), len(want))
	}
}
