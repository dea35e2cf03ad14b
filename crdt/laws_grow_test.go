package crdt_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/crdt/crdttest"
)

// received are the indexes of the events that arrived.
func received(h []crdttest.Event, in crdttest.Set) (l []int) {
	for i := range h {
		if in.Has(i) {
			l = append(l, i)
		}
	}
	return l
}

func TestGrowSetLaws(t *testing.T) {
	type set = *crdt.GrowSet[string]
	elements := []string{"a", "b", ""}
	var ops []crdttest.Op[set]
	for _, e := range elements {
		ops = append(ops, do("add "+e, func(s set) crdt.Op { return s.AddOp(e) }))
	}
	crdttest.Laws(t, crdttest.Generator[set]{
		New:   crdt.NewGrowSet[string],
		Depth: deep,
		Ops:   ops,
		Spec: func(h []crdttest.Event, in crdttest.Set) string {
			var all []string
			for _, i := range received(h, in) {
				all = append(all, elements[h[i].Op])
			}
			return list(all)
		},
		View: func(s set) string { return list(slices.Collect(s.All())) },
	})
}

// made reports whether event i or one of the same actor after it arrived.
func made(h []crdttest.Event, in crdttest.Set, i int) bool {
	return slices.ContainsFunc(received(h, in), func(j int) bool { return j >= i && h[j].Replica == h[i].Replica })
}

func TestGrowCounterLaws(t *testing.T) {
	type counter = *crdt.GrowCounter
	amounts := []int64{1, 10, 200}
	var ops []crdttest.Op[counter]
	for _, n := range amounts {
		ops = append(ops, do(fmt.Sprint("add ", n), func(c counter) crdt.Op { return c.AddOp(n) }))
	}
	crdttest.Laws(t, crdttest.Generator[counter]{
		New:   crdt.NewGrowCounter,
		Depth: deep,
		Ops:   ops,
		Spec: func(h []crdttest.Event, in crdttest.Set) string {
			var sum int64
			for i, e := range h {
				if made(h, in, i) {
					sum += amounts[e.Op]
				}
			}
			return fmt.Sprint(sum)
		},
		View: func(c counter) string { return fmt.Sprint(c.Value()) },
	})
}

// TestBoundedCounterLaws also checks what the type is for: whatever happens, the
// value of everything that was done is not below 0.
func TestBoundedCounterLaws(t *testing.T) {
	type counter = *crdt.BoundedCounter
	amounts := []int64{2, -1, -2, 0}
	var ops []crdttest.Op[counter]
	for _, n := range amounts[:3] {
		ops = append(ops, do(fmt.Sprint("add ", n), func(c counter) crdt.Op { return c.AddOp(n) }))
	}
	ops = append(ops, crdttest.Op[counter]{Name: "transfer", Do: func(c counter, m crdt.Mint) (counter, error) {
		to := m.Actor
		to[0] = to[0]%3 + 1 // the next replica
		return c.Transfer(m, 1, to)
	}})
	crdttest.Laws(t, crdttest.Generator[counter]{
		New:   crdt.NewBoundedCounter,
		Ops:   ops,
		Depth: deep,
		Spec: func(h []crdttest.Event, in crdttest.Set) string {
			// Adds and takes are entries of their own, so each counts with the later
			// ones of its kind.
			var up, down, sum int64
			for i, e := range h {
				n := amounts[e.Op]
				for _, j := range received(h, in) {
					if j >= i && h[j].Replica == e.Replica && (n > 0) == (amounts[h[j].Op] > 0) && n != 0 && amounts[h[j].Op] != 0 {
						up, down = up+max(n, 0), down-min(n, 0)
						break
					}
				}
				if sum += n; sum < 0 {
					return "more was taken than there was"
				}
			}
			return fmt.Sprint(max(0, up-down))
		},
		View: func(c counter) string { return fmt.Sprint(c.Value()) },
	})
}

// newest is the textbook register: the value with the highest stamp, unless it
// is a delete or has expired.
func newest(h []crdttest.Event, in crdttest.Set, kind func(i int) (verb, arg string)) string {
	value, expiry := -1, -1
	for _, i := range received(h, in) {
		if verb, _ := kind(i); verb != "expire" && (value < 0 || h[value].Mint.Stamp().Compare(h[i].Mint.Stamp()) < 0) {
			value = i
		}
	}
	if value < 0 {
		return ""
	}
	for _, i := range received(h, in) {
		if verb, _ := kind(i); verb == "expire" && seenNewest(h, i, kind) == value && (expiry < 0 || h[expiry].Mint.Stamp().Compare(h[i].Mint.Stamp()) < 0) {
			expiry = i
		}
	}
	verb, arg := kind(value)
	if verb == "delete" || expiry >= 0 {
		return ""
	}
	return arg
}

// seenNewest is the value that the replica of event i had, -1 for none.
func seenNewest(h []crdttest.Event, i int, kind func(i int) (verb, arg string)) int {
	value := -1
	for j := range h[:i] {
		if verb, _ := kind(j); verb != "expire" && h[i].Saw.Has(j) && (value < 0 || h[value].Mint.Stamp().Compare(h[j].Mint.Stamp()) < 0) {
			value = j
		}
	}
	return value
}

func TestRegisterLaws(t *testing.T) {
	type register = *crdt.Register[string]
	ops := []crdttest.Op[register]{
		do("set x", func(r register) crdt.Op { return r.SetOp("x", 0) }),
		do("set y", func(r register) crdt.Op { return r.SetOp("y", 100) }),
		do("delete", func(r register) crdt.Op { return r.DeleteOp() }),
		do("expire", func(r register) crdt.Op { return r.ExpireOp(5) }),
	}
	crdttest.Laws(t, crdttest.Generator[register]{
		New:   crdt.NewRegister[string],
		Depth: deep,
		Ops:   ops,
		Spec: func(h []crdttest.Event, in crdttest.Set) string {
			return waiting(h, in, func(i int) (string, string) {
				verb, arg, _ := strings.Cut(ops[h[i].Op].Name, " ")
				return verb, arg
			})
		},
		View: func(r register) string { v, _ := r.Get(50); return v },
	})
}

// waiting is newest, but for what a cell's documentation concedes: where an
// expiry arrived before the newer value that it is for, it has taken the place
// of the present value's expiry.
func waiting(h []crdttest.Event, in crdttest.Set, kind func(i int) (verb, arg string)) string {
	for _, i := range received(h, in) {
		of := seenNewest(h, i, kind)
		if verb, _ := kind(i); verb != "expire" || in.Has(of) {
			continue
		}
		late := true // it is for a value above all that arrived
		for _, j := range received(h, in) {
			if verb, _ := kind(j); verb != "expire" {
				late = late && h[j].Mint.Stamp().Compare(h[of].Mint.Stamp()) < 0
			}
		}
		if late {
			only := crdttest.Set(0)
			for _, j := range received(h, in) {
				if verb, _ := kind(j); verb != "expire" {
					only |= 1 << j
				}
			}
			return newest(h, only, kind)
		}
	}
	return newest(h, in, kind)
}

func TestLWWMapLaws(t *testing.T) {
	type dict = *crdt.LWWMap[string, string]
	ops := []crdttest.Op[dict]{
		do("set k x", func(m dict) crdt.Op { return m.PutOp("k", "x", 0) }),
		do("set k y", func(m dict) crdt.Op { return m.PutOp("k", "y", 100) }),
		do("set l z", func(m dict) crdt.Op { return m.PutOp("l", "z", 0) }),
		do("delete k", func(m dict) crdt.Op { return m.DeleteOp("k") }),
	}
	crdttest.Laws(t, crdttest.Generator[dict]{
		New: crdt.NewLWWMap[string, string],
		Ops: ops,
		Spec: func(h []crdttest.Event, in crdttest.Set) string {
			got := make(map[string]string)
			for _, key := range []string{"k", "l"} {
				var of crdttest.Set
				for _, i := range received(h, in) {
					if strings.Fields(ops[h[i].Op].Name)[1] == key {
						of |= 1 << i
					}
				}
				v := newest(h, of, func(i int) (string, string) {
					f := append(strings.Fields(ops[h[i].Op].Name), "")
					return f[0], f[2]
				})
				if v != "" {
					got[key] = v
				}
			}
			return fmt.Sprint(got)
		},
		View: func(m dict) string { return fmt.Sprint(maps.Collect(m.All(50))) },
	})
}

func TestFirstRegisterLaws(t *testing.T) {
	type register = *crdt.FirstRegister[string]
	values := []string{"x", "y", ""}
	var ops []crdttest.Op[register]
	for _, v := range values {
		ops = append(ops, do("write "+v, func(r register) crdt.Op { return r.WriteOp(v) }))
	}
	crdttest.Laws(t, crdttest.Generator[register]{
		New:   crdt.NewFirstRegister[string],
		Depth: deep,
		Ops:   ops,
		Spec: func(h []crdttest.Event, in crdttest.Set) string {
			oldest := -1
			for _, i := range received(h, in) {
				if oldest < 0 || h[i].Mint.Stamp().Compare(h[oldest].Mint.Stamp()) < 0 {
					oldest = i
				}
			}
			if oldest < 0 {
				return "none"
			}
			return values[h[oldest].Op]
		},
		View: func(r register) string {
			if v, _, ok := r.Get(); ok {
				return v
			}
			return "none"
		},
	})
}

func TestHyperLogLogLaws(t *testing.T) {
	type counter = *crdt.HyperLogLog[int]
	var ops []crdttest.Op[counter]
	for _, n := range []int{1, 2, 3, 4} {
		ops = append(ops, do(fmt.Sprint("add ", n), func(c counter) crdt.Op { return c.AddOp(n) }))
	}
	crdttest.Laws(t, crdttest.Generator[counter]{
		New: crdt.NewHyperLogLog[int],
		Ops: ops,
		Spec: func(h []crdttest.Event, in crdttest.Set) string {
			all := make(map[int]bool)
			for _, i := range received(h, in) {
				all[h[i].Op] = true
			}
			return fmt.Sprint(len(all)) // exact for so few
		},
		View: func(c counter) string { return fmt.Sprint(c.Count()) },
	})
}
