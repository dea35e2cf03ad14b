package server

import (
	"maps"
	"slices"
	"strings"
)

var commandSubcommands = append([]subcommand{
	{"count", 2, "", "Return the number of commands of this server.", func(c *conn, _ [][]byte) { c.w.Int(int64(len(listed()))) }},
	{"list", 2, "", "Return the names of all commands.", commandList},
	{"info", -2, "[<command-name> ...]", "Return details about commands, or all.", func(c *conn, args [][]byte) { c.commandInfo(c.named(args[2:])) }},
	{"docs", -2, "[<command-name> ...]", "Return documentation of commands, or all: what is not atomic here, too.", func(c *conn, args [][]byte) { c.commandDocs(c.named(args[2:])) }},
	{"getkeys", -3, "<full-command>", "Return the keys of a full command.", commandGetKeys},
}, unavailable("use COMMAND GETKEYS and COMMAND INFO", "getkeysandflags")...)

// commandCommand is COMMAND and its subcommands.
func commandCommand(c *conn, args [][]byte) {
	if len(args) == 1 {
		c.commandInfo(listed())
		return
	}
	c.runOf(commandSubcommands, args)
}

// listed is every command that can be used, by name.
func listed() []*command {
	return slices.DeleteFunc(slices.SortedFunc(maps.Values(commands), func(a, b *command) int {
		return strings.Compare(a.name, b.name)
	}), (*command).hidden)
}

// named is the commands of these names, nil for one that does not exist, or
// every command if there are no names.
func (c *conn) named(names [][]byte) []*command {
	if len(names) == 0 {
		return listed()
	}
	specs := make([]*command, len(names))
	for i, n := range names {
		if s := lookup(n); s != nil && !s.hidden() {
			specs[i] = s
		}
	}
	return specs
}

func commandList(c *conn, _ [][]byte) {
	all := listed()
	c.w.Array(len(all))
	for _, s := range all {
		c.w.String(s.name)
	}
}

// commandGetKeys is COMMAND GETKEYS name argument …
func commandGetKeys(c *conn, args [][]byte) {
	words := args[2:]
	s := lookup(words[0])
	switch {
	case s == nil || s.hidden():
		c.w.Error("ERR Invalid command specified")
		return
	case s.keys[0] == 0:
		c.w.Error("ERR The command has no key arguments")
		return
	case !arityOK(s.arity, len(words)):
		c.w.Error("ERR Invalid number of arguments specified for command")
		return
	}
	last := s.keys[1]
	if last < 0 {
		last += len(words)
	}
	var keys [][]byte
	for i := s.keys[0]; i <= last; i += s.keys[2] {
		keys = append(keys, words[i])
	}
	c.w.Array(len(keys))
	for _, key := range keys {
		c.w.Bulk(key)
	}
}

func (c *conn) commandInfo(specs []*command) {
	c.w.Array(len(specs))
	for _, s := range specs {
		if s == nil {
			c.w.NullArray()
			continue
		}
		c.w.Array(10)
		c.w.String(s.name)
		c.w.Int(int64(s.arity))
		flags := strings.Fields(s.flags)
		c.w.Set(len(flags))
		for _, f := range flags {
			c.w.Simple(f)
		}
		for _, n := range s.keys {
			c.w.Int(int64(n))
		}
		c.w.Set(0)   // access control categories
		c.w.Array(0) // tips
		c.w.Array(0) // key specifications
		c.w.Array(0) // subcommands
	}
}

// commandDocs leaves out what does not exist, as Redis does.
func (c *conn) commandDocs(specs []*command) {
	specs = slices.DeleteFunc(specs, func(s *command) bool { return s == nil })
	c.w.Map(len(specs))
	for _, s := range specs {
		c.w.String(s.name)
		c.w.Map(3)
		for _, pair := range [][2]string{{"summary", s.summary}, {"since", s.since}, {"group", s.group}} {
			c.w.String(pair[0])
			c.w.String(pair[1])
		}
	}
}
