package replica

import (
	"math"
	"slices"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/internal/wire"
	"github.com/grapevine-go/grapevine/ring"
	"github.com/grapevine-go/grapevine/store"
)

// Whoever asks for what a session found outlines what it has itself, so that of a
// large set it gets the few elements that it lacks, and the outline of the other
// side's, which tells what that lacks.

// mostOutlines is after how many bytes of outlines a node asks for no more.
const mostOutlines = 16 << 10

// outlinePays is how many times as long as its outline a state is at least, or it
// is left to come whole. Whether the other side has the key at all is not known.
const outlinePays = 4

// mostTried is how many keys a node looks at for one request.
const mostTried = 4096

// outline adds the outlines of what is here of what differs, from a hash on. What
// it does not come to is asked for without, or with the next page.
func (s *source) outline(entries *wire.Entries, differ []uint64, from uint64) {
	if !s.data.typ.Outlined {
		return
	}
	var outline, state []byte
	first, _ := slices.BinarySearch(differ, from)
	for _, hash := range differ[first:min(first+mostTried, len(differ))] {
		if entries.Size() >= mostOutlines {
			return
		}
		s.entry(hash, func(e store.Entry) {
			m, ok := e.State.(crdt.Mutable)
			if !ok {
				return
			}
			if outline = m.AppendOutline(outline[:0]); len(outline) == 0 {
				return
			}
			if state = m.AppendBinary(state[:0]); len(state) >= outlinePays*len(outline) {
				entries.AddEncoded(e.Key, outline)
			}
		})
	}
}

// ask is what the other side of a session asks for: what was found of the
// hashes from one to another, in pages.
type ask struct {
	from, to uint64
	outlines map[string][]byte // by key
}

// askedBy takes a request that asks for entries.
func askedBy(list *wire.EntryList) ask {
	a := ask{from: list.Next, to: math.MaxUint64}
	if list.Len() == 0 {
		return a
	}
	a.to, a.outlines = 0, make(map[string][]byte)
	for e, ok := list.Entry(); ok; e, ok = list.Entry() {
		a.outlines[string(e.Key)] = e.State
		a.to = max(a.to, ring.HashBytes(e.Key))
	}
	return a
}

// add adds an entry to a page: what is lacked of it, if that can be told.
func (a *ask) add(entries *wire.Entries, e store.Entry) (delta bool) {
	outline := a.outlines[string(e.Key)]
	if m, ok := e.State.(crdt.Mutable); ok && len(outline) > 0 {
		if lacked, err := m.DifferenceBinary(outline, nil); err == nil {
			if own := m.AppendOutline(nil); len(own) > 0 {
				entries.AddDelta(e.Key, lacked, own)
				return true
			}
		}
	}
	entries.Add(e.Key, e.State)
	return false
}
