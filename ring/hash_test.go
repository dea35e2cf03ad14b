package ring

import (
	"fmt"

	"testing"
)

// xxHash64 of known inputs, seed 0, as its specification's test vectors have it.
func TestHashIsXXHash64(t *testing.T) {
	for in, want := range map[string]uint64{"": 0xef46db3751d8e999, "a": 0xd24ec4f1a98c6e5b, "abc": 0x44bc2cf5ad770999} {
		if Hash(in) != want || HashBytes([]byte(in)) != want {
			t.Errorf("Hash(%q) = %#x, want %#x", in, Hash(in), want)
		}
	}
}

func TestPartitionIsTopBits(t *testing.T) {
	for b := 0; b <= 16; b++ {
		partitions := 1 << b
		if !ValidPartitions(partitions) {
			t.Errorf("%d partitions are not valid", partitions)
		}
		for i := range 1000 {
			h := Hash(fmt.Sprint(i))
			if want := int(h >> (64 - b)); Partition(h, partitions) != want {
				t.Fatalf("Partition(%#x, %d) = %d, want %d", h, partitions, Partition(h, partitions), want)
			}
		}
		if Partition(0, partitions) != 0 || Partition(^uint64(0), partitions) != partitions-1 {
			t.Errorf("the ends of %d partitions", partitions)
		}
	}
	for _, partitions := range []int{-1, 0, 3, 255, 1 << 17} {
		if ValidPartitions(partitions) {
			t.Errorf("%d partitions are valid", partitions)
		}
	}
}
