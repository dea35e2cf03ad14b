package antientropy

import (
	"math"
	"math/rand/v2"
	"testing"
)

func elements(r *rand.Rand, n int) []element {
	all := make([]element, n)
	for i := range all {
		all[i] = element(r.Uint64() >> (64 - elementBits))
	}
	return all
}

// Symbol i holds an element with a chance of 1/(1+i/2).
func TestDensity(t *testing.T) {
	const n, length = 200_000, 400
	s := newSalt([16]byte{1})
	symbols := make([]symbol, length)
	for _, e := range elements(rand.New(rand.NewPCG(1, 1)), n) {
		s.add(symbols, 0, e, 1)
	}
	for i, c := range symbols {
		p := density(i)
		if got, sd := float64(c.count)/n, math.Sqrt(p*(1-p)/n); math.Abs(got-p) > 5*sd+p*slack(i) {
			t.Errorf("symbol %d holds %.5f of the elements, want %.5f", i, got, p)
		}
	}
}

// slack is how far the step of the walk, which has (i+1.5)^2 where the exact
// chances have (i+1)(i+2), is off.
func slack(i int) float64 { return 0.01 + 0.05/float64(1+i) }

// Symbols made in two pieces are those made at once, and cross the wire.
func TestSymbolsInPieces(t *testing.T) {
	s := newSalt([16]byte{2})
	whole, first, second := make([]symbol, 300), make([]symbol, 100), make([]symbol, 200)
	for _, e := range elements(rand.New(rand.NewPCG(1, 1)), 1000) {
		s.add(whole, 0, e, 1)
		s.add(first, 0, e, 1)
		s.add(second, 100, e, 1)
	}
	for i, c := range append(first, second...) {
		if c != whole[i] {
			t.Fatalf("symbol %d: %v, want %v", i, c, whole[i])
		}
		d := readSymbol(c.append(nil))
		if d.subtract(c); !d.isZero() {
			t.Fatalf("symbol %d changed on the wire by %v", i, d)
		}
	}
}

// Symbols tell how many elements differ long before they decode.
func TestEstimate(t *testing.T) {
	s := newSalt([16]byte{3})
	for _, d := range []int{10, 100, 1000, 10_000} {
		for _, part := range []float64{0.2, 1.3} {
			n, off := max(24, int(part*float64(d))), 0.0
			const runs = 20
			for seed := range uint64(runs) {
				symbols := make([]symbol, n)
				for i, e := range elements(rand.New(rand.NewPCG(seed, 1)), d) {
					s.add(symbols, 0, e, int32(i%2*2-1))
				}
				off += math.Abs(estimate(symbols, 0)/float64(d)-1) / runs
			}
			if off > 1.5*math.Sqrt(2/float64(n)) {
				t.Errorf("%d elements in %d symbols: estimate off by %.3f on average", d, n, off)
			}
		}
	}
}

// The length that is asked for decodes almost always, and is not wasteful.
func TestEnough(t *testing.T) {
	s := newSalt([16]byte{4})
	for _, d := range []int{2, 20, 200, 2000} {
		decoded := 0
		const runs = 40
		for seed := range uint64(runs) {
			theirs, mine := make([]symbol, enough(float64(d))), make([]symbol, enough(float64(d)))
			for i, e := range elements(rand.New(rand.NewPCG(seed, 2)), d) {
				s.add([][]symbol{theirs, mine}[i%2], 0, e, 1)
			}
			if dec := newDecoder(s); dec.extend(theirs, mine) {
				decoded++
				if len(dec.found) != d {
					t.Errorf("%d elements found, want %d", len(dec.found), d)
				}
			}
		}
		if decoded < runs*8/10 {
			t.Errorf("%d elements: %d of %d decoded", d, decoded, runs)
		}
		t.Logf("%d elements in %.2f symbols each: %d of %d decoded", d, float64(enough(float64(d)))/float64(d), decoded, runs)
	}
}

// A symbol of several elements that looks like one of a single element (a chance
// of 2^-16 each) does not keep the others from being found: seeds with which one
// did.
func TestFalseSymbols(t *testing.T) {
	const d = 20_000
	for _, seed := range []uint64{182, 201, 267} {
		s := newSalt([16]byte{7, byte(seed), byte(seed >> 8)})
		n := d * 145 / 100
		theirs, mine := make([]symbol, n), make([]symbol, n)
		for i, e := range elements(rand.New(rand.NewPCG(seed, 3)), d) {
			s.add([][]symbol{theirs, mine}[i%2], 0, e, 1)
		}
		if dec := newDecoder(s); !dec.extend(theirs, mine) {
			t.Errorf("seed %d: not decoded", seed)
		}
	}
}

func BenchmarkAdd(b *testing.B) {
	s := newSalt([16]byte{5})
	symbols := make([]symbol, 27_000)
	all := elements(rand.New(rand.NewPCG(1, 1)), 1<<16)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		s.add(symbols, 0, all[i&(1<<16-1)], 1)
	}
}

func BenchmarkDecode(b *testing.B) {
	s := newSalt([16]byte{6})
	theirs := make([]symbol, enough(2000))
	for _, e := range elements(rand.New(rand.NewPCG(1, 1)), 2000) {
		s.add(theirs, 0, e, 1)
	}
	mine := make([]symbol, len(theirs))
	b.ReportAllocs()
	for b.Loop() {
		newDecoder(s).extend(theirs, mine)
	}
}
