package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"math"
	"net"
	"time"

	"github.com/grapevine-go/grapevine/peer"
)

// Defaults of the zero fields of [Config].
const (
	DefaultMaxMessage   = 32 << 20
	DefaultMaxInFlight  = 64 << 20
	DefaultPingInterval = time.Second
	DefaultIdleTimeout  = 5 * time.Second
	DefaultDialTimeout  = 3 * time.Second
	DefaultBackoffMin   = 50 * time.Millisecond
	DefaultBackoffMax   = 3 * time.Second
)

// MaxCluster is the length limit of a cluster's name in bytes.
const MaxCluster = 128

// Config is what a [Transport] is started with. ID, Boot and Cluster are
// required; a zero value elsewhere means the default.
type Config struct {
	ID      peer.ID   // this node
	Boot    peer.Boot // this life of it
	Cluster string    // 1 to [MaxCluster] bytes; nodes of another cluster are refused

	// Listener takes the connections of the peers. The transport owns it from
	// Start on, also when Start fails. Nil: this node only asks.
	Listener net.Listener
	// Dial opens a connection to a peer's address. Nil: TCP.
	Dial func(ctx context.Context, addr string) (net.Conn, error)
	// TLS is used in both directions: it needs a certificate, and the roots that
	// sign those of the peers (RootCAs, for the accepting side ClientCAs or else
	// RootCAs). A peer's certificate must be valid for its node ID, or for
	// TLS.ServerName where that is set (one name for the whole cluster).
	// InsecureSkipVerify is only accepted together with VerifyConnection, which
	// then decides alone. Nil: plaintext.
	TLS *tls.Config

	// Handler serves the requests of the peers; required with a Listener.
	Handler Handler

	// MaxMessage is the size limit of a request or a reply, in bytes; at most
	// 2 GiB - 1. Default 32 MiB.
	MaxMessage int
	// MaxInFlight bounds, in bytes and for each peer, the requests that are not
	// answered yet; for each connection it also bounds the large messages that
	// are being received and the replies that wait to be sent. At least
	// MaxMessage. Default 64 MiB, or MaxMessage if that is more.
	MaxInFlight int

	// PingInterval is how often a connection is pinged, which also measures its
	// round trip. Default 1 s.
	PingInterval time.Duration
	// IdleTimeout: a connection that delivered nothing for this long, not even
	// the answer to a ping, is half-open and gets closed. At least PingInterval.
	// Default 5 s.
	IdleTimeout time.Duration
	// DialTimeout bounds connecting and the exchange of hellos. Default 3 s.
	DialTimeout time.Duration
	// BackoffMin and BackoffMax bound the pause before a failed peer is dialled
	// again: a random part of a bound that doubles from the one to the other
	// (full jitter). Defaults 50 ms and 3 s.
	BackoffMin, BackoffMax time.Duration

	// Logger gets connections refused and lost. Nil: nothing is logged.
	Logger *slog.Logger
	// OnConnect is told of each established connection, to or from a peer. It is
	// called without locks and must not block. Nil: nobody is told.
	OnConnect func(Remote)
}

// Remote is the node at the other end of a connection.
type Remote struct {
	ID      peer.ID
	Boot    peer.Boot
	Version uint8  // protocol version that both agreed on
	Addr    string // network address of the connection's other end
}

// Handler serves requests. It is called by many connections at once.
type Handler interface {
	// Serve answers one request: it appends the reply to dst and returns the
	// result. It may return a slice of its own instead, which it must not change
	// afterwards. request and dst are valid only during the call.
	//
	// Control and Foreground requests that fit one frame are served on the
	// goroutine that read them, one at a time per connection: a slow answer
	// delays those behind it, and one that takes the peer's IdleTimeout loses the
	// connection. All others are served, one at a time and the most urgent class
	// first, on a worker of the connection.
	Serve(from Remote, class Class, request, dst []byte) []byte
}

// Completion is told how calls ended.
type Completion interface {
	// Complete is called exactly once for each [Peer.Call], with the reply (valid
	// only during the call) or with an error. It runs on a goroutine of the
	// transport, for several calls at once, or inside Call where the request
	// cannot be sent. It must not block; it may Call again, though not for ever
	// where calls end inside Call.
	Complete(token uint64, reply []byte, err error)
}

// Validate lists all problems of the configuration at once, each a
// [*ConfigError] that names its field. It does not change c.
func (c Config) Validate() error {
	c = c.withDefaults()
	var errs []error
	check := func(ok bool, field, problem string) {
		if !ok {
			errs = append(errs, &ConfigError{Field: field, Problem: problem})
		}
	}
	if err := c.ID.Validate(); err != nil {
		check(false, "ID", err.Error())
	}
	check(!c.Boot.IsZero(), "Boot", "is zero")
	check(c.Cluster != "" && len(c.Cluster) <= MaxCluster, "Cluster", "must have 1 to 128 bytes")
	check(c.Listener == nil || c.Handler != nil, "Handler", "is nil, but there is a Listener")
	check(c.MaxMessage > 0 && c.MaxMessage <= math.MaxInt32, "MaxMessage", "must be 1 byte to 2 GiB - 1")
	check(c.MaxInFlight >= c.MaxMessage, "MaxInFlight", "must be at least MaxMessage")
	check(c.PingInterval > 0, "PingInterval", "must be positive")
	check(c.IdleTimeout >= c.PingInterval, "IdleTimeout", "must be at least PingInterval")
	check(c.DialTimeout > 0, "DialTimeout", "must be positive")
	check(c.BackoffMin > 0, "BackoffMin", "must be positive")
	check(c.BackoffMax >= c.BackoffMin, "BackoffMax", "must be at least BackoffMin")
	if problem := tlsProblem(c.TLS); problem != "" {
		check(false, "TLS", problem)
	}
	return errors.Join(errs...)
}

func (c Config) withDefaults() Config {
	orDefault(&c.MaxMessage, DefaultMaxMessage)
	orDefault(&c.MaxInFlight, max(DefaultMaxInFlight, c.MaxMessage))
	orDefault(&c.PingInterval, DefaultPingInterval)
	orDefault(&c.IdleTimeout, max(DefaultIdleTimeout, c.PingInterval))
	orDefault(&c.DialTimeout, DefaultDialTimeout)
	orDefault(&c.BackoffMin, DefaultBackoffMin)
	orDefault(&c.BackoffMax, max(DefaultBackoffMax, c.BackoffMin))
	if c.Dial == nil {
		c.Dial = dialTCP
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.OnConnect == nil {
		c.OnConnect = func(Remote) {}
	}
	return c
}

func orDefault[T int | time.Duration](field *T, value T) {
	if *field == 0 {
		*field = value
	}
}

func dialTCP(ctx context.Context, addr string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "tcp", addr)
}
