package gossiptest

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/internal/replica"
	"github.com/grapevine-go/grapevine/quorum"
	"github.com/grapevine-go/grapevine/ring"
)

// typ is the type of the run's table.
func (r *Run) typ() replica.Type {
	switch r.Workload {
	case "sets":
		return replica.Causal(crdt.NewSet[string])
	case "counters":
		return replica.Causal(crdt.NewCounter)
	}
	return replica.Register("bytes")
}

// longElement makes elements so long that nodes outline their sets to each other.
var longElement = strings.Repeat("+", 60)

// draw decides what an operation of a client is.
func (k *workload) draw(o *Op, id, count int) {
	w, x := k.c.World, k.c.World.Rand.IntN(10)
	unique := fmt.Sprintf("c%d-%d", id, count)
	switch {
	case x < 5:
		o.Kind = GetOp
	case k.c.run.Workload == "counters":
		o.Kind, o.Amount = CountOp, int64(1+w.Rand.IntN(1000))
		if !k.c.run.Blocking && !k.c.run.Sessions && w.chance(.3) { // what only rises shows what is missing
			o.Amount = -o.Amount
		}
	case k.c.run.Workload == "sets":
		o.Kind, o.Value = AddOp, unique
		if id%2 == 0 {
			o.Value += longElement
		}
		if w.chance(.3) { // an element that others add, too
			o.Value = fmt.Sprint("e", w.Rand.IntN(3))
		}
		if added := k.added[o.Key]; x >= 8 && len(added) > 0 {
			o.Kind, o.Value = RemoveOp, added[max(len(added)-1-w.Rand.IntN(4), 0)]
		} else {
			k.added[o.Key] = append(added, o.Value)
		}
	case x < 9:
		o.Value = unique
	default:
		o.Kind = DeleteOp
	}
}

// start begins the operation's call; a remove's is that of its read.
func (k *workload) start(n *Node, o *Op, client *client) func(c *replica.Call, now, deadline time.Time) uint32 {
	run := &k.c.run
	w := quorum.Level(run.W)
	return func(c *replica.Call, now, deadline time.Time) uint32 {
		c.Session, c.Wish.Hints = client.s, run.counts()
		switch o.Kind {
		case GetOp, RemoveOp:
			c.Wish.Block = run.Blocking || o.Kind == RemoveOp // or else what it sees removed might come back
			return c.Read(n.replica, now, deadline, run.Timeout/4, tableName, o.Key, quorum.Level(run.R))
		case AddOp:
			return c.Make(n.replica, now, deadline, tableName, o.Key, crdt.NewSet[string]().AddOp(o.Value).AppendBinary(nil), w)
		case CountOp:
			return c.Make(n.replica, now, deadline, tableName, o.Key, crdt.NewCounter().AddOp(o.Amount).AppendBinary(nil), w)
		}
		cell := crdt.Put(n.replica.StampIn(client.s, now), []byte(o.Value), 0)
		if o.Kind == DeleteOp {
			cell = crdt.Delete(n.replica.StampIn(client.s, now))
		}
		return c.Write(n.replica, now, deadline, tableName, o.Key, cell.AppendBinary(nil), w)
	}
}

// do carries out an operation and, if its outcome is unknown, perhaps retries it.
func (k *workload) do(id int, n *Node, o *Op, done func()) {
	client := new(client)
	if o.Kind != RemoveOp {
		client = k.session(id, n)
	}
	n.start(k.c.run.Timeout, k.start(n, o, client), func(c *replica.Call) {
		switch {
		case o.Kind != RemoveOp:
			k.ended(n, o, c, func() {
				k.record(id, client, o, c, n)
				done()
			})
		case c == nil || c.Err() != nil: // it has only read
			o.Outcome, o.Return = NotApplied, k.c.World.Elapsed()
			done()
		default:
			k.remove(n, o, c, done)
		}
	})
}

// remove takes out what a read has found.
func (k *workload) remove(n *Node, o *Op, read *replica.Call, done func()) {
	view := crdt.NewSet[string]()
	if state, found := read.AppendState(nil); found {
		_, _ = view.JoinBinary(state) // it was a state when it was joined
	}
	o.Found = view.Contains(o.Value)
	op := view.RemoveOp(o.Value).AppendBinary(nil)
	n.start(k.c.run.Timeout, func(c *replica.Call, now, deadline time.Time) uint32 {
		return c.Make(n.replica, now, deadline, tableName, o.Key, op, quorum.Level(k.c.run.W))
	}, func(c *replica.Call) { k.ended(n, o, c, done) })
}

// maxRetries is how often a client retries what is unknown.
const maxRetries = 3

// ended takes how a call ended into the operation.
func (k *workload) ended(n *Node, o *Op, c *replica.Call, done func()) {
	o.Return = k.c.World.Elapsed()
	o.result(c, n)
	if c != nil && c.Op.Cause == nil {
		k.c.net.n.Fallbacks += c.Op.Fallbacks()
		k.c.net.n.Hints += c.Op.Hints()
	}
	w := k.c.World
	retries := k.c.run.Retry && !k.c.run.Sessions // which tells a session nothing
	if retries && c != nil && o.Kind != GetOp && c.Op.Outcome() == quorum.Unknown && o.Retries < maxRetries && w.chance(.7) {
		op, err := quorum.DecodeOperation(c.Operation().AppendBinary(nil))
		if err != nil {
			panic(err) // it was encoded just now
		}
		w.After(w.between(0, k.c.run.Timeout), func() { k.retry(o, op, done) })
		return
	}
	w.Note('o', uint64(o.Kind), uint64(o.Outcome), fmt.Append(nil, o.Value, o.Amount, o.Elements))
	done()
}

// retry sends the operation again, from any node that is up.
func (k *workload) retry(o *Op, op quorum.Operation, done func()) {
	n := k.c.Nodes[k.c.World.Rand.IntN(len(k.c.Nodes))]
	o.Retries++
	if n.replica == nil || n.paused {
		k.ended(n, o, nil, done)
		return
	}
	k.c.net.n.Retries++
	n.start(k.c.run.Timeout, func(c *replica.Call, now, deadline time.Time) uint32 {
		return c.Retry(n.replica, now, deadline, op, quorum.Level(k.c.run.W))
	}, func(c *replica.Call) {
		k.ended(n, o, c, done)
	})
}

// result takes the result of a call into the operation.
func (o *Op) result(c *replica.Call, n *Node) {
	switch {
	case c == nil: // the node died
	case c.Err() == nil && c.Op.Superseded() && o.Retries > 0:
		// Something newer than a register's retry is there, and may have been before
		// the operation began: it is not overwritten.
	case c.Err() == nil:
		o.Outcome = Applied
		if o.Kind == GetOp {
			o.read(c, n)
		}
	case c.Op.Outcome() == quorum.NotApplied && o.Retries == 0:
		o.Outcome = NotApplied
	}
}

// read takes what a get returned.
func (o *Op) read(c *replica.Call, n *Node) {
	switch state, found := c.AppendState(nil); n.c.run.Workload {
	case "sets":
		o.Elements = elementsOf(state, found)
	case "counters":
		o.Amount = countOf(state, found)
	default:
		var b []byte
		cell := c.Cell()
		b, o.Found = cell.Get(n.now().UnixMilli())
		o.Value, o.Stamp = string(b), cell.Value.Stamp
	}
}

func elementsOf(state []byte, found bool) (elements []string) {
	s := crdt.NewSet[string]()
	if !found {
		return nil
	}
	if _, err := s.JoinBinary(state); err != nil {
		return []string{"corrupt: " + err.Error()}
	}
	return slices.Sorted(s.All())
}

func countOf(state []byte, found bool) int64 {
	c := crdt.NewCounter()
	if !found {
		return 0
	}
	if _, err := c.JoinBinary(state); err != nil {
		return math.MinInt64
	}
	return c.Value()
}

// judge checks the history, with what is left of each key as a last get.
func (c *Cluster) judge(h *History) []Violation {
	var final []*Op
	for i := range c.run.Keys {
		p := ring.Partition(ring.Hash(key(i)), c.run.Partitions)
		state := c.owners(p)[0].dump(p)[key(i)]
		o := lastGet(key(i))
		switch c.run.Workload {
		case "sets":
			o.Elements = elementsOf(state, state != nil)
		case "counters":
			o.Amount = countOf(state, state != nil)
		}
		final = append(final, o)
	}
	switch c.run.Workload {
	case "sets":
		return c.run.promised(CheckSets(h, final))
	case "counters":
		broken := c.run.promised(CheckCounters(h, final))
		if c.run.Blocking {
			broken = append(broken, CheckRising(h)...)
		}
		return broken
	}
	broken := c.run.promised(Check(h, c.finals()))
	if c.run.Blocking {
		broken = append(broken, CheckMonotonic(h)...)
	}
	return broken
}

func lastGet(key string) *Op {
	return &Op{Kind: GetOp, Key: key, Outcome: Applied, Invoke: math.MaxInt64 - 1, Return: math.MaxInt64}
}
