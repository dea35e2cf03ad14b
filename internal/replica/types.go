package replica

import (
	"strings"

	"github.com/grapevine-go/grapevine/crdt"
)

// Type is a replicated type as a replica handles it.
type Type struct {
	Name   string
	Codec  uint8
	New    func() crdt.State
	Latest func(delta []byte) (crdt.Time, error) // the highest time in an encoded delta
	Head   func(s crdt.State) crdt.State         // what of a state tells whether a reader sees anything

	Outlined bool // sessions bring what is lacked of a state: see [crdt.Mutable]
}

// Register is the built-in type of last-writer-wins cells, for values in the
// named codec.
func Register(codec string) Type {
	return Type{Name: registerPrefix + codec + ")", Codec: 1, New: crdt.NewPacked, Latest: latestOfCell, Head: headOfCell}
}

const registerPrefix = "register("

func latestOfCell(delta []byte) (crdt.Time, error) {
	c, err := crdt.DecodeCell(delta)
	return c.Stamp().Time, err
}

func headOfCell(s crdt.State) crdt.State {
	c := s.(*crdt.Packed).Cell()
	c.Value.Bytes = nil
	return &c
}

// Causal is a type whose operations are made at an owner, under a dot; bottom
// gives its bottom. It holds no stamps, and of a state all is needed to tell, with
// what others have, whether a reader sees anything.
func Causal[S crdt.Mutable](bottom func() S) Type {
	return Type{Name: bottom().TypeName(), Codec: 1, New: func() crdt.State { return bottom() },
		Latest:   func([]byte) (crdt.Time, error) { return 0, nil },
		Head:     func(s crdt.State) crdt.State { return s },
		Outlined: len(bottom().AppendOutline(nil)) > 0}
}

// builtin returns the built-in type of that name: what a node serves although
// its program has not opened the table.
func builtin(name string) (Type, bool) {
	if codec, ok := argument(name, registerPrefix); ok {
		return Register(codec), true
	}
	switch name {
	case crdt.NewCounter().TypeName():
		return Causal(crdt.NewCounter), true
	case crdt.NewEnableWins().TypeName():
		return Causal(crdt.NewEnableWins), true
	}
	if codec, ok := argument(name, "set("); ok {
		if c, ok := builtinCodec(codec); ok {
			return Causal(func() *crdt.Set[string] { return crdt.NewSetOf(c) }), true
		}
	}
	if codec, ok := argument(name, "mvregister("); ok {
		if c, ok := builtinCodec(codec); ok {
			return Causal(func() *crdt.MVRegister[string] { return crdt.NewMVRegisterOf(c) }), true
		}
	}
	return Type{}, false
}

// argument returns what is between the prefix and the closing parenthesis.
func argument(name, prefix string) (string, bool) {
	s, ok := strings.CutPrefix(name, prefix)
	if !ok {
		return "", false
	}
	return strings.CutSuffix(s, ")")
}

// encoded is a basic codec for a node that has no use for the values: they stay
// in their encoding, of which it knows whether it is one.
type encoded struct {
	name  string
	valid func(p string) error
}

// Name implements [crdt.Codec].
func (c encoded) Name() string { return c.name }

// Encode implements [crdt.Codec].
func (encoded) Encode(v string) string { return v }

// Decode implements [crdt.Codec].
func (c encoded) Decode(p string) (string, error) { return p, c.valid(p) }

// builtinCodec returns the codec of a basic type by its name.
func builtinCodec(name string) (c encoded, ok bool) {
	for _, c := range [...]encoded{basic[string](), basic[[]byte](), basic[bool](), basic[int32](), basic[int64](),
		basic[uint32](), basic[uint64](), basic[float64](), basic[[16]byte]()} {
		if c.name == name {
			return c, true
		}
	}
	return encoded{}, false
}

func basic[T crdt.Basic]() encoded {
	c := crdt.Default[T]()
	return encoded{c.Name(), func(p string) error {
		_, err := c.Decode(p)
		return err
	}}
}
