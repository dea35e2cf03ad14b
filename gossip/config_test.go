package gossip_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/grapevine-go/grapevine/gossip"
	"github.com/grapevine-go/grapevine/peer"
)

// problems gives the fields that an error complains about, and fails the test
// where a part of it is no FieldError.
func problems(t *testing.T, err error) (fields []string) {
	t.Helper()
	if err == nil {
		return nil
	}
	if !errors.Is(err, gossip.ErrConfig) {
		t.Errorf("%v does not wrap ErrConfig", err)
	}
	parts := []error{err}
	if _, single := err.(*gossip.FieldError); !single {
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			parts = joined.Unwrap()
		}
	}
	for _, part := range parts {
		var f *gossip.FieldError
		if !errors.As(part, &f) {
			t.Errorf("%v is no FieldError", part)
			continue
		}
		if !strings.Contains(part.Error(), "Config."+f.Field+": ") {
			t.Errorf("%q does not name %s", part, f.Field)
		}
		fields = append(fields, f.Field)
	}
	slices.Sort(fields)
	return fields
}

func TestValidate(t *testing.T) {
	cert := &tls.Config{Certificates: []tls.Certificate{{}}}
	key := []byte(strings.Repeat("k", 32))
	type config = gossip.Config
	for _, tt := range []struct {
		name   string
		change func(*config)
		want   []string
	}{
		{"loopback", func(c *config) {}, nil},
		{"host name", func(c *config) { c.Bind = "localhost:0" }, nil},
		{"IPv6", func(c *config) { c.Bind = "[::1]:0" }, nil},
		{"beyond loopback", func(c *config) { c.Bind = "192.0.2.1:7946" }, []string{"Keys", "TLS"}},
		{"all addresses", func(c *config) { c.Bind = ":7946" }, []string{"Keys", "TLS"}},
		{"a name", func(c *config) { c.Bind = "node.internal:7946" }, []string{"Keys", "TLS"}},
		{"insecure", func(c *config) { c.Bind, c.Insecure = ":7946", true }, nil},
		{"secure", func(c *config) { c.Bind, c.Keys, c.TLS = ":7946", [][]byte{key}, cert }, nil},
		{"keys alone", func(c *config) { c.Bind, c.Keys = ":7946", [][]byte{key} }, []string{"TLS"}},
		{"TLS alone", func(c *config) { c.Bind, c.TLS = ":7946", cert }, []string{"Keys"}},
		{"short key", func(c *config) { c.Keys = [][]byte{key, []byte("short")} }, []string{"Keys[1]"}},
		{"no certificate", func(c *config) { c.TLS = new(tls.Config) }, []string{"TLS"}},
		{"no verification", func(c *config) {
			c.TLS = &tls.Config{Certificates: cert.Certificates, InsecureSkipVerify: true}
		}, []string{"TLS"}},
		{"no name", func(c *config) { c.Name = "" }, []string{"Name"}},
		{"bad name", func(c *config) { c.Name = "a b" }, []string{"Name"}},
		{"long name", func(c *config) { c.Name = peer.ID(strings.Repeat("n", 129)) }, []string{"Name"}},
		{"no cluster", func(c *config) { c.Cluster = "" }, []string{"Cluster"}},
		{"blank in cluster", func(c *config) { c.Cluster = "my shop" }, []string{"Cluster"}},
		{"long cluster", func(c *config) { c.Cluster = strings.Repeat("c", 129) }, []string{"Cluster"}},
		{"very long cluster", func(c *config) { c.Cluster = strings.Repeat("c", 300) }, []string{"Cluster"}},
		{"no port", func(c *config) { c.Bind = "127.0.0.1" }, []string{"Bind"}},
		{"port too high", func(c *config) { c.Bind = "127.0.0.1:65536" }, []string{"Bind"}},
		{"bad advertise", func(c *config) { c.Advertise = "nowhere" }, []string{"Advertise"}},
		{"data port too high", func(c *config) { c.DataPort = 65536 }, []string{"DataPort"}},
		{"negative data port", func(c *config) { c.DataPort = -1 }, []string{"DataPort"}},
		{"bad seed", func(c *config) { c.Seeds = []string{"a:1", "b:port", "c"} }, []string{"Seeds[1]"}},
		{"blank in zone", func(c *config) { c.Zone = "zone 1" }, []string{"Zone"}},
		{"long zone", func(c *config) { c.Zone = strings.Repeat("z", 65) }, []string{"Zone"}},
		{"heavy", func(c *config) { c.Weight = 1001 }, []string{"Weight"}},
		{"preset", func(c *config) { c.Preset = 9 }, []string{"Preset"}},
		{"timeout", func(c *config) { c.Timeout = -time.Second }, []string{"Timeout"}},
		{"value limit too high", func(c *config) { c.MaxValue = 16<<20 + 1 }, []string{"MaxValue"}},
		{"negative value limit", func(c *config) { c.MaxValue = -1 }, []string{"MaxValue"}},
		{"skew", func(c *config) { c.MaxSkew = time.Hour + 1 }, []string{"MaxSkew"}},
		{"sweep", func(c *config) { c.SweepEvery = time.Millisecond }, []string{"SweepEvery"}},
		{"rate", func(c *config) { c.SyncRate = 64<<10 - 1 }, []string{"SyncRate"}},
		{"nothing at all", func(c *config) { *c = config{} }, []string{"Cluster", "Keys", "Name", "TLS"}},
		{"everything at once", func(c *config) {
			*c = config{Name: "/", Cluster: "\n", Bind: "x", Advertise: "y", DataPort: -1, Seeds: []string{":x"}, Zone: "\x00",
				Weight: 5000, Preset: 9, Keys: [][]byte{nil}, TLS: new(tls.Config), Timeout: -1, MaxValue: -1, MaxSkew: -1, SweepEvery: -1, SyncRate: -1}
		}, []string{"Advertise", "Bind", "Cluster", "DataPort", "Keys[0]", "MaxSkew", "MaxValue", "Name", "Preset", "Seeds[0]",
			"SweepEvery", "SyncRate", "TLS", "Timeout", "Weight", "Zone"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := gossip.Config{Cluster: "test", Name: "a", Bind: "127.0.0.1:0"}
			tt.change(&cfg)
			if d := cmp.Diff(tt.want, problems(t, cfg.Validate())); d != "" {
				t.Errorf("fields (-want +got):\n%s%v", d, cfg.Validate())
			}
			if len(tt.want) == 0 {
				return
			}
			if n, err := gossip.Start(t.Context(), cfg); n != nil || cmp.Diff(tt.want, problems(t, err)) != "" {
				t.Errorf("Start: %v", err)
			}
		})
	}
}

func TestBusyPorts(t *testing.T) {
	t.Parallel()
	a := start(t, config(t, 0, nil))
	for _, tt := range []struct {
		field  string
		change func(*gossip.Config)
	}{
		{"Bind", func(c *gossip.Config) { c.Bind = a.Addr().String() }},
		{"DataPort", func(c *gossip.Config) { c.DataPort = int(self(t, a).Data.Port()) }},
	} {
		n, err := gossip.Start(within(t), config(t, 1, nil, tt.change))
		if n != nil || cmp.Diff([]string{tt.field}, problems(t, err)) != "" || !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("%s busy: %v", tt.field, err)
		}
	}
	start(t, config(t, 1, []*gossip.Node{a})) // the name and everything else is still free
}

// A host that is no address of this machine is named, and under its field.
func TestHostsThatCannotBeListenedOn(t *testing.T) {
	t.Parallel()
	for _, bind := range []string{"no..such.host:0", "192.0.2.1:0"} {
		n, err := gossip.Start(within(t), config(t, 0, nil, func(c *gossip.Config) { c.Bind, c.Insecure = bind, true }))
		host, _, _ := net.SplitHostPort(bind)
		if n != nil || cmp.Diff([]string{"Bind"}, problems(t, err)) != "" || !strings.Contains(err.Error(), host) {
			t.Errorf("%s: %v", bind, err)
		}
	}
}

func TestDuplicateRegisterer(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	use := func(c *gossip.Config) { c.Registerer = registry }
	a := start(t, config(t, 0, nil, use))
	n, err := gossip.Start(within(t), config(t, 1, nil, use))
	var already prometheus.AlreadyRegisteredError
	if n != nil || cmp.Diff([]string{"Registerer"}, problems(t, err)) != "" || !errors.As(err, &already) {
		t.Errorf("second node: %v", err)
	}
	if got, err := registry.Gather(); len(got) == 0 || err != nil {
		t.Errorf("the first node's metrics: %d %v", len(got), err)
	}
	a.Close()
	if got, err := registry.Gather(); len(got) != 0 || err != nil {
		t.Errorf("after Close: %d %v", len(got), err)
	}
	start(t, config(t, 1, nil, use))
}

func TestAddresses(t *testing.T) {
	for _, host := range []string{"localhost", "[::1]", "127.0.0.1"} {
		t.Run(host, func(t *testing.T) {
			t.Parallel()
			if l, err := net.Listen("tcp", host+":0"); err != nil {
				t.Skipf("this machine does not listen on %s: %v", host, err)
			} else {
				l.Close()
			}
			nodes := cluster(t, 3, func(c *gossip.Config) { c.Bind = host + ":0" })
			for _, n := range nodes {
				if m := self(t, n); !m.Addr.Addr().IsLoopback() || m.Addr != n.Addr() || !m.Data.Addr().IsLoopback() || m.Data.Port() == 0 {
					t.Errorf("addresses %v and %v", m.Addr, m.Data)
				}
			}
			put(t, open(t, nodes[0]), "key", "value")
			ready(t, nodes...)
			expect(t, open(t, nodes[2]), "key", "value")
		})
	}
}

// A node behind an address translation is reached under another address, by
// membership and by the data plane alike.
func TestAdvertise(t *testing.T) {
	t.Parallel()
	n := start(t, config(t, 0, nil, func(c *gossip.Config) { c.Advertise = "192.0.2.7:17946" }))
	m := self(t, n)
	if m.Addr != netip.MustParseAddrPort("192.0.2.7:17946") || m.Data.Addr() != m.Addr.Addr() || m.Data.Port() == 0 {
		t.Errorf("addresses %v and %v", m.Addr, m.Data)
	}
}

func TestStartWithEndedContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	n, err := gossip.Start(ctx, config(t, 0, nil, func(c *gossip.Config) { c.Seeds = []string{"127.0.0.1:1"} }))
	if n != nil || !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
