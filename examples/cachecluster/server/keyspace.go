package server

import (
	"bytes"
	"strconv"

	"github.com/grapevine-go/grapevine/examples/cachecluster/resp"
)

func typeOf(c *conn, args [][]byte) {
	e, err := c.table().Get(c.ctx, string(args[1]))
	switch {
	case err != nil:
		c.w.Error(replyText(err))
	case e.Found:
		c.w.Simple("string")
	default:
		c.w.Simple("none")
	}
}

func dbsize(c *conn, _ [][]byte) {
	n, err := c.table().Len(c.ctx)
	if err != nil {
		c.w.Error(replyText(err))
		return
	}
	c.w.Int(int64(n))
}

// maxScan bounds what one SCAN asks for.
const maxScan = 10_000

type scanOptions struct {
	cursor uint64
	count  int
	match  []byte // nil: everything
	none   bool   // a type that no key has
}

func scan(c *conn, args [][]byte) {
	o, refusal := parseScan(args)
	if refusal != "" {
		c.w.Error(refusal)
		return
	}
	keys, next, err := c.table().Scan(c.ctx, o.cursor, o.count)
	if err != nil {
		c.w.Error(replyText(err))
		return
	}
	matching := keys[:0]
	for _, k := range keys {
		if !o.none && (o.match == nil || match(o.match, []byte(k))) {
			matching = append(matching, k)
		}
	}
	c.w.Array(2)
	c.w.String(strconv.FormatUint(next, 10))
	c.w.Array(len(matching))
	for _, k := range matching {
		c.w.String(k)
	}
}

func parseScan(args [][]byte) (o scanOptions, refusal string) {
	cursor, err := strconv.ParseUint(string(args[1]), 10, 64)
	if err != nil {
		return o, "ERR invalid cursor"
	}
	o = scanOptions{cursor: cursor, count: 10}
	for i := 2; i < len(args); i += 2 {
		if i+1 == len(args) {
			return o, errSyntax
		}
		switch name, value := args[i], args[i+1]; {
		case is(name, "count"):
			n, ok := resp.ParseInt(value)
			if !ok {
				return o, errNotInteger
			}
			if n < 1 {
				return o, errSyntax
			}
			o.count = int(min(n, maxScan))
		case is(name, "match"):
			o.match = value
		case is(name, "type"):
			o.none = !is(value, "string")
		default:
			return o, errSyntax
		}
	}
	return o, ""
}

// match reports whether s matches a glob pattern as Redis knows them: '*', '?',
// '[a-z]', '[^a]' and '\' before a character to be taken as it is.
//
// On a mismatch only the last '*' is tried at another length: an earlier one
// could not do better. So the time is at most len(pattern) × len(s), while the
// recursive form takes exponential time for patterns such as a*a*a*a*b.
func match(pattern, s []byte) bool {
	var retry, rest []byte // what follows the last '*', and what is left for it
	star := false
	for p := pattern; ; {
		if len(p) > 0 && p[0] == '*' {
			p = p[1:]
			star, retry, rest = true, p, s
			continue
		}
		if len(s) > 0 && len(p) > 0 {
			if n, ok := matchOne(p, s[0]); ok {
				p, s = p[n:], s[1:]
				continue
			}
		}
		if len(s) == 0 && len(p) == 0 {
			return true
		}
		if !star || len(rest) == 0 {
			return false
		}
		rest = rest[1:]
		p, s = retry, rest
	}
}

// matchOne matches one character with the element at the start of the pattern,
// which is n bytes long.
func matchOne(p []byte, c byte) (n int, ok bool) {
	switch {
	case p[0] == '?':
		return 1, true
	case p[0] == '[':
		return matchClass(p, c)
	case p[0] == '\\' && len(p) > 1:
		return 2, p[1] == c
	}
	return 1, p[0] == c
}

// matchClass matches "[...]". A class that is not closed ends with the pattern.
func matchClass(p []byte, c byte) (n int, ok bool) {
	i := 1
	not := bytes.HasPrefix(p[i:], []byte{'^'})
	if not {
		i++
	}
	for ; i < len(p) && p[i] != ']'; i++ {
		switch {
		case p[i] == '\\' && i+1 < len(p):
			i++
			ok = ok || p[i] == c
		case i+2 < len(p) && p[i+1] == '-':
			lo, hi := min(p[i], p[i+2]), max(p[i], p[i+2])
			ok = ok || lo <= c && c <= hi
			i += 2
		default:
			ok = ok || p[i] == c
		}
	}
	return min(i+1, len(p)), ok != not
}
