package crdt_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/crdt/crdttest"
)

// deep is how many operations the schedules have that are enumerated of types
// with few.
const deep = 4

// applier is what all types have; do makes a crdttest operation of one of
// theirs.
type applier[S any] interface {
	Apply(m crdt.Mint, op crdt.Op) (S, crdt.Context, error)
}

func do[S applier[S]](name string, op func(s S) crdt.Op) crdttest.Op[S] {
	return crdttest.Op[S]{Name: name, Do: func(s S, m crdt.Mint) (S, error) {
		d, _, err := s.Apply(m, op(s))
		return d, err
	}}
}

// viewJSON shows a value as people see it.
func viewJSON[S any](s S) string {
	p, err := json.Marshal(s)
	if err != nil {
		return err.Error()
	}
	return string(p)
}

// reset is the operation that every causal type knows.
func reset[S applier[S]]() crdttest.Op[S] {
	return do("reset", func(S) crdt.Op { return crdt.Op{Kind: crdt.OpReset} })
}

// survivors is the textbook definition of every observed-remove type (Shapiro et
// al., "A comprehensive study of Convergent and Commutative Replicated Data
// Types", 2011, section 3.3.5): an operation names, where it is made, the
// assertions that it finds there and replaces; an assertion stands where no
// operation that arrived names it. A reset names all that was seen, also what was
// replaced already. The function replaces says whether event j, had it seen the
// assertion i, would replace it.
func survivors(h []crdttest.Event, received crdttest.Set, asserts, reset func(i int) bool, replaces func(j, i int) bool) []int {
	named := make([]crdttest.Set, len(h))
	find := func(in crdttest.Set) (found []int) {
		for i := range h {
			stands := in.Has(i) && asserts(i)
			for k := range h {
				stands = stands && !(in.Has(k) && named[k].Has(i))
			}
			if stands {
				found = append(found, i)
			}
		}
		return found
	}
	for j, e := range h {
		for _, i := range find(e.Saw) {
			if replaces(j, i) {
				named[j] |= 1 << i
			}
		}
		for k := range h[:j] {
			if reset(j) && e.Saw.Has(k) {
				named[j] |= named[k]
			}
		}
	}
	return find(received)
}

// standing is what the survivors of a history say: the verbs and arguments of
// their operations, which are called "VERB ARG".
type standing []struct{ verb, arg string }

// spec makes a Spec of survivors. What an operation with one of the asserting
// verbs asserts is replaced by every operation with the same argument, or by one
// whose verb is among all, which replace everything.
func spec[S any](ops []crdttest.Op[S], asserting, all string, view func(standing) string) func([]crdttest.Event, crdttest.Set) string {
	return func(h []crdttest.Event, received crdttest.Set) string {
		name := func(i int) (string, string) {
			verb, arg, _ := strings.Cut(ops[h[i].Op].Name, " ")
			return verb, arg
		}
		is := func(i int, verbs string) bool {
			verb, _ := name(i)
			return slices.Contains(strings.Fields(verbs), verb)
		}
		replaces := func(j, i int) bool {
			_, arg := name(j)
			_, old := name(i)
			return is(j, all) || arg == old
		}
		var left standing
		for _, i := range survivors(h, received, func(i int) bool { return is(i, asserting) }, func(i int) bool { return is(i, "reset") }, replaces) {
			verb, arg := name(i)
			left = append(left, struct{ verb, arg string }{verb, arg})
		}
		return view(left)
	}
}

// args are the arguments, each once.
func (l standing) args() string {
	var all []string
	for _, e := range l {
		all = append(all, e.arg)
	}
	return list(all)
}

// without are the arguments under which the verb does not stand.
func (l standing) without(verb string) []string {
	var all []string
	for _, e := range l {
		if !slices.Contains(l, struct{ verb, arg string }{verb, e.arg}) {
			all = append(all, e.arg)
		}
	}
	return all
}

func list(elements []string) string {
	slices.Sort(elements)
	return fmt.Sprint(slices.Compact(elements))
}

func TestSetLaws(t *testing.T) {
	type set = *crdt.Set[string]
	ops := []crdttest.Op[set]{
		do("add a", func(s set) crdt.Op { return s.AddOp("a") }),
		do("add b", func(s set) crdt.Op { return s.AddOp("b") }),
		do("remove a", func(set) crdt.Op { return crdt.Op{Kind: crdt.OpRemove, Arg: "a"} }),
		do("remove a", func(s set) crdt.Op { return s.RemoveOp("a") }),
		reset[set](),
	}
	crdttest.Laws(t, crdttest.Generator[set]{
		New:   crdt.NewSet[string],
		Depth: deep,
		Ops:   ops,
		Spec:  spec(ops, "add", "reset", standing.args),
		View:  func(s set) string { return list(slices.Collect(s.All())) },
	})
}

func TestRemoveWinsSetLaws(t *testing.T) {
	type set = *crdt.RemoveWinsSet[string]
	ops := []crdttest.Op[set]{
		do("add a", func(s set) crdt.Op { return s.AddOp("a") }),
		do("add b", func(s set) crdt.Op { return s.AddOp("b") }),
		do("remove a", func(s set) crdt.Op { return s.RemoveOp("a") }),
		reset[set](),
	}
	crdttest.Laws(t, crdttest.Generator[set]{
		New:   crdt.NewRemoveWinsSet[string],
		Depth: deep,
		Ops:   ops,
		Spec:  spec(ops, "add remove", "reset", func(l standing) string { return list(l.without("remove")) }),
		View:  func(s set) string { return list(slices.Collect(s.All())) },
	})
}

func TestMVRegisterLaws(t *testing.T) {
	type register = *crdt.MVRegister[string]
	ops := []crdttest.Op[register]{
		do("write x", func(register) crdt.Op { return crdt.Op{Kind: crdt.OpWrite, Arg: "x"} }),
		do("write x", func(r register) crdt.Op { return r.WriteOp("x") }),
		do("write y", func(r register) crdt.Op { return r.WriteOp("y") }),
		reset[register](),
	}
	crdttest.Laws(t, crdttest.Generator[register]{
		New:   crdt.NewMVRegister[string],
		Depth: deep,
		Ops:   ops,
		Spec:  spec(ops, "write", "write reset", standing.args),
		View:  func(r register) string { return list(slices.Collect(r.All())) },
	})
}

func TestEnableWinsLaws(t *testing.T) {
	type flag = *crdt.EnableWins
	ops := []crdttest.Op[flag]{
		do("enable", func(f flag) crdt.Op { return f.EnableOp() }),
		do("disable", func(f flag) crdt.Op { return f.DisableOp() }),
		do("disable", func(f flag) crdt.Op { return crdt.Op{Kind: crdt.OpDisable} }),
		reset[flag](),
	}
	crdttest.Laws(t, crdttest.Generator[flag]{
		New:   crdt.NewEnableWins,
		Depth: deep,
		Ops:   ops,
		Spec:  spec(ops, "enable", "reset", func(l standing) string { return fmt.Sprint(len(l) > 0) }),
		View:  func(f flag) string { return fmt.Sprint(f.Enabled()) },
	})
}

func TestDisableWinsLaws(t *testing.T) {
	type flag = *crdt.DisableWins
	ops := []crdttest.Op[flag]{
		do("enable", func(f flag) crdt.Op { return f.EnableOp() }),
		do("disable", func(f flag) crdt.Op { return f.DisableOp() }),
		reset[flag](),
	}
	crdttest.Laws(t, crdttest.Generator[flag]{
		New:   crdt.NewDisableWins,
		Depth: deep,
		Ops:   ops,
		Spec:  spec(ops, "enable disable", "reset", func(l standing) string { return fmt.Sprint(len(l.without("disable")) > 0) }),
		View:  func(f flag) string { return fmt.Sprint(f.Enabled()) },
	})
}

// TestCounterLaws: without resets the value is the sum of the increments that
// arrived, and of those that the same actor made before them.
func TestCounterLaws(t *testing.T) {
	type counter = *crdt.Counter
	amounts := []int64{1, 10, -3}
	var ops []crdttest.Op[counter]
	for _, n := range amounts {
		ops = append(ops, do(fmt.Sprint("add ", n), func(c counter) crdt.Op { return c.AddOp(n) }))
	}
	crdttest.Laws(t, crdttest.Generator[counter]{
		New:   crdt.NewCounter,
		Depth: deep,
		Ops:   ops,
		Spec: func(h []crdttest.Event, received crdttest.Set) string {
			var sum int64
			for i, e := range h {
				counted := false
				for j, o := range h {
					counted = counted || received.Has(j) && j >= i && o.Replica == e.Replica
				}
				if counted {
					sum += amounts[e.Op]
				}
			}
			return fmt.Sprint(sum)
		},
		View: func(c counter) string { return fmt.Sprint(c.Value()) },
	})
	t.Run("reset", func(t *testing.T) {
		all := append(ops, reset[counter]())
		crdttest.Laws(t, crdttest.Generator[counter]{
			New:  crdt.NewCounter,
			Ops:  all,
			Spec: func(h []crdttest.Event, received crdttest.Set) string { return lossy(h, received, amounts) },
			View: viewJSON[counter],
		})
	})
}

// lossy is the textbook of a counter that is reset: of each actor the last sum
// that stands counts, and each began with the one that stood where it was made.
func lossy(h []crdttest.Event, received crdttest.Set, amounts []int64) string {
	adds := func(i int) bool { return h[i].Op < len(amounts) }
	resets := func(i int) bool { return !adds(i) }
	sums := make([]int64, len(h))
	last := func(in crdttest.Set) (by [3]int64) {
		for _, i := range survivors(h, in, adds, resets, func(j, i int) bool { return resets(j) || h[j].Replica == h[i].Replica }) {
			by[h[i].Replica] = sums[i]
		}
		return by
	}
	for i, e := range h {
		if adds(i) {
			sums[i] = last(e.Saw)[e.Replica] + amounts[e.Op]
		}
	}
	by := last(received)
	return fmt.Sprint(by[0] + by[1] + by[2])
}

func TestMapLaws(t *testing.T) {
	type cart = *crdt.Map[string, *crdt.Set[string]]
	ops := []crdttest.Op[cart]{
		do("add k/a", func(m cart) crdt.Op { return m.UpdateOp("k", m.At("k").AddOp("a")) }),
		do("add k/b", func(m cart) crdt.Op { return m.UpdateOp("k", m.At("k").AddOp("b")) }),
		do("add l/a", func(m cart) crdt.Op { return m.UpdateOp("l", m.At("l").AddOp("a")) }),
		do("remove k/a", func(m cart) crdt.Op { return m.UpdateOp("k", m.At("k").RemoveOp("a")) }),
		do("clear k", func(m cart) crdt.Op { return m.RemoveOp("k") }),
		do("clear k", func(m cart) crdt.Op { return m.UpdateOp("k", crdt.Op{Kind: crdt.OpReset}) }),
		reset[cart](),
	}
	crdttest.Laws(t, crdttest.Generator[cart]{
		New: func() cart { return crdt.NewMap[string](crdt.NewSet[string]) },
		Ops: ops,
		Spec: func(h []crdttest.Event, received crdttest.Set) string {
			name := func(i int) (string, string) {
				verb, arg, _ := strings.Cut(ops[h[i].Op].Name, " ")
				return verb, arg
			}
			var in []string
			for _, i := range survivors(h, received,
				func(i int) bool { verb, _ := name(i); return verb == "add" },
				func(i int) bool { verb, _ := name(i); return verb == "reset" },
				func(j, i int) bool {
					verb, arg := name(j)
					_, old := name(i)
					return verb == "reset" || arg == old || verb == "clear" && strings.HasPrefix(old, arg+"/")
				}) {
				_, arg := name(i)
				in = append(in, arg)
			}
			return list(in)
		},
		View: func(m cart) string {
			var in []string
			for k, s := range m.All() {
				for e := range s.All() {
					in = append(in, k+"/"+e)
				}
			}
			return list(in)
		},
	})
}

// TestNestedMapLaws: a map of maps of registers, whose keys come and go.
func TestNestedMapLaws(t *testing.T) {
	type inner = *crdt.Map[string, *crdt.MVRegister[int]]
	type outer = *crdt.Map[string, inner]
	write := func(k, l string, n int) crdttest.Op[outer] {
		return do(fmt.Sprintf("write %s/%s=%d", k, l, n), func(m outer) crdt.Op {
			return m.UpdateOp(k, m.At(k).UpdateOp(l, m.At(k).At(l).WriteOp(n)))
		})
	}
	ops := []crdttest.Op[outer]{
		write("k", "x", 1), write("k", "y", 2), write("l", "x", 3),
		do("remove k/x", func(m outer) crdt.Op { return m.UpdateOp("k", m.At("k").RemoveOp("x")) }),
		do("remove k", func(m outer) crdt.Op { return m.RemoveOp("k") }),
	}
	crdttest.Laws(t, crdttest.Generator[outer]{
		New: func() outer {
			return crdt.NewMap[string](func() inner { return crdt.NewMap[string](crdt.NewMVRegister[int]) })
		},
		Ops: ops,
		Spec: func(h []crdttest.Event, received crdttest.Set) string {
			arg := func(i int) string { return strings.Fields(ops[h[i].Op].Name)[1] }
			writes := func(i int) bool { return strings.Contains(arg(i), "=") }
			var in []string
			for _, i := range survivors(h, received, writes, func(int) bool { return false }, func(j, i int) bool {
				path, _, _ := strings.Cut(arg(j), "=")
				old, _, _ := strings.Cut(arg(i), "=")
				return old == path || strings.HasPrefix(old, path+"/")
			}) {
				in = append(in, arg(i))
			}
			return list(in)
		},
		View: func(m outer) string {
			var in []string
			for k, v := range m.All() {
				for l, r := range v.All() {
					for n := range r.All() {
						in = append(in, fmt.Sprintf("%s/%s=%d", k, l, n))
					}
				}
			}
			return list(in)
		},
	})
}
