package transport

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"

	"github.com/grapevine-go/grapevine/peer"
)

// tlsProblem says what is wrong with a TLS configuration, or "".
func tlsProblem(c *tls.Config) string {
	switch {
	case c == nil:
		return ""
	case len(c.Certificates) == 0 && (c.GetCertificate == nil || c.GetClientCertificate == nil):
		return "has no certificate for both directions"
	case c.InsecureSkipVerify && c.VerifyConnection == nil:
		return "has InsecureSkipVerify without VerifyConnection"
	}
	return ""
}

// clientTLS is the configuration for dialling a peer.
func clientTLS(c *tls.Config, id peer.ID) *tls.Config {
	c = c.Clone()
	c.MinVersion = max(c.MinVersion, tls.VersionTLS13)
	if c.ServerName == "" {
		c.ServerName = string(id)
	}
	return c
}

// serverTLS is the configuration for accepting one: a certificate is demanded.
func serverTLS(c *tls.Config) *tls.Config {
	c = c.Clone()
	c.MinVersion = max(c.MinVersion, tls.VersionTLS13)
	if c.InsecureSkipVerify {
		c.ClientAuth = tls.RequireAnyClientCert
		return c
	}
	c.ClientAuth = tls.RequireAndVerifyClientCert
	if c.ClientCAs == nil {
		c.ClientCAs = c.RootCAs
	}
	return c
}

// checkName holds the other side to its certificate: what it calls itself in
// its hello is what the certificate must be valid for. On the dialling side
// crypto/tls has checked the same name already.
func checkName(conn net.Conn, c *tls.Config, id peer.ID) error {
	secure, ok := conn.(*tls.Conn)
	if !ok || c.InsecureSkipVerify {
		return nil
	}
	name := c.ServerName
	if name == "" {
		name = string(id)
	}
	if err := secure.ConnectionState().PeerCertificates[0].VerifyHostname(name); err != nil {
		return fmt.Errorf("%w: %q shows another certificate: %w", ErrIdentity, id, err)
	}
	return nil
}

// tlsError makes the failures of a TLS handshake recognisable as such.
func tlsError(err error) error {
	if errors.Is(err, ErrTLS) {
		return err
	}
	var plain tls.RecordHeaderError
	if errors.As(err, &plain) {
		return fmt.Errorf("%w: the peer does not speak TLS, this node does", ErrTLS)
	}
	var verify *tls.CertificateVerificationError
	var op *net.OpError
	if errors.As(err, &verify) || errors.As(err, &op) && (op.Op == "remote error" || op.Op == "local error") {
		return fmt.Errorf("%w: %w", ErrTLS, err)
	}
	return err
}
