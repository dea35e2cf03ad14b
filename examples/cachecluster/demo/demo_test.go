package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/grapevine-go/grapevine/examples/cachecluster/node"
	"github.com/grapevine-go/grapevine/gossip"
	"github.com/grapevine-go/grapevine/peer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A short cluster for the checks that must be able to fail.
func startCluster(t *testing.T) *cluster {
	c := &cluster{cfg: Config{Out: io.Discard}, nodes: make([]*node.Node, len(names)), clients: make([]*redis.Client, len(names)), before: map[string]uint64{}}
	t.Cleanup(c.close)
	if err := c.startAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c
}

// The story must not end well when the data is not what was stored.
func TestVerifyAndCompareCatch(t *testing.T) {
	c := startCluster(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	dir := t.TempDir()
	for i := range 50 {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint("file", i)), []byte(strings.Repeat("x", i)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	files, err := findFiles(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.store(ctx, files); err != nil {
		t.Fatal(err)
	}
	if a, err := c.compareAll(ctx, files); err != nil || a.keys != 50 || a.copies != 150 {
		t.Fatalf("%+v, %v", a, err)
	}
	if _, err := c.compareAll(ctx, files[1:]); err == nil {
		t.Error("a key too many is not noticed")
	}

	client := c.clients[1]
	if err := client.Set(ctx, "file7", "something else", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.readBack(ctx, "read", files); err == nil || !strings.Contains(err.Error(), "file7") {
		t.Errorf("a changed value is not noticed: %v", err)
	}
	if err := client.Del(ctx, "file7").Err(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.readBack(ctx, "read", files); err == nil || !strings.Contains(err.Error(), "is not there") {
		t.Errorf("a missing value is not noticed: %v", err)
	}

	// A node that is left out holds copies that the comparison must miss.
	if _, err := compare(c.nodes[:4]); err == nil {
		t.Error("missing copies are not noticed")
	}
}

func TestAgree(t *testing.T) {
	at := func(id peer.ID, state string) *head {
		return &head{copyOf: copyOf{id, gossip.LocalState{Key: "k", State: []byte(state)}}}
	}
	for name, tc := range map[string]struct {
		owners []peer.ID
		copies []*head
		ok     bool
	}{
		"equal":           {[]peer.ID{"b", "a"}, []*head{at("a", "x"), at("b", "x")}, true},
		"other bytes":     {[]peer.ID{"a", "b"}, []*head{at("a", "x"), at("b", "y")}, false},
		"not at an owner": {[]peer.ID{"a", "b"}, []*head{at("a", "x")}, false},
		"at a stranger":   {[]peer.ID{"a"}, []*head{at("a", "x"), at("b", "x")}, false},
		"at another":      {[]peer.ID{"a", "c"}, []*head{at("a", "x"), at("b", "x")}, false},
	} {
		if err := agree(tc.owners, tc.copies); (err == nil) != tc.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPercentile(t *testing.T) {
	m := measured{wall: 2 * time.Second}
	if m.percentile(0.5) != 0 {
		t.Error("the median of nothing")
	}
	for i := range 100 {
		m.took = append(m.took, time.Duration(i+1))
	}
	if m.percentile(0.5) != 51 || m.percentile(0.99) != 100 || m.percentile(1) != 100 || m.perSecond() != 50 {
		t.Errorf("%d, %d, %d, %v/s", m.percentile(0.5), m.percentile(0.99), m.percentile(1), m.perSecond())
	}
}

// A phase stops at the first error and gives it, with the file.
func TestPhaseStops(t *testing.T) {
	c := &cluster{cfg: Config{Out: io.Discard}}
	broken := errors.New("broken")
	files := make([]file, 10_000)
	for i := range files {
		files[i].key = fmt.Sprint("file", i)
	}
	m, err := c.phase(t.Context(), "test", files, func(ctx context.Context, i int) (int, time.Duration, error) {
		if i == 17 {
			return 0, 0, broken
		}
		if i > 17 {
			<-ctx.Done() // as an operation does that is under way
			return 0, 0, ctx.Err()
		}
		return 1, 1, nil
	})
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "file17") || m.bytes > 17 {
		t.Errorf("%v after %d", err, m.bytes)
	}
}

func TestFindFiles(t *testing.T) {
	files, err := findFiles("")
	if err != nil {
		t.Skipf("no Go installation: %v", err)
	}
	if len(files) < 5000 {
		t.Errorf("only %d files in the source tree of Go", len(files))
	}
	for _, f := range files {
		if f.key == "fmt/print.go" {
			return
		}
	}
	t.Error("fmt/print.go is not among them")
}
