package crdt

import (
	"maps"
	"slices"
)

// The tree of a list: Fugue's algorithm 1. A node has children on its left and
// on its right, each side in the order of their ids; the list is the in-order
// walk. The root is the zero Dot and holds nothing.

// treePlace is where a node hangs.
type treePlace struct {
	parent Dot
	right  bool
}

// nodeEntry is the payload of a list's dot: a node whose id is the dot and its
// value, or (tomb is not zero) the tombstone of the node tomb. Either tells the
// node's place, so that what hangs on it is found.
type nodeEntry struct {
	at    treePlace
	tomb  Dot
	value string
}

// Flags of an encoded place.
const (
	placeRight = 1 << 0
	placeChild = 1 << 1 // of a node, which follows; else of the root
	entryTomb  = 1 << 2 // the node that is deleted follows
)

func appendDot(dst []byte, d Dot) []byte { return appendUvarint(append(dst, d.Actor[:]...), d.N) }

func (r *reader) dot() Dot {
	d := Dot{r.actor(), r.uvarint()}
	r.bad = r.bad || d.N == 0 || d.N > MaxDot
	return d
}

func (p treePlace) append(dst []byte) []byte { return nodeEntry{at: p}.append(dst) }

func (e nodeEntry) append(dst []byte) []byte {
	var flags byte
	if e.at.right {
		flags |= placeRight
	}
	if !e.at.parent.IsZero() {
		flags |= placeChild
	}
	if !e.tomb.IsZero() {
		flags |= entryTomb
	}
	dst = append(dst, flags)
	if !e.at.parent.IsZero() {
		dst = appendDot(dst, e.at.parent)
	}
	if !e.tomb.IsZero() {
		dst = appendDot(dst, e.tomb)
	}
	return append(dst, e.value...)
}

func (r *reader) entry() (e nodeEntry) {
	flags := r.byte()
	e.at.right = flags&placeRight != 0
	if flags&placeChild != 0 {
		e.at.parent = r.dot()
	} else if !e.at.right {
		r.bad = true // nothing hangs on the left of the root
	}
	if flags&entryTomb != 0 {
		e.tomb = r.dot()
	}
	r.bad = r.bad || flags > placeRight|placeChild|entryTomb
	return e
}

func (r *reader) place() treePlace {
	e := r.entry()
	r.bad = r.bad || !e.tomb.IsZero()
	return e.at
}

func splitNode(payload string) (nodeEntry, bool) {
	r := reader{p: payload}
	e := r.entry()
	e.value = r.p
	return e, !r.bad && (e.tomb.IsZero() || e.value == "")
}

// node is an element that is or was in the list.
type node struct {
	id          Dot
	at          treePlace
	value       string
	alive       bool // the value is live
	tombs       int  // live tombstones
	shown       bool // in the walk, as all that hangs on it
	left, right []*node
}

func (n *node) side(right bool) *[]*node {
	if right {
		return &n.right
	}
	return &n.left
}

// first and last are the ends of the walk through n and what hangs on it.
func (n *node) first() *node {
	for len(n.left) > 0 {
		n = n.left[0]
	}
	return n
}

func (n *node) last() *node {
	for len(n.right) > 0 {
		n = n.right[len(n.right)-1]
	}
	return n
}

// tree finds the nodes of a list by id and by index.
//
// A node whose parent is not there waits, out of sight, if the parent may still
// arrive; if the parent was seen, a reset has taken it, and the node stands at
// the end of the list.
type tree struct {
	nodes   map[Dot]*node
	root    node
	order   []*node      // the walk, tombstones too
	len     int          // elements in the walk
	missing map[Dot]bool // parents that are not there, and whether they were seen
	waiting bool         // some of them were not
	stale   bool         // the walk has to be made anew
	gains   int          // entries that came in the present change
	losses  []*node      // nodes that lost an entry in it
}

// maxHung is up to how many entries a change hangs up one by one, which takes a
// walk for each, before it makes the whole walk anew.
const maxHung = 256

// gained takes an entry in.
func (t *tree) gained(d Dot, e nodeEntry) {
	n, known := t.enter(d, e)
	_, missed := t.missing[n.id]
	t.gains++
	t.stale = t.stale || missed || n.at != e.at || t.gains > maxHung
	if !known && !t.stale {
		t.hang(n)
	}
	if n.shown && e.tomb.IsZero() {
		t.len++
	}
}

// enter notes an entry at its node, and reports whether that was there before.
func (t *tree) enter(d Dot, e nodeEntry) (n *node, known bool) {
	id := d
	if !e.tomb.IsZero() {
		id = e.tomb
	}
	if n, known = t.nodes[id]; !known {
		if t.nodes == nil {
			t.nodes = make(map[Dot]*node)
		}
		n = &node{id: id, at: e.at}
		t.nodes[id] = n
	}
	if e.tomb.IsZero() {
		n.value, n.alive = e.value, true
	} else {
		n.tombs++
	}
	return n, known
}

func (t *tree) lost(d Dot, e nodeEntry) {
	n := t.nodes[d]
	if !e.tomb.IsZero() {
		n = t.nodes[e.tomb]
		n.tombs--
	} else if n.alive = false; n.shown {
		t.len--
	}
	t.losses = append(t.losses, n)
}

// settled makes the walk anew where a node went for good, or the context says
// now that a missing parent was seen.
func (t *tree) settled(c *causal) {
	for _, n := range t.losses {
		t.stale = t.stale || !n.alive && n.tombs == 0
	}
	if t.waiting {
		for id, seen := range t.missing {
			t.stale = t.stale || !seen && c.hasSeen(id)
		}
	}
	if t.stale {
		t.rebuild(c)
	}
	clear(t.losses)
	t.losses, t.gains = t.losses[:0], 0
}

func (t *tree) parent(n *node) *node {
	if n.at.parent.IsZero() {
		return &t.root
	}
	return t.nodes[n.at.parent]
}

// hang puts a new node into the tree, and into the walk where its parent is.
func (t *tree) hang(n *node) {
	parent := t.parent(n)
	if parent == nil {
		t.stale = true
		return
	}
	siblings := parent.side(n.at.right)
	i, _ := slices.BinarySearchFunc(*siblings, n, byID)
	defer func() { *siblings = slices.Insert(*siblings, i, n) }()
	if parent != &t.root && !parent.shown {
		return // nor is it safe to walk there: hostile places make circles
	}
	neighbour, after := parent, n.at.right
	if i > 0 {
		neighbour, after = (*siblings)[i-1].last(), true
	} else if !n.at.right && len(*siblings) > 0 {
		neighbour = (*siblings)[0].first()
	}
	at := t.index(neighbour)
	if after {
		at++
	}
	n.shown = true
	t.order = slices.Insert(t.order, at, n)
}

func byID(a, b *node) int { return a.id.Compare(b.id) }

// index returns where n is in the walk, -1 for the root.
func (t *tree) index(n *node) int {
	for i := len(t.order) - 1; i >= 0; i-- { // most is written at the end
		if t.order[i] == n {
			return i
		}
	}
	return -1
}

// rebuild makes the tree and the walk from the live dots.
func (t *tree) rebuild(c *causal) {
	*t = tree{losses: t.losses}
	for d, payload := range c.all() {
		e, _ := splitNode(payload)
		if n, known := t.enter(d, e); known && e.at.compare(n.at) < 0 {
			n.at = e.at // two places are a fault of who made them; all choose the same
		}
	}
	nodes := slices.SortedFunc(maps.Values(t.nodes), byID)
	var roots []*node
	for _, n := range nodes {
		if parent := t.parent(n); parent != nil {
			siblings := parent.side(n.at.right)
			*siblings = append(*siblings, n)
		} else if t.miss(n.at.parent, c.hasSeen(n.at.parent)) {
			roots = append(roots, n)
		}
	}
	slices.SortStableFunc(roots, func(a, b *node) int { return a.at.compare(b.at) })
	for _, n := range slices.Concat(t.root.right, roots) {
		t.walk(n)
	}
}

// miss notes that a parent is not there, and returns whether it was seen.
func (t *tree) miss(parent Dot, seen bool) bool {
	if t.missing == nil {
		t.missing = make(map[Dot]bool)
	}
	t.missing[parent] = seen
	t.waiting = t.waiting || !seen
	return seen
}

// needs reports whether the walk shows what hung on a node of the actor that a
// reset has taken, or whether it may once: a node that was deleted has the dot of
// who deleted it, and its own number is of the actor that inserted it. Without the
// context what hangs there would be out of sight.
func (t *tree) needs(a Actor) bool {
	for id := range t.nodes {
		if id.Actor == a {
			return true
		}
	}
	for id, seen := range t.missing {
		if seen && id.Actor == a {
			return true
		}
	}
	return false
}

func (p treePlace) compare(o treePlace) int {
	if c := p.parent.Compare(o.parent); c != 0 || p.right == o.right {
		return c
	}
	if p.right {
		return 1
	}
	return -1
}

// walk appends n and what hangs on it to the walk. Runs make deep trees, so it
// does not recurse.
func (t *tree) walk(n *node) {
	type step struct {
		n    *node
		here bool // the left side is done
	}
	for steps := []step{{n, false}}; len(steps) > 0; {
		s := steps[len(steps)-1]
		steps = steps[:len(steps)-1]
		if s.here {
			t.order = append(t.order, s.n)
			s.n.shown = true
			if s.n.alive {
				t.len++
			}
			continue
		}
		for _, c := range slices.Backward(s.n.right) {
			steps = append(steps, step{c, false})
		}
		steps = append(steps, step{s.n, true})
		for _, c := range slices.Backward(s.n.left) {
			steps = append(steps, step{c, false})
		}
	}
}

// visible returns the element at index i, which is in range.
func (t *tree) visible(i int) *node {
	if t.len == len(t.order) {
		return t.order[i]
	}
	for _, n := range t.order {
		if n.alive {
			if i == 0 {
				return n
			}
			i--
		}
	}
	return nil
}

// place returns where a node has to hang to be at index i.
func (t *tree) place(i int) treePlace {
	left, next := &t.root, 0
	if i > 0 {
		left = t.visible(i - 1)
		next = t.index(left) + 1
	}
	if len(left.right) == 0 {
		return treePlace{left.id, true}
	}
	return treePlace{t.order[next].id, false}
}
