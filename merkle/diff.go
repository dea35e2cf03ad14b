package merkle

import (
	"cmp"
	"slices"
)

// shortList is how many entries are sent at once rather than the sums of the
// parts of a range.
const shortList = 64

// Diff is one side of a comparison of two trees, as a machine: each side gives
// the messages of the other to [Diff.Receive] and sends what [Diff.Next] makes,
// in turn, until both are [Diff.Idle] and have nothing to say. Where sums
// differ the next message has those of the parts; a range without parts, or
// with few entries, is listed; and a list is answered by what of it is lacked.
//
// A message holds as many ranges, of any level, as its limit allows; the rest
// waits. A stack holds what waits, so that there is never much of it: the
// deepest goes first.
type Diff struct {
	sums    Sums
	src     Source
	pending []task
	found   []uint64
	seen    map[uint64]bool
}

// task is something to say about a node.
type task struct {
	kind  byte
	node  Node
	wants []uint64
}

// NewDiff returns a side that has said nothing yet. Sums and source should be of
// one moment; what changes between them is found, or not, as if it had been
// different at the beginning.
func NewDiff(sums Sums, src Source) *Diff {
	return &Diff{sums: sums, src: src, seen: make(map[uint64]bool)}
}

// Compare lets the next messages compare the parts of the range. One of the two
// sides calls it, for each range that is known to differ; for the zero Node it
// compares everything.
func (d *Diff) Compare(n Node) { d.push(task{kind: itemSums, node: n}) }

// List lets the next messages hold every entry of the range, whether it differs
// or not: the full exchange.
func (d *Diff) List(n Node) { d.push(task{kind: itemList, node: n}) }

func (d *Diff) push(t task) { d.pending = append(d.pending, t) }

// Idle reports that there is nothing to say.
func (d *Diff) Idle() bool { return len(d.pending) == 0 }

// Found returns the hashes of this side's entries that the other side lacks, or
// has in another version, which were found since the last call, in order.
func (d *Diff) Found() []uint64 {
	slices.Sort(d.found)
	f := d.found
	d.found = nil
	return f
}

func (d *Diff) find(hash uint64) {
	if !d.seen[hash] {
		d.seen[hash] = true
		d.found = append(d.found, hash)
	}
}

// Next appends what this side has to say to dst, up to a limit in bytes that is
// exceeded by one item at most (some 1 KiB). It appends nothing when the side
// is idle.
func (d *Diff) Next(dst []byte, limit int) []byte {
	for from := len(dst); len(d.pending) > 0 && len(dst)-from < limit; {
		t := d.pending[len(d.pending)-1]
		d.pending = d.pending[:len(d.pending)-1]
		switch t.kind {
		case itemSums:
			dst = d.appendParts(dst, t.node)
		case itemList:
			dst = d.appendList(dst, t.node)
		case itemWant:
			dst = t.appendWants(dst)
		}
	}
	return dst
}

// appendParts appends the sums of a node's parts, or its entries where the tree
// ends.
func (d *Diff) appendParts(dst []byte, n Node) []byte {
	if int(n.Bits) >= d.sums.Depth() {
		return d.appendRange(dst, n)
	}
	if d.sums.Sum(n).IsZero() {
		return append(appendNode(dst, itemList, n), 0)
	}
	k := min(fanBits, uint8(d.sums.Depth())-n.Bits)
	dst = append(appendNode(dst, itemSums, n), k)
	for i := range 1 << k {
		f := d.sums.Sum(n.child(i, k))
		dst = append(dst, f[:8]...)
	}
	return dst
}

// appendRange appends a range below the leaves of the tree: the list of its
// entries or, if there are many, the sums of its parts, made on the spot.
func (d *Diff) appendRange(dst []byte, n Node) []byte {
	parts, count, k := d.parts(n)
	if count <= shortList || k == 0 {
		return d.appendAll(dst, n, count)
	}
	dst = append(appendNode(dst, itemSums, n), k)
	for i := range 1 << k {
		f := parts[i].fingerprint()
		dst = append(dst, f[:8]...)
	}
	return dst
}

// parts adds up the parts of a range by reading it.
func (d *Diff) parts(n Node) (parts [1 << fanBits]sum, count int, k uint8) {
	k = min(fanBits, 64-n.Bits)
	for hash, f := range d.src.Entries(n.First, n.Last()) {
		parts[hash<<n.Bits>>(64-k)].add(toSum(f))
		count++
	}
	return parts, count, k
}

// appendList appends all entries of a range, which it divides first if there
// are many.
func (d *Diff) appendList(dst []byte, n Node) []byte {
	count := 0
	if int(n.Bits) >= d.sums.Depth() {
		for range d.src.Entries(n.First, n.Last()) {
			if count++; count > shortList {
				break
			}
		}
	}
	if (int(n.Bits) < d.sums.Depth() || count > shortList) && n.Bits < 64 {
		k := min(fanBits, 64-n.Bits)
		for i := 1<<k - 1; i >= 0; i-- {
			d.List(n.child(i, k))
		}
		return dst
	}
	return d.appendAll(dst, n, count)
}

func (d *Diff) appendAll(dst []byte, n Node, count int) []byte {
	entries := make([]byte, 0, 16*count)
	count = 0 // again, in the same reading as the entries
	for hash, f := range d.src.Entries(n.First, n.Last()) {
		entries = append(n.appendSuffix(entries, hash), f[:8]...)
		count++
	}
	return append(appendCount(appendNode(dst, itemList, n), count), entries...)
}

func (t task) appendWants(dst []byte) []byte {
	dst = appendCount(appendNode(dst, itemWant, t.node), len(t.wants))
	for _, hash := range t.wants {
		dst = t.node.appendSuffix(dst, hash)
	}
	return dst
}

// Receive takes a message of the other side. An error wraps [ErrCorrupt];
// nothing has changed then.
func (d *Diff) Receive(msg []byte) error {
	if err := validate(msg); err != nil {
		return err
	}
	for len(msg) > 0 {
		it, rest, _ := nextItem(msg)
		switch it.kind {
		case itemSums:
			d.compareParts(it)
		case itemList:
			d.compareList(it)
		case itemWant:
			for i := range it.count {
				d.find(it.entry(i).hash)
			}
		}
		msg = rest
	}
	return nil
}

// compareParts looks at the parts of a node whose sums are not mine.
func (d *Diff) compareParts(it item) {
	var mine [1 << fanBits]sum
	if deep := it.node.Bits + it.k; int(deep) <= d.sums.Depth() {
		for i := range 1 << it.k {
			mine[i] = toSum(d.sums.Sum(it.node.child(i, it.k)))
		}
	} else {
		for hash, f := range d.src.Entries(it.node.First, it.node.Last()) {
			mine[hash<<it.node.Bits>>(64-it.k)].add(toSum(f))
		}
	}
	for i := it.count - 1; i >= 0; i-- {
		part := it.node.child(i, it.k)
		switch theirs := it.sum(i); {
		case theirs == mine[i].lo:
		case theirs == 0:
			d.findAll(part)
		default:
			d.Compare(part)
		}
	}
}

// findAll finds every entry of a range of which the other side has nothing.
func (d *Diff) findAll(n Node) {
	for hash := range d.src.Entries(n.First, n.Last()) {
		d.find(hash)
	}
}

// compareList goes through the list and this side's entries, which are both in
// the order of their hashes.
func (d *Diff) compareList(it item) {
	mine := d.entries(it.node)
	theirs := make([]entry, it.count)
	for i := range theirs {
		theirs[i] = it.entry(i)
	}
	slices.SortFunc(theirs, compareEntries)
	var wants []uint64
	for i, j := 0, 0; i < len(mine) || j < len(theirs); {
		switch c := compareHeads(mine[i:], theirs[j:]); {
		case c < 0:
			d.find(mine[i].hash)
			i++
		case c > 0:
			wants = append(wants, theirs[j].hash)
			j++
		default:
			i++
			j++
		}
	}
	if wants = slices.Compact(wants); len(wants) > 0 {
		d.push(task{itemWant, it.node, wants})
	}
}

func (d *Diff) entries(n Node) (all []entry) {
	for hash, f := range d.src.Entries(n.First, n.Last()) {
		all = append(all, entry{hash, toSum(f).lo})
	}
	slices.SortFunc(all, compareEntries)
	return all
}

func compareEntries(a, b entry) int {
	return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.half, b.half))
}

// compareHeads compares the first of each; an empty list comes last.
func compareHeads(a, b []entry) int {
	switch {
	case len(a) == 0:
		return 1
	case len(b) == 0:
		return -1
	}
	return compareEntries(a[0], b[0])
}
