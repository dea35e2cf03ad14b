package processes_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/gossip"
	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/quorum"
	"github.com/grapevine-go/grapevine/quorum/session"
)

// asNode is the variable that makes the test's program a node: its name, then
// its seeds.
const asNode = "GRAPEVINE_TEST_NODE"

// request is what a client asks of a node.
type request struct {
	ID    uint64
	Verb  string // "put", "delete", "get", "getall", "ready", "dump", and those of causal.do
	Key   string `json:",omitempty"`
	Value string `json:",omitempty"`
	Loose bool   `json:",omitempty"` // the table of loose levels is meant
	Token string `json:",omitempty"` // of the session that it is part of; "new": of a new one; empty: of none
}

// response is the answer to it.
type response struct {
	ID      uint64
	Outcome quorum.Outcome // of a write; of a read, Applied: it was answered
	Found   bool           `json:",omitempty"`
	Value   string         `json:",omitempty"` // or an address, or a digest
	Error   string         `json:",omitempty"`
	Stamp   crdt.Stamp     // of what was read; in a session, the time of what was written
	Token   string         `json:",omitempty"` // of the session, afterwards
	Lost    bool           `json:",omitempty"` // the session is lost
	Amount  int64          `json:",omitempty"` // of a counter
	Set     []string       `json:",omitempty"`
}

// levels are those of every table but one, where a read need not meet a write.
var levels, looseLevels = quorum.NWR{N: 3, W: 2, R: 2}, quorum.NWR{N: 3, W: 1, R: 1}

// timeout is that of an operation.
const timeout = 2 * time.Second

// runNode is the main function of a node's process: it ends when its standard
// input does.
func runNode(args string) error {
	name, seeds, _ := strings.Cut(args, " ")
	cfg := gossip.Config{Cluster: "processes", Name: peer.ID(name), Bind: "127.0.0.1:0", Preset: gossip.Local, Timeout: timeout, SweepEvery: time.Second,
		Keys: [][]byte{[]byte("0123456789abcdef")}} // so that one opens the tokens of another
	cfg.Seeds = strings.Fields(seeds)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	n, err := gossip.Start(ctx, cfg)
	if err != nil {
		return err
	}
	defer n.Close()
	registers, err := gossip.Ring(n, "registers", gossip.Registers[string](), levels, gossip.Partitions(16))
	if err != nil {
		return err
	}
	loose, err := gossip.Ring(n, "loose", gossip.Registers[string](), looseLevels, gossip.Partitions(16))
	if err != nil {
		return err
	}
	causal, err := openCausal(n)
	if err != nil {
		return err
	}
	s := &server{n: n, registers: registers, loose: loose, causal: causal, out: json.NewEncoder(os.Stdout)}
	s.answer(response{Value: n.Addr().String()})
	return s.serve(os.Stdin)
}

// server answers requests, each on a goroutine of its own.
type server struct {
	n         *gossip.Node
	registers *gossip.RegisterTable[string]
	loose     *gossip.RegisterTable[string]
	causal    causal
	mu        sync.Mutex
	out       *json.Encoder
}

func (s *server) serve(in io.Reader) error {
	var running sync.WaitGroup
	defer running.Wait()
	for lines := bufio.NewScanner(in); lines.Scan(); {
		var q request
		if err := json.Unmarshal(lines.Bytes(), &q); err != nil {
			return err
		}
		running.Go(func() {
			a := s.do(context.Background(), q)
			a.ID = q.ID
			s.answer(a)
		})
	}
	return nil
}

func (s *server) answer(a response) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.out.Encode(a) // the other end is gone, and this one soon
}

func (s *server) do(ctx context.Context, q request) (a response) {
	client, err := s.session(q.Token)
	if err != nil {
		return response{Outcome: quorum.NotApplied, Error: err.Error()}
	}
	table := s.registers
	if q.Loose {
		table = s.loose
	}
	switch q.Verb {
	case "put":
		_, err = table.Put(ctx, q.Key, q.Value, quorum.In(client))
	case "delete":
		_, err = table.Delete(ctx, q.Key, quorum.In(client))
	case "get": // those of the other table are monotonic
		mode := map[bool]quorum.RepairMode{false: quorum.RepairBlocking, true: quorum.RepairAsync}[q.Loose]
		var e gossip.Entry[string]
		e, err = table.Entry(ctx, q.Key, quorum.In(client), quorum.Repair(mode))
		a.Value, a.Found, a.Stamp = e.Value, e.Found, e.Stamp
	case "getall":
		a.Value, a.Found, err = s.registers.Get(ctx, q.Key, quorum.R(quorum.All))
	case "ready":
		a.Found = s.ready()
	case "dump":
		a.Value, err = s.dump()
	default:
		err = s.causal.do(ctx, q, &a)
	}
	a.Outcome = gossip.Outcome(err)
	if err != nil {
		a.Error = err.Error()
	}
	if client != nil {
		a.Token, a.Lost = client.Token(), errors.Is(err, quorum.ErrSessionLost)
		if q.Verb != "get" && err == nil {
			a.Stamp.Time = client.Clock() // the write is the latest that the session knows
		}
	}
	return a
}

// session goes on with a client's session, or begins one.
func (s *server) session(token string) (*session.Session, error) {
	switch token {
	case "":
		return nil, nil
	case "new":
		return s.n.Session(session.All), nil
	}
	return s.n.Resume(token)
}

// ready reports whether this node is filled and knows every owner to be alive.
func (s *server) ready() bool {
	st := s.n.Status()
	for _, t := range s.n.Tables() {
		if t.Alive < levels.N {
			return false
		}
	}
	return st.Ready
}

// dump gives what this node keeps and owns, as text that equal owners have
// alike.
func (s *server) dump() (string, error) {
	var b strings.Builder
	var errs []error
	for _, t := range s.n.Tables() {
		errs = append(errs, s.n.Dump(t.Name, func(l gossip.LocalState) error {
			fmt.Fprintf(&b, "%s %q %x %v\n", t.Name, l.Key, l.State, s.n.Owners(t.Name, l.Key))
			return nil
		}))
	}
	return b.String(), errors.Join(errs...)
}
