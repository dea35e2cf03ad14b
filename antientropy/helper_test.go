package antientropy

import (
	"iter"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/merkle"
)

var key = crdt.Key{7}

// replica is a sorted list of entries and the tree over it.
type replica struct {
	merkle.View
	hashes   []uint64
	versions []uint64
}

func fingerprint(hash, version uint64) crdt.Fingerprint {
	var f crdt.Fingerprint
	for i := range 8 {
		f[i], f[8+i] = byte(mix(version)>>(8*i)), byte(mix(^version)>>(8*i))
	}
	return merkle.Bind(key, hash, f)
}

func (r *replica) Entries(from, to uint64) iter.Seq2[uint64, crdt.Fingerprint] {
	return func(yield func(uint64, crdt.Fingerprint) bool) {
		i, _ := slices.BinarySearch(r.hashes, from)
		for ; i < len(r.hashes) && r.hashes[i] <= to; i++ {
			if !yield(r.hashes[i], fingerprint(r.hashes[i], r.versions[i])) {
				return
			}
		}
	}
}

// Newest gives those of another version than the first as the latest, some of
// which others share.
func (r *replica) Newest(skip int) iter.Seq2[uint64, crdt.Fingerprint] {
	return func(yield func(uint64, crdt.Fingerprint) bool) {
		for _, young := range []bool{true, false} {
			for i, h := range r.hashes {
				if (r.versions[i] > 1 || h%256 == 0) != young {
					continue
				}
				if skip--; skip < 0 && !yield(h, fingerprint(h, r.versions[i])) {
					return
				}
			}
		}
	}
}

// Recent is a window that the oldest changes fall out of.
func (r *replica) Recent() int { return len(r.hashes) / 8 }

func newReplica(data map[uint64]uint64) *replica {
	r := new(replica)
	for h := range data {
		r.hashes = append(r.hashes, h)
	}
	slices.Sort(r.hashes)
	for _, h := range r.hashes {
		r.versions = append(r.versions, data[h])
	}
	merkle.Build(merkle.Node{}, len(data), r).Snapshot(&r.View)
	return r
}

// lackedBy is the dumb twin of a session.
func lackedBy(mine, theirs map[uint64]uint64) []uint64 {
	hashes := []uint64{}
	for h, v := range mine {
		if w, ok := theirs[h]; !ok || w != v {
			hashes = append(hashes, h)
		}
	}
	slices.Sort(hashes)
	return hashes
}

// scatter makes two sets of n keys of which d differ: a third is only in the
// one, a third only in the other, and the rest has another version in each.
func scatter(r *rand.Rand, n, d int) (a, b map[uint64]uint64) {
	a, b = make(map[uint64]uint64), make(map[uint64]uint64)
	for i := range n {
		h := r.Uint64()
		a[h], b[h] = 1, 1
		switch {
		case i >= d:
		case i%3 == 0:
			delete(a, h)
		case i%3 == 1:
			delete(b, h)
		default:
			b[h] = 2
		}
	}
	return a, b
}

// outcome is what a session took.
type outcome struct{ turns, bytes int }

// reconcile runs a session to its end.
func reconcile(t testing.TB, strategy Strategy, seed uint64, a, b Source) (x, y *Session, o outcome) {
	t.Helper()
	cfg := Config{Strategy: strategy}
	for i := range cfg.Salt {
		cfg.Salt[i] = byte(mix(seed) >> (i % 8 * 8))
	}
	x, frames, err := Start(cfg, a)
	if err != nil {
		t.Fatal(err)
	}
	y = Accept(b)
	for !x.Done() {
		o.count(t, frames)
		if frames, err = y.Step(frames); err != nil {
			t.Fatal(err)
		}
		o.count(t, frames)
		if frames, err = x.Step(frames); err != nil {
			t.Fatal(err)
		}
		if o.turns++; o.turns > 10_000 {
			t.Fatal("no end")
		}
	}
	if len(frames) > 0 {
		t.Errorf("%d frames after the end", len(frames))
	}
	return x, y, o
}

func (o *outcome) count(t testing.TB, frames [][]byte) {
	for _, f := range frames {
		if len(f) > MaxFrame {
			t.Errorf("frame of %d bytes", len(f))
		}
		o.bytes += len(f)
	}
}
