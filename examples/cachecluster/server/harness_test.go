package server

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if serveAsChild() {
		return
	}
	goleak.VerifyTestMain(m)
}

// start serves an empty table until the test ends.
func start(t testing.TB, cfg Config) (*Server, string) {
	t.Helper()
	s, addr := startLoading(t, cfg)
	s.Open(newMapTable())
	return s, addr
}

// startTable serves this table.
func startTable(t testing.TB, table Table, cfg Config) (*Server, string) {
	t.Helper()
	s, addr := startLoading(t, cfg)
	s.Open(table)
	return s, addr
}

// startLoading serves without a table.
func startLoading(t testing.TB, cfg Config) (*Server, string) {
	t.Helper()
	if cfg.Status == nil {
		cfg.Status = func() Status {
			return Status{Node: "a", Boot: "1.00000000000000ff", Ready: true, Members: 5, Missing: "data", Owners: 3, OwnersAlive: 2, OwnersNeeded: 1, RingVersion: "c0ffee", UnsyncedTables: []string{"cache", "other"}, LocalKeys: 7, Known: []string{"name=a", "name=b"}}
		}
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := <-served; !errors.Is(err, ErrClosed) {
			t.Errorf("Serve: %v", err)
		}
	})
	return s, l.Addr().String()
}

// rawClient speaks bytes, so that tests see exactly what is on the wire.
type rawClient struct {
	t  testing.TB
	nc net.Conn
	r  *bufio.Reader
}

func dial(t testing.TB, addr string) *rawClient {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(30 * time.Second))
	return &rawClient{t, nc, bufio.NewReader(nc)}
}

func (c *rawClient) send(s string) {
	c.t.Helper()
	if _, err := io.WriteString(c.nc, s); err != nil {
		c.t.Fatal(err)
	}
}

// encode gives a command as clients send it.
func encode(args ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(args))
	for _, a := range args {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(a), a)
	}
	return b.String()
}

// do sends a command and returns its reply.
func (c *rawClient) do(args ...string) string {
	c.t.Helper()
	c.send(encode(args...))
	return c.reply()
}

// reply reads one reply and shows it on one line: "+OK", ":3", `"text"`, "nil",
// "[a b]".
func (c *rawClient) reply() string {
	c.t.Helper()
	s, err := c.tryReply()
	if err != nil {
		c.t.Fatalf("reading a reply: %v", err)
	}
	return s
}

func (c *rawClient) tryReply() (string, error) {
	line, err := c.r.ReadString('\n')
	if err != nil {
		return "", err
	}
	kind, rest := line[0], strings.TrimSuffix(line[1:], "\r\n")
	switch kind {
	case '+', '-', ':':
		return line[:1] + rest, nil
	case '_':
		return "null", nil
	}
	n, err := strconv.Atoi(rest)
	if err != nil {
		return "", fmt.Errorf("a reply that begins with %q", line)
	}
	switch {
	case n < 0:
		return "nil", nil
	case kind == '$', kind == '=':
		p := make([]byte, n+2)
		_, err := io.ReadFull(c.r, p)
		return strconv.Quote(string(p[:n])), err
	case kind == '%':
		n *= 2
	}
	var parts []string
	for range n {
		s, err := c.tryReply()
		if err != nil {
			return "", err
		}
		parts = append(parts, s)
	}
	return string(kind) + "[" + strings.Join(parts, " ") + "]", nil
}

// closed waits for the server to close the connection.
func (c *rawClient) closed() {
	c.t.Helper()
	if s, err := c.tryReply(); err == nil {
		c.t.Fatalf("got %s, want the connection closed", s)
	} else if errors.Is(err, context.DeadlineExceeded) || isTimeout(err) {
		c.t.Fatal("the connection stays open")
	}
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}
