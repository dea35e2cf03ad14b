package crdt

import "fmt"

// The encoding of a pointwise state (docs/crdt.md draws it):
//
//	version 1 | tag 1 | entries, as the type writes them
const pointwiseVersion = 1

// AppendBinary appends the canonical encoding.
func (t *table[K, V]) AppendBinary(dst []byte) []byte {
	return t.rules.encode(append(dst, pointwiseVersion, t.rules.tag()), &t.entries)
}

// AppendVersion appends the canonical encoding in the given version, of which
// there is one; see [Mutable].
func (t *table[K, V]) AppendVersion(dst []byte, version byte) ([]byte, error) {
	if version != pointwiseVersion {
		return dst, fmt.Errorf("%w: version %d, %d can be written", ErrVersion, version, pointwiseVersion)
	}
	return t.AppendBinary(dst), nil
}

// read reads a state or delta into d, which is empty. D's keys refer to p.
func (t *table[K, V]) read(p string, d *table[K, V]) error {
	d.rules = t.rules
	r := reader{p: p}
	version, tag := r.byte(), r.byte()
	if version > pointwiseVersion {
		return fmt.Errorf("%w: version %d, up to %d is known", ErrVersion, version, pointwiseVersion)
	}
	if r.bad || version != pointwiseVersion || tag != t.rules.tag() {
		return fmt.Errorf("%w: version %d, tag %d where %d is wanted", ErrCorrupt, version, tag, t.rules.tag())
	}
	t.rules.decode(&r, func(key K, v V) {
		if d.entries.n > 0 && key <= d.entries.last() {
			r.bad = true
		}
		if !r.bad {
			d.set(key, v)
		}
	})
	return r.end("pointwise state")
}

// detach copies the keys of d that are new to t out of the encoding that they
// are cut from.
func (t *table[K, V]) detach(d *table[K, V], encoding int) {
	fresh, ok := any(&d.entries).(*sorted[string, V])
	if !ok || encoding <= 64 {
		return
	}
	k := keeper{left: encoding}
	known := any(&t.entries).(*sorted[string, V])
	for _, block := range fresh.blocks {
		for i, p := range block {
			if _, ok := known.get(p.key); !ok {
				block[i].key = k.keep(p.key)
			}
		}
	}
}

// JoinBinary joins an encoded state or delta; see [State].
func (t *table[K, V]) JoinBinary(delta []byte) (Joined, error) {
	var d table[K, V]
	if err := t.read(string(delta), &d); err != nil {
		return Joined{}, err
	}
	t.detach(&d, len(delta))
	return t.absorb(&d), nil
}

// JoinChanges joins an encoded state or delta and appends what changed; see
// [Mutable].
func (t *table[K, V]) JoinChanges(delta, dst []byte) ([]byte, Joined, error) {
	var d table[K, V]
	if err := t.read(string(delta), &d); err != nil {
		return dst, Joined{}, err
	}
	news := table[K, V]{rules: t.rules}
	d.difference(t, &news)
	if news.entries.n > 0 {
		dst = news.AppendBinary(dst)
	}
	t.detach(&d, len(delta))
	return dst, t.absorb(&d), nil
}

// ApplyBinary makes an operation and appends its delta; see [Mutable].
func (t *table[K, V]) ApplyBinary(m Mint, op Op, dst []byte) ([]byte, Context, error) {
	d := table[K, V]{rules: t.rules}
	if err := t.mutate(m, op, &d); err != nil {
		return dst, Context{}, err
	}
	return d.AppendBinary(dst), Context{}, nil
}

// AppendOutline appends nothing: what such a state lacks is told by its entries;
// see [Mutable].
func (t *table[K, V]) AppendOutline(dst []byte) []byte { return dst }

// DifferenceBinary appends what the encoded state lacks; see [Mutable].
func (t *table[K, V]) DifferenceBinary(other, dst []byte) ([]byte, error) {
	var o table[K, V]
	if err := t.read(string(other), &o); err != nil {
		return dst, err
	}
	d := table[K, V]{rules: t.rules}
	if t.difference(&o, &d); d.entries.n > 0 {
		dst = d.AppendBinary(dst)
	}
	return dst, nil
}

// Fingerprint returns the keyed digest of the entries; see [State]. From then on
// it is kept up to date at the cost of what changes.
func (t *table[K, V]) Fingerprint(k Key) Fingerprint {
	if t.digest == nil || t.digest.key != k {
		t.digest = &digest{key: k}
		for key, v := range t.entries.all() {
			t.digested(true, key, v)
		}
	}
	return t.digest.sum
}

// Tombstone reports that there is nothing in the state that a user could read:
// it is bottom, or all that it holds was deleted.
func (t *table[K, V]) Tombstone() bool { return t.live == 0 }

// Size is about how many bytes of memory the state takes.
func (t *table[K, V]) Size() int { return 120 + t.size }

// The encoding of entries with string keys:
//
//	count | entry ...
//	entry: length of the key | key | value

func encodeEntries[V any](dst []byte, entries *sorted[string, V], value func([]byte, V) []byte) []byte {
	dst = appendUvarint(dst, uint64(entries.n))
	for key, v := range entries.all() {
		dst = value(appendString(dst, key), v)
	}
	return dst
}

func decodeEntries[V any](r *reader, valid func(string) bool, value func(*reader) V, yield func(string, V)) {
	for range r.count(1) {
		key := r.string()
		v := value(r)
		if r.bad || !valid(key) {
			r.bad = true
			return
		}
		yield(key, v)
	}
}
