package ring

import (
	"math/bits"

	"github.com/cespare/xxhash/v2"
)

const (
	// DefaultPartitions is how many partitions a table has unless it says
	// otherwise: enough to balance a few dozen nodes, cheap to keep.
	DefaultPartitions = 256
	// MaxPartitions is the largest number of partitions of a table.
	MaxPartitions = 1 << 16
	// MaxN is the largest number of owners of a partition.
	MaxN = 16
)

// Hash places a key on the ring: xxHash64 with seed 0. It allocates nothing.
func Hash(key string) uint64 { return xxhash.Sum64String(key) }

// HashBytes is [Hash] of a key held in bytes.
func HashBytes(key []byte) uint64 { return xxhash.Sum64(key) }

// Partition gives the partition, 0 to partitions-1, of a hash: its top bits,
// so that the keys of a partition are one range of hashes. The number of
// partitions must be valid ([ValidPartitions]).
func Partition(hash uint64, partitions int) int {
	// The high word of the product is the top bits, without a logarithm.
	hi, _ := bits.Mul64(hash, uint64(partitions))
	return int(hi)
}

// ValidPartitions reports whether a table can have this many partitions: a
// power of two from 1 to [MaxPartitions].
func ValidPartitions(partitions int) bool {
	return 0 < partitions && partitions <= MaxPartitions && partitions&(partitions-1) == 0
}
