package ring

import (
	"fmt"
	"testing"
)

// keys are scattered in memory and visited out of order, as in a store.
func benchKeys() []string {
	keys := make([]string, 1<<20)
	for i := range keys {
		keys[i] = fmt.Sprintf("user:%012d", mix(uint64(i))%1e12)
	}
	return keys
}

// BenchmarkHash is the floor of a look-up: the key's hash, cache miss included.
func BenchmarkHash(b *testing.B) {
	keys, sum := benchKeys(), uint64(0)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		sum += Hash(keys[i*7919&(len(keys)-1)])
	}
	sink = int(sum)
}

func BenchmarkOwners(b *testing.B) {
	keys := benchKeys()
	for _, partitions := range []int{256, 65536} {
		p := Place(evenNodes(1024), partitions, 3)
		b.Run(fmt.Sprint(partitions, "partitions"), func(b *testing.B) {
			sum := 0
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				owners := p.Owners(Partition(Hash(keys[i*7919&(len(keys)-1)]), partitions))
				sum += int(owners[0]) + int(owners[2])
			}
			sink = sum
		})
	}
}

func BenchmarkPlace(b *testing.B) {
	for _, c := range []struct{ m, partitions int }{{5, 256}, {16, 4096}, {1024, 65536}} {
		nodes := evenNodes(c.m)
		b.Run(fmt.Sprintf("%dx%d", c.m, c.partitions), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				sink += Place(nodes, c.partitions, 3).N()
			}
		})
	}
}

func BenchmarkState(b *testing.B) {
	s := &State{}
	var list []Member
	for i := range 1024 {
		list = append(list, Member{ID: nodeID(i), Status: Serving, Weight: 1, Addr: "10.0.0.1:7946", Data: "10.0.0.1:7947"})
	}
	s = newState(list, nil)
	p := s.AppendBinary(nil)
	b.Run("join", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			sink += len(s.With(Member{ID: "node-0512", Rev: 1}).Members())
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(p)))
		for b.Loop() {
			back, err := Decode(p)
			if err != nil {
				b.Fatal(err)
			}
			sink += len(back.Members())
		}
	})
	b.Run("layout", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			sink += NewLayout(s, 3, 256).Partitions()
		}
	})
}

var sink int
