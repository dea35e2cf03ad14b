package resp

import "bytes"

// inline reads a command typed as a line, "SET key \"a value\"\n". A line of
// spaces gives a command without arguments.
func (r *Reader) inline() (Command, bool, error) {
	rest := r.buf[r.pos:]
	end := bytes.IndexByte(rest, '\n')
	if end > maxInline || end < 0 && len(rest) > maxInline {
		return Command{}, false, ProtocolError("too big inline request")
	}
	if end < 0 {
		return Command{}, false, nil
	}
	line := bytes.TrimSuffix(rest[:end], []byte{'\r'})
	first := len(r.args)
	var ok bool
	if r.args, ok = splitLine(r.args, line); !ok {
		return Command{}, false, ProtocolError("unbalanced quotes in request")
	}
	r.pos += end + 1
	r.start = r.pos
	return Command{Args: r.args[first:len(r.args):len(r.args)]}, true, nil
}

// splitLine appends the words of a line to args. It undoes quotes and escapes
// in place, which a word's shrinking allows. It is false for quotes that are
// not closed, or closed in the middle of a word.
func splitLine(args [][]byte, line []byte) ([][]byte, bool) {
	for i := 0; ; {
		for i < len(line) && isSpace(line[i]) {
			i++
		}
		if i == len(line) {
			return args, true
		}
		word, n, ok := splitWord(line[i:])
		if !ok {
			return args, false
		}
		args = append(args, word)
		i += n
	}
}

// splitWord reads one word at the start of p and says how many bytes it took.
func splitWord(p []byte) (word []byte, n int, ok bool) {
	word = p[:0]
	for n < len(p) && !isSpace(p[n]) {
		switch c := p[n]; c {
		case '"', '\'':
			n++
			var took int
			if word, took, ok = splitQuoted(word, p[n:], c); !ok {
				return nil, 0, false
			}
			n += took
			return word, n, n == len(p) || isSpace(p[n])
		default:
			word = append(word, c)
			n++
		}
	}
	return word, n, true
}

// splitQuoted reads up to the closing quote.
func splitQuoted(word, p []byte, quote byte) ([]byte, int, bool) {
	for i := 0; i < len(p); i++ {
		switch c := p[i]; {
		case c == quote:
			return word, i + 1, true
		case c != '\\' || i+1 == len(p):
			word = append(word, c)
		case quote == '\'':
			if p[i+1] == '\'' {
				i++
			}
			word = append(word, p[i])
		case p[i+1] == 'x' && i+3 < len(p) && unhex(p[i+2]) >= 0 && unhex(p[i+3]) >= 0:
			word = append(word, byte(unhex(p[i+2])<<4|unhex(p[i+3])))
			i += 3
		default:
			i++
			word = append(word, unescape(p[i]))
		}
	}
	return nil, 0, false
}

func unescape(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'b':
		return '\b'
	case 'a':
		return '\a'
	}
	return c
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

func isSpace(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' || c == 0 }
