package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/grapevine-go/grapevine/peer"
)

// session is a connection whose ends know each other.
type session struct {
	conn       net.Conn
	remote     Remote
	maxMessage int // the other side's limit
}

func (t *Transport) hello(to peer.ID) hello {
	return hello{
		minVersion: minVersion, maxVersion: maxVersion, boot: t.cfg.Boot,
		maxMessage: uint32(t.cfg.MaxMessage), cluster: t.cfg.Cluster, id: t.cfg.ID, to: to,
	}
}

// dial connects to a peer and introduces both sides.
func (t *Transport) dial(ctx context.Context, id peer.ID, addr string) (session, error) {
	ctx, cancel := context.WithTimeout(ctx, t.cfg.DialTimeout)
	defer cancel()
	conn, err := t.cfg.Dial(ctx, addr)
	if err != nil {
		return session{}, err
	}
	defer interruptible(ctx, conn)()
	boundUnsent(conn)
	s, err := t.introduce(ctx, conn, id)
	if err == nil {
		err = conn.SetDeadline(time.Time{})
	}
	if err != nil {
		conn.Close()
		return session{}, err
	}
	return s, nil
}

// introduce is the dialling side's part of the handshake.
func (t *Transport) introduce(ctx context.Context, conn net.Conn, id peer.ID) (session, error) {
	if t.cfg.TLS != nil {
		secure := tls.Client(conn, clientTLS(t.cfg.TLS, id))
		if err := secure.HandshakeContext(ctx); err != nil {
			return session{}, tlsError(err)
		}
		conn = secure
	}
	if _, err := conn.Write(appendHello(nil, t.hello(id))); err != nil {
		return session{}, tlsError(err)
	}
	h, err := readHello(conn)
	if err != nil {
		return session{}, tlsError(err)
	}
	if h.id != id {
		return session{}, fmt.Errorf("%w: %q answers instead of %q", ErrIdentity, h.id, id)
	}
	return t.accept(conn, h)
}

// welcome is the accepting side's part of the handshake.
func (t *Transport) welcome(ctx context.Context, conn net.Conn) (session, error) {
	ctx, cancel := context.WithTimeout(ctx, t.cfg.DialTimeout)
	defer cancel()
	defer interruptible(ctx, conn)()
	boundUnsent(conn)
	if t.cfg.TLS != nil {
		secure := tls.Server(conn, serverTLS(t.cfg.TLS))
		if err := secure.HandshakeContext(ctx); err != nil {
			if plain := new(tls.RecordHeaderError); errors.As(err, plain) && string(plain.RecordHeader[:4]) == helloMagic {
				err = fmt.Errorf("%w: the peer does not speak TLS, this node does", ErrTLS)
				refuse(conn, err)
			}
			return session{}, tlsError(err)
		}
		conn = secure
	}
	h, err := readHello(conn)
	if err == nil && h.to != t.cfg.ID {
		err = fmt.Errorf("%w: %q looks for %q here", ErrIdentity, h.id, h.to)
	}
	var s session
	if err == nil {
		s, err = t.accept(conn, h)
	}
	if err != nil {
		refuse(conn, err)
		return session{}, err
	}
	if _, err = conn.Write(appendHello(nil, t.hello(""))); err == nil {
		err = conn.SetDeadline(time.Time{})
	}
	return s, err
}

// accept judges what the other side says of itself.
func (t *Transport) accept(conn net.Conn, h hello) (session, error) {
	if h.cluster != t.cfg.Cluster {
		return session{}, fmt.Errorf("%w: %q says it is of %q, this node is of %q", ErrCluster, h.id, h.cluster, t.cfg.Cluster)
	}
	version, err := negotiate(h)
	if err != nil {
		return session{}, err
	}
	if err := checkName(conn, t.cfg.TLS, h.id); err != nil {
		return session{}, err
	}
	return session{
		conn:       conn,
		remote:     Remote{ID: h.id, Boot: h.boot, Version: version, Addr: conn.RemoteAddr().String()},
		maxMessage: int(min(h.maxMessage, 1<<31-1)),
	}, nil
}

// refuse tells the other side why, where there is a reason it may know.
func refuse(conn net.Conn, err error) {
	for _, r := range refusals {
		if errors.Is(err, r.err) {
			conn.Write(appendRefusal(nil, refusal{reason: r.reason, minVersion: minVersion, maxVersion: maxVersion}))
			linger(conn, 200*time.Millisecond)
			return
		}
	}
}

// linger waits, for a while, until the other side hangs up: closing on unread
// bytes would reset the connection before it has read our last words.
func linger(conn net.Conn, limit time.Duration) {
	conn = underTLS(conn)
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
	}
	conn.SetReadDeadline(time.Now().Add(limit))
	io.CopyN(io.Discard, conn, 1<<20)
}

// hangUp closes a connection at once: the farewell of TLS could block.
func hangUp(conn net.Conn) { underTLS(conn).Close() }

func underTLS(conn net.Conn) net.Conn {
	if secure, ok := conn.(*tls.Conn); ok {
		return secure.NetConn()
	}
	return conn
}

// interruptible makes the end of ctx end reads and writes on conn, until the
// returned function is called.
func interruptible(ctx context.Context, conn net.Conn) (stop func() bool) {
	if deadline, ok := ctx.Deadline(); ok {
		conn.SetDeadline(deadline)
	}
	return context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
}
