package swim

import (
	"bytes"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/memberlist"
	"go.uber.org/goleak"

	"github.com/grapevine-go/grapevine/peer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must happen; only a failing test
// waits that long.
const patience = 60 * time.Second

// config is a node on a free loopback port.
func config(id peer.ID, nonce uint64) Config {
	return Config{ID: id, Boot: peer.Boot{Counter: 1, Nonce: nonce}, Cluster: "test", Bind: "127.0.0.1:0", Preset: Local}
}

// brisk shortens memberlist's times about tenfold: a crash is noticed within a
// second, and forgotten within another.
func brisk(c *memberlist.Config) {
	c.ProbeInterval, c.ProbeTimeout = 100*time.Millisecond, 50*time.Millisecond
	c.GossipInterval = 20 * time.Millisecond
	c.GossipToTheDeadTime = 300 * time.Millisecond
	c.PushPullInterval = 500 * time.Millisecond
}

func start(t *testing.T, cfg Config) *Swim {
	t.Helper()
	s, err := Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// join joins s to others and fails the test if that does not work.
func join(t *testing.T, s *Swim, others ...*Swim) {
	t.Helper()
	for _, o := range others {
		if o == s {
			continue
		}
		if n, err := s.Join(t.Context(), o.Self().Addr.String()); n != 1 || err != nil {
			t.Fatalf("join %s: %d, %v", o.cfg.ID, n, err)
		}
	}
}

// events collects what a node is told.
type events chan Event

func (e events) put(ev Event) { e <- ev }

// watch makes a node's events available to a test.
func watch(cfg *Config) events {
	e := make(events, 1024)
	cfg.OnEvent = e.put
	return e
}

// want waits for an event of a kind about an id, passing over others.
func (e events) want(t *testing.T, kind EventKind, id peer.ID) Member {
	t.Helper()
	return e.wantAll(t, kind, id)[id]
}

// wantAll waits for events of a kind about ids, in any order.
func (e events) wantAll(t *testing.T, kind EventKind, ids ...peer.ID) map[peer.ID]Member {
	t.Helper()
	got := map[peer.ID]Member{}
	late := time.After(patience)
	for len(got) < len(ids) {
		select {
		case ev := <-e:
			if ev.Kind == kind && slices.Contains(ids, ev.Member.ID) {
				got[ev.Member.ID] = ev.Member
			}
		case <-late:
			t.Fatalf("events %v about %v, want %v", kind, got, ids)
		}
	}
	return got
}

// eventually polls for what no event tells.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for !ok() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("never: %s", what)
		}
	}
}

func peerID(i int) peer.ID { return peer.ID(fmt.Sprintf("n%d", i)) }

// states gives "a:alive b:dead", for comparison.
func states(s *Swim) string {
	var b strings.Builder
	for _, m := range s.Members() {
		b.WriteString(" " + string(m.ID) + ":" + m.State.String())
	}
	return strings.TrimSpace(b.String())
}

// logged is a logger whose lines a test can search.
type logged struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *logged) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// has reports whether one line holds all the parts.
func (l *logged) has(parts ...string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.ContainsFunc(strings.Split(l.buf.String(), "\n"), func(line string) bool {
		return !slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(line, p) })
	})
}
