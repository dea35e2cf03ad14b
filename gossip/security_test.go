package gossip_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/grapevine-go/grapevine/gossip"
	"github.com/grapevine-go/grapevine/transport"
	"github.com/grapevine-go/grapevine/transport/swim"
)

// authority signs certificates of nodes.
type authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

func newAuthority(t testing.TB) *authority {
	a := new(authority)
	a.cert, a.key = sign(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, nil)
	return a
}

// sign makes a certificate, self-signed if there is no authority.
func sign(t testing.TB, template *x509.Certificate, by *authority) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if by == nil {
		by = &authority{key, template}
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	der, err := x509.CreateCertificate(rand.Reader, template, by.cert, &key.PublicKey, by.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

// tls is the configuration of a node whose certificate carries the name.
func (a *authority) tls(t testing.TB, name string) *tls.Config {
	cert, key := sign(t, &x509.Certificate{
		DNSNames: []string{name}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}, a)
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{cert.Raw}, PrivateKey: key}}, RootCAs: roots}
}

// use gives a node a certificate of its name.
func (a *authority) use(t testing.TB) func(*gossip.Config) {
	return func(c *gossip.Config) { c.TLS = a.tls(t, string(c.Name)) }
}

func key(fill string) [][]byte { return [][]byte{[]byte(strings.Repeat(fill, 32))} }

// refused starts a node that must not get into the cluster, wants the error to
// wrap why as soon as the node has had the time to find out, and the cluster to
// be as it was.
func refused(t *testing.T, cfg gossip.Config, nodes []*gossip.Node, why error) {
	t.Helper()
	before := nodes[0].Status()
	for wait := 250 * time.Millisecond; ; wait *= 2 {
		ctx, cancel := context.WithTimeout(t.Context(), wait)
		n, err := gossip.Start(ctx, cfg)
		cancel()
		if n != nil || !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, why) && wait > patience {
			t.Fatalf("Start: %v", err)
		}
		if errors.Is(err, why) {
			break
		}
	}
	ready(t, nodes...)
	for _, n := range nodes {
		if d := cmp.Diff(before.RingVersion, n.Status().RingVersion); d != "" {
			t.Errorf("the ring of %s has changed: %s", n.ID(), d)
		}
		for _, m := range n.Members() {
			if m.InRing != (m.ID != cfg.Name) {
				t.Errorf("%s knows %+v", n.ID(), m)
			}
		}
	}
}

func TestStrangersAreRefused(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*gossip.Config)
	}{
		{"other cluster", func(c *gossip.Config) { c.Cluster = "other" }},
		{"other key", func(c *gossip.Config) { c.Keys = key("o") }},
		{"no key", func(c *gossip.Config) { c.Keys = nil }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			inside, outside := new(logs), new(logs)
			nodes := cluster(t, 2, inside.use, func(c *gossip.Config) { c.Keys = key("k") })
			if lines := inside.lines("refused"); len(lines) > 0 {
				t.Errorf("logged already: %q", lines)
			}
			refused(t, config(t, 2, nodes, outside.use, tt.change), nodes, swim.ErrRefused)
			inside.expect(t, "level=WARN", "node=n0", "refused a peer; likely another cluster name or key", "127.0.0.1")
			outside.expect(t, "level=WARN", "node=n2", "refused by a seed; likely another cluster name or key", nodes[0].Addr().String())
			for _, n := range nodes {
				if d := cmp.Diff(names(nodes...), members(n)); d != "" {
					t.Errorf("%s knows others: %s", n.ID(), d)
				}
			}
		})
	}
}

// A cluster that a stranger knows by its address only is not entered by joining
// it from inside either.
func TestJoinStranger(t *testing.T) {
	t.Parallel()
	ours, theirs := new(logs), new(logs)
	a := start(t, config(t, 0, nil, ours.use))
	b := start(t, config(t, 1, nil, theirs.use, func(c *gossip.Config) { c.Cluster = "other" }))
	if n, err := a.Join(within(t), b.Addr().String()); n != 0 || !errors.Is(err, swim.ErrRefused) {
		t.Errorf("%d %v", n, err)
	}
	ours.expect(t, "level=WARN", "refused by a seed", b.Addr().String())
	theirs.expect(t, "level=WARN", "refused a peer")
	if len(a.Members()) != 1 || len(b.Members()) != 1 {
		t.Errorf("members %v and %v", a.Members(), b.Members())
	}
}

func TestMutualTLS(t *testing.T) {
	t.Parallel()
	ours := newAuthority(t)
	inside := new(logs)
	nodes := cluster(t, 3, inside.use, ours.use(t), func(c *gossip.Config) { c.Keys = key("k") })
	table := open(t, nodes[0])
	ready(t, nodes...)
	keys := fill(t, table, 50)
	for _, n := range nodes {
		expectAll(t, open(t, n), keys)
	}
	settled(t, nodes...)
	if lines := inside.lines("level=WARN", "transport: "); len(lines) > 0 {
		t.Errorf("warnings: %q", lines)
	}
}

// Who has the key of membership and no certificate is seen, and gets no data.
func TestNoCertificateNoData(t *testing.T) {
	ours := newAuthority(t)
	for _, tt := range []struct {
		name string
		tls  *tls.Config
	}{
		{"no certificate", nil},
		{"certificate of another authority", newAuthority(t).tls(t, "n2")},
		{"certificate of another name", ours.tls(t, "n1")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			inside, outside := new(logs), new(logs)
			nodes := cluster(t, 2, inside.use, ours.use(t))
			open(t, nodes[0])
			ready(t, nodes...)
			cfg := config(t, 2, nodes, outside.use, func(c *gossip.Config) { c.TLS = tt.tls })
			refused(t, cfg, nodes, transport.ErrUnreachable)
			// Which of both it tries first is open, and one is enough to find out.
			inside.expect(t, "level=WARN", "transport: connection refused", "127.0.0.1")
			outside.expect(t, "level=WARN", "node=n2", "transport: cannot reach peer")
		})
	}
}
