package gossip

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/grapevine-go/grapevine/internal/replica"
	"github.com/grapevine-go/grapevine/internal/wire"
	"github.com/grapevine-go/grapevine/quorum"
	"github.com/grapevine-go/grapevine/ring"
)

// ErrTableMismatch is wrapped when the cluster knows a table by another
// specification than the one it is opened with; the error tells both.
var ErrTableMismatch = replica.ErrTableMismatch

// ErrNotReady is wrapped by operations on a node that has not learned the ring
// state, and by reads of a table of [Everywhere] on one that has not been filled
// yet; nothing was sent.
var ErrNotReady = replica.ErrNotReady

// DefaultPartitions is the number of partitions of a table that asks for none.
const DefaultPartitions = 256

// Kind is a type of table: what its values are, and the handle through which
// they are used. See [Registers].
type Kind[H any] struct {
	typ    replica.Type
	causal bool
	handle func(*table) H
}

// TableOption changes how a table is opened.
type TableOption func(*tableOptions)

// tableOptions are what can be said of a table beyond its kind and its levels.
type tableOptions struct {
	spec   ring.Table // the same at all nodes
	repair quorum.RepairPolicy
	over   OverloadPolicy
}

// Partitions sets the number of partitions: a power of two from 1 to 65536. It
// cannot be changed later; 256 a node are plenty. All nodes must give the same.
func Partitions(p int) TableOption {
	return func(o *tableOptions) { o.spec.Partitions = uint32(min(max(p, 0), 1<<30)) }
}

// ReadRepair sets what the reads through this handle do about owners that they
// find behind, where a call does not say otherwise by [quorum.Repair]. Each node
// may have its own.
func ReadRepair(p quorum.RepairPolicy) TableOption {
	return func(o *tableOptions) { o.repair = p }
}

// OverloadPolicy is what operations through a handle do, beyond what all do, when
// the node has more to do than it can. Both parts are told of in quorum.Receipt and
// [Entry] (Waited). Reads from fewer owners are asked for by the call that can use
// them, with quorum.Degrade.
type OverloadPolicy struct {
	// Wait shaves peaks: an operation that would be refused waits for its turn instead,
	// for as long as this, behind those with patience that came before it; they and all
	// others take turns. A peak that is over by then is served later and nothing of it
	// is refused; where there is more to do for longer, all of them wait for so long,
	// and then most are refused. At most 16,384 operations of a node wait so, and what
	// waits holds 64 MiB of values at most. 0: who finds the line full is refused at
	// once. At most an hour.
	Wait time.Duration
	// Delay delays answers while others wait for their turn: by all of it if the line
	// is full, and less the shorter it is. Callers that do one operation after the
	// other come less often then, and fewer are refused. Batches are not held back.
	// 0: nothing is. At most an hour.
	Delay time.Duration
}

// mostPatience is the most that an [OverloadPolicy] can ask of a caller.
const mostPatience = time.Hour

// validate reports every problem at once; the error wraps quorum.ErrPolicy.
func (p OverloadPolicy) validate() error {
	var errs []error
	if p.Wait < 0 || p.Wait > mostPatience {
		errs = append(errs, fmt.Errorf("%w: Wait is %v, not 0 to %v", quorum.ErrPolicy, p.Wait, mostPatience))
	}
	if p.Delay < 0 || p.Delay > mostPatience {
		errs = append(errs, fmt.Errorf("%w: Delay is %v, not 0 to %v", quorum.ErrPolicy, p.Delay, mostPatience))
	}
	return errors.Join(errs...)
}

// OnOverload sets what operations through this handle do when the node has more
// to do than it can. Each node may have its own.
func OnOverload(p OverloadPolicy) TableOption {
	return func(o *tableOptions) { o.over = p }
}

// Ring opens a table whose keys have N owners each, found by consistent
// hashing. Every node of the cluster opens it with the same name, kind and
// levels; the first to do so creates it. A node also serves tables that it has
// not opened itself, so that a rolling deployment keeps its quorums.
//
// The error wraps quorum.ErrLevel, quorum.ErrPolicy, ring.ErrTable, [ErrTableMismatch] (with both
// specifications), [ErrNotReady] or [ErrClosed]; nothing was created then.
func Ring[H any](n *Node, name string, kind Kind[H], nwr quorum.NWR, opts ...TableOption) (h H, err error) {
	if err := nwr.Validate(); err != nil {
		return h, fmt.Errorf("gossip: table %q: %w", name, err)
	}
	return openTable(n, kind, nwr, ring.Table{Name: name, N: uint8(nwr.N), W: uint8(nwr.LeastW()), Partitions: DefaultPartitions}, opts)
}

// openTable opens a table of which the specification tells all but the type.
func openTable[H any](n *Node, kind Kind[H], nwr quorum.NWR, spec ring.Table, opts []TableOption) (h H, err error) {
	if err := n.alive(); err != nil {
		return h, err
	}
	spec.Type, spec.Codec = kind.typ.Name, kind.typ.Codec
	options := tableOptions{spec: spec}
	for _, o := range opts {
		o(&options)
	}
	if err := errors.Join(options.repair.Validate(), options.over.validate()); err != nil {
		return h, fmt.Errorf("gossip: table %q: %w", spec.Name, err)
	}
	spec = options.spec
	var out replica.Effects
	if err := n.replica.Open(time.Now(), spec, kind.typ, &out); err != nil {
		return h, fmt.Errorf("gossip: table %q: %w", spec.Name, err)
	}
	n.carry(&out)
	n.follow()
	t := &table{n: n, spec: spec, typ: kind.typ, causal: kind.causal, nwr: nwr, repair: options.repair, overload: options.over, gate: quorum.NewRepairGate(options.repair)}
	if spec.Kind == ring.Ring {
		t.probe = n.probes.open(spec.Name, nwr)
	}
	return kind.handle(t), nil
}

// table is what every kind of table is made of.
type table struct {
	n        *Node
	spec     ring.Table
	typ      replica.Type
	causal   bool // operations are made at an owner; or else the table holds registers
	nwr      quorum.NWR
	probe    *probe                       // of a ring table
	checked  atomic.Pointer[replica.View] // in which the catalog agreed with spec
	repair   quorum.RepairPolicy
	overload OverloadPolicy
	hot      hot

	gateMu sync.Mutex
	gate   quorum.RepairGate
}

// check says whether the table can be used, with this key, and the context's
// end has not come: nothing is sent then.
func (t *table) check(ctx context.Context, key string) error {
	switch {
	case key == "":
		return fmt.Errorf("%w, and this one is empty", ErrKey)
	case len(key) > wire.MaxKey:
		return fmt.Errorf("%w, and this one %d: %w", ErrKey, len(key), quorum.ErrTooLarge)
	}
	return t.agree(ctx)
}

// agree says whether the catalog still has the table as it was opened: an
// earlier creation by somebody else may have come to light.
func (t *table) agree(ctx context.Context) error {
	if err := t.n.alive(); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return fmt.Errorf("gossip: table %q: %w", t.spec.Name, ended(ctx))
	}
	v := t.n.replica.View()
	if t.checked.Load() == v {
		return nil
	}
	known := v.Table(t.spec.Name)
	if known == nil {
		return fmt.Errorf("gossip: table %q: %w", t.spec.Name, ErrNotReady)
	}
	if err := replica.Matches(known.Spec, t.spec); err != nil {
		return fmt.Errorf("gossip: table %q: %w", t.spec.Name, err)
	}
	t.checked.Store(v)
	return nil
}

// write sends a delta, which is in k.delta, and waits.
func (t *table) write(ctx context.Context, k *call, key string, w quorum.Level) (quorum.Receipt, error) {
	t.startWrite(ctx, k, key, w)
	return t.endWrite(ctx, k)
}

func (t *table) startWrite(ctx context.Context, k *call, key string, w quorum.Level) {
	now := time.Now()
	k.begun, k.op = now, opWrite
	send := k.c.Write(t.n.replica, now, t.n.deadline(ctx, now), t.spec.Name, key, k.delta, w)
	k.sample(t)
	k.trace(ctx, t, w)
	k.start(send)
}

func (t *table) endWrite(ctx context.Context, k *call) (r quorum.Receipt, err error) {
	k.finish(ctx)
	t.end(k)
	k.hold(ctx, t)
	k.mu.Lock()
	r = quorum.Receipt{Op: k.c.ID, Acked: k.c.Op.Acked(), Fallbacks: k.c.Op.Fallbacks(), Hints: k.c.Op.Hints(), Superseded: k.c.Op.Superseded(), Waited: k.queued}
	err = k.c.Err()
	t.n.sessions.record(k)
	k.mu.Unlock()
	t.n.flush() // what becomes a rumor
	k.done(err)
	k.release()
	return r, err
}

// startRead asks for a key; k.value and k.head have what was found after
// endRead.
func (t *table) startRead(ctx context.Context, k *call, key string, r quorum.Level) {
	now := time.Now()
	k.begun, k.op, k.t = now, opRead, t
	k.c.Wish.Block = k.mode == quorum.RepairBlocking
	k.c.Wish.Ask = t.n.cfg.Hooks.BeforeRepair != nil
	send := k.c.Read(t.n.replica, now, t.n.deadline(ctx, now.Add(-k.waited)), hedgeAfter, t.spec.Name, key, r)
	k.sample(t)
	k.trace(ctx, t, r)
	k.start(send)
}

// endRead waits, and copies what was found into k.value: late answers may still
// be joined while the caller decodes it. Of registers k.cell refers to it, of
// other types it is the encoded state, if k.has. The caller releases k.
func (t *table) endRead(ctx context.Context, k *call) error {
	k.finish(ctx)
	t.end(k)
	k.hold(ctx, t)
	k.mu.Lock()
	err := k.c.Err()
	if err == nil && t.causal {
		k.value, k.has = k.c.AppendState(k.value[:0])
	} else if err == nil {
		k.cell = k.c.Cell()
		k.value = append(k.value[:0], k.cell.Value.Bytes...)
		k.cell.Value.Bytes = k.value
	}
	k.joined = k.c.Op.Acked()
	t.n.sessions.record(k)
	k.mu.Unlock()
	if k.truth = k.truth && err == nil; k.truth {
		k.askRest()
	}
	k.done(err)
	return err
}

// Outcome tells how a failed write ended; [quorum.Applied] for nil, and
// NotApplied for an error that came before anything was sent.
func Outcome(err error) quorum.Outcome {
	if err == nil {
		return quorum.Applied
	}
	var e *quorum.Error
	if errors.As(err, &e) {
		return e.Outcome
	}
	return quorum.NotApplied
}
