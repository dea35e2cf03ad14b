package crdt

import (
	"encoding/json"
	"math"
	"math/bits"

	"github.com/cespare/xxhash/v2"
)

// HyperLogLog counts distinct elements approximately, in at most 12 KiB on the
// wire whatever their number (Flajolet et al., 2007): registers joined by
// maximum, with the estimator of Ertl ("New cardinality estimation algorithms
// for HyperLogLog sketches", 2017), which needs no correction tables. The standard error is 0.81 %.
//
//	concurrently       | outcome
//	add x    | add x   | x counts once
//	add x    | add y   | both count
//
// Elements are hashed with xxhash64 without a secret, the same at all replicas:
// who chooses the elements can make the count as high as they like.
type HyperLogLog[T any] struct {
	Pointwise[*HyperLogLog[T], uint16, uint8]
	codec Codec[T]
}

const (
	hllBits      = 14
	hllRegisters = 1 << hllBits
	hllMaxRank   = 64 - hllBits + 1
	hllDense     = hllRegisters / 4 * 3 // bytes: six bits a register
)

// NewHyperLogLog returns a count of nothing, of elements of a basic type.
func NewHyperLogLog[T Basic]() *HyperLogLog[T] { return NewHyperLogLogOf(Default[T]()) }

// NewHyperLogLogOf returns a count of nothing, of elements with the given codec.
func NewHyperLogLogOf[T any](codec Codec[T]) *HyperLogLog[T] {
	h := &HyperLogLog[T]{codec: codec}
	h.rules = h
	return h
}

// Add counts v. The errors are those of [Pointwise.Apply].
func (h *HyperLogLog[T]) Add(m Mint, v T) (delta *HyperLogLog[T], err error) {
	delta, _, err = h.Apply(m, h.AddOp(v))
	return delta, err
}

// AddOp returns the operation that counts v.
func (h *HyperLogLog[T]) AddOp(v T) Op { return Op{Kind: OpAdd, Arg: h.codec.Encode(v)} }

// Count returns the estimate of the number of distinct elements.
func (h *HyperLogLog[T]) Count() uint64 {
	var of [hllMaxRank + 1]float64 // registers of each rank
	of[0] = float64(hllRegisters - h.entries.n)
	for _, rank := range h.entries.all() {
		of[rank]++
	}
	const m = float64(hllRegisters)
	z := m * tau(1-of[hllMaxRank]/m)
	for k := hllMaxRank - 1; k >= 1; k-- {
		z = (z + of[k]) / 2
	}
	z += m * sigma(of[0]/m)
	if estimate := m * m / (2 * math.Ln2 * z); estimate < 1<<63 {
		return uint64(math.Round(estimate))
	}
	return 1 << 63 // registers that no elements give
}

// sigma and tau are the series of Ertl's estimator.
func sigma(x float64) float64 {
	if x == 1 {
		return math.Inf(1)
	}
	y, z := 1.0, x
	for last := math.NaN(); z != last; y += y {
		x *= x
		last, z = z, z+x*y
	}
	return z
}

func tau(x float64) float64 {
	if x == 0 || x == 1 {
		return 0
	}
	y, z := 1.0, 1-x
	for last := math.NaN(); z != last; {
		x = math.Sqrt(x)
		y /= 2
		last, z = z, z-(1-x)*(1-x)*y
	}
	return z / 3
}

// TypeName is the name of the type and its codecs; see [Mutable].
func (h *HyperLogLog[T]) TypeName() string { return "hyperloglog(" + h.codec.Name() + ")" }

// MarshalJSON gives the estimate.
func (h *HyperLogLog[T]) MarshalJSON() ([]byte, error) { return json.Marshal(h.Count()) }

func (*HyperLogLog[T]) tag() byte                { return tagHyperLogLog }
func (h *HyperLogLog[T]) empty() *HyperLogLog[T] { return NewHyperLogLogOf(h.codec) }

func (h *HyperLogLog[T]) plan(_ Mint, op Op) (uint16, uint8, error) {
	if op.Kind != OpAdd {
		return 0, 0, op.unknown("HyperLogLog")
	}
	if !valid(h.codec, op.Arg) {
		return 0, 0, op.malformed("element")
	}
	hash := xxhash.Sum64String(op.Arg)
	rank := min(bits.LeadingZeros64(hash<<hllBits)+1, hllMaxRank)
	return uint16(hash >> (64 - hllBits)), uint8(rank), nil
}

func (*HyperLogLog[T]) join(a, b uint8) (uint8, Joined) { return max(a, b), Joined{Changed: b > a} }
func (*HyperLogLog[T]) differ(a, b uint8) (uint8, bool) { return a, a > b }
func (*HyperLogLog[T]) split(rank uint8) []uint8        { return []uint8{rank} }
func (*HyperLogLog[T]) weigh(uint16, uint8) (int, bool) { return 4, true }

func (*HyperLogLog[T]) part(dst []byte, register uint16, rank uint8) []byte {
	return append(dst, byte(register>>8), byte(register), rank)
}

// encode appends the number of registers that are not zero, and then, if they
// are fewer than half, each as the distance from the one before and its rank;
// or else six bits for each register there is.
func (*HyperLogLog[T]) encode(dst []byte, entries *sorted[uint16, uint8]) []byte {
	dst = appendUvarint(dst, uint64(entries.n))
	if entries.n < hllRegisters/2 {
		least := uint16(0)
		for register, rank := range entries.all() {
			dst = append(appendUvarint(dst, uint64(register-least)), rank)
			least = register + 1
		}
		return dst
	}
	start := len(dst)
	dst = append(dst, make([]byte, hllDense)...)
	for register, rank := range entries.all() {
		at, bit := start+int(register)*6/8, int(register)*6%8
		word := uint16(rank) << (10 - bit) // the six bits, in two bytes
		dst[at] |= byte(word >> 8)
		if low := byte(word); low != 0 {
			dst[at+1] |= low
		}
	}
	return dst
}

func (*HyperLogLog[T]) decode(r *reader, yield func(uint16, uint8)) {
	n := r.uvarint()
	if n > hllRegisters {
		r.bad = true
	}
	if n < hllRegisters/2 {
		least := uint64(0)
		for range n {
			register, rank := least+r.uvarint(), r.byte()
			if register < least || register >= hllRegisters || rank == 0 || rank > hllMaxRank {
				r.bad = true
				return
			}
			yield(uint16(register), rank)
			least = register + 1
		}
		return
	}
	dense := r.take(hllDense) + "\x00"
	if r.bad {
		return
	}
	for register := range hllRegisters {
		at, bit := register*6/8, register*6%8
		rank := (uint16(dense[at])<<8 | uint16(dense[at+1])) >> (10 - bit) & 0x3f
		if rank > hllMaxRank {
			r.bad = true
			return
		}
		if rank > 0 {
			yield(uint16(register), uint8(rank))
			n--
		}
	}
	r.bad = r.bad || n != 0
}
