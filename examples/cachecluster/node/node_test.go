package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/grapevine-go/grapevine/gossip"
	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/quorum"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// startNode starts a node on loopback that ends with the test.
func startNode(t *testing.T, name string, seeds []string, change ...func(*Config)) *Node {
	t.Helper()
	cfg := Config{Redis: "127.0.0.1:0", Gossip: gossip.Config{
		Cluster: "test", Name: peer.ID(name), Bind: "127.0.0.1:0", Preset: gossip.Local, Seeds: seeds, MaxValue: 1 << 20,
	}}
	for _, c := range change {
		c(&cfg)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	n, err := Start(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := n.Close(ctx); err != nil {
			t.Errorf("closing %s: %v", name, err)
		}
	})
	return n
}

// startNodes starts a cluster, and a client for each node.
func startNodes(t *testing.T, names string, change ...func(*Config)) ([]*Node, []*redis.Client) {
	t.Helper()
	var nodes []*Node
	var clients []*redis.Client
	var seeds []string
	for _, name := range names {
		n := startNode(t, string(name), seeds, change...)
		nodes = append(nodes, n)
		seeds = []string{nodes[0].Gossip().Addr().String()}
		clients = append(clients, client(t, n))
	}
	eventually(t, "all nodes are ready under one ring", func() bool {
		for _, n := range nodes {
			s := n.Gossip().Status()
			if !s.Ready || s.Alive != len(nodes) || s.RingVersion != nodes[0].Gossip().Status().RingVersion {
				return false
			}
		}
		return true
	})
	return nodes, clients
}

func client(t *testing.T, n *Node) *redis.Client {
	c := redis.NewClient(&redis.Options{Addr: n.Redis(), MaxRetries: -1})
	t.Cleanup(func() { c.Close() })
	return c
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	end := time.After(30 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatal("it did not happen: " + what)
		}
	}
}

func TestEveryNodeServesEveryKey(t *testing.T) {
	nodes, clients := startNodes(t, "abcde")
	ctx := t.Context()
	const keys = 300
	for i := range keys {
		if err := clients[i%5].Set(ctx, fmt.Sprint("key", i), i, 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	for at, c := range clients {
		var all []string
		for i := range keys {
			all = append(all, fmt.Sprint("key", i))
		}
		for i, v := range c.MGet(ctx, all...).Val() {
			if v != fmt.Sprint(i) {
				t.Fatalf("key%d at %s: %v", i, nodes[at].Gossip().ID(), v)
			}
		}
		if n, err := c.DBSize(ctx).Result(); err != nil || n != keys {
			t.Errorf("DBSIZE at %s: %d, %v", nodes[at].Gossip().ID(), n, err)
		}
	}

	// A cursor is good at any node.
	seen := make(map[string]bool)
	cursor := uint64(0)
	for page := 0; ; page++ {
		found, next, err := clients[page%5].Scan(ctx, cursor, "key*", 7).Result()
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range found {
			seen[k] = true
		}
		if cursor = next; cursor == 0 {
			break
		}
	}
	if len(seen) != keys {
		t.Errorf("SCAN found %d keys", len(seen))
	}

	if n, err := clients[1].Del(ctx, "key1", "key2", "nosuch").Result(); err != nil || n != 2 {
		t.Errorf("DEL: %d, %v", n, err)
	}
	if err := clients[2].Get(ctx, "key1").Err(); !errors.Is(err, redis.Nil) {
		t.Errorf("a deleted key: %v", err)
	}
}

func TestExpiryIsSharedByAll(t *testing.T) {
	_, clients := startNodes(t, "abc")
	ctx := t.Context()
	a, b, c := clients[0], clients[1], clients[2]
	at := time.Now().Add(time.Hour).Truncate(time.Second)
	if err := a.SetArgs(ctx, "k", "v", redis.SetArgs{ExpireAt: at}).Err(); err != nil {
		t.Fatal(err)
	}
	if got := b.ExpireTime(ctx, "k").Val(); int64(got.Seconds()) != at.Unix() {
		t.Errorf("EXPIRETIME at another node: %v, want %v", got, at)
	}
	if ok := b.Persist(ctx, "k").Val(); !ok || c.TTL(ctx, "k").Val() != -1 {
		t.Errorf("PERSIST: %v, TTL %v", ok, c.TTL(ctx, "k").Val())
	}
	if ok := c.PExpire(ctx, "k", time.Millisecond).Val(); !ok {
		t.Error("PEXPIRE of a key that is there")
	}
	eventually(t, "the key expires everywhere", func() bool {
		return a.Exists(ctx, "k").Val()+b.Exists(ctx, "k").Val()+c.Exists(ctx, "k").Val() == 0
	})

	// Pipelined writes with different expiries, which is a path of its own.
	expiries := []time.Time{{}, at, at.Add(time.Minute)}
	pipe := a.Pipeline()
	for i := range 20 {
		pipe.SetArgs(ctx, fmt.Sprint("p", i), i, redis.SetArgs{ExpireAt: expiries[i%3]})
	}
	if _, err := pipe.Exec(ctx); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		want := expiries[i%3].Unix()
		if i%3 == 0 {
			want = -1
		}
		if got := b.Do(ctx, "EXPIRETIME", fmt.Sprint("p", i)).Val(); got != want {
			t.Errorf("EXPIRETIME of p%d: %v, want %v", i, got, want)
		}
	}
}

func TestLimits(t *testing.T) {
	_, clients := startNodes(t, "abc")
	ctx := t.Context()
	largest := bytes.Repeat([]byte("x"), 1<<20)
	if err := clients[0].Set(ctx, "k", largest, 0).Err(); err != nil {
		t.Fatal(err)
	}
	if got, err := clients[1].Get(ctx, "k").Bytes(); err != nil || !bytes.Equal(got, largest) {
		t.Errorf("%d bytes came back, %v", len(got), err)
	}
	for what, err := range map[string]error{
		"over the limit": clients[0].Set(ctx, "k", append(largest, 'x'), 0).Err(),
		"key has 1 to":   clients[0].Set(ctx, strings.Repeat("k", 5000), "v", 0).Err(),
		"1 to 4096":      clients[0].Set(ctx, "", "v", 0).Err(),
	} {
		if err == nil || !strings.HasPrefix(err.Error(), "ERR ") || !strings.Contains(err.Error(), what) {
			t.Errorf("want %q: %v", what, err)
		}
	}
	if n := clients[2].StrLen(ctx, "k").Val(); n != 1<<20 {
		t.Errorf("a refused write changed the value: %d bytes", n)
	}
}

// The limit of values is one of values alone.
func TestSmallestLimit(t *testing.T) {
	_, clients := startNodes(t, "ab", func(c *Config) { c.Gossip.MaxValue = 3 })
	ctx := t.Context()
	key := strings.Repeat("k", 4096)
	if err := clients[0].Set(ctx, key, "abc", time.Hour).Err(); err != nil {
		t.Error(err)
	}
	if err := clients[1].Set(ctx, "k", "abcd", 0).Err(); err == nil || !strings.HasPrefix(err.Error(), "ERR ") || !strings.Contains(err.Error(), "has 4 bytes, at most 3") {
		t.Error(err)
	}
	if v, err := clients[1].Get(ctx, key).Result(); err != nil || v != "abc" {
		t.Errorf("%q, %v", v, err)
	}
}

// With two of three owners gone there is no quorum, and the client is told
// what became of its command. When one comes back, all goes on.
func TestWithoutQuorum(t *testing.T) {
	quick := func(c *Config) { c.Gossip.Timeout = 3 * time.Second }
	nodes, clients := startNodes(t, "abc", quick)
	ctx := t.Context()
	if err := clients[0].Set(ctx, "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	nodes[1].Kill()
	if v, err := clients[0].Get(ctx, "k").Result(); err != nil || v != "v" {
		t.Errorf("with one owner gone: %q, %v", v, err)
	}
	nodes[2].Kill()
	code := func(err error) string {
		t.Helper()
		if err == nil {
			t.Fatal("it must not succeed")
		}
		code, _, _ := strings.Cut(err.Error(), " ")
		return code
	}
	// Until the failure is noticed the write may have reached this node's own
	// copy, so that its outcome is unknown.
	if err := clients[0].Set(ctx, "k", "w", 0).Err(); !slices.Contains([]string{"UNKNOWN", "CLUSTERDOWN"}, code(err)) ||
		!strings.Contains(err.Error(), "unknown") && !strings.Contains(err.Error(), "not applied") {
		t.Errorf("a write without quorum: %v", err)
	}
	if err := clients[0].Get(ctx, "k").Err(); !slices.Contains([]string{"TIMEOUT", "CLUSTERDOWN"}, code(err)) {
		t.Errorf("a read without quorum: %v", err)
	}
	if err := clients[0].Info(ctx).Err(); err != nil {
		t.Errorf("INFO must answer in any case: %v", err)
	}
	startNode(t, "b", []string{nodes[0].Gossip().Addr().String()}, quick)
	eventually(t, "writes are taken again", func() bool { return clients[0].Set(ctx, "k", "x", 0).Err() == nil })
}

func TestNodeComesBackEmpty(t *testing.T) {
	nodes, clients := startNodes(t, "abcd")
	ctx := t.Context()
	for i := range 200 {
		if err := clients[0].Set(ctx, fmt.Sprint("key", i), i, 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	boot := nodes[1].Gossip().Status().Boot
	nodes[1].Kill()
	back := startNode(t, "b", []string{nodes[0].Gossip().Addr().String()})
	if err := back.Gossip().WaitReady(ctx); err != nil {
		t.Fatal(err)
	}
	if now := back.Gossip().Status().Boot; now.Compare(boot) <= 0 {
		t.Errorf("boot %v after %v", now, boot)
	}
	c := client(t, back)
	for i := range 200 {
		if v, err := c.Get(ctx, fmt.Sprint("key", i)).Result(); err != nil || v != fmt.Sprint(i) {
			t.Fatalf("key%d: %q, %v", i, v, err)
		}
	}
	if text := c.Info(ctx, "grapevine").Val(); !strings.Contains(text, "synced:1\r\n") || strings.Contains(text, "local_keys:0\r\n") {
		t.Error(text)
	}
}

// A node that does not find its cluster answers clients all the same.
func TestLoadingUntilTheClusterIsFound(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cfg := Config{Redis: "127.0.0.1:0", Gossip: gossip.Config{
		Cluster: "test", Name: "a", Bind: "127.0.0.1:0", Preset: gossip.Local, Seeds: []string{"127.0.0.1:1"}, // nobody is there
	}}
	n, err := listen(cfg) // the first half of Start, which would go on and wait
	if err != nil {
		t.Fatal(err)
	}
	defer n.Kill()
	joined := make(chan error)
	go func() { joined <- n.join(ctx, cfg) }()
	c := client(t, n)
	eventually(t, "INFO answers", func() bool {
		return strings.Contains(c.Info(ctx, "grapevine").Val(), "ready:0\r\nsynced:0\r\nmissing:the cluster: ")
	})
	for _, words := range [][]any{
		{"GET", "k"}, {"SET", "k", "v"}, {"SET", "k", "v", "KEEPTTL"}, {"MGET", "k"}, {"MSET", "k", "v"}, {"DEL", "k"}, {"GETDEL", "k"},
		{"EXISTS", "k"}, {"EXPIRE", "k", "1"}, {"TTL", "k"}, {"PERSIST", "k"}, {"SCAN", "0"}, {"DBSIZE"}, {"PING"},
	} {
		if err := c.Do(ctx, words...).Err(); err == nil || !strings.HasPrefix(err.Error(), "LOADING ") {
			t.Errorf("%v: %v", words, err)
		}
	}
	if text, err := c.Info(ctx).Result(); err != nil || !strings.Contains(text, "redis_version") || !strings.Contains(text, "ready:0") {
		t.Errorf("INFO: %v\n%s", err, text)
	}
	cancel()
	if err := <-joined; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestStartErrorsLeaveNothing(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	good := gossip.Config{Cluster: "test", Name: "a", Bind: "127.0.0.1:0", Preset: gossip.Local}
	taken, nameless := good, good
	taken.Bind = busy.Addr().String()
	nameless.Name = ""
	for name, tc := range map[string]struct {
		cfg  Config
		want string
	}{
		"Redis port busy":  {Config{Gossip: good, Redis: busy.Addr().String()}, "the port for Redis clients"},
		"gossip port busy": {Config{Gossip: taken, Redis: "127.0.0.1:0"}, "Bind"},
		"bad config":       {Config{Gossip: nameless, Redis: "127.0.0.1:0"}, "Name"},
		"bad limit":        {Config{Gossip: good, Redis: "127.0.0.1:0", MaxClients: -1}, "MaxClients"},
	} {
		n, err := Start(t.Context(), tc.cfg)
		if err == nil {
			n.Kill()
		}
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCodes(t *testing.T) {
	fail := func(o quorum.Outcome, cause error) error {
		return &quorum.Error{Verb: "write", Outcome: o, Cause: cause}
	}
	for _, tc := range []struct {
		err  error
		code string
	}{
		{fail(quorum.NotApplied, quorum.ErrUnavailable), "CLUSTERDOWN"},
		{fail(quorum.Unknown, quorum.ErrUnavailable), "UNKNOWN"},
		{fail(quorum.NotApplied, quorum.ErrTimeout), "TIMEOUT"},
		{fail(quorum.Unknown, quorum.ErrTimeout), "UNKNOWN"},
		{fail(quorum.NotApplied, quorum.ErrOverloaded), "TRYAGAIN"},
		{fail(quorum.Unknown, quorum.ErrOverloaded), "UNKNOWN"},
		{fail(quorum.NotApplied, quorum.ErrUnsettled), "TRYAGAIN"},
		{fail(quorum.NotApplied, quorum.ErrTooLarge), "ERR"},
		{&quorum.Error{Verb: "write", Outcome: quorum.NotApplied, Cause: quorum.ErrUnavailable,
			Nodes: []quorum.NodeError{{ID: "b", Err: quorum.ErrOverloaded}}}, "CLUSTERDOWN"},
		{gossip.ErrKey, "ERR"},
		{fmt.Errorf("table: %w", gossip.ErrNotReady), "LOADING"},
	} {
		code, _, _ := strings.Cut(coded(tc.err).Error(), " ")
		if code != tc.code {
			t.Errorf("%v: code %s, want %s", tc.err, code, tc.code)
		}
	}
	if coded(nil) != nil {
		t.Error("no error became one")
	}
	if err := gossip.ErrClosed; !errors.Is(coded(err), err) {
		t.Error("an error without a code is lost")
	}
}
