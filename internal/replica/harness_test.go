package replica

import (
	"errors"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/internal/wire"
	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/quorum"
	"github.com/grapevine-go/grapevine/quorum/hint"
	"github.com/grapevine-go/grapevine/ring"
	"github.com/grapevine-go/grapevine/store"
)

// hand drives a few replicas: messages pass and time goes on only as it says.
type hand struct {
	t     testing.TB
	now   time.Time
	nodes map[peer.ID]*node // those that run
	rules Rules
	rate  float64 // SyncRate of those that boot
	hints hint.Config
	boots uint64 // gives the nonces
	queue []sent // what the replicas want to have sent

	lost func(s sent) bool // what does not arrive; nil: everything does
	hold func(s sent) bool // what stays in held until it is released
	held []sent
	seen func(s sent) // is shown each message that arrives

	answered func(s sent, reply []byte) // and each answer
}

// node is a replica with what it wants to have sent.
type node struct {
	*Replica
	h   *hand
	out Effects
}

// sent is a message of a replica to another: one of its effects, or of a call.
type sent struct {
	from *node
	to   peer.ID
	msg  []byte
	done func(reply []byte, err error)
}

// request decodes the message's header.
func (s sent) request() *wire.Request {
	q, err := wire.ParseRequest(s.msg)
	if err != nil {
		s.from.h.t.Fatal(err)
	}
	return &q
}

var errNoAnswer = errors.New("no answer")

// The times that the machines are told.
const (
	tick    = 10 * time.Millisecond
	retry   = 300 * time.Millisecond
	timeout = 5 * time.Second
)

func newHand(t testing.TB) *hand {
	return &hand{t: t, now: time.UnixMilli(1_900_000_000_000), nodes: make(map[peer.ID]*node)}
}

// boot starts a node with empty memory, in place of the one that ran under its
// name.
func (h *hand) boot(id peer.ID) *node {
	h.boots++
	n := &node{h: h, Replica: New(Config{
		ID: id, Nonce: h.boots, Cluster: "cluster", Weight: 1, MaxValue: 1 << 20, MaxSkew: time.Second,
		Rand:      rand.New(rand.NewPCG(h.boots, 1)),
		RingEvery: 2 * time.Second, SweepEvery: 10 * time.Second, Retry: retry, Timeout: timeout, Rules: h.rules, SyncRate: h.rate, Hints: h.hints,
	})}
	h.nodes[id] = n
	return n
}

// join boots a node that hears of all that run, as they hear of it.
func (h *hand) join(id peer.ID) *node {
	n := h.boot(id)
	for _, o := range h.all() {
		if o != n {
			n.Verdict(o.cfg.ID, o.cfg.Nonce, true)
			o.Verdict(id, n.cfg.Nonce, true)
		}
	}
	return n
}

// crash ends a node; the others hear of it.
func (h *hand) crash(id peer.ID) {
	nonce := h.nodes[id].cfg.Nonce
	delete(h.nodes, id)
	for _, o := range h.all() {
		o.Verdict(id, nonce, false)
	}
}

// all gives the nodes that run, by name.
func (h *hand) all() (nodes []*node) {
	for _, n := range h.nodes {
		nodes = append(nodes, n)
	}
	slices.SortFunc(nodes, func(a, b *node) int { return int(a.cfg.ID[0]) - int(b.cfg.ID[0]) })
	return nodes
}

func (n *node) form() {
	n.Form(n.h.now, &n.out)
	n.h.deliver()
}

// pass lets time go on.
func (h *hand) pass(d time.Duration) {
	for end := h.now.Add(d); h.now.Before(end); {
		h.step()
	}
}

func (h *hand) step() {
	h.now = h.now.Add(tick)
	for _, n := range h.all() {
		n.Tick(h.now, &n.out)
		n.Synchronize(h.now, &n.out)
		h.deliver()
	}
}

// until lets time go on until ok.
func (h *hand) until(what string, ok func() bool) {
	h.t.Helper()
	for end := h.now.Add(time.Minute); !ok(); h.step() {
		if h.now.After(end) {
			h.t.Fatalf("not in a minute: %s", what)
		}
	}
}

// deliver carries what the replicas want to have sent, and its answers.
func (h *hand) deliver() {
	for _, n := range h.all() {
		n.carry()
	}
	for len(h.queue) > 0 {
		s := h.queue[0]
		h.queue = h.queue[1:]
		if h.hold != nil && h.hold(s) {
			h.held = append(h.held, s)
			continue
		}
		h.pass1(s)
	}
}

// pass1 carries one message and its answer.
func (h *hand) pass1(s sent) {
	s.done(h.serve(s))
	s.from.carry()
}

// serve has a message answered.
func (h *hand) serve(s sent) ([]byte, error) {
	to := h.nodes[s.to]
	if to == nil || h.lost != nil && h.lost(s) {
		return nil, errNoAnswer
	}
	if h.seen != nil {
		h.seen(s)
	}
	reply := to.Serve(h.now, s.msg, nil)
	if h.answered != nil {
		h.answered(s, reply)
	}
	to.carry()
	return reply, nil
}

// carry queues what the replica wants to have sent.
func (n *node) carry() {
	for _, s := range n.out.Sends {
		n.h.queue = append(n.h.queue, sent{from: n, to: s.To, msg: s.Msg, done: func(reply []byte, err error) {
			n.Reply(n.h.now, s.Token, reply, err, &n.out)
		}})
	}
	n.out = Effects{}
}

// spec is the table of most tests: all nodes of three own its one partition.
var spec = ring.Table{Name: "table", Type: "register(bytes)", Codec: 1, N: 3, W: 2, Partitions: 1}

// newCluster boots nodes that serve, with the table open and synced at all.
func newCluster(t testing.TB, spec ring.Table, rules Rules, ids ...peer.ID) *hand {
	t.Helper()
	h := newHand(t)
	h.rules = rules
	h.found(spec, ids...)
	return h
}

// found boots the nodes of a cluster.
func (h *hand) found(spec ring.Table, ids ...peer.ID) {
	h.t.Helper()
	for i, id := range ids {
		n := h.join(id)
		if i == 0 {
			n.form()
		}
	}
	h.until("all serve", func() bool { return h.calm(ids...) })
	h.open(h.nodes[ids[0]], spec)
	h.until("all know the table", func() bool { return h.calm(ids...) })
}

func (h *hand) open(n *node, spec ring.Table) {
	h.t.Helper()
	if err := n.Open(h.now, spec, Register("bytes"), &n.out); err != nil {
		h.t.Fatal(err)
	}
	h.deliver()
}

// calm reports that the nodes run and serve under one ring, and are synced.
func (h *hand) calm(ids ...peer.ID) bool {
	return !slices.ContainsFunc(ids, func(id peer.ID) bool {
		n := h.nodes[id]
		s, ok := n.View().Status()
		return !ok || s != ring.Serving || len(n.Fills()) > 0 || n.View().Version() != h.nodes[ids[0]].View().Version()
	})
}

// member is a node's entry in the ring state, as another knows it.
func (n *node) member(id peer.ID) ring.Member {
	m, _ := n.View().State.Member(id)
	return m
}

// table is the table as the node has it.
func (n *node) table() *Table { return n.View().Table(spec.Name) }

// holds is what the node itself holds of the table, by key.
func (n *node) holds() map[string]string {
	values := make(map[string]string)
	for p := range n.table().Data.Partitions() {
		n.table().Data.Page(p, 0, ^uint64(0), func(e store.Entry) bool {
			c, err := crdt.DecodeCell(e.State.AppendBinary(nil))
			v, _ := c.Get(0)
			values[string(e.Key)] = string(v)
			return err == nil
		})
	}
	return values
}

// operation is a call with the messages that it wants to have sent.
type operation struct {
	Call
	n        *node
	messages []sent
}

// put begins a write; messages to others wait to be delivered.
func (n *node) put(key, value string, w int) *operation {
	o := &operation{n: n}
	c := crdt.Put(n.Stamp(n.h.now), []byte(value), 0)
	o.queue(o.Write(n.Replica, n.h.now, n.h.now.Add(time.Second), spec.Name, key, c.AppendBinary(nil), quorum.Level(w)))
	return o
}

// get begins a read.
func (n *node) get(key string, r int) *operation {
	o := &operation{n: n}
	o.queue(o.Read(n.Replica, n.h.now, n.h.now.Add(time.Second), time.Hour, spec.Name, key, quorum.Level(r)))
	return o
}

// queue takes what is to be sent now; what is for the node itself is served.
func (o *operation) queue(send uint32) {
	for ; send != 0; send &= send - 1 {
		i := bits.TrailingZeros32(send)
		token := o.Token(i)
		s := sent{from: o.n, to: o.Op.Targets[i].ID, msg: slices.Clone(o.Msg(o.n.h.now, i))}
		s.done = func(reply []byte, err error) {
			o.queue(o.Call.Reply(o.n.h.now, token, reply, err, true, &o.n.out))
		}
		if s.to == o.n.cfg.ID {
			s.done(o.n.Serve(o.n.h.now, s.msg, nil), nil)
			continue
		}
		o.messages = append(o.messages, s)
	}
}

// to takes the first message for a node out of those that wait.
func (o *operation) to(id peer.ID) sent {
	o.n.h.t.Helper()
	i := slices.IndexFunc(o.messages, func(s sent) bool { return s.to == id })
	if i < 0 {
		o.n.h.t.Fatalf("no message for %s", id)
	}
	s := o.messages[i]
	o.messages = slices.Delete(o.messages, i, i+1)
	return s
}

// run delivers all messages, also those that come of the answers, and returns
// how the call has ended.
func (o *operation) run() error {
	for len(o.messages) > 0 {
		s := o.messages[0]
		o.messages = o.messages[1:]
		o.n.h.pass1(s)
	}
	o.n.h.deliver()
	if !o.Ended() {
		return errNoAnswer
	}
	return o.Err()
}

// write writes and wants that to be acknowledged.
func (n *node) write(key, value string) {
	n.h.t.Helper()
	if err := n.put(key, value, 2).run(); err != nil {
		n.h.t.Fatalf("put %s at %s: %v", key, n.cfg.ID, err)
	}
}

// reads reads from r owners and wants the value; "" for none.
func (n *node) reads(key, value string, r int) {
	n.h.t.Helper()
	o := n.get(key, r)
	err := o.run()
	c := o.Cell()
	if got, found := c.Get(0); err != nil || string(got) != value || found != (value != "") {
		n.h.t.Errorf("%s at %s is %q (%t, %v), want %q", key, n.cfg.ID, got, found, err, value)
	}
}

// status has a request served and returns how it was taken.
func (n *node) status(msg []byte) wire.Status {
	n.h.t.Helper()
	a, err := wire.ParseReply(n.Serve(n.h.now, msg, nil))
	if err != nil {
		n.h.t.Fatal(err)
	}
	return a.Status
}

// keys makes n keys.
func keys(n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprint("key-", i))
	}
	return all
}
