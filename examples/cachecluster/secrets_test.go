package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IsCA: true, BasicConstraintsValid: true,
		NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	a := &authority{key: newKey(t)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// directory writes what -secrets needs for a node.
func (a *authority) directory(t *testing.T, node string) string {
	key := newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: node}, DNSNames: []string{node}, NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, content := range map[string][]byte{
		"cert.pem":   pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}),
		"key.pem":    pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
		"ca.pem":     pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw}),
		"gossip.key": []byte(strings.Repeat("0f", 32) + "\n"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Three nodes with certificates and a key serve; that their traffic is
// encrypted is the library's to test, that the files arrive there is this one's.
func TestSecrets(t *testing.T) {
	ca := newAuthority(t)
	a := begin(t, "-node", "a", "-redis", "127.0.0.1:0", "-secrets", ca.directory(t, "a"))
	out := a.until("Ctrl-C stops.")
	words := strings.Fields(strings.Split(out, "\n")[1]) // a, its address for clients, that for nodes, its boot
	b := begin(t, "-node", "b", "-redis", "127.0.0.1:0", "-join", words[2], "-secrets", ca.directory(t, "b"))
	b.until("Ctrl-C stops.")

	client := redis.NewClient(&redis.Options{Addr: words[1]})
	waitFor(t, func() bool { return client.Set(t.Context(), "k", "v", 0).Err() == nil })
	client.Close()
	for _, n := range []*running{a, b} {
		if status := n.end(); status != exitOK {
			t.Errorf("status %d: %s", status, n.stderr)
		}
	}
}
