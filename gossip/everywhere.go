package gossip

import (
	"context"
	"fmt"
	"time"

	"github.com/grapevine-go/grapevine/internal/replica"
	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/quorum"
	"github.com/grapevine-go/grapevine/ring"
)

// EverywherePartitions is the number of partitions of a table that every member
// holds and that asks for none.
const EverywherePartitions = 16

// Everywhere opens a table of which every member holds every key: for what is
// small, read often and everywhere, such as feature flags, configuration or who
// offers which service.
//
// A read is local and sends nothing; one before the node has been filled with
// what the others have ends with [ErrNotReady], never with a silent zero. A
// write is applied when it is joined here; it is then told to the others as a
// rumor, and lost if this node dies before it told anybody. What rumors leave
// behind is found when the table is compared with a random member's
// ([Config.SweepEvery]). N, W and R are 1. [RegisterTable.Watch] follows changes,
// and [RegisterTable.WaitPropagated] waits until others have a write.
//
// The first to open the table creates it, as with [Ring]. The error wraps
// ring.ErrTable, [ErrTableMismatch] (with both specifications), [ErrNotReady] or
// [ErrClosed]; nothing was created then.
func Everywhere[H any](n *Node, name string, kind Kind[H], opts ...TableOption) (h H, err error) {
	return openTable(n, kind, quorum.NWR{N: 1, W: 1, R: 1}, ring.Table{
		Name: name, Kind: ring.Everywhere, Partitions: EverywherePartitions,
	}, opts)
}

// ErrNotEverywhere is wrapped where something is asked of a table of [Ring] that
// only a table of [Everywhere] has; nothing was done.
var ErrNotEverywhere = fmt.Errorf("gossip: %w: not every member holds this table", ring.ErrTable)

// everywhere says whether the table is one that every member holds, with the
// checks of agree.
func (t *table) everywhere(ctx context.Context) error {
	if t.spec.Kind != ring.Everywhere {
		return fmt.Errorf("table %q: %w", t.spec.Name, ErrNotEverywhere)
	}
	return t.agree(ctx)
}

// flush sends what spreads at once, without waiting for the loop.
func (n *Node) flush() {
	var out replica.Effects
	if n.replica.Flush(&out); len(out.Sends) > 0 {
		n.carry(&out)
	}
}

// local reads what this node holds of a key, as endRead leaves it.
func (t *table) local(k *call, key string) (err error) {
	v := t.n.replica.View().Table(t.spec.Name)
	if v.Data == nil || !v.Data.Synced(ring.Partition(ring.Hash(key), v.Layout.Partitions())) {
		err = fmt.Errorf("gossip: table %q: %w", t.spec.Name, ErrNotReady)
	} else if err = k.look(t, v.Data, key); err != nil {
		err = fmt.Errorf("gossip: %q: %w", key, err)
	}
	t.n.metrics.read(err)
	return err
}

// Propagation is how far a write has come.
type Propagation struct {
	Have     int           // members that have it or something newer, this node included
	Missing  []peer.ID     // members that are not known to have it, by id
	Messages int           // requests that were sent to find out
	Took     time.Duration // since the call
}

// WaitPropagated returns when k members, this one included, have what this node
// holds of the key now, or something newer; with k = 0 it waits for all members
// that have not left, the dead too. Called after a write it is the receipt for
// it.
//
// It asks: each member that is not known to have the key gets one request of
// about 150 bytes and answers with one of about 40, once after the time that a
// rumor usually takes, and then again at growing distances, up to a second.
//
// The error wraps ctx's, or says that the node was closed, the table is not
// [Everywhere], the key was never written here ([ErrNotReady]), or k is more than
// there are members (quorum.ErrLevel). The Propagation is that of the moment in
// any case.
func (h handle[T]) WaitPropagated(ctx context.Context, key string, k int) (Propagation, error) {
	err := h.t.check(ctx, key)
	if err == nil {
		err = h.t.everywhere(ctx)
	}
	if err != nil {
		return Propagation{}, err
	}
	return h.t.waitPropagated(ctx, key, k)
}

func (t *table) waitPropagated(ctx context.Context, key string, k int) (p Propagation, err error) {
	begun := time.Now()
	machine, err := t.n.replica.Propagation(t.spec.Name, key)
	if err != nil {
		return p, fmt.Errorf("gossip: table %q: %w", t.spec.Name, err)
	}
	for wait := t.n.replica.SpreadStats().Plan.Expect + 50*time.Millisecond; ; wait = min(2*wait, time.Second) {
		p.Have, p.Missing = machine.Progress()
		p.Took = time.Since(begun)
		switch all := p.Have + len(p.Missing); {
		case k < 0 || k > all:
			return p, fmt.Errorf("gossip: table %q: %w: k is %d, there are %d members", t.spec.Name, quorum.ErrLevel, k, all)
		case p.Have >= k && k > 0 || p.Have == all:
			return p, nil
		}
		if err := t.n.pause(ctx, wait); err != nil {
			return p, fmt.Errorf("gossip: table %q: %d members have %q, %v do not: %w", t.spec.Name, p.Have, key, p.Missing, err)
		}
		p.Messages += t.n.ask(ctx, machine)
	}
}

// ask asks once and waits for the answers, a second at most: who is slower is
// asked again.
func (n *Node) ask(ctx context.Context, machine questioner) (messages int) {
	var out replica.Effects
	machine.Ask(&out)
	messages = len(out.Sends)
	answers := make(chan answer, messages) // room for all: nobody who answers late waits
	n.carryTo(collector(answers), &out)
	patience := time.NewTimer(time.Second)
	defer patience.Stop()
	for range messages {
		select {
		case a := <-answers:
			machine.Reply(time.Now(), a.token, a.reply, &out)
			n.carry(&out)
		case <-patience.C:
			return messages
		case <-ctx.Done():
			return messages
		case <-n.ctx.Done():
			return messages
		}
	}
	return messages
}

// answer is a reply; nil: there was none.
type answer struct {
	token uint64
	reply []byte
}

// collector hands replies to the goroutine that waits for them.
type collector chan answer

// Complete implements transport.Completion.
func (c collector) Complete(token uint64, reply []byte, err error) {
	if err != nil {
		reply = nil
	}
	c <- answer{token, append([]byte(nil), reply...)}
}

// pause waits until d has passed; the error is that of ctx or of the node's end.
func (n *Node) pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-n.ctx.Done():
		return n.alive()
	}
}
