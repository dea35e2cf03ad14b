package server

import (
	"maps"
	"slices"
	"strings"
)

// commandCommand is COMMAND and its subcommands.
func commandCommand(c *conn, args [][]byte) {
	if len(args) == 1 {
		c.commandInfo(listed())
		return
	}
	switch name := strings.ToLower(string(args[1])); name {
	case "count", "list":
		if len(args) > 2 {
			c.w.Error(wrongArity("command|" + name))
			return
		}
		c.commandNames(name == "count")
	case "info":
		c.commandInfo(c.named(args[2:]))
	case "docs":
		c.commandDocs(c.named(args[2:]))
	default:
		c.w.Error(unknownSubcommand("command", args[1]))
	}
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

func (c *conn) commandNames(count bool) {
	all := listed()
	if count {
		c.w.Int(int64(len(all)))
		return
	}
	c.w.Array(len(all))
	for _, s := range all {
		c.w.String(s.name)
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
