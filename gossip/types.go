package gossip

import (
	"context"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/quorum"
)

// Sets is the kind of table whose values are add-wins sets of a basic type,
// [crdt.Set]: carts, members of a group, tags. An element that is added while it
// is removed stays.
func Sets[T crdt.Basic]() Kind[SetTable[T]] { return SetsOf(crdt.Default[T]()) }

// SetsOf is [Sets] of elements with a codec. A node serves such a table only
// while its own program has opened it, unless the codec is that of a basic type.
func SetsOf[T any](codec crdt.Codec[T]) Kind[SetTable[T]] {
	return causalKind(func() *crdt.Set[T] { return crdt.NewSetOf(codec) }, itself, func(c causalTable[*crdt.Set[T], *crdt.Set[T]]) SetTable[T] {
		return SetTable[T]{c}
	})
}

// SetTable is a table of sets. See [RegisterTable] for keys, errors and
// concurrent use; an operation is made at one owner, and its error wraps
// quorum.ErrInvalid if the owner found it impossible (the outcome is not applied
// then).
type SetTable[T any] struct {
	causalTable[*crdt.Set[T], *crdt.Set[T]]
}

// Add puts elem in. It returns when W owners have joined it.
func (s SetTable[T]) Add(ctx context.Context, key string, elem T, opts ...quorum.Option) (quorum.Receipt, error) {
	return s.t.make(ctx, key, s.bottom().AddOp(elem), opts)
}

// Remove takes elem out, as R owners have it when it begins: every add that ended
// as applied before is undone, one that is made meanwhile may stay. It reads, and
// then writes; [SetTable.RemoveFrom] saves the read.
func (s SetTable[T]) Remove(ctx context.Context, key string, elem T, opts ...quorum.Option) (quorum.Receipt, error) {
	return s.after(ctx, key, opts, func(view *crdt.Set[T]) crdt.Op { return view.RemoveOp(elem) })
}

// RemoveFrom takes out the adds of elem that are in the view, which Get has
// returned: what the caller has not seen stays, even if it was added long ago.
func (s SetTable[T]) RemoveFrom(ctx context.Context, key string, view *crdt.Set[T], elem T, opts ...quorum.Option) (quorum.Receipt, error) {
	return s.t.make(ctx, key, view.RemoveOp(elem), opts)
}

// Counters is the kind of table whose values count up and down, [crdt.Counter]:
// likes, stock on display, quotas that may be exceeded by what is under way.
func Counters() Kind[CounterTable] {
	return causalKind(crdt.NewCounter, (*crdt.Counter).Value, func(c causalTable[*crdt.Counter, int64]) CounterTable { return CounterTable{c} })
}

// CounterTable is a table of counters, which begin at 0; see [SetTable]. Get reads
// the sum of what R owners know of; an entry is found if anything was counted. Delete
// sets a counter back to 0, but what is counted at the same time may bring back
// all that the owner who makes it has ever counted: see [crdt.Counter].
type CounterTable struct {
	causalTable[*crdt.Counter, int64]
}

// Add counts by n, which may be negative. It returns when W owners have joined
// it. The error wraps quorum.ErrInvalid if the counter would leave an int64.
func (c CounterTable) Add(ctx context.Context, key string, n int64, opts ...quorum.Option) (quorum.Receipt, error) {
	return c.t.make(ctx, key, c.bottom().AddOp(n), opts)
}

// Flags is the kind of table whose values are enable-wins flags,
// [crdt.EnableWins]: off until enabled, and an enable made while it is disabled
// stays. (What must have one writer's last word is a register of bool.)
func Flags() Kind[FlagTable] {
	return causalKind(crdt.NewEnableWins, (*crdt.EnableWins).Enabled, func(c causalTable[*crdt.EnableWins, bool]) FlagTable { return FlagTable{c} })
}

// FlagTable is a table of flags; see [SetTable]. Get says whether the flag is on.
type FlagTable struct {
	causalTable[*crdt.EnableWins, bool]
}

// Enable turns the flag on. It returns when W owners have joined it.
func (f FlagTable) Enable(ctx context.Context, key string, opts ...quorum.Option) (quorum.Receipt, error) {
	return f.t.make(ctx, key, f.bottom().EnableOp(), opts)
}

// Disable turns the flag off, as R owners have it; see [SetTable.Remove].
func (f FlagTable) Disable(ctx context.Context, key string, opts ...quorum.Option) (quorum.Receipt, error) {
	return f.after(ctx, key, opts, (*crdt.EnableWins).DisableOp)
}

// Multi is the kind of table whose values are multi-value registers of a basic
// type, [crdt.MVRegister]: a write replaces what its writer has seen, and
// concurrent writes stand side by side until somebody resolves them.
func Multi[T crdt.Basic]() Kind[MultiTable[T]] { return MultiOf(crdt.Default[T]()) }

// MultiOf is [Multi] of values with a codec; see [SetsOf].
func MultiOf[T any](codec crdt.Codec[T]) Kind[MultiTable[T]] {
	return causalKind(func() *crdt.MVRegister[T] { return crdt.NewMVRegisterOf(codec) }, itself,
		func(c causalTable[*crdt.MVRegister[T], *crdt.MVRegister[T]]) MultiTable[T] { return MultiTable[T]{c} })
}

// itself is what readers see of a type whose methods they need.
func itself[S any](s S) S { return s }

// MultiTable is a table of multi-value registers; see [SetTable].
type MultiTable[T any] struct {
	causalTable[*crdt.MVRegister[T], *crdt.MVRegister[T]]
}

// Put writes v in place of what R owners have; see [SetTable.Remove]. The error
// wraps quorum.ErrInvalid if too many concurrent values would stand
// (crdt.MaxSiblings).
func (m MultiTable[T]) Put(ctx context.Context, key string, v T, opts ...quorum.Option) (quorum.Receipt, error) {
	return m.after(ctx, key, opts, func(view *crdt.MVRegister[T]) crdt.Op { return view.WriteOp(v) })
}

// PutOver writes v in place of the values in the view, which Get has returned:
// the way to resolve them, and to notice what others write meanwhile.
func (m MultiTable[T]) PutOver(ctx context.Context, key string, view *crdt.MVRegister[T], v T, opts ...quorum.Option) (quorum.Receipt, error) {
	return m.t.make(ctx, key, view.WriteOp(v), opts)
}

// Causal is the kind of table of any other type of package crdt whose operations
// have dots (maps of causal types, lists, remove-wins sets), or of a type of the
// application's own. Bottom gives its bottom. A node serves such a table only
// while its own program has opened it.
func Causal[S crdt.Mutable](bottom func() S) Kind[CausalTable[S]] {
	return causalKind(bottom, itself, func(c causalTable[S, S]) CausalTable[S] { return CausalTable[S]{c} })
}

// CausalTable is a table of values with operations; see [SetTable].
type CausalTable[S crdt.Mutable] struct{ causalTable[S, S] }

// Apply makes an operation, which a value's methods give, such as
// crdt.Map.UpdateOp. One that carries what its caller has seen takes out that;
// any other takes out what the owner has that makes it, which may be less than
// R owners have.
func (c CausalTable[S]) Apply(ctx context.Context, key string, op crdt.Op, opts ...quorum.Option) (quorum.Receipt, error) {
	return c.t.make(ctx, key, op, opts)
}

// ApplyTo makes the operation that op gives for what R owners have, as
// [SetTable.Remove] does.
func (c CausalTable[S]) ApplyTo(ctx context.Context, key string, op func(view S) crdt.Op, opts ...quorum.Option) (quorum.Receipt, error) {
	return c.after(ctx, key, opts, op)
}
