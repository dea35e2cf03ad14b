package crdt

import (
	"cmp"
	"iter"
	"slices"
	"unsafe" // for the size of a pair
)

// sorted is an ordered map in blocks of pairs, made for keys that come in
// rising order nearly always: a put at the end is an append, and two maps are
// compared at the speed of a walk through their arrays.
type sorted[K cmp.Ordered, V any] struct {
	blocks [][]pair[K, V] // none is empty
	n      int
}

type pair[K cmp.Ordered, V any] struct {
	key K
	val V
}

// blockSize is how many pairs a block holds, of some 3 KiB: enough to walk
// quickly, few enough to shift when one is put in the middle.
func (s *sorted[K, V]) blockSize() int { return max(16, 3072/int(unsafe.Sizeof(pair[K, V]{}))) }

// place is where a pair is: its block and its index there.
type place struct{ b, i int }

// find returns where key is or, with false, where it belongs.
func (s *sorted[K, V]) find(key K) (place, bool) {
	b := len(s.blocks) - 1
	if b < 0 {
		return place{}, false
	}
	if key < s.blocks[b][0].key { // the last block with a first key <= key, or the first block
		lo, hi := 0, b
		for lo < hi {
			mid := int(uint(lo+hi+1) / 2)
			if s.blocks[mid][0].key <= key {
				lo = mid
			} else {
				hi = mid - 1
			}
		}
		b = lo
	}
	block := s.blocks[b]
	if last := len(block) - 1; block[last].key < key {
		return place{b, last + 1}, false
	}
	lo, hi := 0, len(block)-1
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		if block[mid].key < key {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return place{b, lo}, block[lo].key == key
}

func (s *sorted[K, V]) get(key K) (v V, ok bool) {
	if p, ok := s.find(key); ok {
		return s.blocks[p.b][p.i].val, true
	}
	return v, false
}

// last returns the highest key, the zero one if there is none.
func (s *sorted[K, V]) last() (key K) {
	if b := len(s.blocks) - 1; b >= 0 {
		key = s.blocks[b][len(s.blocks[b])-1].key
	}
	return key
}

// put sets the value of key.
func (s *sorted[K, V]) put(key K, v V) {
	p, ok := s.find(key)
	if ok {
		s.blocks[p.b][p.i].val = v
		return
	}
	s.n++
	if len(s.blocks) == 0 {
		s.blocks = append(s.blocks, nil)
	}
	if size := s.blockSize(); len(s.blocks[p.b]) == size {
		p = s.split(p, size)
	}
	s.blocks[p.b] = slices.Insert(s.blocks[p.b], p.i, pair[K, V]{key, v})
}

// split makes room at a place in a full block.
func (s *sorted[K, V]) split(p place, size int) place {
	if p.i == size { // at its end: leave it full
		s.blocks = slices.Insert(s.blocks, p.b+1, make([]pair[K, V], 0, size))
		return place{p.b + 1, 0}
	}
	block := s.blocks[p.b]
	s.blocks = slices.Insert(s.blocks, p.b+1, slices.Clone(block[size/2:]))
	clear(block[size/2:])
	s.blocks[p.b] = block[:size/2]
	if p.i > size/2 {
		return place{p.b + 1, p.i - size/2}
	}
	return p
}

// remove takes the key out and returns its value.
func (s *sorted[K, V]) remove(key K) (v V, ok bool) {
	p, ok := s.find(key)
	if !ok {
		return v, false
	}
	v = s.blocks[p.b][p.i].val
	s.n--
	s.blocks[p.b] = slices.Delete(s.blocks[p.b], p.i, p.i+1)
	switch left := len(s.blocks[p.b]); {
	case left == 0:
		s.blocks = slices.Delete(s.blocks, p.b, p.b+1)
	case p.b+1 < len(s.blocks) && left+len(s.blocks[p.b+1]) <= s.blockSize()/2:
		s.blocks[p.b] = append(s.blocks[p.b], s.blocks[p.b+1]...)
		s.blocks = slices.Delete(s.blocks, p.b+1, p.b+2)
	}
	return v, true
}

// all yields the pairs in order. The map must not change meanwhile.
func (s *sorted[K, V]) all() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for _, block := range s.blocks {
			for _, p := range block {
				if !yield(p.key, p.val) {
					return
				}
			}
		}
	}
}

// cursor walks over a sorted map that does not change meanwhile.
type cursor[K cmp.Ordered, V any] struct {
	blocks [][]pair[K, V]
	block  []pair[K, V] // what is left of the present block
}

// first returns a cursor at the first key.
func (s *sorted[K, V]) first() cursor[K, V] {
	c := cursor[K, V]{blocks: s.blocks}
	c.settle()
	return c
}

// from returns a cursor at the first key that is not below key.
func (s *sorted[K, V]) from(key K) cursor[K, V] {
	if len(s.blocks) == 0 {
		return cursor[K, V]{}
	}
	p, _ := s.find(key)
	c := cursor[K, V]{s.blocks[p.b+1:], s.blocks[p.b][p.i:]}
	c.settle()
	return c
}

// settle goes on to the next block when the present one is used up.
func (c *cursor[K, V]) settle() {
	if len(c.block) == 0 && len(c.blocks) > 0 {
		c.block, c.blocks = c.blocks[0], c.blocks[1:]
	}
}

func (c *cursor[K, V]) ok() bool { return len(c.block) > 0 }

func (c *cursor[K, V]) key() K { return c.block[0].key }

func (c *cursor[K, V]) next() {
	c.block = c.block[1:]
	c.settle()
}

// skipEqual advances both cursors past a run of equal keys.
func skipEqual[K cmp.Ordered, V any](a, b *cursor[K, V]) {
	for {
		x, y := a.block, b.block
		n := min(len(x), len(y))
		i := 0
		for i < n && x[i].key == y[i].key {
			i++
		}
		a.block, b.block = x[i:], y[i:]
		a.settle()
		b.settle()
		if i < n || i == 0 {
			return
		}
	}
}
