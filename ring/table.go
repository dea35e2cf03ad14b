package ring

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/cespare/xxhash/v2"

	"github.com/grapevine-go/grapevine/crdt"
)

// MaxTables is how many tables a catalog holds.
const MaxTables = 4096

// ErrTable is wrapped by the errors of [Table.Validate].
var ErrTable = errors.New("ring: invalid table")

// Kind says who holds the keys of a table.
type Kind uint8

// The kinds of placement.
const (
	Ring       Kind = iota // N owners a partition
	Everywhere             // every member holds every key; N and W are 0
)

var kindNames = [...]string{"ring", "everywhere"}

// String gives the kind in lower case.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// Table is an entry of the catalog: what every node must agree on to serve a
// table. It is a value and never changes after its creation; of two
// concurrent creations under one name the one with the smaller Created wins.
type Table struct {
	Name       string
	Type       string // name of the replicated data type
	Codec      uint8  // version of the type's encoding
	Kind       Kind
	N          uint8      // owners of a partition, 1 to MaxN
	W          uint8      // least number of acknowledgements that a write may ask for, 1 to N
	Partitions uint32     // a power of two, 1 to MaxPartitions
	Key        crdt.Key   // keys the digests of the table's states
	Created    crdt.Stamp // when and by whom
}

// Validate reports everything that keeps the table out of a catalog, each
// problem with the name of its field. The error wraps [ErrTable].
func (t Table) Validate() error {
	var errs []error
	bad := func(field, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%w: %s: %w", ErrTable, field, fmt.Errorf(format, args...)))
	}
	for _, f := range []struct{ name, text string }{{"Name", t.Name}, {"Type", t.Type}} {
		if f.text == "" {
			bad(f.name, "empty")
		} else if err := validText(f.text); err != nil {
			bad(f.name, "%w", err)
		}
	}
	switch {
	case int(t.Kind) >= len(kindNames):
		bad("Kind", "%d is unknown", t.Kind)
	case t.Kind == Everywhere && (t.N != 0 || t.W != 0):
		bad("N", "N and W of a table that is everywhere are 0")
	case t.Kind == Ring && (t.N < 1 || t.N > MaxN):
		bad("N", "%d owners, 1 to %d allowed", t.N, MaxN)
	case t.Kind == Ring && (t.W < 1 || t.W > t.N):
		bad("W", "%d acknowledgements, 1 to N=%d allowed", t.W, t.N)
	}
	if !ValidPartitions(int(t.Partitions)) {
		bad("Partitions", "%d is no power of two from 1 to %d", t.Partitions, MaxPartitions)
	}
	return errors.Join(errs...)
}

// Same reports whether both tables were asked for in the same words: equal in
// everything but the Key and Created that their creator added.
func (t Table) Same(o Table) bool {
	t.Key, t.Created = o.Key, o.Created
	return t == o
}

// Hash digests all fields: what a request carries to say which table it means.
func (t Table) Hash() uint64 {
	var buf [2*MaxText + 64]byte
	return xxhash.Sum64(appendTable(buf[:0], &t))
}

// String gives what users specify, for messages about a mismatch.
func (t Table) String() string {
	return fmt.Sprintf("%s(type %s/%d, %v, N %d, W %d, %d partitions)", t.Name, t.Type, t.Codec, t.Kind, t.N, t.W, t.Partitions)
}

// compare orders two entries of one name; the smaller is kept. The canonical
// bytes decide between creations that carry one stamp.
func (t *Table) compare(o *Table) int {
	if c := t.Created.Compare(o.Created); c != 0 {
		return c
	}
	if *t == *o {
		return 0
	}
	return bytes.Compare(appendTable(nil, t), appendTable(nil, o))
}
