package antientropy

import "math"

// decoder takes the other side's symbols apart against this side's own.
type decoder struct {
	salt  salt
	rest  []symbol // theirs less mine, less what was found
	found map[element]int8
	pure  []int
	guess float64 // elements that differ, by the newest symbols
}

func newDecoder(s salt) *decoder { return &decoder{salt: s, found: make(map[element]int8)} }

// extend takes the next symbols of the other side and this side's own for the
// same places. It reports whether everything is decoded: each element that is
// only theirs is then found with +1, each that is only mine with -1.
func (d *decoder) extend(theirs, mine []symbol) bool {
	from := len(d.rest)
	for i, s := range theirs {
		s.subtract(mine[i])
		d.rest = append(d.rest, s)
	}
	d.guess = estimate(d.rest[from:], from)
	for e, sign := range d.found {
		d.salt.add(d.rest[from:], from, e, -int32(sign))
	}
	for i := from; i < len(d.rest); i++ {
		d.note(i)
	}
	d.peel()
	return d.done()
}

// note remembers a symbol that may hold a single element.
func (d *decoder) note(i int) {
	s := &d.rest[i]
	s.check &= 0xffff
	s.count = int32(int8(s.count))
	if (s.count == 1 || s.count == -1) && d.salt.check(element(s.sum)) == s.check {
		d.pure = append(d.pure, i)
	}
}

// peel takes single elements out of all symbols until there are none. A symbol
// that only looked like one adds an element that is none, and takes others back
// whose symbols it has spoilt; it comes out again when the symbols around it are
// peeled. So symbols are peeled in the order in which they were met: the last one
// first would go back and forth between two of these until the end, which is when
// more were peeled than elements could be found.
func (d *decoder) peel() {
	budget := 4*len(d.rest) + 16
	for n := 0; n < len(d.pure) && budget > 0; n++ {
		i := d.pure[n]
		s := d.rest[i]
		e := element(s.sum)
		if s.count != 1 && s.count != -1 || d.salt.check(e) != s.check || !d.salt.has(e, i) {
			continue
		}
		budget--
		d.take(e, int8(s.count))
	}
	d.pure = d.pure[:0]
}

func (d *decoder) take(e element, sign int8) {
	if d.found[e] += sign; d.found[e] == 0 {
		delete(d.found, e)
	}
	check := d.salt.check(e)
	for w := d.salt.walk(e); w.at < uint64(len(d.rest)); w.next() {
		s := &d.rest[w.at]
		s.sum ^= uint64(e)
		s.check ^= check
		s.count -= int32(sign)
		d.note(int(w.at))
	}
}

func (d *decoder) done() bool {
	if len(d.rest) == 0 {
		return false
	}
	for _, s := range d.rest {
		if !s.isZero() {
			return false
		}
	}
	for _, sign := range d.found {
		if sign != 1 && sign != -1 {
			return false
		}
	}
	return true
}

// estimate says how many elements are in symbols that have not been touched
// yet: by how many symbols are empty or, while too few are, by how much their
// counts vary around what the surplus of one side explains.
func estimate(s []symbol, from int) float64 {
	empty, counts, weight := 0, 0.0, 0.0
	for i, c := range s {
		if c.isZero() {
			empty++
		}
		counts += float64(c.count)
		weight += density(from + i)
	}
	if empty >= 8 {
		return solveEmpty(s, from, float64(empty))
	}
	surplus, squares, n := counts/weight, 0.0, 0
	for i, c := range s {
		if p := density(from + i); p < 1 {
			off := float64(c.count) - surplus*p
			squares += off * off / (p * (1 - p))
			n++
		}
	}
	return max(squares/float64(max(n, 1)), math.Abs(surplus))
}

// density is the chance that an element is in symbol i.
func density(i int) float64 { return 2 / (2 + float64(i)) }

// solveEmpty finds the number of elements at which so many symbols are expected
// to be empty, from a sample of the densities.
func solveEmpty(s []symbol, from int, empty float64) float64 {
	stride := len(s)/512 + 1
	low, high := 0.0, 4*float64(from+len(s))
	for range 40 {
		middle, expected := (low+high)/2, 0.0
		for i := 0; i < len(s); i += stride {
			expected += math.Exp(-middle*density(from+i)) * float64(min(stride, len(s)-i))
		}
		if expected > empty {
			low = middle
		} else {
			high = middle
		}
	}
	return low
}

// enough is how many symbols almost always decode so many elements.
func enough(elements float64) int {
	return int(1.36*elements + 1.6*math.Sqrt(elements) + 6)
}
