package server

import (
	"fmt"
	"strings"
)

// command describes a command as COMMAND does, and runs it.
type command struct {
	name    string
	arity   int    // words, the name included; if negative, at least so many
	flags   string // as in COMMAND INFO, separated by spaces
	keys    [3]int // first key, last key, step
	group   string
	since   string // version of Redis
	summary string // says what is not atomic here
	public  bool   // allowed before AUTH
	loading bool   // allowed before there is a table; of those flagged so

	run func(c *conn, args [][]byte)
	// join adds the command to the batch if it is simple enough for that.
	join func(c *conn, args [][]byte) bool
}

// arityOK reports whether a number of words fits an arity: if that is negative,
// it is the least.
func arityOK(arity, words int) bool {
	return words == arity || arity < 0 && words >= -arity
}

var (
	oneKey   = [3]int{1, 1, 1}
	manyKeys = [3]int{1, -1, 1}
	pairs    = [3]int{1, -1, 2}
)

// commands holds every command that this server runs, by name. It is filled
// in init, as COMMAND itself reads it.
var commands = map[string]*command{}

func init() {
	for _, group := range [][]command{connectionCommands, stringCommands, expiryCommands, keyspaceCommands, adminCommands, closingCommands} {
		for i := range group {
			group[i].loading = strings.Contains(group[i].flags, "loading")
			commands[group[i].name] = &group[i]
		}
	}
	for _, refused := range refusedCommands {
		for name := range strings.FieldsSeq(refused.names) {
			commands[name] = refusing(name, refused.reason)
		}
	}
}

var connectionCommands = []command{
	{name: "ping", arity: -1, flags: "fast", group: "connection", since: "1.0.0",
		summary: "Returns the server's liveliness response.", run: ping},
	{name: "echo", arity: 2, flags: "fast", group: "connection", since: "1.0.0",
		summary: "Returns the given string.", run: func(c *conn, args [][]byte) { c.w.Bulk(args[1]) }},
	{name: "hello", arity: -1, flags: "noscript loading stale fast no_auth", group: "connection", since: "6.0.0",
		summary: "Handshakes with the server: RESP2 or RESP3.", public: true, run: hello},
	{name: "auth", arity: -2, flags: "noscript loading stale fast no_auth", group: "connection", since: "1.0.0",
		summary: "Authenticates the connection.", public: true, run: auth},
	{name: "select", arity: 2, flags: "loading stale fast", group: "connection", since: "1.0.0",
		summary: "Changes the selected database. There is only database 0.", run: selectDB},
	{name: "client", arity: -2, flags: "noscript loading stale", group: "connection", since: "2.4.0",
		summary: "The connections to this node: ID, INFO, LIST, KILL, GETNAME, SETNAME, SETINFO, NO-EVICT, NO-TOUCH.", run: client},
	{name: "quit", arity: -1, flags: "noscript loading stale fast no_auth", group: "connection", since: "1.0.0",
		summary: "Closes the connection.", public: true, run: quit},
	{name: "reset", arity: 1, flags: "noscript loading stale fast no_auth", group: "connection", since: "6.2.0",
		summary: "Resets the connection.", public: true, run: reset},
}

var stringCommands = []command{
	{name: "get", arity: 2, flags: "readonly fast", keys: oneKey, group: "string", since: "1.0.0",
		summary: "Returns the string value of a key.", join: joinGet},
	{name: "set", arity: -3, flags: "write denyoom", keys: oneKey, group: "string", since: "1.0.0",
		summary: "Sets the string value of a key (EX, PX, EXAT, PXAT, KEEPTTL, GET). NOT ATOMIC with GET and KEEPTTL: they read first, and another client may write in between. NX and XX would need consensus and are refused.",
		join:    joinSet, run: setSlow},
	{name: "setex", arity: 4, flags: "write denyoom", keys: oneKey, group: "string", since: "2.0.0",
		summary: "Sets the string value and expiration time of a key.", join: joinSetEx("setex", setUnits["ex"])},
	{name: "psetex", arity: 4, flags: "write denyoom", keys: oneKey, group: "string", since: "2.6.0",
		summary: "Sets both string value and expiration time in milliseconds of a key.", join: joinSetEx("psetex", setUnits["px"])},
	{name: "mget", arity: -2, flags: "readonly fast", keys: manyKeys, group: "string", since: "1.0.0",
		summary: "Returns the string values of one or more keys. NOT ATOMIC: each key is read for itself.", run: mget},
	{name: "mset", arity: -3, flags: "write denyoom", keys: pairs, group: "string", since: "1.0.1",
		summary: "Sets the string values of one or more keys. NOT ATOMIC: each key is written for itself, and an error says how many were.", run: mset},
	{name: "strlen", arity: 2, flags: "readonly fast", keys: oneKey, group: "string", since: "2.2.0",
		summary: "Returns the length of a string value.", run: strlen},
	{name: "getdel", arity: 2, flags: "write fast", keys: oneKey, group: "string", since: "6.2.0",
		summary: "Returns the string value of a key and deletes it. NOT ATOMIC: two clients may both get the value.", run: getdel},
	{name: "del", arity: -2, flags: "write", keys: manyKeys, group: "generic", since: "1.0.0",
		summary: "Deletes one or more keys. The deletion of each key is certain; the count is NOT ATOMIC with it: two clients may both count a key.", run: del},
	{name: "unlink", arity: -2, flags: "write fast", keys: manyKeys, group: "generic", since: "4.0.0",
		summary: "The same as DEL.", run: del},
	{name: "exists", arity: -2, flags: "readonly fast", keys: manyKeys, group: "generic", since: "1.0.0",
		summary: "Counts which of the keys exist. NOT ATOMIC: each key is read for itself.", run: exists},
}

var expiryCommands = []command{
	expireCommand("expire", "1.0.0", "Sets the expiration time of a key in seconds.", unit{seconds: true}),
	expireCommand("pexpire", "2.6.0", "Sets the expiration time of a key in milliseconds.", unit{}),
	expireCommand("expireat", "1.2.0", "Sets the expiration time of a key to a Unix timestamp.", unit{seconds: true, absolute: true}),
	expireCommand("pexpireat", "2.6.0", "Sets the expiration time of a key to a Unix timestamp in milliseconds.", unit{absolute: true}),
	ttlCommand("ttl", "1.0.0", "Returns the expiration time in seconds of a key.", unit{seconds: true}),
	ttlCommand("pttl", "2.6.0", "Returns the expiration time in milliseconds of a key.", unit{}),
	ttlCommand("expiretime", "7.0.0", "Returns the expiration time of a key as a Unix timestamp.", unit{seconds: true, absolute: true}),
	ttlCommand("pexpiretime", "7.0.0", "Returns the expiration time of a key as a Unix timestamp in milliseconds.", unit{absolute: true}),
	{name: "persist", arity: 2, flags: "write fast", keys: oneKey, group: "generic", since: "2.2.0",
		summary: "Removes the expiration time of a key. NOT ATOMIC: it reads first.", run: persist},
}

func expireCommand(name, since, summary string, u unit) command {
	return command{name: name, arity: -3, flags: "write fast", keys: oneKey, group: "generic", since: since,
		summary: summary + " It belongs to the value that is found: a SET at the same time wins over it. NX, XX, GT and LT would need consensus and are refused.",
		run:     func(c *conn, args [][]byte) { c.expire(args, u, name) }}
}

func ttlCommand(name, since, summary string, u unit) command {
	return command{name: name, arity: 2, flags: "readonly fast", keys: oneKey, group: "generic", since: since,
		summary: summary, run: func(c *conn, args [][]byte) { c.ttl(args, u) }}
}

var keyspaceCommands = []command{
	{name: "type", arity: 2, flags: "readonly fast", keys: oneKey, group: "generic", since: "1.0.0",
		summary: "Determines the type of value stored at a key: string, or none.", run: typeOf},
	{name: "dbsize", arity: 1, flags: "readonly", group: "server", since: "1.0.0",
		summary: "Returns the number of keys; each counts once, however many copies it has.", run: dbsize},
	{name: "scan", arity: -2, flags: "readonly", group: "generic", since: "2.8.0",
		summary: "Iterates over the key names (MATCH, COUNT, TYPE). The cursor is valid at any node; every key that is there throughout is returned.", run: scan},
}

var adminCommands = []command{
	{name: "info", arity: -1, flags: "loading stale", group: "server", since: "1.0.0",
		summary: "Returns information about the server; the section grapevine is about the node and its cluster.", run: info},
	{name: "command", arity: -1, flags: "loading stale", group: "server", since: "2.8.13",
		summary: "Returns information about the commands: COUNT, DOCS, GETKEYS, INFO, LIST.", run: commandCommand},
	{name: "config", arity: -2, flags: "admin noscript loading stale", group: "server", since: "2.0.0",
		summary: "GET returns settings; they are changed by the flags of the program.", run: config},
}

// lookup finds a command by its name in any case; nil if there is none.
func lookup(name []byte) *command {
	var lower [32]byte
	if len(name) > len(lower) {
		return nil
	}
	for i, c := range name {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		lower[i] = c
	}
	return commands[string(lower[:len(name)])]
}

// unknownCommand quotes as much of the command as Redis does.
func unknownCommand(args [][]byte) string {
	var quoted strings.Builder
	for _, a := range args[1:] {
		if quoted.Len() >= 128 {
			break
		}
		fmt.Fprintf(&quoted, "'%s' ", a[:min(len(a), 128-quoted.Len())])
	}
	return fmt.Sprintf("ERR unknown command '%s', with args beginning with: %s", args[0][:min(len(args[0]), 128)], quoted.String())
}

func wrongArity(name string) string {
	return "ERR wrong number of arguments for '" + name + "' command"
}

const (
	errSyntax     = "ERR syntax error"
	errNotInteger = "ERR value is not an integer or out of range"
)

// is compares a word of a command with one in lower case.
func is(arg []byte, lower string) bool { return strings.EqualFold(string(arg), lower) }
