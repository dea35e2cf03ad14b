package gossiptest

import (
	"fmt"
	"slices"
)

// CheckSets judges a history of sets and what was left at its end, given as a get
// of each key. It knows nothing of the code that made them:
//
//   - no invention: a get returns an element that was added to this key by an add
//     which had been invoked before the get returned, and that did not end as not
//     applied;
//   - no lost add: a get returns every element of which an add had ended as
//     applied before it began, unless a remove that may have seen it was invoked
//     before the get returned;
//   - no resurrection: it returns none of which a remove had ended as applied
//     before it began and had seen all the adds: those that had ended before the
//     remove began, and the only one there is if the remove found the element.
//
// A retried operation is one operation, from its first invocation to its last
// return.
func CheckSets(h *History, final []*Op) (broken []Violation) {
	byKey := make(map[string]*setOps)
	of := func(key string) *setOps {
		if byKey[key] == nil {
			byKey[key] = &setOps{adds: make(map[string][]*Op), removes: make(map[string][]*Op)}
		}
		return byKey[key]
	}
	for _, o := range h.Ops {
		switch s := of(o.Key); o.Kind {
		case AddOp:
			s.adds[o.Value] = append(s.adds[o.Value], o)
		case RemoveOp:
			s.removes[o.Value] = append(s.removes[o.Value], o)
		}
	}
	for _, get := range append(slices.Clone(h.Ops), final...) {
		if get.Kind == GetOp && get.Outcome == Applied {
			broken = append(broken, of(get.Key).judge(get)...)
		}
	}
	return broken
}

// setOps are the operations on one set, by element.
type setOps struct{ adds, removes map[string][]*Op }

func (s *setOps) judge(get *Op) (broken []Violation) {
	for _, e := range get.Elements {
		if problem := s.present(e, get); problem != "" {
			broken = append(broken, Violation{problem, fmt.Sprintf("%q in %v; adds %v, removes %v", e, get, s.adds[e], s.removes[e])})
		}
	}
	for e, adds := range s.adds {
		if slices.Contains(get.Elements, e) {
			continue
		}
		for _, add := range adds {
			if add.Outcome == Applied && add.Return < get.Invoke && !s.removed(e, add, get) {
				broken = append(broken, Violation{"lost add", fmt.Sprintf("%v of %v is not in %v", e, add, get)})
			}
		}
	}
	slices.SortFunc(broken, func(a, b Violation) int { return len(a.Detail) - len(b.Detail) })
	return broken
}

// present says what is wrong with an element that is there, if anything.
func (s *setOps) present(e string, get *Op) (problem string) {
	problem = "invention"
	for _, add := range s.adds[e] {
		if add.Outcome == NotApplied || add.Invoke > get.Return {
			continue
		}
		if !s.taken(e, add, get) {
			return ""
		}
		problem = "resurrection"
	}
	return problem
}

// taken reports whether a remove that had ended before the get began took what
// the add put in.
func (s *setOps) taken(e string, add, get *Op) bool {
	return slices.ContainsFunc(s.removes[e], func(r *Op) bool {
		saw := add.end() < r.Invoke || r.Found && len(s.adds[e]) == 1
		return r.Outcome == Applied && r.Return < get.Invoke && saw
	})
}

// removed reports whether a remove may explain that the element is not there.
func (s *setOps) removed(e string, add, get *Op) bool {
	return slices.ContainsFunc(s.removes[e], func(r *Op) bool {
		return r.Outcome != NotApplied && r.Invoke <= get.Return && r.end() >= add.Invoke
	})
}
