package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}

// running is the command as it runs within the test.
type running struct {
	t      *testing.T
	cancel context.CancelFunc
	out    *bufio.Scanner
	status chan int
	stderr *strings.Builder
}

func begin(t *testing.T, args ...string) *running {
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	c := &running{t: t, cancel: cancel, out: bufio.NewScanner(r), status: make(chan int, 1), stderr: new(strings.Builder)}
	go func() {
		c.status <- run(ctx, args, w, c.stderr)
		w.Close()
	}()
	return c
}

// until reads the output up to a line and returns all of it.
func (c *running) until(line string) string {
	c.t.Helper()
	var all strings.Builder
	for c.out.Scan() {
		all.WriteString(c.out.Text() + "\n")
		if c.out.Text() == line {
			return all.String()
		}
	}
	c.t.Fatalf("no line %q in\n%s\nstatus %d: %s", line, all.String(), <-c.status, c.stderr)
	return ""
}

// end cancels the command, as Ctrl-C does, and returns its status.
func (c *running) end() int {
	c.cancel()
	for c.out.Scan() {
	}
	return <-c.status
}

var redisAddr = regexp.MustCompile(`(?m)^\w+ +(127\.0\.0\.1:\d+) `)

func TestFiveNodes(t *testing.T) {
	c := begin(t, "-redis", "127.0.0.1:0", "-password", "secret", "-metrics", "127.0.0.1:0")
	out := c.until("Ctrl-C stops.")
	found := redisAddr.FindAllStringSubmatch(out, -1)
	if len(found) != 5 {
		t.Fatalf("%d nodes are told of:\n%s", len(found), out)
	}
	ctx := t.Context()
	for i, m := range found {
		client := redis.NewClient(&redis.Options{Addr: m[1], Password: "secret"})
		if i == 0 {
			if err := client.Set(ctx, "k", "v", 0).Err(); err != nil {
				t.Error(err)
			}
		}
		if v, err := client.Get(ctx, "k").Result(); err != nil || v != "v" {
			t.Errorf("node %d: %q, %v", i, v, err)
		}
		client.Close()
	}
	url := regexp.MustCompile(`metrics: (http:\S+)`).FindStringSubmatch(out)
	reply, err := http.Get(url[1])
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(reply.Body)
	reply.Body.Close()
	if err != nil || !strings.Contains(string(text), `grapevine_ready{node="e"} 1`) {
		t.Errorf("metrics: %v\n%.500s", err, text)
	}
	http.DefaultClient.CloseIdleConnections()
	if status := c.end(); status != exitOK {
		t.Errorf("status %d: %s", status, c.stderr)
	}
}

// Single nodes find each other through those that are there.
func TestSingleNodes(t *testing.T) {
	var nodes []*running
	var join []string
	for i, name := range []string{"a", "b", "c"} {
		args := []string{"-node", name, "-redis", "127.0.0.1:0"}
		if i > 0 {
			args = append(args, "-join", strings.Join(join, ","))
		}
		n := begin(t, args...)
		words := strings.Fields(strings.Split(n.until("Ctrl-C stops."), "\n")[1])
		join = append(join, words[2])
		nodes = append(nodes, n)
		client := redis.NewClient(&redis.Options{Addr: words[1]})
		waitFor(t, func() bool {
			info := client.Info(t.Context(), "grapevine").Val()
			return strings.Contains(info, "synced:1\r\n") && strings.Contains(info, fmt.Sprintf("members:%d\r\n", i+1)) &&
				strings.Contains(info, fmt.Sprintf("owners:%d\r\n", i+1)) && strings.Contains(info, "ready:1\r\n") == (i > 0)
		})
		if err := client.Set(t.Context(), "k", "v", 0).Err(); (err == nil) != (i > 0) {
			t.Errorf("SET with %d nodes: %v", i+1, err)
		}
		client.Close()
	}
	nodes[0].until("a lacks owners: a key has 1 of the 2 that a command needs, for want of nodes.")
	nodes[0].until("a is ready.")
	for _, n := range nodes {
		if status := n.end(); status != exitOK {
			t.Errorf("status %d: %s", status, n.stderr)
		}
	}
}

func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	end := time.After(30 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatal("it did not happen")
		}
	}
}

func TestDemo(t *testing.T) {
	c := begin(t, "-demo", "-files", ".")
	out := c.until("Every byte came back, and all owners agree.")
	for _, want := range []string{"cutting c off without goodbye", "c is back with empty memory and boot 2.", "keys refilled", "stale answers refused"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	if status := c.end(); status != exitOK {
		t.Errorf("status %d: %s", status, c.stderr)
	}
}

func TestBadCommandLines(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	empty := t.TempDir()
	badKey := t.TempDir()
	if err := os.WriteFile(filepath.Join(badKey, "gossip.key"), []byte("not hexadecimal"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		args   string
		status int
		stderr string
	}{
		{"-h", exitOK, "Usage"},
		{"-nosuch", exitUsage, "flag provided but not defined: -nosuch"},
		{"word", exitUsage, `unexpected argument "word"`},
		{"-demo -node a", exitUsage, "exclude each other"},
		{"-join x:1", exitUsage, "-join has a meaning only with -node"},
		{"-files .", exitUsage, "-files has a meaning only with -demo"},
		{"-demo -redis x:1", exitUsage, "-redis has no meaning with -demo"},
		{"-log loud", exitUsage, "loud"},
		{"-redis nonsense", exitFailed, "-redis"},
		{"-redis 127.0.0.1:redis", exitFailed, "-redis"},
		{"-redis " + busy.Addr().String(), exitFailed, "address already in use"},
		{"-node a -redis " + busy.Addr().String(), exitFailed, "address already in use"},
		{"-node a -redis 127.0.0.1:0 -listen " + busy.Addr().String(), exitFailed, "address already in use"},
		{"-redis 127.0.0.1:0 -metrics " + busy.Addr().String(), exitFailed, "-metrics"},
		{"-redis 127.0.0.1:0 -maxvalue -1", exitFailed, "-maxvalue: -1 bytes"},
		{"-node a/b -redis 127.0.0.1:0", exitFailed, "-node: "},
		{"-node a -cluster \x01 -redis 127.0.0.1:0", exitFailed, "-cluster: "},
		{"-node a -redis 127.0.0.1:0 -listen 0.0.0.0:0", exitFailed, "-listen 0.0.0.0:0 can be reached from other machines: protect the traffic between nodes with -secrets DIR, or do without by -insecure"},
		{"-node a -redis 127.0.0.1:0 -listen :0", exitFailed, "-secrets"},
		{"-node a -redis 127.0.0.1:0 -listen no..such.host:1 -insecure", exitFailed, `-listen: "no..such.host:1"`},
		{"-node a -redis 127.0.0.1:0 -listen 127.0.0.1", exitFailed, `-listen: "127.0.0.1"`},
		{"-node a -redis 127.0.0.1:0 -join b:port", exitFailed, `-join: "b:port"`},
		{"-node a -join ,", exitUsage, `-join "," names no node`},
		{"-node a -redis 127.0.0.1:0 -secrets " + empty, exitFailed, "gossip.key"},
		{"-node a -redis 127.0.0.1:0 -secrets " + badKey, exitFailed, "-secrets"},
		{"-demo -files " + empty, exitFailed, "no files"},
		{"-demo -files " + filepath.Join(empty, "nosuch"), exitFailed, "nosuch"},
	} {
		var stderr strings.Builder
		status := run(t.Context(), strings.Fields(tc.args), io.Discard, &stderr)
		if status != tc.status || !strings.Contains(stderr.String(), tc.stderr) || strings.Contains(stderr.String(), "Config.") {
			t.Errorf("%s: status %d, want %d with %q: %s", tc.args, status, tc.status, tc.stderr, stderr.String())
		}
	}
}
