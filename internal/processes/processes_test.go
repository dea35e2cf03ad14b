package processes_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/grapevine-go/grapevine/gossiptest"
	"github.com/grapevine-go/grapevine/quorum"
)

var active = flag.Duration("processes.active", 10*time.Second, "how long clients work while nodes are killed")

func TestMain(m *testing.M) {
	if node := os.Getenv(asNode); node != "" {
		if err := runNode(node); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

const keys, clients = 6, 8

// TestKill: five processes, of which one after the other is killed and comes
// back with empty memory while others are stopped for a while. What the clients
// saw keeps the promises, and in the end all owners are equal.
func TestKill(t *testing.T) {
	c := startCluster(t, 5)
	w := &workload{c: c, begun: time.Now()}
	end := time.Now().Add(*active)
	var running sync.WaitGroup
	for id := range clients {
		running.Go(func() { w.client(id, end) })
	}
	var k causalWork
	for id := range clients / 2 {
		running.Go(func() { k.client(w, id, end) })
	}
	kills, stops := c.mischief(t, end)
	running.Wait()
	c.calm(t)
	c.agree(t)
	var final []gossiptest.Final
	for i := range keys {
		a, err := c[i%len(c)].ask(request{Verb: "getall", Key: key(i)})
		if err != nil || a.Error != "" {
			t.Fatalf("%s at the end: %v %s", key(i), err, a.Error)
		}
		final = append(final, gossiptest.Final{Key: key(i), Value: a.Value, Found: a.Found})
	}
	outcomes := make(map[gossiptest.Outcome]int)
	for _, o := range w.h.Ops {
		outcomes[o.Outcome]++
	}
	t.Logf("%d kills, %d stops; operations: %d applied, %d unknown, %d not applied",
		kills, stops, outcomes[gossiptest.Applied], outcomes[gossiptest.Unknown], outcomes[gossiptest.NotApplied])
	for _, v := range append(gossiptest.Check(&w.h, final), gossiptest.CheckMonotonic(&w.h)...) {
		t.Error(v)
	}
	for _, v := range gossiptest.CheckSessions(&w.loose) {
		t.Error(v)
	}
	t.Logf("%d operations in %d sessions, of which %d were lost", len(w.loose.Ops), w.sessions, w.lost)
	if len(w.refused) > 0 {
		t.Errorf("%d tokens were refused: %s", len(w.refused), w.refused[0])
	}
	k.judge(t, w)
	if kills == 0 || stops == 0 || outcomes[gossiptest.Applied] < 100 {
		t.Error("nothing was tested")
	}
}

func key(i int) string { return fmt.Sprintf("key-%d", i) }

// mischief kills and stops nodes until end. No node is killed before the one
// before it is back and filled: fewer than W owners may lose their memory.
func (c cluster) mischief(t *testing.T, end time.Time) (kills, stops int) {
	for time.Now().Before(end) {
		victim, other := rand.IntN(len(c)), rand.IntN(len(c))
		c[victim].kill()
		kills++
		if other != victim {
			stops++
			c[other].signal(syscall.SIGSTOP)
			<-time.After(time.Duration(rand.IntN(1000)) * time.Millisecond)
			c[other].signal(syscall.SIGCONT)
		}
		<-time.After(time.Duration(rand.IntN(1000)) * time.Millisecond)
		if err := c.restart(c[victim]); err != nil {
			t.Fatal(err)
		}
		c.calm(t)
	}
	return kills, stops
}

// agree waits until all owners of each key keep the same bytes.
func (c cluster) agree(t *testing.T) {
	t.Helper()
	var last string
	eventually(t, "owners are equal", func() bool {
		last = c.differ()
		return last == ""
	})
}

// differ says where owners differ; empty if nowhere.
func (c cluster) differ() string {
	copies := make(map[string]map[string]string) // by table and key: by node
	owners := make(map[string]string)
	for _, p := range c {
		a, err := p.ask(request{Verb: "dump"})
		if err != nil || a.Error != "" {
			return fmt.Sprint(p.name, err, a.Error)
		}
		for line := range strings.Lines(a.Value) {
			f := strings.SplitN(strings.TrimSpace(line), " ", 4) // table, key, state, owners
			id := f[0] + f[1]
			if copies[id] == nil {
				copies[id] = make(map[string]string)
			}
			copies[id][p.name], owners[id] = f[2], f[3]
		}
	}
	for id, by := range copies {
		var first string
		for _, owner := range strings.Fields(strings.Trim(owners[id], "[]")) {
			if first == "" {
				first = by[owner]
			}
			if by[owner] != first || first == "" {
				return fmt.Sprintf("%s at %s: %v", id, owner, by)
			}
		}
	}
	return ""
}

// workload is what the clients do and saw.
type workload struct {
	c     cluster
	begun time.Time
	mu    sync.Mutex
	h     gossiptest.History
	loose gossiptest.History // of operations in sessions, on the table of loose levels

	sessions, lost int
	refused        []string // tokens that were not opened
}

// session begins a client's session.
func (w *workload) session() (no int, token string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sessions++
	return w.sessions, "new"
}

// client does one operation after the other, each at a node of its choice. Every
// other one works in sessions, which it takes from node to node.
func (w *workload) client(id int, end time.Time) {
	h, session, token := &w.h, 0, ""
	if id%2 == 1 {
		h = &w.loose
		session, token = w.session()
	}
	for count := 0; time.Now().Before(end); count++ {
		// To judge takes time in the square of what was done: not as fast as can be.
		<-time.After(time.Duration(rand.IntN(10)) * time.Millisecond)
		n := rand.IntN(len(w.c))
		if !w.c[n].alive() {
			continue
		}
		o := &gossiptest.Op{Node: n, Key: key(rand.IntN(keys)), Session: session}
		q := request{Verb: "get", Key: o.Key, Loose: session > 0, Token: token}
		switch x := rand.IntN(10); {
		case x < 5:
			o.Kind = gossiptest.GetOp
		case x < 9:
			o.Value = fmt.Sprintf("c%d-%d", id, count)
			q.Verb, q.Value = "put", o.Value
		default:
			o.Kind, q.Verb = gossiptest.DeleteOp, "delete"
		}
		w.mu.Lock()
		o.Invoke = time.Since(w.begun)
		h.Ops = append(h.Ops, o)
		w.mu.Unlock()
		a, err := w.c[n].ask(q)
		o.Return = time.Since(w.begun)
		switch {
		case err != nil: // the node died: nobody knows
		case a.Outcome == quorum.Applied && a.Error == "":
			o.Outcome = gossiptest.Applied
			if o.Kind == gossiptest.GetOp {
				o.Value, o.Found, o.Stamp = a.Value, a.Found, a.Stamp
			}
		case a.Outcome == quorum.NotApplied:
			o.Outcome = gossiptest.NotApplied
		}
		if err != nil || session == 0 {
			continue
		}
		o.Stamp = a.Stamp
		if token = a.Token; a.Lost || token == "" {
			w.mu.Lock()
			w.lost++
			if !a.Lost {
				w.refused = append(w.refused, a.Error)
			}
			w.mu.Unlock()
			session, token = w.session()
		}
	}
}
