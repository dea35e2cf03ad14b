package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"

	"github.com/grapevine-go/grapevine/gossip"
)

// readSecrets reads what protects the traffic between nodes from the directory
// of -secrets:
//
//	gossip.key   keys for membership, one a line, in hexadecimal (openssl rand -hex 32)
//	cert.pem     this node's certificate, valid for its name
//	key.pem      its private key
//	ca.pem       who signs the certificates of the cluster
func (o options) readSecrets(cfg *gossip.Config) error {
	if o.secrets == "" {
		return nil
	}
	in := func(name string) string { return filepath.Join(o.secrets, name) }
	keys, err := os.ReadFile(in("gossip.key"))
	if err != nil {
		return err
	}
	for line := range bytes.FieldsSeq(keys) {
		key, err := hex.DecodeString(string(line))
		if err != nil {
			return fmt.Errorf("%s: %w", in("gossip.key"), err)
		}
		cfg.Keys = append(cfg.Keys, key)
	}
	cert, err := tls.LoadX509KeyPair(in("cert.pem"), in("key.pem"))
	if err != nil {
		return fmt.Errorf("%s: %w", o.secrets, err)
	}
	authority, err := os.ReadFile(in("ca.pem"))
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(authority) {
		return fmt.Errorf("%s: no certificate in it", in("ca.pem"))
	}
	cfg.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: pool, ClientCAs: pool, MinVersion: tls.VersionTLS13}
	return nil
}
