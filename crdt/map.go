package crdt

import (
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
)

// Map is an observed-remove map whose values are causal types (Almeida et al.,
// 2018; Riak's map). All values share the map's causal context, so
// a value that is removed leaves nothing behind. A key is in the map while its
// value holds something; a value that becomes empty is gone.
//
//	concurrently             | outcome
//	update k with x | update k with y   | k holds the join of both
//	update k with x | remove k          | k holds x and nothing older
//	remove k        | remove k          | k is out
//	update k with x | reset             | k holds x and nothing older
//
// V is a pointer to a causal type: *Set, *RemoveWinsSet, *MVRegister,
// *EnableWins, *DisableWins, *Counter, *List or *Map. The values that the map
// gives out are views: they show the map as it is, and only the map changes
// them, by [Map.Update]; a mutation of a view gives [ErrPart] and a join into
// one does nothing. Clone makes a value of its own.
//
// A counter under a key that is removed while somebody counts has the weakness
// that [Counter] states.
type Map[K any, V value[V]] struct {
	Causal[*Map[K, V]]
	codec   Codec[K]
	kind    V               // bottom, which answers for values and makes them
	values  map[string]V    // by encoded key
	touched []string        // keys whose values the present change is about
	restive map[string]bool // keys whose values are restless
}

// NewMap returns an empty map with keys of a basic type; bottom gives the bottom
// of the values' type.
func NewMap[K Basic, V value[V]](bottom func() V) *Map[K, V] {
	return NewMapOf(Default[K](), bottom)
}

// NewMapOf returns an empty map of keys with the given codec.
func NewMapOf[K any, V value[V]](codec Codec[K], bottom func() V) *Map[K, V] {
	return newMap(codec, bottom())
}

func newMap[K any, V value[V]](codec Codec[K], kind V) *Map[K, V] {
	m := &Map[K, V]{codec: codec, kind: kind}
	m.rules = m
	return m
}

// Update makes an operation of the values' type at the value of the key, which
// is bottom if there is none; see [Map.At]. The errors are those of
// [Causal.Apply] and of the value.
func (m *Map[K, V]) Update(by Mint, key K, op Op) (delta *Map[K, V], saw Context, err error) {
	return m.Apply(by, m.UpdateOp(key, op))
}

// UpdateOp returns the operation that makes op at the value of the key.
func (m *Map[K, V]) UpdateOp(key K, op Op) Op {
	return Op{Kind: OpUpdate, Arg: m.codec.Encode(key), Sub: &op}
}

// Remove takes the key out, and says what it saw of its value. The errors are
// those of [Causal.Apply].
func (m *Map[K, V]) Remove(by Mint, key K) (delta *Map[K, V], saw Context, err error) {
	return m.Apply(by, Op{Kind: OpRemove, Arg: m.codec.Encode(key)})
}

// RemoveOp returns the operation that takes the key out as this replica sees it,
// wherever it is made.
func (m *Map[K, V]) RemoveOp(key K) Op {
	saw := m.dotsOf(m.codec.Encode(key))
	seen := saw.context()
	return Op{Kind: OpRemove, Arg: m.codec.Encode(key), Seen: &seen}
}

// Get returns a view of the key's value; false if the key is not in the map.
func (m *Map[K, V]) Get(key K) (V, bool) {
	v, ok := m.values[m.codec.Encode(key)]
	return v, ok
}

// At returns a view of the key's value, which is bottom if the key is not in the
// map: it makes the operations for Update, as in
//
//	m.Update(mint, "fruit", m.At("fruit").AddOp("apple"))
func (m *Map[K, V]) At(key K) V { return m.at(m.codec.Encode(key)) }

func (m *Map[K, V]) at(key string) V {
	if v, ok := m.values[key]; ok {
		return v
	}
	return m.part()
}

func (m *Map[K, V]) part() V {
	v := m.kind.empty()
	v.core().owner = &m.causal
	return v
}

// Len returns the number of keys.
func (m *Map[K, V]) Len() int { return len(m.values) }

// All yields the keys and views of their values, in the order of the encoded
// keys.
func (m *Map[K, V]) All() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for _, key := range slices.Sorted(maps.Keys(m.values)) {
			if k, err := m.codec.Decode(key); err == nil && !yield(k, m.values[key]) {
				return
			}
		}
	}
}

// TypeName is the name of the type and its codecs; see [Mutable].
func (m *Map[K, V]) TypeName() string { return "map(" + m.codec.Name() + "," + m.kind.TypeName() + ")" }

// Size is about how many bytes of memory the map takes; of values that are maps
// or lists it counts a part.
func (m *Map[K, V]) Size() int { return m.causal.Size() + 350*len(m.values) }

// MarshalJSON gives an object; keys that are not strings are printed.
func (m *Map[K, V]) MarshalJSON() ([]byte, error) { return objectJSON(m.All()) }

func objectJSON[K, V any](all iter.Seq2[K, V]) ([]byte, error) {
	o := make(map[string]V)
	for k, v := range all {
		o[fmt.Sprint(k)] = v
	}
	return json.Marshal(o)
}

func (*Map[K, V]) tag() byte           { return tagMap }
func (m *Map[K, V]) empty() *Map[K, V] { return newMap(m.codec, m.kind) }

// A payload is the length of the key, the key, and the value's payload.
func splitKey(payload string) (key, rest string, ok bool) {
	r := reader{p: payload}
	key = r.string()
	return key, r.p, !r.bad
}

func (m *Map[K, V]) valid(payload string) bool {
	key, rest, ok := splitKey(payload)
	return ok && valid(m.codec, key) && m.kind.valid(rest)
}

func (m *Map[K, V]) plan(by Mint, op Op) (change, error) {
	if op.Kind != OpUpdate && op.Kind != OpRemove {
		return change{}, op.unknown("map")
	}
	if !valid(m.codec, op.Arg) {
		return change{}, op.malformed("key")
	}
	if op.Kind == OpRemove || op.Sub != nil && op.Sub.Kind == OpReset {
		return change{lost: m.dotsOf(op.Arg)}, nil
	}
	if op.Sub == nil {
		return change{}, op.malformed("update")
	}
	sub := *op.Sub
	if op.Seen != nil {
		sub.Seen = op.Seen
	}
	ch, err := m.at(op.Arg).plan(by, sub)
	if ch.asserts {
		ch.payload = string(appendString(nil, op.Arg)) + ch.payload
	}
	return ch, err
}

func (m *Map[K, V]) dotsOf(key string) dots { return m.at(key).core().liveDots() }

func (m *Map[K, V]) gained(s *site, n uint64, payload string) {
	key, rest, _ := splitKey(payload)
	v, ok := m.values[key]
	if !ok {
		if m.values == nil {
			m.values = make(map[string]V)
		}
		v = m.part()
		m.values[key] = v
	}
	c := v.core()
	c.insert(c.intern(s.actor), n, rest)
	m.touched = append(m.touched, key)
}

func (m *Map[K, V]) lost(s *site, n uint64, payload string) {
	key, _, _ := splitKey(payload)
	c := m.values[key].core()
	c.erase(c.at(s.actor), n)
	m.touched = append(m.touched, key)
}

// settled lets go of the values that are empty now. It waits until the change is
// complete, as most changes put something in the place of what they take.
func (m *Map[K, V]) settled() {
	for key := range m.restive {
		m.touched = append(m.touched, key)
	}
	for _, key := range m.touched {
		v, ok := m.values[key]
		if !ok {
			continue
		}
		v.settled()
		if v.core().live == 0 {
			delete(m.values, key)
		}
		if !v.restless() {
			delete(m.restive, key)
		} else {
			if m.restive == nil {
				m.restive = make(map[string]bool)
			}
			m.restive[key] = true
		}
	}
	m.touched = m.touched[:0]
}

func (m *Map[K, V]) restless() bool { return len(m.restive) > 0 }

func (m *Map[K, V]) needs(a Actor) bool {
	for _, v := range m.values {
		if v.needs(a) {
			return true
		}
	}
	return false
}
