package server

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/grapevine-go/grapevine/examples/cachecluster/resp"
)

// label is what a client says of itself. Other connections read it, so it is
// replaced as a whole.
type label struct {
	name            string
	libName, libVer string
	proto           int
}

// relabel changes what others see of the client; only its own goroutine may.
func (c *conn) relabel(change func(*label)) {
	l := *c.label.Load()
	change(&l)
	c.label.Store(&l)
	c.w.Proto = l.proto
}

var clientSubcommands = append([]subcommand{
	{"id", 2, "", "Return the ID of the current connection.", func(c *conn, _ [][]byte) { c.w.Int(int64(c.id)) }},
	{"info", 2, "", "Return information about the current connection.", func(c *conn, _ [][]byte) { c.w.Text(c.describe()) }},
	{"list", -2, "[ID <id> [<id> ...] | TYPE <type>]", "Return information about the connections to this node.", clientList},
	{"kill", -3, "<ip:port> | <option> <value> [...]", "Close connections to this node: ID, ADDR, LADDR, TYPE, USER; SKIPME (default: yes).", clientKill},
	{"getname", 2, "", "Return the name of the current connection.", clientGetName},
	{"setname", 3, "<name>", "Assign the name <name> to the current connection.", clientSetName},
	{"setinfo", 4, "<option> <value>", "Set client meta attributes: LIB-NAME, LIB-VER.", clientSetInfo},
	{"no-evict", 3, "(ON|OFF)", "Does nothing: connections are never evicted.", clientSwitch},
	{"no-touch", 3, "(ON|OFF)", "Does nothing: reading leaves no trace.", clientSwitch},
}, slices.Concat(
	unavailable("every command is answered: the reply to a write says whether it was applied", "reply"),
	unavailable("each node serves its own clients, and one cannot hold up those of the others", "pause", "unpause"),
	unavailable("no command waits for another client", "unblock"),
	unavailable("this server does not tell clients of changes, which other nodes make too", "tracking", "trackinginfo", "caching", "getredir"),
)...)

func client(c *conn, args [][]byte) { c.runOf(clientSubcommands, args) }

const errClientName = "ERR Client names cannot contain spaces, newlines or special characters."

// plain reports that a name is printable ASCII without spaces, so that it
// cannot break a line of CLIENT LIST.
func plain(name []byte) bool {
	for _, b := range name {
		if b < '!' || b > '~' {
			return false
		}
	}
	return true
}

func clientGetName(c *conn, _ [][]byte) {
	name := c.label.Load().name
	if name == "" {
		c.w.Null()
		return
	}
	c.w.String(name)
}

func clientSetName(c *conn, args [][]byte) {
	if !plain(args[2]) {
		c.w.Error(errClientName)
		return
	}
	c.relabel(func(l *label) { l.name = string(args[2]) })
	c.w.Simple("OK")
}

func clientSetInfo(c *conn, args [][]byte) {
	attribute, value := strings.ToLower(string(args[2])), string(args[3])
	switch {
	case attribute != "lib-name" && attribute != "lib-ver":
		c.w.Error(fmt.Sprintf("ERR Unrecognized option '%s'", args[2]))
		return
	case !plain(args[3]):
		c.w.Error("ERR " + attribute + " cannot contain spaces, newlines or special characters.")
		return
	case attribute == "lib-name":
		c.relabel(func(l *label) { l.libName = value })
	default:
		c.relabel(func(l *label) { l.libVer = value })
	}
	c.w.Simple("OK")
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
	l := c.label.Load()
	return fmt.Sprintf("id=%d addr=%v laddr=%v name=%s age=%d db=0 resp=%d user=default lib-name=%s lib-ver=%s\n",
		c.id, c.nc.RemoteAddr(), c.nc.LocalAddr(), l.name, int(time.Since(c.since).Seconds()), l.proto, l.libName, l.libVer)
}

// clients are the connections at the moment that match, by id.
func (s *Server) clients(match func(*conn) bool) []*conn {
	s.mu.Lock()
	all := slices.Collect(maps.Keys(s.conns))
	s.mu.Unlock()
	all = slices.DeleteFunc(all, func(c *conn) bool { return !match(c) })
	slices.SortFunc(all, func(a, b *conn) int { return cmp.Compare(a.id, b.id) })
	return all
}

// clientList is CLIENT LIST [ID id … | TYPE type].
func clientList(c *conn, args [][]byte) {
	match := func(*conn) bool { return true }
	switch options := args[2:]; {
	case len(options) == 0:
	case len(options) >= 2 && is(options[0], "id"):
		ids := make(map[uint64]bool)
		for _, word := range options[1:] {
			id, ok := resp.ParseInt(word)
			if !ok || id <= 0 {
				c.w.Error("ERR Invalid client ID")
				return
			}
			ids[uint64(id)] = true
		}
		match = func(o *conn) bool { return ids[o.id] }
	case len(options) == 2 && is(options[0], "type"):
		of, refusal := ofType(options[1])
		if refusal != "" {
			c.w.Error(refusal)
			return
		}
		match = of
	default:
		c.w.Error(errSyntax)
		return
	}
	var b strings.Builder
	for _, o := range c.srv.clients(match) {
		b.WriteString(o.describe())
	}
	c.w.Text(b.String())
}

// ofType matches the clients of a type: all are normal ones.
func ofType(word []byte) (match func(*conn) bool, refusal string) {
	name := strings.ToLower(string(word))
	if !slices.Contains([]string{"normal", "master", "replica", "slave", "pubsub"}, name) {
		return nil, fmt.Sprintf("ERR Unknown client type '%s'", word)
	}
	return func(*conn) bool { return name == "normal" }, ""
}

// clientKill is CLIENT KILL ip:port, and CLIENT KILL option value …
func clientKill(c *conn, args [][]byte) {
	if len(args) == 3 {
		addr := string(args[2])
		if c.kill(func(o *conn) bool { return o.nc.RemoteAddr().String() == addr }) == 0 {
			c.w.Error("ERR No such client")
			return
		}
		c.w.Simple("OK")
		return
	}
	match, refusal := c.victims(args[2:])
	if refusal != "" {
		c.w.Error(refusal)
		return
	}
	c.w.Int(int64(c.kill(match)))
}

// victims matches the clients that all of the options match.
func (c *conn) victims(options [][]byte) (match func(*conn) bool, refusal string) {
	if len(options)%2 != 0 {
		return nil, errSyntax
	}
	skipMe := true
	var all []func(*conn) bool
	for i := 0; i < len(options); i += 2 {
		value := string(options[i+1])
		switch option := options[i]; {
		case is(option, "skipme") && (is(options[i+1], "yes") || is(options[i+1], "no")):
			skipMe = is(options[i+1], "yes")
			continue
		case is(option, "id"):
			id, err := strconv.ParseUint(value, 10, 64)
			if err != nil || id == 0 {
				return nil, "ERR client-id should be greater than 0"
			}
			match = func(o *conn) bool { return o.id == id }
		case is(option, "addr"):
			match = func(o *conn) bool { return o.nc.RemoteAddr().String() == value }
		case is(option, "laddr"):
			match = func(o *conn) bool { return o.nc.LocalAddr().String() == value }
		case is(option, "type"):
			if match, refusal = ofType(options[i+1]); refusal != "" {
				return nil, refusal
			}
		case is(option, "user"):
			if value != "default" {
				return nil, fmt.Sprintf("ERR No such user '%s'", value)
			}
			continue
		default:
			return nil, errSyntax
		}
		all = append(all, match)
	}
	return func(o *conn) bool {
		return !(o == c && skipMe) && !slices.ContainsFunc(all, func(m func(*conn) bool) bool { return !m(o) })
	}, ""
}

// kill closes the clients that match, this one after its reply, and counts them.
func (c *conn) kill(match func(*conn) bool) int {
	found := c.srv.clients(match)
	for _, o := range found {
		if o == c {
			c.closing = true
			continue
		}
		o.nc.Close()
	}
	return len(found)
}
