package gossiptest

import (
	"errors"
	"fmt"
	"time"

	"github.com/grapevine-go/grapevine/internal/replica"
	"github.com/grapevine-go/grapevine/quorum"
	"github.com/grapevine-go/grapevine/quorum/session"
)

// SessionCounts tells what became of the clients' sessions.
type SessionCounts struct {
	Begun   int
	Resumed int // from tokens
	Waited  int // reads that had to ask more than R owners
	Lost    int // reads that ended as lost; the client began anew
	Folded  int // sessions that did not hold all of their keys one by one
}

// sealer is what all nodes of a simulated cluster have for tokens.
var sealer = session.NewSealer("sim", []byte("simulated"))

// client is one client's session, which it takes along from node to node.
type client struct {
	s     *session.Session
	no    int    // among the sessions of the run, from 1
	token string // of before the operation that is under way
	fold  bool   // it was seen to be folded
}

// session returns the session that a client's next operation is part of: its
// own, perhaps through a token, or now and then a new one.
func (k *workload) session(id int, n *Node) *client {
	if !k.c.run.Sessions {
		return new(client)
	}
	if k.clients[id] == nil || k.c.World.chance(0.01) {
		k.begin(id)
	}
	c := k.clients[id]
	c.token = c.s.Token()
	if k.c.World.chance(0.3) {
		k.resume(c, n)
	}
	return c
}

func (k *workload) begin(id int) {
	k.rep.Sessions.Begun++
	k.clients[id] = &client{s: session.New(session.All, sealer), no: k.rep.Sessions.Begun}
}

// resume goes on with a session from its token, at a node.
func (k *workload) resume(c *client, n *Node) {
	s, err := sealer.Open(c.token, n.now(), time.Second)
	if err != nil {
		k.rep.Violations = append(k.rep.Violations, Violation{"tokens", fmt.Sprintf("%v does not open %q: %v", n, c.token, err)})
		return
	}
	k.rep.Sessions.Resumed++
	c.s = s
}

// record tells a session what came of its operation. Of a node that died the
// client has heard nothing: what it has is the token of before.
func (k *workload) record(id int, c *client, o *Op, call *replica.Call, n *Node) {
	if c.s == nil {
		return
	}
	o.Session = c.no
	if call == nil {
		if s, err := sealer.Open(c.token, k.c.World.Now().Add(time.Second), time.Second); err == nil {
			c.s = s
		}
		return
	}
	call.Record()
	if o.Kind != GetOp || o.Outcome == Applied {
		o.Stamp = call.Version().Value
	}
	counts := &k.rep.Sessions
	if call.Op.Waited() {
		counts.Waited++
	}
	if _, folded := c.s.Len(); folded != 0 && !c.fold {
		c.fold = true
		counts.Folded++
	}
	if errors.Is(call.Err(), quorum.ErrSessionLost) {
		counts.Lost++
		k.begin(id)
	}
}

// CheckSessions judges the four guarantees of each session, operation by
// operation, by the stamps that clients are told; and reading one's own writes
// without them, by the values: a read returns none that the session itself has
// replaced. Sets and counters are judged by what is in them. A client's operations
// follow each other.
func CheckSessions(h *History) (broken []Violation) {
	sessions, types := make(map[int][]*Op), newSessionTypes(h)
	for _, o := range h.Ops {
		if o.Session == 0 {
			continue
		}
		before := sessions[o.Session]
		broken = append(append(broken, judgeSession(before, o)...), types.judge(before, o)...)
		sessions[o.Session] = append(before, o)
	}
	return broken
}

// judgeSession holds an operation against those before it in its session.
func judgeSession(before []*Op, o *Op) (broken []Violation) {
	blame := func(guarantee string, b *Op) {
		broken = append(broken, Violation{guarantee, fmt.Sprintf("session %d: %v, of %v, after %v, of %v", o.Session, o, o.Stamp, b, b.Stamp)})
	}
	read := o.Kind == GetOp
	if read && o.Outcome != Applied || !read && o.Stamp.IsZero() {
		return nil // it saw nothing, or nobody knows what it was
	}
	for _, b := range before {
		older := o.Stamp.Compare(b.Stamp)
		switch {
		case b.Kind != GetOp && read:
			if b.Key == o.Key && b.Outcome == Applied && older < 0 {
				blame("read your writes", b)
			}
		case b.Kind != GetOp:
			if older <= 0 {
				blame("monotonic writes", b)
			}
		case b.Outcome != Applied:
		case read:
			if b.Key == o.Key && older < 0 {
				blame("monotonic reads in a session", b)
			}
		case older <= 0:
			blame("writes follow reads", b)
		}
	}
	if b := replaced(before, o); b != nil {
		blame("read your writes", b)
	}
	return broken
}

// replaced returns the write with which the session has itself replaced what the
// read has returned.
func replaced(before []*Op, o *Op) *Op {
	own := false
	for _, b := range before {
		switch {
		case o.Kind != GetOp || !o.Found || b.Kind == GetOp || b.Key != o.Key:
		case b.Kind == PutOp && b.Value == o.Value:
			own = true
		case own && b.Outcome == Applied:
			return b
		}
	}
	return nil
}
