package swim

import (
	"bytes"
	"errors"
	"math"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/hashicorp/memberlist"
	"pgregory.net/rapid"

	"github.com/grapevine-go/grapevine/peer"
)

func drawMeta(t *rapid.T) meta {
	addr := func(n int) netip.AddrPort {
		if n == 0 {
			return netip.AddrPort{}
		}
		a, _ := netip.AddrFromSlice(rapid.SliceOfN(rapid.Byte(), n, n).Draw(t, "address"))
		return netip.AddrPortFrom(a, rapid.Uint16Min(1).Draw(t, "port"))
	}
	min := rapid.Byte().Draw(t, "min")
	return meta{
		id:       peer.ID(rapid.StringMatching(`[A-Za-z0-9._-]{1,128}`).Draw(t, "id")),
		boot:     peer.Boot{Counter: rapid.Uint64().Draw(t, "counter"), Nonce: rapid.Uint64Min(1).Draw(t, "nonce")},
		leaving:  rapid.Bool().Draw(t, "leaving"),
		data:     addr(rapid.SampledFrom([]int{0, 4, 16}).Draw(t, "family")),
		versions: Versions{min, rapid.ByteMin(min).Draw(t, "max")},
		zone:     rapid.StringN(-1, -1, MaxZone).Draw(t, "zone"),
		weight:   rapid.Uint32().Draw(t, "weight"),
	}
}

func TestMetaRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawMeta(t)
		if m.check() != nil {
			t.Skip("an address that nobody binds")
		}
		b := m.append(nil)
		if len(b) > memberlist.MetaMaxSize {
			t.Fatalf("%d bytes", len(b))
		}
		got, err := parseMeta(append(b, "later fields"...))
		if err != nil || got != m {
			t.Fatalf("%v: %+v became %+v", err, m, got)
		}
		for i := range b {
			if _, err := parseMeta(b[:i]); !errors.Is(err, errMeta) {
				t.Fatalf("cut off at %d: %v", i, err)
			}
		}
	})
}

// The longest metadata leaves room in the packet that carries it.
func TestLongestMeta(t *testing.T) {
	m := meta{
		id: peer.ID(strings.Repeat("x", peer.MaxID)), boot: peer.Boot{Counter: math.MaxUint64, Nonce: 1},
		data: netip.MustParseAddrPort("[2001:db8::1]:65535"), zone: strings.Repeat("z", MaxZone), weight: math.MaxUint32,
	}
	if n := len(m.append(nil)); n != 237 {
		t.Errorf("%d bytes, the comment says 237", n)
	}
}

func TestMalformedMeta(t *testing.T) {
	good := meta{id: "a", boot: peer.Boot{Counter: 1, Nonce: 2}, data: netip.MustParseAddrPort("10.0.0.1:1"), zone: "z"}
	change := func(f func(*meta)) []byte { m := good; f(&m); return m.append(nil) }
	other := good.append(nil)
	other[0] = 2
	odd := good.append(nil)
	odd[20] = 3 // the length of the address
	for name, b := range map[string][]byte{
		"empty":                 nil,
		"format":                other,
		"too long":              bytes.Repeat([]byte{1}, metaMax+1),
		"id empty":              change(func(m *meta) { m.id = "" }),
		"id with a space":       change(func(m *meta) { m.id = "a b" }),
		"no nonce":              change(func(m *meta) { m.boot.Nonce = 0 }),
		"port 0":                change(func(m *meta) { m.data = netip.MustParseAddrPort("10.0.0.1:0") }),
		"unspecified":           change(func(m *meta) { m.data = netip.MustParseAddrPort("0.0.0.0:1") }),
		"IPv4 in IPv6":          change(func(m *meta) { m.data = netip.MustParseAddrPort("[::ffff:10.0.0.1]:1") }),
		"address of odd length": odd,
		"versions":              change(func(m *meta) { m.versions = Versions{2, 1} }),
		"zone too long":         change(func(m *meta) { m.zone = strings.Repeat("z", MaxZone+1) }),
		"zone not UTF-8":        change(func(m *meta) { m.zone = "\xff" }),
	} {
		if m, err := parseMeta(b); !errors.Is(err, errMeta) {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
	}
	if _, err := parseMeta(good.append(nil)); err != nil {
		t.Error(err)
	}
}

func FuzzMeta(f *testing.F) {
	f.Add(meta{id: "a", boot: peer.Boot{Counter: 1, Nonce: 2}, data: netip.MustParseAddrPort("[::1]:1"), zone: "z"}.append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parseMeta(b)
		if err != nil {
			if !errors.Is(err, errMeta) {
				t.Fatal(err)
			}
			return
		}
		again, err := parseMeta(m.append(nil))
		if err != nil || again != m {
			t.Fatalf("%v: %+v became %+v", err, m, again)
		}
	})
}

func FuzzWireName(f *testing.F) {
	f.Add("a~0000000000000001")
	f.Add("~1")
	f.Fuzz(func(t *testing.T, name string) {
		id, nonce, ok := parseWireName(name)
		if ok && wireName(id, nonce) != name {
			t.Fatalf("%q became %s~%x", name, id, nonce)
		}
	})
}

func TestWireNames(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawMeta(t)
		id, nonce, ok := parseWireName(wireName(m.id, m.boot.Nonce))
		if !ok || id != m.id || nonce != m.boot.Nonce {
			t.Fatal(id, nonce, ok)
		}
	})
	for _, bad := range []string{"", "a", "a~", "a~1", "a~000000000000000g", "a~0000000000000001~", "a~000000000000000A", releaseName} {
		if _, _, ok := parseWireName(bad); ok {
			t.Errorf("%q is taken for a name", bad)
		}
	}
}

// A memberlist of somebody else's with the right cluster name, and one that
// lies about its id: both are ignored, with a warning, and change nothing.
func TestForeignMembersAreIgnored(t *testing.T) {
	for name, b := range map[string][]byte{
		"foreign":            nil,
		"b~0000000000000002": meta{id: "c", boot: peer.Boot{Counter: 1, Nonce: 2}}.append(nil),
		"b~0000000000000003": {1, 2, 3},
	} {
		t.Run(name, func(t *testing.T) {
			var log logged
			cfg := config("a", 1)
			cfg.Logger = log.logger()
			told := watch(&cfg)
			a := start(t, cfg)
			c := memberlist.DefaultLocalConfig()
			c.Name, c.Label, c.BindAddr, c.BindPort = name, "test", "127.0.0.1", 0
			c.Delegate, c.LogOutput = foreign{meta: b}, &logged{}
			m, err := memberlist.Create(c)
			if err != nil {
				t.Fatal(err)
			}
			defer m.Shutdown()
			if _, err := m.Join([]string{a.Self().Addr.String()}); err != nil {
				t.Fatal(err)
			}
			eventually(t, "a warning", func() bool { return log.has("level=WARN", "malformed metadata", name) })
			if states(a) != "a:alive" || len(told) != 0 || a.ml.NumMembers() != 1 {
				t.Error(states(a), len(told), a.ml.NumMembers())
			}
		})
	}
}

type foreign struct {
	delegate
	meta []byte
}

func (f foreign) NodeMeta(int) []byte { return f.meta }

func TestDescribeNeedsAnAddress(t *testing.T) {
	m := meta{id: "a", boot: peer.Boot{Nonce: 1}}
	for _, n := range []memberlist.Node{
		{Addr: net.IPv4zero, Port: 1}, {Addr: net.IP{1, 2, 3}, Port: 1}, {Port: 1}, {Addr: net.IPv4(10, 0, 0, 1)},
	} {
		n.Name, n.Meta = wireName("a", 1), m.append(nil)
		if got, err := describe(&n); !errors.Is(err, errMeta) {
			t.Error(got, err)
		}
	}
}
