package gossiptest

import (
	"fmt"
	"math/big"
	"slices"
)

// CheckCounters judges a history of counters and what was left at its end, given
// as a get of each key: a get returns the sum of all increments that had ended
// as applied before it began, and of some of those that were under way, or of
// unknown outcome, and had been invoked before it returned, each once. It knows
// nothing of the code that made them. A retried increment is one.
func CheckCounters(h *History, final []*Op) (broken []Violation) {
	byKey := make(map[string][]*Op)
	for _, o := range h.Ops {
		if o.Kind == CountOp && o.Outcome != NotApplied {
			byKey[o.Key] = append(byKey[o.Key], o)
		}
	}
	for _, get := range append(slices.Clone(h.Ops), final...) {
		if get.Kind != GetOp || get.Outcome != Applied {
			continue
		}
		var must int64
		var may []int64
		for _, o := range byKey[get.Key] {
			switch {
			case o.Outcome == Applied && o.Return < get.Invoke:
				must += o.Amount
			case o.Invoke <= get.Return:
				may = append(may, o.Amount)
			}
		}
		if !sums(get.Amount-must, may) {
			broken = append(broken, Violation{"count", fmt.Sprintf("%v, where %d is certain and %d are possible", get, must, may)})
		}
	}
	return broken
}

// sums reports whether some of the amounts have the sum n.
func sums(n int64, amounts []int64) bool {
	reached := big.NewInt(1) // bit i: the sum i, counted from all that is negative
	for _, a := range amounts {
		if a < 0 {
			n, a = n-a, -a
		}
		reached.Or(reached, new(big.Int).Lsh(reached, uint(a)))
	}
	return n >= 0 && n < int64(reached.BitLen()) && reached.Bit(int(n)) == 1
}

// CheckRising judges counters that only count up, whose reads are to be
// monotonic: a get returns no less than any get of its key that had ended before
// it began.
func CheckRising(h *History) (broken []Violation) {
	for _, reads := range readsByKey(h) {
		for _, later := range reads {
			if i := slices.IndexFunc(reads, func(o *Op) bool { return o.Return < later.Invoke && o.Amount > later.Amount }); i >= 0 {
				broken = append(broken, Violation{"monotonic reads", fmt.Sprintf("%v after %v, which was more", later, reads[i])})
			}
		}
	}
	return broken
}
