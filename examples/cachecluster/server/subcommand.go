package server

import (
	"fmt"
	"slices"
	"strings"
)

// subcommand is a part of a command that Redis counts as one of its own, such as
// CLIENT LIST.
type subcommand struct {
	name  string
	arity int    // words, as in a command
	args  string // for HELP
	help  string
	run   func(c *conn, args [][]byte)
}

// unavailable are subcommands of Redis that do not exist here, and why.
func unavailable(reason string, names ...string) (subs []subcommand) {
	for _, name := range names {
		subs = append(subs, subcommand{name: name, arity: -2, run: func(c *conn, args [][]byte) {
			c.w.Error(fmt.Sprintf("ERR %s %s is not available here: %s", strings.ToUpper(string(args[0])), strings.ToUpper(name), reason))
		}})
	}
	return subs
}

// runOf runs the subcommand that the second word names.
func (c *conn) runOf(subs []subcommand, args [][]byte) {
	parent, name := strings.ToLower(string(args[0])), strings.ToLower(string(args[1]))
	i := slices.IndexFunc(subs, func(s subcommand) bool { return s.name == name })
	switch {
	case name == "help" && len(args) == 2:
		c.help(parent, subs)
	case i < 0:
		c.w.Error(fmt.Sprintf("ERR unknown subcommand '%s'. Try %s HELP.", args[1][:min(len(args[1]), 128)], strings.ToUpper(parent)))
	case !arityOK(subs[i].arity, len(args)):
		c.w.Error(wrongArity(parent + "|" + name))
	default:
		subs[i].run(c, args)
	}
}

// help lists the subcommands that can be used, as Redis does.
func (c *conn) help(parent string, subs []subcommand) {
	lines := []string{strings.ToUpper(parent) + " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"}
	for _, s := range subs {
		if s.help != "" {
			lines = append(lines, strings.TrimSpace(strings.ToUpper(s.name)+" "+s.args), "    "+s.help)
		}
	}
	c.w.Array(len(lines) + 2)
	for _, line := range append(lines, "HELP", "    Prints this help.") {
		c.w.Simple(line)
	}
}
