package replica

import (
	"testing"

	"github.com/grapevine-go/grapevine/crdt"
)

// TestBuiltin: what a node serves without having opened it is what those serve
// who have, byte by byte.
func TestBuiltin(t *testing.T) {
	for _, own := range []Type{
		Causal(crdt.NewCounter), Causal(crdt.NewEnableWins),
		Causal(crdt.NewSet[string]), Causal(crdt.NewSet[int]), Causal(crdt.NewSet[uint32]), Causal(crdt.NewSet[[16]byte]),
		Causal(crdt.NewMVRegister[[]byte]), Causal(crdt.NewMVRegister[float64]), Register("json"),
	} {
		typ, ok := builtin(own.Name)
		if !ok || typ.Name != own.Name || typ.Codec != own.Codec {
			t.Errorf("%s: %t, %s", own.Name, ok, typ.Name)
		}
	}
	for _, name := range []string{"", "set", "set(", "set(mine)", "mvregister(mine)", "list(string)"} {
		if _, ok := builtin(name); ok {
			t.Errorf("%q is built in", name)
		}
	}
	mint := crdt.Mint{Dot: crdt.Dot{Actor: crdt.Actor{1}, N: 1}}
	whole := crdt.NewSet[int]()
	if _, err := whole.Add(mint, 7); err != nil {
		t.Fatal(err)
	}
	typ, _ := builtin(whole.TypeName())
	s := typ.New()
	if _, err := s.JoinBinary(whole.AppendBinary(nil)); err != nil {
		t.Fatal(err)
	}
	if k := (crdt.Key{1}); s.Fingerprint(k) != whole.Fingerprint(k) {
		t.Error("another fingerprint")
	}
	short := crdt.NewSet[string]()
	if _, err := short.Add(mint, "short"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.JoinBinary(short.AppendBinary(nil)); err == nil {
		t.Error("an element of five bytes in a set of numbers")
	}
}

// FuzzBuiltinCodec: a codec takes what the basic type's does, and keeps it as it
// is.
func FuzzBuiltinCodec(f *testing.F) {
	f.Add("")
	f.Add("\x01")
	f.Add("12345678")
	f.Fuzz(func(t *testing.T, p string) {
		c, _ := builtinCodec("int64")
		v, err := c.Decode(p)
		if _, wants := crdt.Default[int64]().Decode(p); (err == nil) != (wants == nil) {
			t.Fatalf("%v, of the type's own %v", err, wants)
		}
		if err == nil && c.Encode(v) != p {
			t.Fatalf("%q became %q", p, c.Encode(v))
		}
	})
}
