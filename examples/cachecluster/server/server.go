package server

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/grapevine-go/grapevine/examples/cachecluster/resp"
)

// Config says how a [Server] serves. Status is required.
type Config struct {
	Status func() Status // called by INFO, from many goroutines

	// Password is what AUTH asks for; none if empty.
	Password string
	// MaxClients is the most connections at a time; further ones are told so
	// and closed. Default 10,000.
	MaxClients int
	// MaxValue is the longest argument in bytes; a longer one is refused and
	// the connection goes on. Default 16 MiB. Arguments of up to 16 KiB are
	// always taken, so that no limit hits the names of commands, passwords and
	// keys; whether a value among them is too long is left to the table.
	MaxValue int
	// IdleTimeout closes a connection that sends nothing for so long. Default
	// 0: never, as in Redis.
	IdleTimeout time.Duration
	// WriteTimeout closes a connection that takes none of a reply for so long,
	// which bounds what a client that does not read can hold. Default 30 s.
	WriteTimeout time.Duration
	// Logger takes what is worth an operator's eye. Default: discarded.
	Logger *slog.Logger
}

// Validate reports every problem of the configuration, each with its field.
func (c Config) Validate() error {
	var errs []error
	need := func(ok bool, text string) {
		if !ok {
			errs = append(errs, errors.New("server: "+text))
		}
	}
	need(c.Status != nil, "Config.Status is missing")
	need(c.MaxClients >= 0, fmt.Sprintf("Config.MaxClients is %d", c.MaxClients))
	need(c.MaxValue >= 0 && c.MaxValue <= 512<<20, fmt.Sprintf("Config.MaxValue is %d, at most 512 MiB", c.MaxValue))
	need(c.IdleTimeout >= 0, fmt.Sprintf("Config.IdleTimeout is %v", c.IdleTimeout))
	need(c.WriteTimeout >= 0, fmt.Sprintf("Config.WriteTimeout is %v", c.WriteTimeout))
	return errors.Join(errs...)
}

func (c Config) withDefaults() Config {
	if c.MaxClients == 0 {
		c.MaxClients = 10_000
	}
	if c.MaxValue == 0 {
		c.MaxValue = 16 << 20
	}
	if c.WriteTimeout == 0 {
		c.WriteTimeout = 30 * time.Second
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// Server serves Redis clients. Its methods may be called concurrently.
type Server struct {
	cfg      Config
	password [sha256.Size]byte // hashed, so that comparing takes the same time for any guess
	started  time.Time
	stats    stats
	table    atomic.Pointer[Table]

	ctx     context.Context // of all commands; ends when Shutdown loses patience
	cancel  context.CancelFunc
	closing atomic.Bool

	mu        sync.Mutex
	listeners map[net.Listener]struct{}
	conns     map[*conn]struct{}
	running   sync.WaitGroup // Serve loops and connections
}

// stats counts since the start.
type stats struct {
	accepted, rejected, commands, protocolErrors, hits, misses, nextID atomic.Uint64
}

// ErrClosed is what [Server.Serve] returns after [Server.Shutdown].
var ErrClosed = errors.New("server: closed")

// New returns a server that does nothing until [Server.Serve]. The error is
// that of [Config.Validate].
func New(cfg Config) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	s := &Server{
		cfg:       cfg.withDefaults(),
		password:  sha256.Sum256([]byte(cfg.Password)),
		started:   time.Now(),
		listeners: map[net.Listener]struct{}{},
		conns:     map[*conn]struct{}{},
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s, nil
}

// Serve accepts connections from l until [Server.Shutdown], then returns
// [ErrClosed]. It closes l.
func (s *Server) Serve(l net.Listener) error {
	defer l.Close()
	if !s.track(l) {
		return ErrClosed
	}
	defer s.running.Done()
	for pause := time.Duration(0); ; {
		nc, err := l.Accept()
		switch {
		case err == nil:
			pause = 0
			s.admit(nc)
		case s.closing.Load():
			return ErrClosed
		case errors.Is(err, net.ErrClosed):
			return err
		default: // out of file descriptors, most likely: it passes
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			s.cfg.Logger.Warn("accepting a connection failed", "err", err, "retry_in", pause)
			select {
			case <-time.After(pause):
			case <-s.ctx.Done():
			}
		}
	}
}

func (s *Server) track(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing.Load() {
		return false
	}
	s.listeners[l] = struct{}{}
	s.running.Add(1)
	return true
}

// admit starts serving a connection, or turns it away.
func (s *Server) admit(nc net.Conn) {
	s.stats.accepted.Add(1)
	c := newConn(s, nc)
	s.mu.Lock()
	full, closing := len(s.conns) >= s.cfg.MaxClients, s.closing.Load()
	if !full && !closing {
		s.conns[c] = struct{}{}
		s.running.Add(1)
	}
	s.mu.Unlock()
	switch {
	case closing:
		nc.Close()
	case full:
		s.stats.rejected.Add(1)
		nc.SetWriteDeadline(time.Now().Add(time.Second)) // never blocks: the socket is new and empty
		nc.Write([]byte("-ERR max number of clients reached\r\n"))
		nc.Close()
	default:
		go func() {
			defer s.running.Done()
			c.serve()
			s.mu.Lock()
			delete(s.conns, c)
			s.mu.Unlock()
		}()
	}
}

// Open gives the server its table. Until then, commands on keys answer LOADING,
// as those of a Redis do that still reads its data.
func (s *Server) Open(t Table) { s.table.Store(&t) }

// Clients is the number of connections at the moment.
func (s *Server) Clients() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// Shutdown stops accepting, lets every connection finish what it has begun and
// closes it. When ctx ends first, it cancels what is left and returns ctx's
// error. In any case nothing of the server runs any more when it returns.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.closing.Store(true)
	for l := range s.listeners {
		l.Close()
	}
	for c := range s.conns {
		c.nc.SetReadDeadline(time.Unix(1, 0)) // wakes those that wait for a command
	}
	s.mu.Unlock()

	ended := make(chan struct{})
	go func() {
		s.running.Wait()
		close(ended)
	}()
	defer s.cancel()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
	}
	s.cancel()
	s.mu.Lock()
	for c := range s.conns {
		c.nc.Close()
	}
	s.mu.Unlock()
	<-ended
	return ctx.Err()
}

// minKeep is how long an argument may always be. Keys have 4 KiB at most.
const minKeep = 16 << 10

func (s *Server) limits() resp.Limits {
	return resp.Limits{Keep: max(s.cfg.MaxValue, minKeep), Command: max(64<<20, 2*s.cfg.MaxValue)}
}
