package server

import (
	"bufio"
	"errors"
	"fmt"
	"maps"
	"net"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"pgregory.net/rapid"
)

// The twin of this server is Redis itself: random commands, right and wrong,
// must have the same replies, to the letter, wherever the meaning is the same.
// miniredis is always there; the real one is asked too where it is installed.

func TestSameAsMiniredis(t *testing.T) {
	m := miniredis.NewMiniRedis()
	if err := m.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	compare(t, oracle{addr: m.Addr(), differs: miniredisDiffers})
}

func TestSameAsRedis(t *testing.T) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("redis-server is not installed (Debian: apt install redis-server)")
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := free.Addr().String()
	free.Close()
	_, port, _ := net.SplitHostPort(addr)
	real := exec.Command(path, "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", t.TempDir())
	out, err := real.StdoutPipe()
	if err := errors.Join(err, real.Start()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		real.Process.Kill()
		real.Wait()
	})
	log := bufio.NewScanner(out)
	for log.Scan() && !strings.Contains(log.Text(), "Ready to accept connections") {
	}
	compare(t, oracle{addr: addr, exact: true, differs: func([]string, string, string) bool { return false }})
}

// oracle is a server that knows the right replies.
type oracle struct {
	addr string
	// exact: it also finds every mistake that Redis finds, such as "01" for a
	// number, times out of range, and options that exclude each other.
	exact bool
	// differs says which replies it is known to give in another form.
	differs func(cmd []string, got, want string) bool
}

// compare plays random sequences to both servers.
func compare(t *testing.T, o oracle) {
	_, addr := start(t, Config{})
	ours, theirs := dial(t, addr), dial(t, o.addr)
	keys := []string{"a", "b", "user:1", "user:2", ""}
	words := vocabulary(keys, o.exact)
	rapid.Check(t, func(t *rapid.T) {
		for _, c := range []*rawClient{ours, theirs} {
			c.do(append([]string{"DEL"}, keys...)...)
		}
		for range rapid.IntRange(1, 40).Draw(t, "length") {
			cmd := drawCommand(t, words)
			if cmd[0] == "DBSIZE" { // Redis counts what has expired until it is looked for
				theirs.do(append([]string{"EXISTS"}, keys...)...)
			}
			got, want := ours.do(cmd...), theirs.do(cmd...)
			if got != want && !closeEnough(cmd, got, want) && !o.differs(cmd, got, want) {
				t.Fatalf("%q\n got %s\nwant %s", cmd, got, want)
			}
		}
		if got, want := ours.scanAll("user:*"), theirs.scanAll("user:*"); !slices.Equal(got, want) {
			t.Fatalf("SCAN: got %q, want %q", got, want)
		}
	})
}

// vocabulary is the words that may follow each command. exact: see oracle.
func vocabulary(keys []string, exact bool) map[string][]*rapid.Generator[string] {
	numbers := []string{"100", "200", "0", "-1", "x", "", "1.5"}
	options := []string{"EX", "px", "KEEPTTL", "GET", "get", "nonsense"}
	dates := []string{"7999999999", "1", "0", "-5", "y"}
	if exact {
		dates = append(dates, "99999999999", "99999999999123")
		numbers = append(numbers, "01", "9223372036854775807", "9223372036854775", "-9223372036854775808", "99999999999999999999")
		options = append(options, "EXAT", "pxAT") // miniredis keeps what expired long ago
	}
	key, value, number, option := rapid.SampledFrom(keys), rapid.StringN(0, 5, 20), rapid.SampledFrom(numbers), rapid.SampledFrom(options)
	date := rapid.SampledFrom(dates)
	words := map[string][]*rapid.Generator[string]{
		"SET": {key, value}, "GET": {key}, "STRLEN": {key}, "TYPE": {key}, "GETDEL": {key}, "PERSIST": {key},
		"TTL": {key}, "PTTL": {key}, "EXPIRETIME": {key}, "PEXPIRETIME": {key}, "DBSIZE": {}, "PING": {}, "ECHO": {value},
		"EXPIRE": {key, number}, "PEXPIRE": {key, number}, "EXPIREAT": {key, date}, "PEXPIREAT": {key, date},
		"SETEX": {key, number, value}, "PSETEX": {key, number, value},
		"set": {key, value, option, number}, "sEt": {key, value, option}, "Set": {key, value, option, number, option},
		"MSET": {key, value, key, value}, "MGET": {key, key, key}, "DEL": {key, key}, "UNLINK": {key}, "EXISTS": {key, key, key},
		"SELECT": {rapid.SampledFrom([]string{"0", "-1", "x"})},
		"SCAN":   {rapid.SampledFrom([]string{"0", "x", "99999999999999999999"}), option, value},
		"CLIENT": {rapid.SampledFrom([]string{"GETNAME", "nosuch", "SETNAME"}), rapid.SampledFrom([]string{"name", "a b", ""})},
		"nosuch": {errorWord, errorWord}, "COMMAND": {rapid.Just("nosuch"), errorWord},
		"Command": {rapid.Just("getKeys"), rapid.SampledFrom([]string{"get", "SET", "mget", "MSet", "expire", "ping", "nosuch"}), key, value},
	}
	if !exact {
		delete(words, "Set")
	}
	return words
}

// errorWord is a word that an error may quote (Redis ends those at a zero byte)
// and that is no option of any command.
var errorWord = rapid.StringMatching(`(q[a-zA-Z"' ]{0,5})?`)

// drawCommand draws a command whose words may be wrong or too few or many.
func drawCommand(t *rapid.T, words map[string][]*rapid.Generator[string]) []string {
	cmd := []string{rapid.SampledFrom(slices.Sorted(maps.Keys(words))).Draw(t, "name")}
	for _, g := range words[cmd[0]] {
		cmd = append(cmd, g.Draw(t, "word"))
	}
	switch rapid.IntRange(0, 19).Draw(t, "arity") {
	case 0:
		cmd = cmd[:max(1, len(cmd)-1)]
	case 1:
		cmd = append(cmd, errorWord.Draw(t, "word"))
	}
	return cmd
}

// closeEnough allows for the time between the two servers' answers.
func closeEnough(cmd []string, got, want string) bool {
	a, err1 := strconv.ParseInt(strings.TrimPrefix(got, ":"), 10, 64)
	b, err2 := strconv.ParseInt(strings.TrimPrefix(want, ":"), 10, 64)
	if err1 != nil || err2 != nil || a <= 0 || b <= 0 {
		return false
	}
	switch strings.ToUpper(cmd[0]) {
	case "PTTL", "PEXPIRETIME":
		return max(a-b, b-a) < 60_000
	case "TTL", "EXPIRETIME":
		return max(a-b, b-a) < 60 // and the times that are drawn are further apart
	}
	return false
}

// miniredisDiffers says where miniredis is known not to be as Redis 7 is.
func miniredisDiffers(cmd []string, got, want string) bool {
	switch strings.ToUpper(cmd[0]) {
	case "PING":
		return want == "+PONG" // takes an empty word for none
	case "NOSUCH":
		return strings.HasPrefix(want, "-ERR unknown command `nosuch`") // other quotes
	case "COMMAND", "CLIENT":
		return true // knows few subcommands, and their errors are those of Redis 6
	case "SET", "SETEX", "PSETEX", "MSET", "EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT":
		return got[0] == '-' && want[0] == '-' // finds other mistakes first, in other words
	}
	return false
}

// scanAll iterates over the whole key space and returns what it saw, sorted.
func (c *rawClient) scanAll(pattern string) []string {
	var keys []string
	for cursor := "0"; ; {
		c.send(encode("SCAN", cursor, "MATCH", pattern, "COUNT", "2"))
		var next string
		var found []string
		reply := c.reply() // *["cursor" *["key" …]]
		if _, err := fmt.Sscanf(reply, "*[%q", &next); err != nil {
			c.t.Fatal(reply, err)
		}
		_, list, _ := strings.Cut(reply, " *[")
		for _, word := range strings.Fields(strings.TrimRight(list, "]")) {
			key, err := strconv.Unquote(word)
			if err != nil {
				c.t.Fatal(reply, err)
			}
			found = append(found, key)
		}
		keys = append(keys, found...)
		if cursor = next; cursor == "0" {
			slices.Sort(keys)
			return slices.Compact(keys)
		}
	}
}
