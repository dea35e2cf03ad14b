package crdt

import (
	"fmt"
	"runtime"
	"testing"
)

// The figures of sets of 10,000 elements of 16 bytes, with a plain map beside
// them as the floor.
const benchSize = 10_000

func benchElements(from, n int) []string {
	e := make([]string, n)
	for i := range e {
		e[i] = fmt.Sprintf("element-%08d", from+i)
	}
	return e
}

func mint(a byte, n uint64) Mint { return Mint{Dot{actor(a), n}, Time(n)} }

// benchSet is added to by three actors in turn.
func benchSet(b testing.TB, elements []string) *Set[string] {
	s := NewSet[string]()
	for i, e := range elements {
		if _, err := s.Add(mint(byte(i%3+1), uint64(i+1)), e); err != nil {
			b.Fatal(err)
		}
	}
	return s
}

// grow calls add for fresh elements on a structure that holds from 10,000 to
// 20,000, which reset makes anew outside the measured time.
func grow(b *testing.B, reset func(), add func(i int)) {
	reset()
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if i == benchSize {
			b.StopTimer()
			reset()
			i = 0
			runtime.GC()
			b.StartTimer()
		}
		add(i)
		i++
	}
}

func BenchmarkAdd(b *testing.B) {
	first, fresh := benchElements(0, benchSize), benchElements(benchSize, benchSize)
	b.Run("map", func(b *testing.B) {
		var m map[string]struct{}
		grow(b, func() {
			m = make(map[string]struct{})
			for _, e := range first {
				m[e] = struct{}{}
			}
		}, func(i int) { m[fresh[i]] = struct{}{} })
	})
	for _, digest := range []bool{false, true} {
		b.Run(fmt.Sprintf("Set/digest=%t", digest), func(b *testing.B) {
			var s *Set[string]
			grow(b, func() {
				s = benchSet(b, first)
				if digest {
					s.Fingerprint(testKey)
				}
			}, func(i int) {
				if _, err := s.Add(mint(1, uint64(benchSize+i+1)), fresh[i]); err != nil {
					b.Fatal(err)
				}
			})
		})
	}
}

func BenchmarkJoinDelta(b *testing.B) {
	first, fresh := benchElements(0, benchSize), benchElements(benchSize, benchSize)
	from := benchSet(b, first)
	deltas := make([]*Set[string], benchSize)
	for i := range deltas {
		deltas[i], _ = from.Add(mint(1, uint64(benchSize+i+1)), fresh[i])
	}
	encoded := make([][]byte, benchSize)
	for i := range encoded {
		encoded[i] = deltas[i].AppendBinary(nil)
	}
	for _, digest := range []bool{false, true} {
		var s *Set[string]
		reset := func() {
			s = benchSet(b, first)
			if digest {
				s.Fingerprint(testKey)
			}
		}
		b.Run(fmt.Sprintf("digest=%t", digest), func(b *testing.B) {
			grow(b, reset, func(i int) { s.Join(deltas[i]) })
		})
		b.Run(fmt.Sprintf("binary/digest=%t", digest), func(b *testing.B) {
			grow(b, reset, func(i int) { s.JoinBinary(encoded[i]) })
		})
	}
}

// BenchmarkJoinFull joins a state of 10,000 with one that has ten more, and
// removes them again outside the measured time.
func BenchmarkJoinFull(b *testing.B) {
	a := benchSet(b, benchElements(0, benchSize))
	o := a.Clone()
	for i, e := range benchElements(benchSize, 5) {
		o.Add(mint(2, uint64(benchSize+i+1)), e)
		o.Remove(mint(3, uint64(benchSize+i+1)), benchElements(i*100, 1)[0])
	}
	known := o.Difference(a)
	for name, d := range map[string]*Set[string]{"state": o, "difference": known} {
		b.Run(name, func(b *testing.B) {
			s := a.Clone()
			b.ReportAllocs()
			for b.Loop() {
				s.Join(d)
				b.StopTimer()
				s = a.Clone()
				b.StartTimer()
			}
		})
	}
}
