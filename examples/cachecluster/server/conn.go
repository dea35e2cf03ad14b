package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/grapevine-go/grapevine/examples/cachecluster/resp"
)

// conn is a client's connection. All its fields belong to its goroutine but for
// what others list and close: nc, id, since and label.
type conn struct {
	srv   *Server
	nc    net.Conn
	ctx   context.Context
	r     *resp.Reader
	w     *resp.Writer
	id    uint64
	since time.Time
	batch batch

	authed  bool
	closing bool // close after the replies so far
	label   atomic.Pointer[label]
}

// table is what commands work on; there is one when a command that needs it
// runs.
func (c *conn) table() Table { return *c.srv.table.Load() }

// patientWriter gives each write its own deadline.
type patientWriter struct {
	nc      net.Conn
	timeout time.Duration
}

func (p patientWriter) Write(b []byte) (int, error) {
	if err := p.nc.SetWriteDeadline(time.Now().Add(p.timeout)); err != nil {
		return 0, err
	}
	return p.nc.Write(b)
}

func newConn(s *Server, nc net.Conn) *conn {
	c := &conn{
		srv: s, nc: nc, ctx: s.ctx,
		r:     resp.NewReader(nc, s.limits()),
		w:     resp.NewWriter(patientWriter{nc, s.cfg.WriteTimeout}),
		id:    s.stats.nextID.Add(1),
		since: time.Now(),
	}
	c.label.Store(&label{proto: c.w.Proto})
	c.deauth()
	return c
}

// deauth makes the client a stranger again, if there is a password.
func (c *conn) deauth() { c.setAuthed(c.srv.cfg.Password == "") }

func (c *conn) setAuthed(ok bool) {
	c.authed = ok
	c.r.Untrusted = !ok
}

// serve runs until the client or the server has had enough.
func (c *conn) serve() {
	defer c.nc.Close()
	for {
		bad := c.answerArrived()
		if err := c.w.Flush(); err != nil {
			c.srv.cfg.Logger.Debug("client does not take its replies", "client", c.nc.RemoteAddr(), "err", err)
			return
		}
		if bad != nil {
			c.srv.stats.protocolErrors.Add(1)
			c.srv.cfg.Logger.Info("client broke the protocol", "client", c.nc.RemoteAddr(), "err", bad)
		}
		if bad != nil || c.closing {
			c.linger()
			return
		}
		if err := c.fill(); err != nil {
			if !errors.Is(err, io.EOF) {
				c.srv.cfg.Logger.Debug("connection ended", "client", c.nc.RemoteAddr(), "err", err)
			}
			return
		}
	}
}

// answerArrived runs every command that has arrived whole. The error says that
// the client does not speak RESP; it has been told.
func (c *conn) answerArrived() error {
	n := uint64(0)
	defer func() { c.srv.stats.commands.Add(n) }()
	for !c.closing {
		cmd, ok, err := c.r.Next()
		if err != nil {
			c.runBatch()
			c.w.Error("ERR " + err.Error())
			return err
		}
		if !ok {
			break
		}
		c.execute(cmd)
		n++
	}
	c.runBatch()
	return nil
}

// fill waits for more. Shutdown sets closing before it wakes the connection,
// and here the deadline is set before closing is read, so neither can undo the
// other.
func (c *conn) fill() error {
	if t := c.srv.cfg.IdleTimeout; t > 0 {
		if err := c.nc.SetReadDeadline(time.Now().Add(t)); err != nil {
			return err
		}
	}
	if c.srv.closing.Load() {
		return ErrClosed
	}
	return c.r.Fill()
}

// linger reads away a little of what the client still sends: a socket closed
// with unread bytes is reset, and the client would lose the last reply.
func (c *conn) linger() {
	if half, ok := c.nc.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
	}
	c.nc.SetReadDeadline(time.Now().Add(500 * time.Millisecond))
	io.CopyN(io.Discard, c.nc, 1<<20)
}

// execute runs a command, or adds it to those that run together.
func (c *conn) execute(cmd resp.Command) {
	spec := lookup(cmd.Args[0])
	if refusal := c.refusal(spec, cmd); refusal != "" {
		c.runBatch()
		c.w.Error(refusal)
		return
	}
	if spec.join != nil && spec.join(c, cmd.Args) {
		return
	}
	c.runBatch()
	spec.run(c, cmd.Args)
}

// refusal says why a command cannot run; empty if it can.
func (c *conn) refusal(spec *command, cmd resp.Command) string {
	switch {
	case spec == nil:
		return unknownCommand(cmd.Args)
	case !arityOK(spec.arity, len(cmd.Args)):
		return wrongArity(spec.name)
	case !c.authed && !spec.public:
		return "NOAUTH Authentication required."
	case !spec.loading && c.srv.table.Load() == nil:
		return "LOADING the node is looking for its cluster; nothing was done"
	case cmd.Dropped > 0:
		return fmt.Sprintf("ERR an argument of %d bytes is over the limit of %d bytes; nothing was changed",
			cmd.Dropped, c.srv.cfg.MaxValue)
	}
	return ""
}
