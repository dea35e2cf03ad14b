package crdt

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"runtime"
	"slices"
	"testing"
)

// everyType gives bottom of each type.
func everyType() map[string]Mutable {
	return map[string]Mutable{
		"register":       NewRegister[string](),
		"firstregister":  NewFirstRegister[string](),
		"mvregister":     NewMVRegister[string](),
		"counter":        NewCounter(),
		"growcounter":    NewGrowCounter(),
		"boundedcounter": NewBoundedCounter(),
		"enablewins":     NewEnableWins(),
		"disablewins":    NewDisableWins(),
		"growset":        NewGrowSet[string](),
		"set":            NewSet[string](),
		"removewins":     NewRemoveWinsSet[string](),
		"map":            NewMap[string](NewSet[string]),
		"nestedmap":      NewMap[string](func() *Map[string, *List[string]] { return NewMap[string](NewList[string]) }),
		"lwwmap":         NewLWWMap[string, string](),
		"list":           NewList[string](),
		"hyperloglog":    NewHyperLogLog[string](),
	}
}

// sample gives each type a state with what it can hold: several actors, gaps,
// concurrent and removed parts.
func sample(t testing.TB) map[string]Mutable {
	seen := ContextOf(Dot{actor(2), 3})
	nested := Op{Kind: OpInsert, Arg: "x", To: "\x01"}
	ops := map[string][]Op{
		"register":       {{Kind: OpWrite, Arg: "v", Amount: 9}, {Kind: OpExpire, Amount: 7}},
		"firstregister":  {{Kind: OpWrite, Arg: "v"}, {Kind: OpWrite, Arg: "w"}},
		"mvregister":     {{Kind: OpWrite, Arg: "v"}, {Kind: OpWrite, Arg: "longer", Seen: &seen}},
		"counter":        {{Kind: OpIncrement, Amount: 300}, {Kind: OpIncrement, Amount: -1}},
		"growcounter":    {{Kind: OpIncrement, Amount: 300}, {Kind: OpIncrement, Amount: 1}},
		"boundedcounter": {{Kind: OpIncrement, Amount: 300}, {Kind: OpIncrement, Amount: 2}, {Kind: OpIncrement, Amount: -1}, {Kind: OpTransfer, Amount: 1, To: string(make([]byte, 16))}},
		"enablewins":     {{Kind: OpEnable}, {Kind: OpEnable, Seen: &seen}},
		"disablewins":    {{Kind: OpEnable}, {Kind: OpDisable, Seen: &seen}},
		"growset":        {{Kind: OpAdd, Arg: "a"}, {Kind: OpAdd, Arg: ""}},
		"set":            {{Kind: OpAdd, Arg: "a"}, {Kind: OpAdd, Arg: "b"}, {Kind: OpAdd, Arg: "long"}, {Kind: OpRemove, Arg: "b"}},
		"removewins":     {{Kind: OpAdd, Arg: "a"}, {Kind: OpAdd, Arg: "b"}, {Kind: OpRemove, Arg: "b"}},
		"map":            {{Kind: OpUpdate, Arg: "k", Sub: &Op{Kind: OpAdd, Arg: "a"}}, {Kind: OpUpdate, Arg: "l", Sub: &Op{Kind: OpAdd, Arg: "b"}}},
		"nestedmap":      {{Kind: OpUpdate, Arg: "k", Sub: &Op{Kind: OpUpdate, Arg: "l", Sub: &nested}}},
		"lwwmap":         {{Kind: OpWrite, To: "k", Arg: "v"}, {Kind: OpWrite, To: "l", Arg: "w", Amount: 9}, {Kind: OpRemove, To: "k"}},
		"list":           {{Kind: OpInsert, Arg: "a", To: "\x01"}, {Kind: OpInsert, Arg: "b", To: "\x01"}, {Kind: OpRemove, To: string(append(appendDot([]byte{}, Dot{actor(1), 2}), 1))}},
		"hyperloglog":    {{Kind: OpAdd, Arg: "a"}, {Kind: OpAdd, Arg: "b"}},
	}
	all := everyType()
	for name, s := range all {
		for i, op := range ops[name] {
			if op.Kind == OpRemove && name == "list" {
				seen := ContextOf(Dot{actor(1), 2})
				op.Seen = &seen
			}
			a := byte(i%2 + 1)
			if name == "boundedcounter" {
				a = byte(i/3 + 1)
			}
			if name == "boundedcounter" && i == 3 {
				a = 1
			}
			if _, _, err := s.ApplyBinary(mint(a, uint64(2*i+2)), op, nil); err != nil {
				t.Fatalf("%s: %+v: %v", name, op, err)
			}
		}
	}
	return all
}

// versions are those that a type can be written in.
func versions(s Mutable) (v []byte) {
	for i := byte(1); i < 9; i++ {
		if _, err := s.AppendVersion(nil, i); err == nil {
			v = append(v, i)
		}
	}
	return v
}

// TestGolden pins every type in every version, and that each is read: bytes that
// an older program wrote decode for ever.
func TestGolden(t *testing.T) {
	encodings := make(map[string][]byte)
	var order []string
	for name, s := range sample(t) {
		for _, v := range versions(s) {
			p, _ := s.AppendVersion(nil, v)
			key := name + "-v" + string('0'+v)
			encodings[key] = p
			order = append(order, key)
			fresh := everyType()[name]
			if _, err := fresh.JoinBinary(p); err != nil || !bytes.Equal(fresh.AppendBinary(nil), s.AppendBinary(nil)) {
				t.Errorf("%s is not read: %v", key, err)
			}
			if fresh.Fingerprint(testKey) != s.Fingerprint(testKey) {
				t.Errorf("%s has another fingerprint", key)
			}
		}
	}
	slices.Sort(order)
	golden(t, "types", encodings, order)
}

// TestVersions: a program that knows only version 1 refuses version 2 with a
// typed error, and reads what a newer one writes for it.
func TestVersions(t *testing.T) {
	for name, s := range sample(t) {
		known := versions(s)
		if len(known) == 0 || known[0] != 1 {
			t.Errorf("%s can be written in %v", name, known)
		}
		newer := s.AppendBinary(nil)
		newer[0] = known[len(known)-1] + 1
		fresh := everyType()[name]
		if _, err := fresh.JoinBinary(newer); !errors.Is(err, ErrVersion) {
			t.Errorf("%s: a newer version: %v", name, err)
		}
		if !fresh.Fingerprint(testKey).IsZero() || !fresh.Tombstone() {
			t.Errorf("%s: a newer version changed it", name)
		}
		bottom := everyType()[name] // what is known as a delta can be written for an older member
		bottom.JoinBinary(s.AppendBinary(nil))
		older, err := bottom.AppendVersion(nil, 1)
		if _, failed := everyType()[name].JoinBinary(older); err != nil || failed != nil || older[0] != 1 {
			t.Errorf("%s in version 1: %v, %v", name, err, failed)
		}
		for _, v := range []byte{0, known[len(known)-1] + 1} {
			if _, err := s.AppendVersion(nil, v); !errors.Is(err, ErrVersion) {
				t.Errorf("%s is written in version %d: %v", name, v, err)
			}
		}
	}
}

// TestTypesApart: no type takes another's bytes.
func TestTypesApart(t *testing.T) {
	for name, s := range sample(t) {
		for other, o := range everyType() {
			if name == other || name == "map" && other == "nestedmap" || name == "nestedmap" && other == "map" {
				continue // maps are apart by their values' payloads
			}
			if _, err := o.JoinBinary(s.AppendBinary(nil)); err == nil && !o.Tombstone() {
				t.Errorf("a %s takes a %s", other, name)
			}
		}
	}
	names := make(map[string]bool)
	for _, s := range everyType() {
		names[s.TypeName()] = true
	}
	if len(names) != len(everyType()) {
		t.Errorf("the names are not distinct: %v", slices.Sorted(maps.Keys(names)))
	}
	if got := NewMap[Actor](func() *Map[int, *Set[[]byte]] { return NewMap[int](NewSet[[]byte]) }).TypeName(); got != "map(bytes16,map(int64,set(bytes)))" {
		t.Error(got)
	}
}

// TestBinary: what a store does with bytes is what the methods do.
func TestBinary(t *testing.T) {
	for name, s := range sample(t) {
		full := s.AppendBinary(nil)
		half := everyType()[name]
		changes, j, err := half.JoinChanges(full, []byte("before"))
		if err != nil || !j.Changed || !bytes.Equal(changes[:6], []byte("before")) {
			t.Fatalf("%s: %v %v", name, j, err)
		}
		if !bytes.Equal(changes[6:], full) {
			t.Errorf("%s: all of it is news, but %x of %x", name, changes[6:], full)
		}
		if changes, j, err := half.JoinChanges(full, nil); err != nil || j.Changed || changes != nil {
			t.Errorf("%s: nothing is news, but %x: %v %v", name, changes, j, err)
		}
		empty := everyType()[name].AppendBinary(nil)
		if d, err := s.DifferenceBinary(empty, nil); err != nil || !bytes.Equal(d, full) {
			t.Errorf("%s: the difference to bottom is %x, not %x: %v", name, d, full, err)
		}
		if d, err := s.DifferenceBinary(full, nil); err != nil || d != nil {
			t.Errorf("%s: the difference to itself is %x: %v", name, d, err)
		}
		for _, bad := range [][]byte{nil, full[:len(full)-1], {0, 0}} {
			if _, err := s.DifferenceBinary(bad, nil); !errors.Is(err, ErrCorrupt) && name != "register" && name != "firstregister" {
				t.Errorf("%s: difference to %x: %v", name, bad, err)
			}
			if _, _, err := s.JoinChanges([]byte{9}, nil); err == nil {
				t.Errorf("%s: joined %x", name, bad)
			}
		}
		if s.Size() < len(full)/4 || s.Size() > 1500 {
			t.Errorf("%s: about %d bytes, %d encoded", name, s.Size(), len(full))
		}
	}
}

// TestHostileCounts puts a huge number at every place of an encoding: a decoder
// refuses it, or takes memory in proportion to the input all the same.
func TestHostileCounts(t *testing.T) {
	const most = 100
	var before, after runtime.MemStats
	for name, s := range sample(t) {
		for _, v := range versions(s) {
			p, _ := s.AppendVersion(nil, v)
			for i := 2; i < len(p); i++ {
				for _, huge := range [][]byte{{0xff, 0xff, 0xff, 0xff, 0x7f}, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}} {
					hostile := slices.Concat(p[:i], huge, p[i+1:])
					runtime.ReadMemStats(&before)
					everyType()[name].JoinBinary(hostile)
					runtime.ReadMemStats(&after)
					if took := after.TotalAlloc - before.TotalAlloc; took > most*uint64(len(hostile))+1<<14 {
						t.Fatalf("%s v%d: %d bytes for %x", name, v, took, hostile)
					}
				}
			}
		}
	}
}

func TestJSON(t *testing.T) {
	want := map[string]string{
		"register": `"v"`, "firstregister": `"v"`, "mvregister": `["longer","v"]`, "counter": `299`, "growcounter": `301`,
		"boundedcounter": `301`, "enablewins": `true`, "disablewins": `false`, "growset": `["","a"]`, "set": `["a","long"]`,
		"removewins": `["a"]`, "map": `{"k":["a"],"l":["b"]}`, "nestedmap": `{"k":{"l":["x"]}}`, "lwwmap": `{"l":"w"}`,
		"list": `["b"]`, "hyperloglog": `2`,
	}
	for name, s := range sample(t) {
		got, err := json.Marshal(s)
		if err != nil || string(got) != want[name] {
			t.Errorf("%s is %s, not %s: %v", name, got, want[name], err)
		}
	}
	for name, s := range everyType() {
		if got, err := json.Marshal(s); err != nil || !slices.Contains([]string{"null", "[]", "{}", "0", "false"}, string(got)) {
			t.Errorf("bottom of %s is %s: %v", name, got, err)
		}
	}
}

func fuzzType(f *testing.F, name string) {
	s := sample(f)[name]
	for _, v := range versions(s) {
		p, _ := s.AppendVersion(nil, v)
		f.Add(p)
	}
	f.Add(everyType()[name].AppendBinary(nil))
	f.Fuzz(func(t *testing.T, p []byte) {
		s := everyType()[name]
		s.Fingerprint(testKey)
		if _, err := s.JoinBinary(p); err != nil {
			if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrVersion) {
				t.Fatalf("%v is no typed error", err)
			}
			if !s.Tombstone() || !s.Fingerprint(testKey).IsZero() {
				t.Fatal("an error changed the state")
			}
			return
		}
		if got, err := s.AppendVersion(nil, p[0]); err != nil || !bytes.Equal(got, p) {
			t.Fatalf("%x encodes as %x: %v", p, got, err)
		}
		if _, err := json.Marshal(s); err != nil {
			t.Fatal(err)
		}
		// The state is as good as any: it joins one that we made, and takes an
		// operation.
		o := sample(t)[name]
		o.Fingerprint(testKey)
		if _, err := o.JoinBinary(p); err != nil {
			t.Fatal(err)
		}
		o.ApplyBinary(Mint{Dot{actor(7), MaxDot}, 1 << 62}, Op{Kind: OpReset}, nil)
		fresh := everyType()[name]
		if _, err := fresh.JoinBinary(o.AppendBinary(nil)); err != nil || fresh.Fingerprint(testKey) != o.Fingerprint(testKey) {
			t.Fatalf("after a join and a reset: %v, fingerprints %x and %x", err, fresh.Fingerprint(testKey), o.Fingerprint(testKey))
		}
	})
}

func FuzzRegister(f *testing.F)       { fuzzType(f, "register") }
func FuzzFirstRegister(f *testing.F)  { fuzzType(f, "firstregister") }
func FuzzMVRegister(f *testing.F)     { fuzzType(f, "mvregister") }
func FuzzCounter(f *testing.F)        { fuzzType(f, "counter") }
func FuzzGrowCounter(f *testing.F)    { fuzzType(f, "growcounter") }
func FuzzBoundedCounter(f *testing.F) { fuzzType(f, "boundedcounter") }
func FuzzEnableWins(f *testing.F)     { fuzzType(f, "enablewins") }
func FuzzDisableWins(f *testing.F)    { fuzzType(f, "disablewins") }
func FuzzGrowSet(f *testing.F)        { fuzzType(f, "growset") }
func FuzzSet(f *testing.F)            { fuzzType(f, "set") }
func FuzzRemoveWinsSet(f *testing.F)  { fuzzType(f, "removewins") }
func FuzzMap(f *testing.F)            { fuzzType(f, "map") }
func FuzzNestedMap(f *testing.F)      { fuzzType(f, "nestedmap") }
func FuzzLWWMap(f *testing.F)         { fuzzType(f, "lwwmap") }
func FuzzList(f *testing.F)           { fuzzType(f, "list") }
func FuzzHyperLogLog(f *testing.F)    { fuzzType(f, "hyperloglog") }
