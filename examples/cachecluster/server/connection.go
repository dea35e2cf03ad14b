package server

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"strings"
	"time"

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
	c.w.Proto = 2
	c.name = ""
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
	name := c.name
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
	c.w.Proto, c.name = proto, name
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

const errClientName = "ERR Client names cannot contain spaces, newlines or special characters."

// plain reports that a name is printable ASCII without spaces, so that it
// cannot break a line of CLIENT INFO.
func plain(name []byte) bool {
	for _, b := range name {
		if b < '!' || b > '~' {
			return false
		}
	}
	return true
}

// clientCommands are the subcommands of CLIENT, with the words that each has.
var clientCommands = map[string]struct {
	words int
	run   func(c *conn, args [][]byte)
}{
	"id":       {2, func(c *conn, _ [][]byte) { c.w.Int(int64(c.id)) }},
	"info":     {2, func(c *conn, _ [][]byte) { c.w.Text(c.describe()) }},
	"getname":  {2, clientGetName},
	"setname":  {3, clientSetName},
	"setinfo":  {4, clientSetInfo},
	"no-evict": {3, clientSwitch},
	"no-touch": {3, clientSwitch},
}

func client(c *conn, args [][]byte) {
	name := strings.ToLower(string(args[1]))
	sub, ok := clientCommands[name]
	switch {
	case !ok:
		c.w.Error(unknownSubcommand("client", args[1]))
	case len(args) != sub.words:
		c.w.Error(wrongArity("client|" + name))
	default:
		sub.run(c, args)
	}
}

func unknownSubcommand(name string, sub []byte) string {
	return fmt.Sprintf("ERR unknown subcommand '%s'. Try %s HELP.", sub[:min(len(sub), 128)], strings.ToUpper(name))
}

func clientGetName(c *conn, _ [][]byte) {
	if c.name == "" {
		c.w.Null()
		return
	}
	c.w.String(c.name)
}

func clientSetName(c *conn, args [][]byte) {
	if !plain(args[2]) {
		c.w.Error(errClientName)
		return
	}
	c.name = string(args[2])
	c.w.Simple("OK")
}

func clientSetInfo(c *conn, args [][]byte) {
	field := map[string]*string{"lib-name": &c.libName, "lib-ver": &c.libVer}[strings.ToLower(string(args[2]))]
	switch {
	case field == nil:
		c.w.Error(fmt.Sprintf("ERR Unrecognized option '%s'", args[2]))
	case !plain(args[3]):
		c.w.Error("ERR " + strings.ToLower(string(args[2])) + " cannot contain spaces, newlines or special characters.")
	default:
		*field = string(args[3])
		c.w.Simple("OK")
	}
}

// clientSwitch is NO-EVICT and NO-TOUCH: nothing is evicted here, and reading
// leaves no trace, so both are so already.
func clientSwitch(c *conn, args [][]byte) {
	if !is(args[2], "on") && !is(args[2], "off") {
		c.w.Error(errSyntax)
		return
	}
	c.w.Simple("OK")
}

func (c *conn) describe() string {
	return fmt.Sprintf("id=%d addr=%v laddr=%v name=%s age=%d db=0 resp=%d user=default lib-name=%s lib-ver=%s\n",
		c.id, c.nc.RemoteAddr(), c.nc.LocalAddr(), c.name, int(time.Since(c.since).Seconds()), c.w.Proto, c.libName, c.libVer)
}
