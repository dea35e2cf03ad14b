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

// BenchmarkJoinFull joins a state of 10,000 elements again and again with one
// that is ten changes ahead each time: five elements more, five less.
func BenchmarkJoinFull(b *testing.B) {
	for _, known := range []bool{false, true} {
		name := map[bool]string{false: "state", true: "difference"}[known]
		b.Run(name, func(b *testing.B) {
			elements := benchElements(0, benchSize)
			s := benchSet(b, elements)
			ahead := s.Clone()
			n := uint64(benchSize)
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				for range 5 {
					n++
					e := elements[n%benchSize]
					must(ahead.Add(mint(2, n), e+"'"))
					if _, _, err := ahead.Remove(mint(3, n), e); err != nil {
						b.Fatal(err)
					}
					elements[n%benchSize] += "'"
				}
				from := ahead
				if known {
					from = ahead.Difference(s)
				}
				b.StartTimer()
				s.Join(from)
			}
		})
	}
}

// BenchmarkEncode reports bytes on the wire per byte of elements: of 16 bytes,
// by three actors, where all numbers are of this key (dense), and where an actor
// writes to a hundred other keys between (sparse).
func BenchmarkEncode(b *testing.B) {
	for name, gap := range map[string]uint64{"dense": 1, "sparse": 100} {
		s := NewSet[string]()
		for i, e := range benchElements(0, benchSize) {
			must(s.Add(mint(byte(i%3+1), uint64(i+1)*gap), e))
		}
		for _, version := range []byte{1, 2} {
			b.Run(fmt.Sprintf("%s/v%d", name, version), func(b *testing.B) {
				var buf []byte
				b.ReportAllocs()
				for b.Loop() {
					buf, _ = s.AppendVersion(buf[:0], version)
				}
				b.ReportMetric(float64(len(buf))/(16*benchSize), "bytes/payload")
			})
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	p := benchSet(b, benchElements(0, benchSize)).AppendBinary(nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := NewSet[string]().JoinBinary(p); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkMemory reports bytes of memory an element of 16 bytes, the element
// included, beside a map.
func BenchmarkMemory(b *testing.B) {
	for name, build := range map[string]func() any{
		"map": func() any {
			m := make(map[string]struct{})
			for _, e := range benchElements(0, benchSize) {
				m[e] = struct{}{}
			}
			return m
		},
		"Set": func() any {
			s := benchSet(b, benchElements(0, benchSize))
			s.Fingerprint(testKey)
			return s
		},
	} {
		b.Run(name, func(b *testing.B) {
			var bytes float64
			for b.Loop() {
				before := heap()
				s := build()
				bytes = heap() - before
				runtime.KeepAlive(s)
			}
			b.ReportMetric(bytes/benchSize, "bytes/element")
		})
	}
}

func BenchmarkContains(b *testing.B) {
	elements := benchElements(0, benchSize)
	s := benchSet(b, elements)
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		if !s.Contains(elements[i%benchSize]) {
			b.Fatal(elements[i%benchSize])
		}
		i++
	}
}
