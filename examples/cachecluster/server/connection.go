package server

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"

	"github.com/grapevine-go/grapevine/examples/cachecluster/resp"
)

func ping(c *conn, args [][]byte) {
	switch len(args) {
	case 1:
		c.w.Simple("PONG")
	case 2:
		c.w.Bulk(args[1])
	default:
		c.w.Error(wrongArity("ping"))
	}
}

func quit(c *conn, _ [][]byte) {
	c.w.Simple("OK")
	c.closing = true
}

func reset(c *conn, _ [][]byte) {
	c.relabel(func(l *label) { l.proto, l.name = 2, "" })
	c.deauth()
	c.w.Simple("RESET")
}

func selectDB(c *conn, args [][]byte) {
	n, ok := resp.ParseInt(args[1])
	switch {
	case !ok:
		c.w.Error(errNotInteger)
	case n != 0:
		c.w.Error("ERR DB index is out of range")
	default:
		c.w.Simple("OK")
	}
}

const errWrongPass = "WRONGPASS invalid username-password pair or user is disabled."

func auth(c *conn, args [][]byte) {
	user, password := []byte("default"), args[1]
	switch {
	case len(args) > 3:
		c.w.Error(errSyntax)
		return
	case len(args) == 3:
		user, password = args[1], args[2]
	case c.srv.cfg.Password == "":
		c.w.Error("ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?")
		return
	}
	if !c.login(user, password) {
		c.w.Error(errWrongPass)
		return
	}
	c.w.Simple("OK")
}

// login checks who the client says it is. Without a password configured, any
// is right.
func (c *conn) login(user, password []byte) bool {
	sum := sha256.Sum256(password)
	same := subtle.ConstantTimeCompare(sum[:], c.srv.password[:]) == 1
	if string(user) != "default" || !same && c.srv.cfg.Password != "" {
		c.srv.cfg.Logger.Warn("wrong password", "client", c.nc.RemoteAddr())
		return false
	}
	c.setAuthed(true)
	return true
}

// hello is HELLO [version [AUTH user password] [SETNAME name]].
func hello(c *conn, args [][]byte) {
	proto := c.w.Proto
	if len(args) > 1 {
		n, ok := resp.ParseInt(args[1])
		if !ok {
			c.w.Error("ERR Protocol version is not an integer or out of range")
			return
		}
		if n < 2 || n > 3 {
			c.w.Error("NOPROTO unsupported protocol version")
			return
		}
		proto = int(n)
	}
	name := c.label.Load().name
	for i := 2; i < len(args); {
		switch more := len(args) - i - 1; {
		case is(args[i], "auth") && more >= 2:
			if !c.login(args[i+1], args[i+2]) {
				c.w.Error(errWrongPass)
				return
			}
			i += 3
		case is(args[i], "setname") && more >= 1:
			if !plain(args[i+1]) {
				c.w.Error(errClientName)
				return
			}
			name = string(args[i+1])
			i += 2
		default:
			c.w.Error(fmt.Sprintf("ERR Syntax error in HELLO option '%s'", args[i]))
			return
		}
	}
	if !c.authed {
		c.w.Error("NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time")
		return
	}
	c.relabel(func(l *label) { l.proto, l.name = proto, name })
	c.greet()
}

func (c *conn) greet() {
	c.w.Map(7)
	for _, pair := range [][2]string{{"server", "redis"}, {"version", redisVersion}, {"mode", "standalone"}, {"role", "master"}} {
		c.w.String(pair[0])
		c.w.String(pair[1])
	}
	c.w.String("proto")
	c.w.Int(int64(c.w.Proto))
	c.w.String("id")
	c.w.Int(int64(c.id))
	c.w.String("modules")
	c.w.Array(0)
}
