package gossiptest

import (
	"fmt"
	"slices"
)

// CheckMonotonic judges whether reads are monotonic: a get returns nothing older
// than what any get of its key returned that had ended before it began. It judges
// in two ways: by the stamps that the gets returned, which are the order of
// versions that clients are told; and without them, by values that were there,
// were gone, and came back.
func CheckMonotonic(h *History) (broken []Violation) {
	puts := make(map[string]*Op) // by value
	for _, o := range h.Ops {
		if o.Kind == PutOp {
			puts[o.Value] = o
		}
	}
	for _, reads := range readsByKey(h) {
		broken = append(broken, judgeStamps(reads)...)
		broken = append(broken, judgeReturns(puts, reads)...)
	}
	return broken
}

// readsByKey returns the gets that were answered, in the order of the keys.
func readsByKey(h *History) (all [][]*Op) {
	index := make(map[string]int)
	for _, o := range h.Ops {
		if o.Kind != GetOp || o.Outcome != Applied {
			continue
		}
		i, ok := index[o.Key]
		if !ok {
			i = len(all)
			index[o.Key] = i
			all = append(all, nil)
		}
		all[i] = append(all[i], o)
	}
	return all
}

// judgeStamps finds, for each read, an earlier one that returned a newer stamp.
func judgeStamps(reads []*Op) (broken []Violation) {
	for _, later := range reads {
		i := slices.IndexFunc(reads, func(o *Op) bool { return o.Return < later.Invoke && o.Stamp.Compare(later.Stamp) > 0 })
		if i >= 0 {
			broken = append(broken, Violation{"monotonic reads", fmt.Sprintf("%v after %v, which was newer", later, reads[i])})
		}
	}
	return broken
}

// judgeReturns finds values that are read again after a read of another one
// that lay between. Every put writes a value of its own, so nobody wrote it anew,
// once the put is over: while it is under way, it may be stamped again above what
// was read meanwhile.
func judgeReturns(puts map[string]*Op, reads []*Op) (broken []Violation) {
	gone := make(map[string]*Op) // the first read to end that found a value gone
	for _, a := range reads {
		put := puts[a.Value]
		if !a.Found || put == nil || put.Outcome != Applied {
			continue
		}
		for _, b := range reads {
			over := a.Return < b.Invoke && put.Return < b.Invoke
			if first := gone[a.Value]; over && a.Value != b.Value && (first == nil || b.Return < first.Return) {
				gone[a.Value] = b
			}
		}
	}
	for _, o := range reads {
		if by := gone[o.Value]; o.Found && by != nil && by.Return < o.Invoke {
			broken = append(broken, Violation{"monotonic reads", fmt.Sprintf("%v found a value again that %v had found gone", o, by)})
		}
	}
	return broken
}
