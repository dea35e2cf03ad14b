package gossiptest

import (
	"fmt"
	"slices"
)

// sessionTypes judges the reads of sets and counters in sessions: an element that
// the session has added or read is there, unless a remove of it was invoked, by
// anybody, before the read returned; and a counter that is only counted up is no
// less than what the session has read, nor than the sum of what it has counted
// itself.
type sessionTypes struct {
	removes map[string][]*Op // by key and element
	down    map[string]bool  // keys that were counted down
}

func newSessionTypes(h *History) *sessionTypes {
	s := &sessionTypes{removes: make(map[string][]*Op), down: make(map[string]bool)}
	for _, o := range h.Ops {
		switch {
		case o.Kind == RemoveOp:
			s.removes[o.Key+" "+o.Value] = append(s.removes[o.Key+" "+o.Value], o)
		case o.Kind == CountOp && o.Amount < 0:
			s.down[o.Key] = true
		}
	}
	return s
}

// judge holds a read against the operations before it in its session.
func (s *sessionTypes) judge(before []*Op, read *Op) (broken []Violation) {
	blame := func(guarantee string, b *Op, what string) {
		broken = append(broken, Violation{guarantee, fmt.Sprintf("session %d: %v after %v: %s", read.Session, read, b, what)})
	}
	if read.Kind != GetOp || read.Outcome != Applied {
		return nil
	}
	sum := int64(0)
	for _, b := range before {
		if b.Key != read.Key || b.Outcome != Applied {
			continue
		}
		switch b.Kind {
		case AddOp:
			if s.missing(b.Value, read) {
				blame("read your writes", b, b.Value)
			}
		case GetOp:
			for _, e := range b.Elements {
				if s.missing(e, read) {
					blame("monotonic reads in a session", b, e)
				}
			}
			if !s.down[b.Key] && read.Amount < b.Amount {
				blame("monotonic reads in a session", b, "it was more")
			}
		case CountOp:
			if sum += b.Amount; !s.down[b.Key] && read.Amount < sum {
				blame("read your writes", b, fmt.Sprint("the session alone has counted ", sum))
			}
		}
	}
	return broken
}

// missing reports whether an element is not in what was read, and no remove
// explains it.
func (s *sessionTypes) missing(e string, read *Op) bool {
	return !slices.Contains(read.Elements, e) && !slices.ContainsFunc(s.removes[read.Key+" "+e], func(r *Op) bool {
		return r.Outcome != NotApplied && r.Invoke <= read.Return
	})
}
