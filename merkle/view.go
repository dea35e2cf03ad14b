package merkle

import "github.com/grapevine-go/grapevine/crdt"

// View is a copy of a tree's sums, made by [Tree.Snapshot]. It does not change
// when the tree does. The zero View is that of an empty space.
type View struct {
	*levels
	part Node
	n    int
}

// Depth is the number of bits up to which sums are known.
func (v *View) Depth() int {
	if v.levels == nil {
		return 0
	}
	return int(v.depth)
}

// Len is the number of entries.
func (v *View) Len() int { return v.n }

// Sum is the sum of the entries in the node's range, whose bits are at most
// Depth. Outside of the partition it is zero.
func (v *View) Sum(n Node) crdt.Fingerprint {
	switch {
	case v.levels == nil || !n.meets(v.part):
		return crdt.Fingerprint{}
	case n.Bits <= v.skip:
		return v.at[0][0].fingerprint()
	}
	return v.sum(n).fingerprint()
}

// meets reports whether one of the ranges is within the other.
func (n Node) meets(o Node) bool {
	return (n.First^o.First)>>(64-min(n.Bits, o.Bits)) == 0
}

// Forest is the views of all partitions of a table that two replicas compare,
// in the order of their ranges: 2^k of them for partitions of k bits. A
// partition that is not compared has a zero View.
type Forest []View

// Depth is that of the least deep tree: up to there all sums are known.
func (f Forest) Depth() int {
	depth := MaxDepth
	for i := range f {
		if f[i].levels != nil {
			depth = min(depth, f[i].Depth())
		}
	}
	return depth
}

// Len is the number of entries.
func (f Forest) Len() (n int) {
	for i := range f {
		n += f[i].n
	}
	return n
}

// Sum is the sum of the entries in the node's range, whose bits are at most
// Depth.
func (f Forest) Sum(n Node) crdt.Fingerprint {
	bits := uint8(0)
	for 1<<bits < len(f) {
		bits++
	}
	if n.Bits >= bits {
		return f[n.First>>(64-bits)].Sum(n)
	}
	var total sum
	first := n.index() << (bits - n.Bits)
	for i := range f[first : first+1<<(bits-n.Bits)] {
		if v := &f[first+uint64(i)]; v.levels != nil {
			total.add(v.at[0][0])
		}
	}
	return total.fingerprint()
}
