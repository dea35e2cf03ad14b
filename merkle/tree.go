package merkle

import (
	"fmt"
	"slices"

	"github.com/grapevine-go/grapevine/crdt"
)

const (
	// MaxDepth bounds the bits of a leaf's prefix.
	MaxDepth = 40

	fanBits = 4  // a stored level has 2^fanBits times the nodes of the one above
	crowded = 24 // entries a leaf from which the tree grows; half of it after
	sparse  = 4  // entries a leaf below which it shrinks
	step    = 64 // leaves that one call of Reshape splits
)

// levels holds the sums of a tree of a given depth: the leaves and, above them,
// each level at a multiple of fanBits that is at least two bits above the
// leaves. All lie in one piece of memory, so that a snapshot is one copy.
type levels struct {
	skip  uint8   // bits that all hashes of the partition share
	depth uint8   // bits of a leaf's prefix, skip included
	bits  []uint8 // of each level, rising; the last is depth
	at    [][]sum // the sums of each level, parts of all
	all   []sum
}

func newLevels(skip, depth uint8) *levels {
	l := &levels{skip: skip, depth: depth}
	size := 0
	for b := skip; b == skip || b+2 <= depth; b += fanBits {
		l.bits = append(l.bits, b)
		size += 1 << (b - skip)
	}
	if depth > skip {
		l.bits = append(l.bits, depth)
		size += 1 << (depth - skip)
	}
	l.all = make([]sum, size)
	l.divide()
	return l
}

func (l *levels) divide() {
	l.at = make([][]sum, len(l.bits))
	from := 0
	for i, b := range l.bits {
		to := from + 1<<(b-l.skip)
		l.at[i] = l.all[from:to:to]
		from = to
	}
}

// place is the index of a hash in the level of the given bits.
func (l *levels) place(hash uint64, bits uint8) uint64 {
	return hash << l.skip >> (64 - bits + l.skip)
}

func (l *levels) leaves() []sum { return l.at[len(l.at)-1] }

// fold makes every level from the leaves.
func (l *levels) fold() {
	for i := len(l.at) - 2; i >= 0; i-- {
		shift := l.bits[i+1] - l.bits[i]
		clear(l.at[i])
		for j, s := range l.at[i+1] {
			l.at[i][j>>shift].add(s)
		}
	}
}

// sum adds up the range of a node between skip and depth bits.
func (l *levels) sum(n Node) (total sum) {
	i, _ := slices.BinarySearch(l.bits, n.Bits)
	under := l.bits[i] - n.Bits
	first := l.place(n.First, l.bits[i])
	for _, s := range l.at[i][first : first+1<<under] {
		total.add(s)
	}
	return total
}

// Tree is the hash tree of one partition.
type Tree struct {
	*levels
	part  Node
	n     int
	finer *levels // while the tree grows; leaves below split are right
	split uint64  // leaves of the tree that finer has already
}

// New returns the tree of an empty partition, whose keys' hashes are all in its
// range, which has 0 to 16 bits. More panics: it is a programmer's error.
func New(partition Node) *Tree {
	if partition.Bits > 16 {
		panic(fmt.Sprintf("merkle: partition of %d bits", partition.Bits))
	}
	return &Tree{levels: newLevels(partition.Bits, partition.Bits), part: partition}
}

// Build returns the tree of a partition that holds entries, about n of them,
// in one reading.
func Build(partition Node, n int, src Source) *Tree {
	t := New(partition)
	depth := partition.Bits
	for n>>(depth-partition.Bits) > crowded && depth < MaxDepth {
		depth++
	}
	t.levels = newLevels(partition.Bits, depth)
	t.n = t.fill(partition, src)
	t.fold()
	return t
}

// fill adds the entries of the range to the leaves, and counts them.
func (l *levels) fill(r Node, src Source) (n int) {
	leaves := l.leaves()
	for hash, f := range src.Entries(r.First, r.Last()) {
		leaves[l.place(hash, l.depth)].add(toSum(f))
		n++
	}
	return n
}

// Update says that an entry's fingerprint has changed from old to new; zero
// stands for an entry that is not there. It costs an addition a level and
// allocates nothing.
func (t *Tree) Update(hash uint64, old, new crdt.Fingerprint) {
	d := toSum(new).minus(toSum(old))
	if old.IsZero() {
		t.n++
	}
	if new.IsZero() {
		t.n--
	}
	for i, b := range t.bits {
		t.at[i][t.place(hash, b)].add(d)
	}
	if t.finer != nil && t.place(hash, t.depth) < t.split {
		t.finer.leaves()[t.finer.place(hash, t.finer.depth)].add(d)
	}
}

// Len is the number of entries.
func (t *Tree) Len() int { return t.n }

// Root is the sum of all entries.
func (t *Tree) Root() crdt.Fingerprint { return t.at[0][0].fingerprint() }

// Due reports whether [Tree.Reshape] has something to do: there are too many
// or too few entries for the depth.
func (t *Tree) Due() bool {
	width := t.depth - t.skip
	return t.finer != nil || t.n > crowded<<width && t.depth < MaxDepth || width > 0 && t.n < sparse<<width
}

// Reshape does the next piece of fitting the depth to the number of entries and
// reports whether more is to be done. A tree that grows reads some thousand
// entries a call, so that no writer waits for long; it stays usable meanwhile.
func (t *Tree) Reshape(src Source) (more bool) {
	switch {
	case !t.Due():
		return false
	case t.finer == nil && t.n < sparse<<(t.depth-t.skip):
		t.shrink()
		return t.Due()
	case t.finer == nil:
		t.finer, t.split = newLevels(t.skip, t.depth+1), 0
	}
	leaves := uint64(len(t.leaves()))
	for end := min(t.split+step, leaves); t.split < end; t.split++ {
		t.finer.fill(t.part.child(int(t.split), t.depth-t.skip), src)
	}
	if t.split == leaves {
		t.finer.fold()
		t.levels, t.finer = t.finer, nil
	}
	return t.Due()
}

func (t *Tree) shrink() {
	smaller := newLevels(t.skip, t.depth-1)
	for i, s := range t.leaves() {
		smaller.leaves()[i/2].add(s)
	}
	smaller.fold()
	t.levels = smaller
}

// Check reads all entries, makes the sums from them anew, and returns how many
// leaves were wrong. It is what a scrub calls: whatever corrupted the tree, or
// the memory it is in, is healed.
func (t *Tree) Check(src Source) (wrong int) {
	fresh := newLevels(t.skip, t.depth)
	t.n = fresh.fill(t.part, src)
	fresh.fold()
	for i, s := range fresh.leaves() {
		if s != t.leaves()[i] {
			wrong++
		}
	}
	if wrong == 0 && !slices.Equal(fresh.all, t.all) {
		wrong = 1 // the levels above did not fit the leaves
	}
	t.levels, t.finer = fresh, nil
	return wrong
}

// Snapshot copies the sums into v, whose memory it uses again.
func (t *Tree) Snapshot(v *View) {
	if v.levels == nil || v.skip != t.skip || v.depth != t.depth {
		v.levels = newLevels(t.skip, t.depth)
	}
	copy(v.all, t.all)
	v.part, v.n = t.part, t.n
}
