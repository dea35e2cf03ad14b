package transport

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/grapevine-go/grapevine/peer"
)

// record is a log that a test reads.
type record struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{}
}

func newRecord() *record { return &record{more: make(chan struct{}, 1000)} }

func (r *record) logger() *slog.Logger { return slog.New(slog.NewTextHandler(r, nil)) }

func (r *record) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.more <- struct{}{}
	return r.text.Write(b)
}

// await waits until the log holds a text.
func (r *record) await(t *testing.T, text string) {
	t.Helper()
	for late := time.After(10 * time.Second); ; {
		r.mu.Lock()
		have := r.text.String()
		r.mu.Unlock()
		if strings.Contains(have, text) {
			return
		}
		select {
		case <-r.more:
		case <-late:
			t.Fatalf("%q is not in the log:\n%s", text, have)
		}
	}
}

func TestRefusalsAreTypedAndLoggedOnBothSides(t *testing.T) {
	ours, theirs := newAuthority(t), newAuthority(t)
	tests := []struct {
		name         string
		dial, accept Config
		want         error
		dialLog      string
		acceptLog    string
	}{
		{"other cluster", Config{Cluster: "one"}, Config{Cluster: "two"}, ErrCluster, "other cluster", `other cluster: \"a\" says it is of \"one\"`},
		{"other node", Config{}, Config{ID: "c"}, ErrIdentity, "other node", `\"a\" looks for \"b\" here`},
		{"TLS wanted", Config{}, Config{TLS: ours.config(t, "b")}, ErrTLS, "TLS mismatch", "the peer does not speak TLS"},
		{"TLS not wanted", Config{TLS: ours.config(t, "a")}, Config{}, ErrTLS, "the peer does not speak TLS", "the peer speaks TLS"},
		{"certificate of a stranger", Config{TLS: theirs.config(t, "a")}, Config{TLS: ours.config(t, "b")}, ErrTLS, "unknown authority", "TLS"},
		{"client certificate of a stranger", Config{TLS: mix(theirs.config(t, "a"), ours.config(t))}, Config{TLS: ours.config(t, "b")}, ErrTLS, "TLS", "unknown authority"},
		{"certificate of another node", Config{TLS: ours.config(t, "a")}, Config{TLS: ours.config(t, "x")}, ErrTLS, "valid for x, not b", "TLS"},
		{"client certificate of another node", Config{TLS: ours.config(t, "x")}, Config{TLS: ours.config(t, "b")}, ErrIdentity, "other node", "valid for x, not a"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dialled, accepted := newRecord(), newRecord()
			connected := func(r Remote) { t.Errorf("%+v connected", r) }
			served := func(_ Remote, _ Class, _, dst []byte) []byte { t.Error("served"); return dst }
			if tt.accept.ID == "" {
				tt.accept.ID = "b"
			}
			tt.dial.ID, tt.dial.Logger, tt.dial.OnConnect = "a", dialled.logger(), connected
			tt.accept.Handler, tt.accept.Logger, tt.accept.OnConnect = handlerFunc(served), accepted.logger(), connected
			b := start(t, tt.accept)
			_, err := ask(t, start(t, tt.dial).Peer("b", b.Addr().String()), Control, []byte("x"), 10*time.Second)
			if !errors.Is(err, tt.want) || !errors.Is(err, ErrUnreachable) || MayHaveArrived(err) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			dialled.await(t, tt.dialLog)
			accepted.await(t, tt.acceptLog)
			if s := b.Served(); s.Open != 0 || s.Connections != 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}

// mix gives the certificate of one configuration and the roots of another.
func mix(cert, roots *tls.Config) *tls.Config {
	return &tls.Config{Certificates: cert.Certificates, RootCAs: roots.RootCAs}
}

// dialRaw connects to a transport without the transport's own code.
func dialRaw(t testing.TB, tr *Transport) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", tr.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	return conn
}

func testHello() hello {
	return hello{
		minVersion: 1, maxVersion: 1, boot: peer.Boot{Counter: 3, Nonce: 9},
		maxMessage: 1 << 20, cluster: "test", id: "a", to: "b",
	}
}

func TestVersionIsNegotiated(t *testing.T) {
	b := start(t, Config{ID: "b", Handler: handlerFunc(echo)})
	tests := []struct {
		min, max uint8
		want     error
	}{{1, 1, nil}, {1, 9, nil}, {2, 9, ErrVersion}}
	for _, tt := range tests {
		h := testHello()
		h.minVersion, h.maxVersion, h.features = tt.min, tt.max, 1<<31
		conn := dialRaw(t, b)
		conn.Write(appendHello(nil, h))
		_, err := readHello(conn)
		if !errors.Is(err, tt.want) {
			t.Errorf("versions %d to %d: %v, want %v", tt.min, tt.max, err, tt.want)
		}
	}
}

func TestHelloSaysWhoIsThere(t *testing.T) {
	boot := peer.Boot{Counter: 5, Nonce: 77}
	seen := make(chan Remote, 2)
	tell := func(c *Config) { c.OnConnect = func(r Remote) { seen <- r }; c.Boot = boot }
	p := pair(t, echo, tell)
	if _, err := ask(t, p, Control, nil, time.Second); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		r := <-seen
		if r.Addr == "" {
			t.Error("no address")
		}
		r.Addr = ""
		if want := (Remote{ID: map[bool]peer.ID{true: "a", false: "b"}[r.ID == "a"], Boot: boot, Version: 1}); r != want {
			t.Errorf("%+v connected, want %+v", r, want)
		}
	}
	if got := p.Stats().Remote; got.ID != "b" || got.Boot != boot {
		t.Errorf("stats say %+v", got)
	}
}

func TestHelloRoundTrip(t *testing.T) {
	want := testHello()
	want.features = 0xdeadbeef
	encoded := appendHello(nil, want)
	encoded = append(encoded, "later"...) // fields of a later version
	encoded[5] += byte(len("later"))
	got, err := readHello(bytes.NewReader(encoded))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(hello{})); diff != "" {
		t.Error(diff)
	}
	for n := range len(encoded) {
		if _, err := readHello(bytes.NewReader(encoded[:n])); err == nil {
			t.Errorf("%d of %d bytes are enough", n, len(encoded))
		}
	}
}

func TestTLSCarriesCalls(t *testing.T) {
	authority := newAuthority(t)
	p := pair(t, echo, func(c *Config) { c.TLS = authority.config(t, string(c.ID)) })
	for _, size := range []int{0, 100, 1 << 20} {
		want := bytes.Repeat([]byte("x"), size)
		if got, err := ask(t, p, Foreground, want, 10*time.Second); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%d bytes: %d back, %v", size, len(got), err)
		}
	}
}

func TestOneCertificateForTheCluster(t *testing.T) {
	shared := testTLS(t, "nodes.shop")
	shared.ServerName = "nodes.shop"
	p := pair(t, echo, func(c *Config) { c.TLS = shared })
	if _, err := ask(t, p, Foreground, nil, 10*time.Second); err != nil {
		t.Fatal(err)
	}
}

// A peer that says nothing is given up, and its place is free again.
func TestSilentStrangersAreGivenUp(t *testing.T) {
	b := start(t, Config{ID: "b", Handler: handlerFunc(echo), DialTimeout: 50 * time.Millisecond})
	for _, first := range []string{"", "GRP", "GRPV\x00\xff\x01", "GET / HTTP/1.1\r\n\r\n", "GRPV\xff\xff\x01"} {
		conn := dialRaw(t, b)
		io.WriteString(conn, first)
		if n, err := conn.Read(make([]byte, 1)); n > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%q: %d bytes back, %v", first, n, err)
		}
	}
}
