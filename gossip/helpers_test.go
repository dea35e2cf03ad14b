package gossip_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/grapevine-go/grapevine/gossip"
	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/quorum"
)

func TestMain(m *testing.M) {
	flag.Parse()
	// The tests wait for failure detectors more than they work, and work more
	// under the race detector: too many at once, and nodes are so slow that others
	// take them for dead. This is the default for who has given no -parallel of his
	// own.
	if f := flag.Lookup("test.parallel"); f.Value.String() == fmt.Sprint(runtime.GOMAXPROCS(0)) {
		_ = f.Value.Set(map[bool]string{false: "8", true: "4"}[underRace])
	}
	goleak.VerifyTestMain(m)
}

// patience is how long a test waits for what must happen; only a failing test
// waits that long.
const patience = 2 * time.Minute

var three = quorum.NWR{N: 3, W: 2, R: 2}

// within is a context that ends when the test has no more patience.
func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// cluster starts nodes on loopback that find each other through the first, and
// closes them at the end of the test.
func cluster(t testing.TB, n int, change ...func(*gossip.Config)) []*gossip.Node {
	t.Helper()
	var nodes []*gossip.Node
	for i := range n {
		nodes = append(nodes, start(t, config(t, i, nodes, change...)))
	}
	ready(t, nodes...)
	return nodes
}

// process tells this run of the tests from others on the machine.
var process = rand.Uint64()

// clusterName is the test's own: ports are given out again, and nodes of another
// test must not be taken for lost members.
func clusterName(t testing.TB) string { return fmt.Sprintf("%s-%x", t.Name(), process) }

// config is that of node number i, with the first of the nodes as its seed.
func config(t testing.TB, i int, nodes []*gossip.Node, change ...func(*gossip.Config)) gossip.Config {
	cfg := gossip.Config{Cluster: clusterName(t), Name: peer.ID(fmt.Sprintf("n%d", i)), Bind: "127.0.0.1:0", Preset: gossip.LAN,
		Timeout: patience} // a busy machine is no fault
	if len(nodes) > 0 {
		cfg.Seeds = []string{nodes[0].Addr().String()}
	}
	if os.Getenv("GRAPEVINE_LOG") != "" {
		cfg.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	for _, c := range change {
		c(&cfg)
	}
	return cfg
}

func start(t testing.TB, cfg gossip.Config) *gossip.Node {
	t.Helper()
	return startIn(within(t), t, cfg)
}

// startIn starts a node with the faults that a context carries.
func startIn(ctx context.Context, t testing.TB, cfg gossip.Config) *gossip.Node {
	t.Helper()
	node, err := gossip.Start(ctx, cfg)
	if err != nil {
		t.Fatalf("start %s: %v", cfg.Name, err)
	}
	t.Cleanup(func() { node.Close() })
	return node
}

// ready waits until the nodes are the living ones of the cluster, are ready, and
// know the same ring.
func ready(t testing.TB, nodes ...*gossip.Node) {
	t.Helper()
	eventually(t, "nodes ready with one ring", func() bool {
		for _, n := range nodes {
			if s := n.Status(); !s.Ready || s.RingVersion != nodes[0].Status().RingVersion || s.Alive != len(nodes) {
				return false
			}
		}
		return true
	})
}

// eventually waits for a condition that needs no help to come true.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("not in %v: %s", patience, what)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// soon waits for a channel to deliver or to be closed.
func soon[T any](t testing.TB, what string, ch <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-ch:
	case <-time.After(patience):
		t.Fatalf("not in %v: %s", patience, what)
	}
	return v
}

// open opens a table of strings with three owners a key.
func open(t testing.TB, n *gossip.Node, opts ...gossip.TableOption) *gossip.RegisterTable[string] {
	t.Helper()
	table, err := gossip.Ring(n, "sessions", gossip.Registers[string](), three, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func put(t testing.TB, table *gossip.RegisterTable[string], key, value string, opts ...quorum.Option) {
	t.Helper()
	if _, err := table.Put(within(t), key, value, opts...); err != nil {
		t.Fatalf("put %s: %v", key, err)
	}
}

// expect reads a key and wants the value; "" for none.
func expect(t testing.TB, table *gossip.RegisterTable[string], key, value string, opts ...quorum.Option) {
	t.Helper()
	got, ok, err := table.Get(within(t), key, opts...)
	if err != nil || got != value || ok != (value != "") {
		t.Errorf("get %s: %q %t %v, want %q", key, got, ok, err, value)
	}
}

// fill puts n keys with values of their own, and returns the keys.
func fill(t testing.TB, table *gossip.RegisterTable[string], n int) (keys []string) {
	t.Helper()
	var items []gossip.Item[string]
	for i := range n {
		key := fmt.Sprint("key-", i)
		keys = append(keys, key)
		items = append(items, gossip.Item[string]{Key: key, Value: valueOf(key)})
	}
	for i, err := range table.PutMany(within(t), items) {
		if err != nil {
			t.Fatalf("put %s: %v", items[i].Key, err)
		}
	}
	return keys
}

func valueOf(key string) string { return "value of " + key }

// expectAll reads keys that fill has put.
func expectAll(t testing.TB, table *gossip.RegisterTable[string], keys []string, opts ...quorum.Option) {
	t.Helper()
	for i, r := range table.GetMany(within(t), keys, opts...) {
		if r.Err != nil || !r.Found || r.Value != valueOf(keys[i]) {
			t.Fatalf("get %s: %q %t %v", keys[i], r.Value, r.Found, r.Err)
		}
	}
}

// self is what a node says of itself.
func self(t testing.TB, n *gossip.Node) gossip.Member { return member(t, n, n.ID()) }

// member is what a node knows of another; the zero Member if nothing.
func member(t testing.TB, n *gossip.Node, id peer.ID) gossip.Member {
	t.Helper()
	for _, m := range n.Members() {
		if m.ID == id {
			return m
		}
	}
	return gossip.Member{}
}

// dump is what a node keeps of the table, by key.
func dump(t testing.TB, n *gossip.Node) map[string]string {
	t.Helper()
	states := make(map[string]string)
	err := n.Dump("sessions", func(s gossip.LocalState) error {
		states[s.Key] = string(s.State)
		return nil
	})
	if err != nil {
		t.Fatalf("dump %s: %v", n.ID(), err)
	}
	return states
}

// settled waits until every owner of every key keeps the same bytes for it. The
// nodes are all that own something.
func settled(t testing.TB, nodes ...*gossip.Node) {
	t.Helper()
	diff := ""
	defer func() {
		if t.Failed() {
			t.Log(diff)
		}
	}()
	eventually(t, "owners keep the same", func() bool {
		diff = disagreement(t, nodes)
		return diff == ""
	})
}

func disagreement(t testing.TB, nodes []*gossip.Node) string {
	dumps := make(map[peer.ID]map[string]string)
	keys := make(map[string]bool)
	for _, n := range nodes {
		dumps[n.ID()] = dump(t, n)
		for key := range dumps[n.ID()] {
			keys[key] = true
		}
	}
	for key := range keys {
		owners := nodes[0].Owners("sessions", key)
		for _, o := range owners {
			if dumps[o] == nil {
				return fmt.Sprintf("%s is owned by %s, which is none of the nodes", key, o)
			}
			if d := cmp.Diff(dumps[owners[0]][key], dumps[o][key]); d != "" {
				return fmt.Sprintf("%s at %s and %s: %s", key, owners[0], o, d)
			}
		}
	}
	return ""
}

// names gives the ids of nodes, sorted.
func names(nodes ...*gossip.Node) (ids []peer.ID) {
	for _, n := range nodes {
		ids = append(ids, n.ID())
	}
	slices.Sort(ids)
	return ids
}

// logs keeps what nodes log.
type logs struct {
	mu    sync.Mutex
	bytes bytes.Buffer
}

// Write takes a line.
func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bytes.Write(p)
}

func (l *logs) use(cfg *gossip.Config) { cfg.Logger = slog.New(slog.NewTextHandler(l, nil)) }

// lines gives the lines that hold all of the words.
func (l *logs) lines(words ...string) (found []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.bytes.String()) {
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(line, w) }) {
			found = append(found, line)
		}
	}
	return found
}

// expect waits for a line that holds all of the words.
func (l *logs) expect(t testing.TB, words ...string) {
	t.Helper()
	defer func() {
		if t.Failed() {
			t.Logf("no line with %q in:\n%s", words, strings.Join(l.lines(), ""))
		}
	}()
	eventually(t, "log line", func() bool { return len(l.lines(words...)) > 0 })
}

// ports picks free loopback ports, below those that systems give out
// themselves, so that nobody who asks for any port gets them meanwhile.
func ports(t testing.TB, n int) (addrs []string) {
	t.Helper()
	for len(addrs) < n {
		addr := fmt.Sprintf("127.0.0.1:%d", 20000+rand.IntN(10000))
		if slices.Contains(addrs, addr) {
			continue
		}
		stream, err := net.Listen("tcp", addr)
		if err != nil {
			continue
		}
		packet, err := net.ListenPacket("udp", addr)
		stream.Close()
		if err == nil {
			packet.Close()
			addrs = append(addrs, addr)
		}
	}
	return addrs
}

// members gives the ids of the members that a node knows.
func members(n *gossip.Node) (ids []peer.ID) {
	for _, m := range n.Members() {
		ids = append(ids, m.ID)
	}
	return ids
}
