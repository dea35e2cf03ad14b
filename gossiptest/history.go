package gossiptest

import (
	"fmt"
	"math"
	"time"

	"github.com/grapevine-go/grapevine/crdt"
)

// Kind is what an operation of a history is.
type Kind uint8

// The kinds.
const (
	PutOp Kind = iota
	DeleteOp
	GetOp
	AddOp    // to a set
	RemoveOp // from a set: of what a read found
	CountOp
)

// Outcome is how an operation of a history ended.
type Outcome uint8

// The outcomes.
const (
	Unknown Outcome = iota // also of an operation whose node died
	Applied                // of a get: it returned a value, or that there is none
	NotApplied
)

// Op is one operation as its client saw it.
type Op struct {
	Node    int
	Kind    Kind
	Key     string
	Value   string     // written or read; every put writes a value of its own
	Found   bool       // of a get; of a remove: it saw the element
	Stamp   crdt.Stamp // of what was returned or written, also where that is deleted; zero: not known
	Session int        // that the operation is part of; 0: none
	Invoke  time.Duration
	Return  time.Duration // meaningful unless the outcome is Unknown
	Outcome Outcome

	Elements []string // of a set, that a get returned
	Amount   int64    // by which was counted, or that a get returned
	Retries  int      // how often it was sent again, because its outcome was unknown
}

// end is when a write can be said to be over; never, if that is not known.
func (o *Op) end() time.Duration {
	if o.Outcome == Applied {
		return o.Return
	}
	return math.MaxInt64
}

// String gives the operation on one line.
func (o Op) String() string {
	what := [...]string{"put", "delete", "get", "add", "remove", "count"}[o.Kind]
	end := [...]string{"unknown", "applied", "not applied"}[o.Outcome]
	s := fmt.Sprintf("%v-%v n%d %s %s %q found %t: %s", o.Invoke, o.Return, o.Node, what, o.Key, o.Value, o.Found, end)
	if o.Amount != 0 || o.Elements != nil || o.Retries > 0 {
		s += fmt.Sprintf(" (%d %q, %d retries)", o.Amount, o.Elements, o.Retries)
	}
	return s
}

// History is what the clients of a run saw, in the order of invocation.
type History struct {
	Ops []*Op
}

// Final is what a key holds after a run, at all of its owners.
type Final struct {
	Key   string
	Value string
	Found bool
}

// Violation is a broken promise.
type Violation struct {
	Invariant string // its name
	Detail    string
}

// String gives both on one line.
func (v Violation) String() string { return v.Invariant + ": " + v.Detail }

// Check judges a history and what was left at its end. It knows nothing of the
// code that made them:
//
//   - no invention: a get returns a value that a put of this key wrote, that had
//     been invoked before the get returned, and that did not end as not applied;
//   - freshness: a get returns nothing that was overwritten by a write which
//     ended as applied before the get began (a regular register);
//   - no lost acknowledgement: neither does what is left at the end.
func Check(h *History, final []Final) (broken []Violation) {
	byKey := make(map[string][]*Op)
	for _, o := range h.Ops {
		byKey[o.Key] = append(byKey[o.Key], o)
	}
	for _, o := range h.Ops {
		if o.Kind == GetOp && o.Outcome == Applied {
			broken = append(broken, judge("freshness", byKey[o.Key], o)...)
		}
	}
	for _, f := range final {
		last := &Op{Kind: GetOp, Key: f.Key, Value: f.Value, Found: f.Found, Invoke: math.MaxInt64 - 1, Return: math.MaxInt64}
		broken = append(broken, judge("lost acknowledgement", byKey[f.Key], last)...)
	}
	return broken
}

// judge compares a read with the writes of its key.
func judge(name string, ops []*Op, read *Op) []Violation {
	if !read.Found {
		return judgeAbsent(name, ops, read)
	}
	var source *Op
	for _, o := range ops {
		if o.Kind == PutOp && o.Value == read.Value {
			source = o
		}
	}
	switch {
	case source == nil:
		return []Violation{{"invention", fmt.Sprintf("nobody wrote it: %v", read)}}
	case source.Invoke > read.Return:
		return []Violation{{"invention", fmt.Sprintf("%v was read before it was written: %v", source, read)}}
	case source.Outcome == NotApplied:
		return []Violation{{"invention", fmt.Sprintf("%v was read: %v", source, read)}}
	}
	if o := overwrote(ops, source.end(), read); o != nil {
		return []Violation{{name, fmt.Sprintf("%v returned what %v had overwritten (written by %v)", read, o, source)}}
	}
	return nil
}

// overwrote returns a write that ended as applied before the read began, and
// that began after the given end of what the read returned.
func overwrote(ops []*Op, end time.Duration, read *Op) *Op {
	for _, o := range ops {
		if o.Kind != GetOp && o.Outcome == Applied && o.Return < read.Invoke && o.Invoke > end {
			return o
		}
	}
	return nil
}

// judgeAbsent judges a read that found nothing: the beginning or some delete
// must explain it.
func judgeAbsent(name string, ops []*Op, read *Op) []Violation {
	at := time.Duration(-1) // the key began absent
	over := overwrote(ops, at, read)
	for _, o := range ops {
		if over != nil && o.Kind == DeleteOp && o.Outcome != NotApplied && o.Invoke <= read.Return {
			over = overwrote(ops, o.end(), read)
		}
	}
	if over != nil {
		return []Violation{{name, fmt.Sprintf("%v found nothing, although %v", read, over)}}
	}
	return nil
}
