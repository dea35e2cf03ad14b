package swim

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/memberlist"
)

// blackHole is a port that takes connections and never answers. It reports
// each on the channel.
func blackHole(t *testing.T) (addr string, taken <-chan struct{}) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ch, done := make(chan struct{}, 16), make(chan struct{})
	go func() {
		defer close(done)
		var conns []net.Conn
		for {
			c, err := l.Accept()
			if err != nil {
				break
			}
			conns = append(conns, c)
			ch <- struct{}{}
		}
		for _, c := range conns {
			_ = c.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return l.Addr().String(), ch
}

// forever is the patience of a node that only a context can end.
func forever(c *memberlist.Config) { c.TCPTimeout = time.Hour }

func TestJoinObeysContext(t *testing.T) {
	hole, taken := blackHole(t)
	cfg := config("a", 1)
	cfg.tune = forever
	a := start(t, cfg)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-taken; cancel() }()
	n, err := a.Join(ctx, hole)
	if n != 0 || !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), hole) {
		t.Error(n, err)
	}
}

func TestJoinObeysContextWhileDialing(t *testing.T) {
	cfg := config("a", 1)
	cfg.tune = forever
	dialing := make(chan struct{})
	cfg.listen = func(addr netip.Addr, port uint16) (sockets, error) {
		s, err := listenNet(addr, port)
		s.dial = func(ctx context.Context, _ string) (net.Conn, error) {
			close(dialing)
			<-ctx.Done()
			return nil, ctx.Err()
		}
		return s, err
	}
	a := start(t, cfg)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-dialing; cancel() }()
	if n, err := a.Join(ctx, "127.0.0.1:1"); n != 0 || !errors.Is(err, context.Canceled) {
		t.Error(n, err)
	}
}

func TestCloseEndsJoin(t *testing.T) {
	hole, taken := blackHole(t)
	cfg := config("a", 1)
	cfg.tune = forever
	a := start(t, cfg)
	go func() { <-taken; _ = a.Close() }()
	if n, err := a.Join(t.Context(), hole); n != 0 || !errors.Is(err, ErrClosed) {
		t.Error(n, err)
	}
}

// One seed that answers is enough, whatever the others do: they are tried at
// the same time.
func TestJoinPassesOverBadSeeds(t *testing.T) {
	a, b := start(t, config("a", 1)), start(t, config("b", 2))
	good := a.Self().Addr.String()
	n, err := b.Join(t.Context(), "no-such-host.invalid", "127.0.0.1:1", good)
	if n != 1 || err != nil {
		t.Error(n, err)
	}
	if got := states(b); got != "a:alive b:alive" {
		t.Error(got)
	}
}

func TestJoinErrorListsEverySeed(t *testing.T) {
	a := start(t, config("a", 1))
	seeds := []string{"127.0.0.1:1", "no-such-host.invalid:5", "127.0.0.1:http"}
	n, err := a.Join(t.Context(), seeds...)
	if n != 0 || err == nil {
		t.Fatal(n, err)
	}
	found := map[string]*SeedError{}
	for _, e := range err.(interface{ Unwrap() []error }).Unwrap() {
		var seed *SeedError
		if errors.As(e, &seed) {
			found[seed.Seed] = seed
		}
	}
	for _, s := range seeds {
		if found[s] == nil || !strings.Contains(err.Error(), s) {
			t.Errorf("%s is missing in %v", s, err)
		}
	}
	if !strings.Contains(found[seeds[0]].Error(), "refused") {
		t.Error(found[seeds[0]])
	}
}

func TestJoinPassesOverItself(t *testing.T) {
	cfg := config("a", 1)
	cfg.Bind, cfg.Advertise = ":0", "localhost:0"
	a := start(t, cfg)
	port := a.Self().Addr.Port()
	n, err := a.Join(t.Context(), a.Self().Addr.String(), fmt.Sprintf("localhost:%d", port), fmt.Sprintf("127.0.0.1:%d", port))
	if n != 0 || err != nil {
		t.Error(n, err)
	}
	if n, err := a.Join(t.Context()); n != 0 || err != nil {
		t.Error("without seeds:", n, err)
	}
}

// Enough seeds are enough: the rest is learned from those that answered.
func TestJoinStopsWhenEnoughAnswered(t *testing.T) {
	first := start(t, config("n0", 100))
	seeds := []string{first.Self().Addr.String()}
	for i := 1; i < 2*joinParallel+joinEnough; i++ {
		s := start(t, config(peerID(i), uint64(100+i)))
		join(t, s, first)
		seeds = append(seeds, s.Self().Addr.String())
	}
	a := start(t, config("a", 1))
	n, err := a.Join(t.Context(), seeds...)
	if err != nil || n < joinEnough || n >= joinEnough+joinParallel {
		t.Errorf("%d of %d seeds contacted, %v", n, len(seeds), err)
	}
	eventually(t, "all are known", func() bool { return len(a.Members()) == len(seeds)+1 })
}

// What does not belong together stays apart: the error of Join and a line in
// both logs say so, and nobody learns of anybody.
func TestRefusals(t *testing.T) {
	key := func(b byte) [][]byte { return [][]byte{[]byte(strings.Repeat(string(b), 16))} }
	for _, c := range []struct {
		name         string
		here, there  string
		ours, theirs [][]byte
	}{
		{"another cluster", "blue", "green", nil, nil},
		{"another cluster, one key", "blue", "green", key('a'), key('a')},
		{"another key", "blue", "blue", key('a'), key('b')},
		{"only the seed has a key", "blue", "blue", nil, key('b')},
		{"only the joiner has a key", "blue", "blue", key('a'), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var alog, blog logged
			acfg, bcfg := config("a", 1), config("b", 2)
			acfg.Cluster, acfg.Keys, acfg.Logger = c.there, c.theirs, alog.logger()
			bcfg.Cluster, bcfg.Keys, bcfg.Logger = c.here, c.ours, blog.logger()
			ea, eb := watch(&acfg), watch(&bcfg)
			a, b := start(t, acfg), start(t, bcfg)
			n, err := b.Join(t.Context(), a.Self().Addr.String())
			if n != 0 || !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "another cluster name or key") {
				t.Errorf("%d, %v", n, err)
			}
			why := "another cluster name or key"
			eventually(t, "the seed logs it", func() bool { return alog.has("level=WARN", "refused a peer", why, "peer=127.0.0.1") })
			eventually(t, "the joiner logs it", func() bool { return blog.has("level=WARN", "refused by a seed", why, a.Self().Addr.String()) })

			// A stray packet is no better than a stream.
			from, _ := net.Dial("udp", a.Self().Addr.String())
			defer from.Close()
			stray, _ := b.seal(ackPacket(1))
			before := a.Stats().Refused
			_, _ = from.Write(stray)
			if c.theirs != nil || c.here != c.there {
				eventually(t, "the packet is refused", func() bool { return a.Stats().Refused > before })
			}
			if states(a) != "a:alive" || states(b) != "b:alive" || len(ea)+len(eb) != 0 {
				t.Error("something changed:", states(a), states(b), len(ea), len(eb))
			}
		})
	}
}

func TestSameKeyJoins(t *testing.T) {
	acfg, bcfg := config("a", 1), config("b", 2)
	key := []byte(strings.Repeat("k", 32))
	acfg.Keys, bcfg.Keys = [][]byte{key}, [][]byte{key}
	acfg.tune = brisk
	a, b := start(t, acfg), start(t, bcfg)
	join(t, b, a)
	eventually(t, "packets get through", func() bool { m, _ := a.Member("b"); return m.RTT > 0 })
}
