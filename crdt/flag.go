package crdt

import "encoding/json"

// EnableWins is a flag that an enable turns on unless a disable has seen it
// (Almeida et al., "Delta State Replicated Data Types", 2018). It begins
// disabled.
//
//	concurrently        | outcome
//	enable  | disable   | on
//	enable  | reset     | on
//	disable | disable   | off
type EnableWins struct{ Causal[*EnableWins] }

// NewEnableWins returns a disabled flag.
func NewEnableWins() *EnableWins {
	f := &EnableWins{}
	f.rules = f
	return f
}

// Enable turns the flag on. The errors are those of [Causal.Apply].
func (f *EnableWins) Enable(m Mint) (delta *EnableWins, err error) {
	delta, _, err = f.Apply(m, Op{Kind: OpEnable})
	return delta, err
}

// Disable turns the flag off as this replica sees it, and says what it saw. The
// errors are those of [Causal.Apply].
func (f *EnableWins) Disable(m Mint) (delta *EnableWins, saw Context, err error) {
	return f.Apply(m, Op{Kind: OpDisable})
}

// EnableOp returns the operation that turns the flag on.
func (*EnableWins) EnableOp() Op { return Op{Kind: OpEnable} }

// DisableOp returns the operation that turns the flag off as this replica sees
// it, wherever it is made.
func (f *EnableWins) DisableOp() Op {
	l := f.liveDots()
	seen := l.context()
	return Op{Kind: OpDisable, Seen: &seen}
}

// Enabled reports whether the flag is on.
func (f *EnableWins) Enabled() bool { return f.live > 0 }

// TypeName is the name of the type and its codecs; see [Mutable].
func (*EnableWins) TypeName() string { return "enablewins" }

// MarshalJSON gives true or false.
func (f *EnableWins) MarshalJSON() ([]byte, error) { return json.Marshal(f.Enabled()) }

func (*EnableWins) tag() byte                 { return tagEnableWins }
func (*EnableWins) empty() *EnableWins        { return NewEnableWins() }
func (*EnableWins) valid(payload string) bool { return payload == "" }

func (f *EnableWins) plan(_ Mint, op Op) (change, error) {
	if op.Kind != OpEnable && op.Kind != OpDisable {
		return change{}, op.unknown("enable-wins flag")
	}
	return change{asserts: op.Kind == OpEnable, lost: f.liveDots()}, nil
}

// DisableWins is a flag that is on if it was enabled and no disable stands that
// the enable has not seen. It begins disabled.
//
//	concurrently        | outcome
//	enable  | disable   | off
//	enable  | reset     | on
//	disable | reset     | off
//
// The latest disables are kept, as an enable that did not see them may still
// arrive.
type DisableWins struct{ Causal[*DisableWins] }

// NewDisableWins returns a disabled flag.
func NewDisableWins() *DisableWins {
	f := &DisableWins{}
	f.rules = f
	return f
}

// Enable turns the flag on, unless somebody disables it meanwhile. The errors
// are those of [Causal.Apply].
func (f *DisableWins) Enable(m Mint) (delta *DisableWins, err error) {
	delta, _, err = f.Apply(m, Op{Kind: OpEnable})
	return delta, err
}

// Disable turns the flag off, and says what it saw. The errors are those of
// [Causal.Apply].
func (f *DisableWins) Disable(m Mint) (delta *DisableWins, saw Context, err error) {
	return f.Apply(m, Op{Kind: OpDisable})
}

// EnableOp returns the operation that turns the flag on.
func (*DisableWins) EnableOp() Op { return Op{Kind: OpEnable} }

// DisableOp returns the operation that turns the flag off.
func (*DisableWins) DisableOp() Op { return Op{Kind: OpDisable} }

// Enabled reports whether the flag is on.
func (f *DisableWins) Enabled() bool {
	for _, payload := range f.all() {
		if payload == disabled {
			return false
		}
	}
	return f.live > 0
}

// TypeName is the name of the type and its codecs; see [Mutable].
func (*DisableWins) TypeName() string { return "disablewins" }

// MarshalJSON gives true or false.
func (f *DisableWins) MarshalJSON() ([]byte, error) { return json.Marshal(f.Enabled()) }

// Payloads of a disable-wins flag.
const (
	enabled  = "\x01"
	disabled = "\x00"
)

func (*DisableWins) tag() byte                 { return tagDisableWins }
func (*DisableWins) empty() *DisableWins       { return NewDisableWins() }
func (*DisableWins) valid(payload string) bool { return payload == enabled || payload == disabled }

func (f *DisableWins) plan(_ Mint, op Op) (change, error) {
	ch := change{asserts: true, payload: enabled, lost: f.liveDots()}
	switch op.Kind {
	case OpEnable:
	case OpDisable:
		ch.payload = disabled
	default:
		return change{}, op.unknown("disable-wins flag")
	}
	return ch, nil
}
