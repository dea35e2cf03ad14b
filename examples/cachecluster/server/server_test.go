package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPipelineKeepsOrderPerKey(t *testing.T) {
	table := newMapTable()
	_, addr := startTable(t, table, Config{})
	c := dial(t, addr)
	for _, tc := range []struct {
		name, sent string
		replies    []string
		calls      []string
	}{
		{"different keys run together", "SET a 1\r\nSET b 2\r\nGET c\r\n", []string{"+OK", "+OK", "nil"}, nil},
		{"a read after a write of its key waits for it", "SET k 1\r\nGET k\r\nSET k 2\r\nGET k\r\n",
			[]string{"+OK", `"1"`, "+OK", `"2"`}, []string{"Put k", "Get k", "Put k", "Get k"}},
		{"reads of a key share one", "GET k\r\nGET k\r\nGET k\r\n", []string{`"2"`, `"2"`, `"2"`}, []string{"Get k"}},
		{"writes of a key in a row leave the last", "SET k 3\r\nSET k 4\r\nSET k 5\r\n", []string{"+OK", "+OK", "+OK"}, []string{"Put k"}},
		{"and that is what stays", "GET k\r\n", []string{`"5"`}, []string{"Get k"}},
		{"its expiry too", "SET k 6 EX 100\r\nSET k 7\r\nTTL k\r\n", []string{"+OK", "+OK", ":-1"}, []string{"Put k", "Get k"}},
		{"other commands come in between", "SET k 8\r\nPING\r\nSTRLEN k\r\nDEL k\r\nGET k\r\n",
			[]string{"+OK", "+PONG", ":1", ":1", "nil"}, []string{"Put k", "Get k", "Get k", "Delete k", "Get k"}},
		{"errors keep their place", "GET fail\r\nNOSUCH\r\nSET fail 1\r\nGET\r\nGET a\r\n",
			[]string{"-TRYAGAIN made to fail; not applied", "-ERR unknown command 'NOSUCH', with args beginning with: ",
				"-TRYAGAIN made to fail; not applied", "-ERR wrong number of arguments for 'get' command", `"1"`}, nil},
	} {
		table.called()
		c.send(tc.sent)
		var got []string
		for range tc.replies {
			got = append(got, c.reply())
		}
		if !cmp.Equal(got, tc.replies) {
			t.Errorf("%s: %s", tc.name, cmp.Diff(tc.replies, got))
		}
		if calls := table.called(); tc.calls != nil && !cmp.Equal(calls, tc.calls) {
			t.Errorf("%s: %s", tc.name, cmp.Diff(tc.calls, calls))
		}
	}
}

// Reads and writes of one batch wait for each other, not one after the other.
func TestPipelineReadsWhileItWrites(t *testing.T) {
	table := newMapTable()
	_, addr := startTable(t, table, Config{})
	c := dial(t, addr)
	c.send("SET slow1 v\r\nGET slow2\r\n")
	var seen []string
	for len(seen) < 2 {
		seen = append(seen, table.called()...)
	}
	close(table.slow)
	if got := c.reply() + c.reply(); got != "+OKnil" {
		t.Error(got)
	}
}

func TestPipelineLongerThanABatch(t *testing.T) {
	_, addr := start(t, Config{})
	c := dial(t, addr)
	const n = 10*maxBatch + 7
	var sent strings.Builder
	for i := range n {
		sent.WriteString(encode("SET", fmt.Sprint("key", i), fmt.Sprint("value", i)))
	}
	for i := range n {
		sent.WriteString(encode("GET", fmt.Sprint("key", i)))
	}
	go c.nc.Write([]byte(sent.String()))
	for range n {
		if got := c.reply(); got != "+OK" {
			t.Fatal(got)
		}
	}
	for i := range n {
		if got, want := c.reply(), fmt.Sprintf("%q", fmt.Sprint("value", i)); got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	}
}

func TestLargeValues(t *testing.T) {
	_, addr := start(t, Config{MaxValue: 1 << 20})
	c := dial(t, addr)
	value := strings.Repeat("0123456789abcdef", 1<<16)
	go c.send(encode("SET", "k", value) + encode("MGET", "k", "k"))
	if got := c.reply(); got != "+OK" {
		t.Fatal(got)
	}
	if got := c.reply(); got != `*["`+value+`" "`+value+`"]` {
		t.Fatalf("%d bytes came back, or others", len(got))
	}

	// One byte more is refused, and the connection goes on.
	go c.send(encode("SET", "k", value+"x") + encode("PING") + encode("STRLEN", "k"))
	want := "-ERR an argument of 1048577 bytes is over the limit of 1048576 bytes; nothing was changed"
	if got := c.reply(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := c.reply() + c.reply(); got != "+PONG:1048576" {
		t.Error(got)
	}
}

// However short values must be, commands can be named and clients can log in.
func TestSmallValuesKeepCommands(t *testing.T) {
	_, addr := start(t, Config{MaxValue: 1, Password: "a long password"})
	c := dial(t, addr)
	key := strings.Repeat("k", 4096)
	for _, step := range []struct {
		args []string
		want string
	}{
		{[]string{"AUTH", "a long password"}, "+OK"},
		{[]string{"SET", key, "v"}, "+OK"},
		{[]string{"EXPIRETIME", key}, ":-1"},
		{[]string{"SET", "k", strings.Repeat("v", 16<<10+1)}, "-ERR an argument of 16385 bytes is over the limit of 1 bytes; nothing was changed"},
		{[]string{"GET", "k"}, "nil"},
	} {
		if got := c.do(step.args...); got != step.want {
			t.Errorf("%.40q: %s, want %s", step.args, got, step.want)
		}
	}
}

func TestProtocolErrors(t *testing.T) {
	s, addr := start(t, Config{})
	for sent, want := range map[string]string{
		"*1\r\n:1\r\n":             "-ERR Protocol error: expected '$', got ':'",
		"*x\r\n":                   "-ERR Protocol error: invalid multibulk length",
		"*1\r\n$536870913\r\n":     "-ERR Protocol error: invalid bulk length",
		"GET \"\r\n":               "-ERR Protocol error: unbalanced quotes in request",
		strings.Repeat("a", 70000): "-ERR Protocol error: too big inline request",
	} {
		c := dial(t, addr)
		c.send("PING\r\n" + sent)
		if got := c.reply(); got != "+PONG" {
			t.Errorf("what came before the error: %s", got)
		}
		if got := c.reply(); got != want {
			t.Errorf("%.20q: got %s, want %s", sent, got, want)
		}
		c.closed()
	}
	if n := s.stats.protocolErrors.Load(); n != 5 {
		t.Errorf("%d protocol errors counted", n)
	}
}

// A transaction whose MULTI is refused must not run piece by piece.
func TestPipelinedTransactionDoesNotRun(t *testing.T) {
	table := newMapTable()
	_, addr := startTable(t, table, Config{})
	c := dial(t, addr)
	c.send("SET before 1\r\nMULTI\r\nSET k 1\r\nEXEC\r\n")
	if got := c.reply(); got != "+OK" {
		t.Error(got)
	}
	if got := c.reply(); !strings.HasPrefix(got, "-ERR 'multi' is not available here: it would need consensus") {
		t.Error(got)
	}
	c.closed()
	if calls := table.called(); !cmp.Equal(calls, []string{"Put before"}) {
		t.Error(calls)
	}
}

func TestBrowsersAreHungUpOn(t *testing.T) {
	table := newMapTable()
	_, addr := startTable(t, table, Config{})
	for _, sent := range []string{"POST / HTTP/1.1\r\nSET k v\r\n", "Host: localhost\r\nSET k v\r\n"} {
		c := dial(t, addr)
		c.send(sent)
		c.closed()
	}
	if calls := table.called(); calls != nil {
		t.Error(calls)
	}
}

func TestQuit(t *testing.T) {
	_, addr := start(t, Config{})
	c := dial(t, addr)
	c.send("PING\r\nQUIT\r\nPING\r\n")
	if got := c.reply() + c.reply(); got != "+PONG+OK" {
		t.Error(got)
	}
	c.closed()
}

func TestPassword(t *testing.T) {
	_, addr := start(t, Config{Password: "secret"})
	c := dial(t, addr)
	play(t, c, `
		PING -> -NOAUTH Authentication required.
		GET k -> -NOAUTH Authentication required.
		nosuch -> -ERR unknown command 'nosuch', with args beginning with:
		HELLO 3 -> -NOAUTH HELLO must be called with the client already authenticated...
		AUTH wrong -> -WRONGPASS invalid username-password pair or user is disabled.
		AUTH other secret -> -WRONGPASS invalid username-password pair or user is disabled.
		HELLO 3 AUTH default wrong -> -WRONGPASS invalid username-password pair or user is disabled.
		PING -> -NOAUTH Authentication required.
		AUTH secret -> +OK
		PING -> +PONG
		RESET -> +RESET
		PING -> -NOAUTH Authentication required.
		HELLO 3 AUTH default secret SETNAME me -> %["server"...
		CLIENT GETNAME -> "me"
		AUTH default secret -> +OK`)

	c = dial(t, addr)
	c.send("*2\r\n$3\r\nSET\r\n$16385\r\n")
	if got := c.reply(); got != "-ERR Protocol error: unauthenticated bulk length" {
		t.Error(got)
	}
	c.closed()

	c = dial(t, addr) // a pipelined AUTH lifts the limit for what follows it
	go c.send(encode("AUTH", "secret") + encode("SET", "k", strings.Repeat("x", 20_000)))
	if got := c.reply() + c.reply(); got != "+OK+OK" {
		t.Error(got)
	}
}

// Before there is a table, the server says so, and INFO works.
func TestLoading(t *testing.T) {
	s, addr := startLoading(t, Config{})
	c := dial(t, addr)
	play(t, c, `
		GET k -> -LOADING the node is looking for its cluster; nothing was done
		SET k v -> -LOADING...
		PING -> -LOADING...
		SELECT 0 -> +OK
		HELLO 2 -> *["server"...
		INFO keyspace -> "# Keyspace\r\n"
		INFO grapevine -> "# grapevine\r\nnode:a\r\n...`)
	s.Open(newMapTable())
	play(t, c, `
		SET k v -> +OK
		GET k -> "v"`)
}

func TestMaxClients(t *testing.T) {
	s, addr := start(t, Config{MaxClients: 2})
	a, b := dial(t, addr), dial(t, addr)
	a.do("PING")
	b.do("PING")
	c := dial(t, addr)
	if got := c.reply(); got != "-ERR max number of clients reached" {
		t.Error(got)
	}
	c.closed()
	a.send("QUIT\r\n")
	a.reply()
	a.nc.Close()
	waitFor(t, func() bool { return s.Clients() == 1 })
	if got := dial(t, addr).do("PING"); got != "+PONG" {
		t.Errorf("a place is free, but: %s", got)
	}
}

// waitFor polls a condition that no channel tells of.
func waitFor(t testing.TB, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	end := time.After(20 * time.Second)
	for !cond() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatal("it did not happen")
		}
	}
}

func TestIdleTimeout(t *testing.T) {
	_, addr := start(t, Config{IdleTimeout: 20 * time.Millisecond})
	c := dial(t, addr)
	c.do("PING")
	c.closed()
}

// A client that never reads is closed when a reply makes no progress, and
// holds neither its goroutine nor its memory any longer.
func TestWriteTimeout(t *testing.T) {
	table := newMapTable()
	table.Put(context.Background(), "big", make([]byte, 16<<20), time.Time{})
	s, addr := startTable(t, table, Config{WriteTimeout: 20 * time.Millisecond})
	c := dial(t, addr)
	c.send(encode("MGET", "big", "big", "big", "big"))
	waitFor(t, func() bool { return s.stats.accepted.Load() == 1 && s.Clients() == 0 })
}

// A command that did not arrive whole is not run.
func TestClientDisconnectsInTheMiddle(t *testing.T) {
	table := newMapTable()
	s, addr := startTable(t, table, Config{})
	whole := encode("SET", "k", "value")
	for cut := 1; cut < len(whole); cut++ {
		c := dial(t, addr)
		c.send(whole[:cut])
		c.nc.Close()
	}
	c := dial(t, addr) // reset, rather than closed, with a command under way
	c.send(encode("GET", "slow") + whole[:5])
	waitFor(t, func() bool { return len(table.called()) > 0 })
	c.nc.(*net.TCPConn).SetLinger(0)
	c.nc.Close()
	close(table.slow)
	waitFor(t, func() bool { return s.stats.accepted.Load() == uint64(len(whole)) && s.Clients() == 0 })
	if e := table.get("k"); e.Found {
		t.Error("half a command was run")
	}
}

func TestShutdownFinishesWhatHasBegun(t *testing.T) {
	table := newMapTable()
	s, addr := startTable(t, table, Config{})
	idle, busy := dial(t, addr), dial(t, addr)
	idle.do("PING")
	busy.send(encode("SET", "slow", "v"))
	waitFor(t, func() bool { return len(table.called()) > 0 })

	done := make(chan error)
	go func() { done <- s.Shutdown(context.Background()) }()
	idle.closed() // at once
	select {
	case err := <-done:
		t.Fatalf("Shutdown did not wait: %v", err)
	default:
	}
	close(table.slow)
	if got := busy.reply(); got != "+OK" {
		t.Error(got)
	}
	busy.closed()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("tcp", addr); err == nil {
		t.Error("the port is still open")
	}
	if err := s.Shutdown(context.Background()); err != nil {
		t.Errorf("the second time: %v", err)
	}
}

func TestShutdownLosesPatience(t *testing.T) {
	table := newMapTable()
	s, addr := startTable(t, table, Config{})
	c := dial(t, addr)
	c.send(encode("SET", "slow", "v"))
	waitFor(t, func() bool { return len(table.called()) > 0 })
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if s.Clients() != 0 {
		t.Error("connections are left")
	}
}

func TestServeAfterShutdown(t *testing.T) {
	s, err := New(Config{Status: func() Status { return Status{} }})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(l); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}

// A failing Accept (no file descriptors left, say) is tried again.
func TestAcceptRecovers(t *testing.T) {
	s, _ := start(t, Config{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error)
	go func() { served <- s.Serve(&failingListener{Listener: l, fail: 2}) }()
	if got := dial(t, l.Addr().String()).do("PING"); got != "+PONG" {
		t.Error(got)
	}
	s.Shutdown(context.Background())
	if err := <-served; !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}

type failingListener struct {
	net.Listener
	fail int
}

func (l *failingListener) Accept() (net.Conn, error) {
	if l.fail--; l.fail >= 0 {
		return nil, errors.New("too many open files")
	}
	return l.Listener.Accept()
}

func TestConfigValidateNamesEveryField(t *testing.T) {
	_, err := New(Config{MaxClients: -1, MaxValue: 1 << 30, IdleTimeout: -1, WriteTimeout: -1})
	for _, field := range []string{"Status", "MaxClients", "MaxValue", "IdleTimeout", "WriteTimeout"} {
		if err == nil || !strings.Contains(err.Error(), "Config."+field) {
			t.Errorf("%s is not named in: %v", field, err)
		}
	}
}
