package server

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
)

func goRedis(t *testing.T, addr string, protocol int) *redis.Client {
	c := redis.NewClient(&redis.Options{Addr: addr, Protocol: protocol, Password: "secret", ClientName: "test"})
	t.Cleanup(func() { c.Close() })
	return c
}

func TestGoRedis(t *testing.T) {
	for _, protocol := range []int{2, 3} {
		t.Run(fmt.Sprintf("RESP%d", protocol), func(t *testing.T) {
			_, addr := start(t, Config{Password: "secret"})
			testGoRedis(t, goRedis(t, addr, protocol))
		})
	}
}

func testGoRedis(t *testing.T, c *redis.Client) {
	ctx := t.Context()
	check := func(what string, got, want any, err error) {
		t.Helper()
		if err != nil || !cmp.Equal(got, want) {
			t.Errorf("%s: %v, %v; want %v", what, got, err, want)
		}
	}
	pong, err := c.Ping(ctx).Result()
	check("PING", pong, "PONG", err)
	ok, err := c.Set(ctx, "k", "v", 100*time.Second).Result()
	check("SET", ok, "OK", err)
	v, err := c.Get(ctx, "k").Result()
	check("GET", v, "v", err)
	left, err := c.TTL(ctx, "k").Result()
	check("TTL", left > 10*time.Second && left <= 100*time.Second, true, err)
	if err := c.Get(ctx, "nosuch").Err(); err != redis.Nil {
		t.Errorf("GET of nothing: %v", err)
	}
	old, err := c.SetArgs(ctx, "k", "w", redis.SetArgs{Get: true, KeepTTL: true}).Result()
	check("SET GET", old, "v", err)
	ok, err = c.MSet(ctx, "a", "1", "b", "2").Result()
	check("MSET", ok, "OK", err)
	many, err := c.MGet(ctx, "a", "nosuch", "b").Result()
	check("MGET", many, []any{"1", nil, "2"}, err)
	n, err := c.Del(ctx, "a", "b", "nosuch").Result()
	check("DEL", n, int64(2), err)
	id, err := c.ClientID(ctx).Result()
	check("CLIENT ID", id > 0, true, err)
	name, err := c.ClientGetName(ctx).Result()
	check("CLIENT GETNAME", name, "test", err)
	list, err := c.ClientList(ctx).Result()
	check("CLIENT LIST", strings.Contains(list, "lib-name=go-redis"), true, err)
	of, err := c.CommandGetKeys(ctx, "MSET", "a", "1", "b", "2").Result()
	check("COMMAND GETKEYS", fmt.Sprint(of), "[a b]", err)
	lib, err := c.ClientInfo(ctx).Result()
	check("CLIENT INFO", lib != nil && strings.HasPrefix(lib.LibName, "go-redis"), true, err)
	specs, err := c.Command(ctx).Result()
	check("COMMAND", specs["get"] != nil && specs["mset"].StepCount == 2 && specs["set"].ReadOnly == false, true, err)
	setting, err := c.ConfigGet(ctx, "databases").Result()
	check("CONFIG GET", setting, map[string]string{"databases": "1"}, err)

	var keys []string
	for it := c.Scan(ctx, 0, "key*", 3).Iterator(); it.Next(ctx); {
		keys = append(keys, it.Val())
	}
	check("SCAN of nothing", len(keys), 0, nil)

	pipe := c.Pipeline()
	for i := range 500 {
		pipe.Set(ctx, fmt.Sprint("key", i), i, 0)
		pipe.Get(ctx, fmt.Sprint("key", i))
	}
	answers, err := pipe.Exec(ctx)
	check("a pipeline", len(answers), 1000, err)
	for i := range 500 {
		v, err := answers[2*i+1].(*redis.StringCmd).Int()
		check("a pipelined GET", v, i, err)
	}
	for it := c.Scan(ctx, 0, "key*", 100).Iterator(); it.Next(ctx); {
		keys = append(keys, it.Val())
	}
	check("SCAN", len(keys), 500, nil)

	tx := c.TxPipeline()
	tx.Set(ctx, "k", "in a transaction", 0)
	if _, err := tx.Exec(ctx); err == nil || !strings.Contains(err.Error(), "would need consensus") {
		t.Errorf("a transaction: %v", err)
	}
	v, err = c.Get(ctx, "k").Result()
	check("GET after the refused transaction", v, "w", err)
	if _, err := c.Incr(ctx, "n").Result(); err == nil || !strings.Contains(err.Error(), "would need consensus") {
		t.Errorf("INCR: %v", err)
	}
	big := bytes.Repeat([]byte("x"), 8<<20)
	ok, err = c.Set(ctx, "big", big, 0).Result()
	check("SET of 8 MiB", ok, "OK", err)
	back, err := c.Get(ctx, "big").Bytes()
	check("GET of 8 MiB", bytes.Equal(back, big), true, err)
}

// tool finds a program of Redis, or skips the test.
func tool(t *testing.T, name string) string {
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed (Debian: apt install redis-tools)", name)
	}
	return path
}

func run(t *testing.T, stdin string, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}

func TestRedisCLI(t *testing.T) {
	cli := tool(t, "redis-cli")
	_, addr := start(t, Config{})
	_, port, _ := net.SplitHostPort(addr)
	for _, tc := range []struct{ stdin, want string }{
		{"PING\nSET k \"a b\" EXAT 9999999999\nGET k\nEXPIRETIME k\nGET nosuch\n", "PONG\nOK\na b\n9999999999\n\n"},
		{"MSET a 1 b 2\nMGET a b c\nDEL a b\n", "OK\n1\n2\n\n2\n"},
		{"HELLO 3\n", "server redis\nversion 7.0.0\nmode standalone\nrole master\nproto 3\nid 3\nmodules \n"},
		{"INFO grapevine\n", "# grapevine\r\nnode:a\r\nboot:1.00000000000000ff\r\nready:1\r\nsynced:0\r\nmissing:data\r\nmembers:5\r\nowners:3\r\nowners_alive:2\r\nowners_needed:1\r\nring_version:c0ffee\r\nunsynced_tables:cache,other\r\nlocal_keys:7\r\nmember0:name=a\r\nmember1:name=b\r\n"},
		{"COMMAND COUNT\n", fmt.Sprintf("%d\n", len(listed()))},
	} {
		if got := run(t, tc.stdin, cli, "-p", port); got != tc.want {
			t.Errorf("%q: got %q, want %q", tc.stdin, got, tc.want)
		}
	}
	if got := run(t, "", cli, "-p", port, "-3", "--scan", "--pattern", "k*"); got != "k\n" {
		t.Errorf("--scan: %q", got)
	}
	if got := run(t, "", cli, "-p", port, "INCR", "n"); !strings.Contains(got, "would need consensus") {
		t.Errorf("INCR: %q", got)
	}
	// Mass insertion writes raw RESP and counts replies and errors.
	raw := strings.Repeat(encode("SET", "k", "v"), 10_000)
	if got := run(t, raw, cli, "-p", port, "--pipe"); !strings.Contains(got, "errors: 0, replies: 10000") {
		t.Errorf("--pipe: %q", got)
	}
}

func TestRedisBenchmark(t *testing.T) {
	bench := tool(t, "redis-benchmark")
	s, addr := start(t, Config{})
	_, port, _ := net.SplitHostPort(addr)
	for _, args := range []string{"-t set,get,mset,ping -n 2000 -c 20", "-t set,get -n 5000 -c 20 -P 16 -r 1000", "-3 -t set,get -n 1000 -c 5"} {
		out := run(t, "", bench, append([]string{"-p", port, "-q"}, strings.Fields(args)...)...)
		if strings.Contains(out, "rror") || strings.Contains(out, "WARNING") || strings.Count(out, "requests per second") < 2 {
			t.Errorf("%s: %s", args, out)
		}
	}
	waitFor(t, func() bool { return s.Clients() == 0 })
	if n := s.stats.protocolErrors.Load(); n != 0 {
		t.Errorf("%d protocol errors", n)
	}
}
