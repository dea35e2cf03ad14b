package antientropy

import (
	"math/bits"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestElements: what is written is read back without the spared bits, at about
// the price that the theory gives.
func TestElements(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spare := rapid.IntRange(0, elementBits-placeBits).Draw(t, "spare")
		all := rapid.SliceOfDistinct(rapid.Map(rapid.Uint64Range(0, 1<<elementBits-1), func(v uint64) element { return element(v) }), rapid.ID[element]).Draw(t, "elements")
		want := make([]element, 0, len(all))
		for _, e := range all {
			want = append(want, e>>spare)
		}
		slices.Sort(want)
		var got []element
		for _, frame := range appendElements(nil, all, spare) {
			r := &reader{p: frame}
			if kind, s := r.byte(), int(r.byte()); kind != frameLacked || s != spare {
				t.Fatalf("%q with %d bits spared", kind, s)
			}
			got = append(got, r.elements(spare)...)
			if r.bad {
				t.Fatal("it is not read back")
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%x, not %x", got, want)
		}
	})
}

// TestElementsAreCheap: a list of n of 2^width numbers takes no more than
// log2(2^width/n) + 2 bits each.
func TestElementsAreCheap(t *testing.T) {
	for _, n := range []int{1, 10, 1000, 100_000} {
		var all []element
		for i := range n {
			all = append(all, element(mix(uint64(i))>>(64-elementBits)))
		}
		spare, size := spare(n, 1_000_000), 0
		for _, frame := range appendElements(nil, all, spare) {
			size += len(frame)
		}
		if most := n*(elementBits-spare-bits.Len(uint(n))+3)/8 + 8*(1+n/10_000); size > most {
			t.Errorf("%d elements, %d bits spared: %d bytes, at most %d", n, spare, size, most)
		}
	}
}
