package crdt

import (
	"fmt"
	"iter"
)

// List is an ordered sequence for collaborative data: Fugue (Weidner and
// Kleppmann, "The Art of the Fugue: Minimizing Interleaving in Collaborative
// Text Editing", 2023), in its tree form. It was chosen over RGA because runs
// that two actors type at one place at the same time stay together in either
// direction, forwards and backwards, where RGA mixes what is inserted backwards.
// (The one case in which Fugue still interleaves needs three or more actors; see
// the paper's section on FugueMax.)
//
//	concurrently                       | outcome
//	insert x at i | insert y at i      | both, in the order of the actors
//	insert a run  | insert another     | one run after the other
//	insert x at i | delete i           | x, where it was put
//	delete i      | delete i           | it is gone
//	insert x      | reset              | x
//
// An element is a node of a tree and keeps its place there for ever: a deleted
// one leaves a tombstone of about 60 bytes, until a reset. An operation takes
// time in proportion to the length, about a nanosecond an element.
type List[T any] struct {
	Causal[*List[T]]
	codec Codec[T]
	tree  tree
}

// NewList returns an empty list of a basic type.
func NewList[T Basic]() *List[T] { return NewListOf(Default[T]()) }

// NewListOf returns an empty list of elements with the given codec.
func NewListOf[T any](codec Codec[T]) *List[T] {
	l := &List[T]{codec: codec}
	l.rules = l
	return l
}

// Insert puts v before the element at index i, from 0 to Len. The errors are
// those of [Causal.Apply], and [ErrRange].
func (l *List[T]) Insert(m Mint, i int, v T) (delta *List[T], err error) {
	op, err := l.InsertOp(i, v)
	if err != nil {
		return nil, err
	}
	delta, _, err = l.Apply(m, op)
	return delta, err
}

// Delete takes the element at index i out. The errors are those of
// [Causal.Apply], and [ErrRange].
func (l *List[T]) Delete(m Mint, i int) (delta *List[T], err error) {
	op, err := l.DeleteOp(i)
	if err != nil {
		return nil, err
	}
	delta, _, err = l.Apply(m, op)
	return delta, err
}

// InsertOp returns the operation that puts v at index i of this replica,
// wherever it is made. The error wraps [ErrRange].
func (l *List[T]) InsertOp(i int, v T) (Op, error) {
	if i < 0 || i > l.Len() {
		return Op{}, fmt.Errorf("%w: %d of %d", ErrRange, i, l.Len())
	}
	return Op{Kind: OpInsert, Arg: l.codec.Encode(v), To: string(l.tree.place(i).append(nil))}, nil
}

// DeleteOp returns the operation that takes out the element that is at index i
// of this replica, wherever it is made. The error wraps [ErrRange].
func (l *List[T]) DeleteOp(i int) (Op, error) {
	if i < 0 || i >= l.Len() {
		return Op{}, fmt.Errorf("%w: %d of %d", ErrRange, i, l.Len())
	}
	n := l.tree.visible(i)
	seen := ContextOf(n.id)
	return Op{Kind: OpRemove, To: string(n.at.append(appendDot(nil, n.id))), Seen: &seen}, nil
}

// Len returns the number of elements.
func (l *List[T]) Len() int { return l.tree.len }

// Get returns the element at index i; false if there is none.
func (l *List[T]) Get(i int) (v T, ok bool) {
	if i < 0 || i >= l.Len() {
		return v, false
	}
	v, err := l.codec.Decode(l.tree.visible(i).value)
	return v, err == nil
}

// All yields the elements in order.
func (l *List[T]) All() iter.Seq[T] {
	return func(yield func(T) bool) {
		for _, n := range l.tree.order {
			if !n.alive {
				continue
			}
			if v, err := l.codec.Decode(n.value); err == nil && !yield(v) {
				return
			}
		}
	}
}

// TypeName is the name of the type and its codecs; see [Mutable].
func (l *List[T]) TypeName() string { return "list(" + l.codec.Name() + ")" }

// Size is about how many bytes of memory the list takes.
func (l *List[T]) Size() int { return l.causal.Size() + 200*len(l.tree.nodes) }

// MarshalJSON gives the list of the elements.
func (l *List[T]) MarshalJSON() ([]byte, error) { return listJSON(l.All()) }

func (*List[T]) tag() byte         { return tagList }
func (l *List[T]) empty() *List[T] { return NewListOf(l.codec) }

func (l *List[T]) valid(payload string) bool {
	e, ok := splitNode(payload)
	return ok && (e.tomb != Dot{} || valid(l.codec, e.value))
}

func (l *List[T]) plan(_ Mint, op Op) (ch change, err error) {
	r := reader{p: op.To}
	var e nodeEntry
	switch op.Kind {
	case OpInsert:
		if e.value = op.Arg; !valid(l.codec, op.Arg) {
			return ch, op.malformed("element")
		}
	case OpRemove:
		e.tomb = r.dot()
	default:
		return ch, op.unknown("list")
	}
	e.at = r.place()
	if err := r.end("position"); err != nil {
		return ch, fmt.Errorf("%w: %w", ErrOperation, err)
	}
	if n := l.tree.nodes[e.tomb]; op.Kind == OpRemove && n != nil {
		if !n.alive {
			return ch, nil
		}
		ch.lost.add(n.id)
	}
	ch.asserts, ch.payload = true, string(e.append(nil))
	return ch, nil
}

func (l *List[T]) gained(s *site, n uint64, payload string) {
	e, _ := splitNode(payload)
	l.tree.gained(Dot{s.actor, n}, e)
}

func (l *List[T]) lost(s *site, n uint64, payload string) {
	e, _ := splitNode(payload)
	l.tree.lost(Dot{s.actor, n}, e)
}

func (l *List[T]) needs(a Actor) bool { return l.tree.needs(a) }

func (l *List[T]) settled()       { l.tree.settled(&l.causal) }
func (l *List[T]) restless() bool { return l.tree.waiting }
