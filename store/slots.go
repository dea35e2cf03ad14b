package store

import "math/bits"

// slots is the index of a partition: an open-addressing hash table that keeps
// its entries in the order of their hash, so that a look-up is one look into
// memory and a page is a walk. An entry's home is its hash's place in the
// partition's range, scaled to the number of homes; it lies there or, behind
// others, to the right of it, with no gap between. (Amble and Knuth, "Ordered
// hash tables", 1974; hashes that are already uniform make the order global.)
type slots struct {
	s     []slot // homes, and what the last of them push beyond the end
	homes uint64
	n     int
	shift uint // bits of the hash that name the partition
}

type slot struct {
	hash  uint64
	entry *entry // nil: empty
}

const firstHomes = 4

// full reports whether the table must grow, by a third, before it holds n; idle
// whether it may shrink to half.
func (x *slots) full(n int) bool { return uint64(n)*8 > x.homes*7 }
func (x *slots) idle(n int) bool { return x.homes > firstHomes && uint64(n)*4 < x.homes }

func (x *slots) home(hash uint64) int {
	i, _ := bits.Mul64(hash<<x.shift, x.homes)
	return int(i)
}

// find returns the entry of a key, or nil.
func (x *slots) find(hash uint64, key []byte) *entry {
	if x.n == 0 {
		return nil
	}
	for i := x.home(hash); i < len(x.s) && x.s[i].hash <= hash; i++ {
		s := &x.s[i]
		if s.entry == nil {
			return nil
		}
		if s.hash == hash && string(s.entry.key()) == string(key) {
			return s.entry
		}
	}
	return nil
}

// from returns the position of the first entry whose hash is not below.
func (x *slots) from(hash uint64) int {
	if x.n == 0 {
		return 0
	}
	i := x.home(hash)
	for i < len(x.s) && (x.s[i].entry == nil || x.s[i].hash < hash) {
		i++
	}
	return i
}

// insert adds the entry of a key that is not there.
func (x *slots) insert(hash uint64, e *entry) {
	if x.full(x.n + 1) {
		x.resize(x.homes + x.homes/3 + firstHomes)
	}
	i := x.home(hash)
	for i < len(x.s) && x.s[i].entry != nil && x.s[i].hash <= hash {
		i++
	}
	free := i
	for free < len(x.s) && x.s[free].entry != nil {
		free++
	}
	if free == len(x.s) {
		x.s = append(x.s, slot{})
	}
	copy(x.s[i+1:free+1], x.s[i:free])
	x.s[i] = slot{hash, e}
	x.n++
}

// remove takes an entry out, and moves those behind it that it kept from their
// homes.
func (x *slots) remove(hash uint64, e *entry) {
	i := x.home(hash)
	for x.s[i].entry != e {
		i++
	}
	for i++; i < len(x.s) && x.s[i].entry != nil && x.home(x.s[i].hash) < i; i++ {
		x.s[i-1] = x.s[i]
	}
	x.s[i-1] = slot{}
	x.n--
	switch {
	case x.n == 0:
		x.s, x.homes = nil, 0
	case x.idle(x.n):
		x.resize(x.homes / 2)
	}
}

// resize lays the entries out anew, in the order in which they are.
func (x *slots) resize(homes uint64) {
	old := x.s
	x.s, x.homes = make([]slot, homes, homes+homes/16), homes
	next := 0
	for _, s := range old {
		if s.entry == nil {
			continue
		}
		next = max(next, x.home(s.hash))
		if next == len(x.s) {
			x.s = append(x.s, slot{})
		}
		x.s[next] = s
		next++
	}
}
