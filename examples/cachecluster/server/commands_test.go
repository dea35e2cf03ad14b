package server

import (
	"strconv"
	"strings"
	"testing"
	"time"
)

// about reports whether a reply is the number of seconds that were left a
// moment ago, on a machine that may be very busy.
func about(reply, seconds string) bool {
	got, err1 := strconv.Atoi(strings.TrimPrefix(reply, ":"))
	want, err2 := strconv.Atoi(seconds)
	return err1 == nil && err2 == nil && got <= want && got > want-90
}

// play sends commands and checks their replies, one pair a line:
// "words -> reply".
func play(t *testing.T, c *rawClient, story string) {
	t.Helper()
	for line := range strings.Lines(strings.TrimSpace(story)) {
		words, want, ok := strings.Cut(strings.TrimSpace(line), " -> ")
		if !ok {
			t.Fatalf("no reply in %q", line)
		}
		c.send(words + "\r\n")                   // inline, so that the story can quote
		got := strings.TrimRight(c.reply(), " ") // as the lines of the story are
		if seconds, ok := strings.CutPrefix(want, "about "); ok && about(got, seconds) {
			continue
		}
		if rest, prefix := strings.CutSuffix(want, "..."); got != want && !(prefix && strings.HasPrefix(got, rest)) {
			t.Errorf("%s\n got %s\nwant %s", words, got, want)
		}
	}
}

func TestCommands(t *testing.T) {
	for name, story := range map[string]string{
		"connection": `
			PING -> +PONG
			PING hello -> "hello"
			PING a b -> -ERR wrong number of arguments for 'ping' command
			ECHO "a b" -> "a b"
			ECHO -> -ERR wrong number of arguments for 'echo' command
			SELECT 0 -> +OK
			SELECT 1 -> -ERR DB index is out of range
			SELECT -1 -> -ERR DB index is out of range
			SELECT x -> -ERR value is not an integer or out of range
			AUTH p -> -ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?
			AUTH default anything -> +OK
			AUTH other anything -> -WRONGPASS invalid username-password pair or user is disabled.
			AUTH a b c -> -ERR syntax error
			NOSUCH -> -ERR unknown command 'NOSUCH', with args beginning with:
			nosuch "a b" c -> -ERR unknown command 'nosuch', with args beginning with: 'a b' 'c'
			RESET -> +RESET`,
		"client": `
			CLIENT ID -> :1
			CLIENT GETNAME -> nil
			CLIENT SETNAME me -> +OK
			CLIENT GETNAME -> "me"
			CLIENT SETNAME "a b" -> -ERR Client names cannot contain spaces, newlines or special characters.
			CLIENT SETINFO lib-name go -> +OK
			CLIENT SETINFO LIB-VER 9 -> +OK
			CLIENT SETINFO nothing 9 -> -ERR Unrecognized option 'nothing'
			CLIENT SETINFO lib-name "a b" -> -ERR lib-name cannot contain spaces, newlines or special characters.
			CLIENT NO-EVICT on -> +OK
			CLIENT NO-TOUCH off -> +OK
			CLIENT NO-TOUCH maybe -> -ERR syntax error
			CLIENT -> -ERR wrong number of arguments for 'client' command
			CLIENT GETNAME x -> -ERR wrong number of arguments for 'client|getname' command
			CLIENT REPLY off -> -ERR CLIENT REPLY is not available here: every command is answered...
			client pause 100 -> -ERR CLIENT PAUSE is not available here: each node serves its own clients...
			CLIENT TRACKING on -> -ERR CLIENT TRACKING is not available here: this server does not tell clients of changes...
			CLIENT HELP -> *[+CLIENT <subcommand> [<arg> [value] [opt] ...]. Subcommands are: +ID +    Return the ID...
			CLIENT LIST -> "id=1 addr=127.0.0.1:...
			CLIENT LIST TYPE normal -> "id=1 addr=127.0.0.1:...
			CLIENT LIST TYPE pubsub -> ""
			CLIENT LIST TYPE nosuch -> -ERR Unknown client type 'nosuch'
			CLIENT LIST ID 7 1 -> "id=1 addr=127.0.0.1:...
			CLIENT LIST ID 2 -> ""
			CLIENT LIST ID x -> -ERR Invalid client ID
			CLIENT LIST ID -> -ERR syntax error
			CLIENT LIST nosuch -> -ERR syntax error
			CLIENT KILL -> -ERR wrong number of arguments for 'client|kill' command
			CLIENT KILL 1.2.3.4:5 -> -ERR No such client
			CLIENT KILL ID 99 -> :0
			CLIENT KILL ID 1 -> :0
			CLIENT KILL ID 0 -> -ERR client-id should be greater than 0
			CLIENT KILL ADDR 1.2.3.4:5 -> :0
			CLIENT KILL LADDR 1.2.3.4:5 SKIPME no -> :0
			CLIENT KILL TYPE nosuch -> -ERR Unknown client type 'nosuch'
			CLIENT KILL TYPE pubsub SKIPME no -> :0
			CLIENT KILL USER default TYPE normal -> :0
			CLIENT KILL USER nosuch SKIPME no -> -ERR No such user 'nosuch'
			CLIENT KILL SKIPME maybe -> -ERR syntax error
			CLIENT KILL nosuch 5 -> -ERR syntax error
			CLIENT KILL ID 1 ADDR -> -ERR syntax error
			CLIENT nosuch -> -ERR unknown subcommand 'nosuch'. Try CLIENT HELP.
			CLIENT INFO -> "id=1 addr=127.0.0.1:...
			RESET -> +RESET
			CLIENT GETNAME -> nil`,
		"hello": `
			HELLO 4 -> -NOPROTO unsupported protocol version
			HELLO x -> -ERR Protocol version is not an integer or out of range
			HELLO 3 NOSUCH -> -ERR Syntax error in HELLO option 'NOSUCH'
			HELLO 3 AUTH default -> -ERR Syntax error in HELLO option 'AUTH'
			HELLO 3 SETNAME "a b" -> -ERR Client names cannot contain spaces, newlines or special characters.
			HELLO 3 SETNAME me -> %["server" "redis" "version" "7.0.0" "mode" "standalone" "role" "master" "proto" :3 "id" :1 "modules" *[]]
			GET nosuch -> null
			CLIENT GETNAME -> "me"
			HELLO 2 -> *["server" "redis" "version" "7.0.0" "mode" "standalone" "role" "master" "proto" :2 "id" :1 "modules" *[]]
			GET nosuch -> nil`,
		"strings": `
			SET k v -> +OK
			GET k -> "v"
			get K -> nil
			SET k "" -> +OK
			GET k -> ""
			SET k "a\r\n\x00b" -> +OK
			GET k -> "a\r\n\x00b"
			STRLEN k -> :5
			STRLEN nosuch -> :0
			TYPE k -> +string
			TYPE nosuch -> +none
			MSET a 1 b 2 a 3 -> +OK
			MGET a nosuch b a -> *["3" nil "2" "3"]
			MSET a 1 b -> -ERR wrong number of arguments for 'mset' command
			EXISTS a b a nosuch -> :3
			DEL a b a nosuch -> :2
			EXISTS a b -> :0
			UNLINK k -> :1
			GETDEL k -> nil
			SET k w -> +OK
			GETDEL k -> "w"
			GETDEL k -> nil
			GET -> -ERR wrong number of arguments for 'get' command
			GET a b -> -ERR wrong number of arguments for 'get' command
			SET k -> -ERR wrong number of arguments for 'set' command`,
		"set options": `
			SET k old EX 100 -> +OK
			TTL k -> about 100
			SET k new KEEPTTL -> +OK
			TTL k -> about 100
			SET k newer GET -> "new"
			TTL k -> :-1
			SET none v GET -> nil
			SET k v PX 100000 -> +OK
			TTL k -> about 100
			SET k v EXAT 99999999999 -> +OK
			EXPIRETIME k -> :99999999999
			SET k v PXAT 99999999999123 -> +OK
			PEXPIRETIME k -> :99999999999123
			SET k v EXAT 1 -> +OK
			GET k -> nil
			SET k v ex 10 Get keepttl -> -ERR syntax error
			SET k v EX 10 PX 10 -> -ERR syntax error
			SET k v EX -> -ERR syntax error
			SET k v NX XX -> -ERR syntax error
			SET k v nonsense -> -ERR syntax error
			SET k v EX x -> -ERR value is not an integer or out of range
			SET k v EX 0 -> -ERR invalid expire time in 'set' command
			SET k v PX -1 -> -ERR invalid expire time in 'set' command
			SET k v EX 9223372036854775807 -> -ERR invalid expire time in 'set' command
			SET k v PX 9223372036854775807 -> -ERR invalid expire time in 'set' command
			SET k v NX -> -ERR NX makes 'set' conditional, which would need consensus, and this cluster has none...
			SET k v EX 10 XX -> -ERR XX makes 'set' conditional...
			SETEX k 100 v -> +OK
			TTL k -> about 100
			SETEX k 0 v -> -ERR invalid expire time in 'setex' command
			PSETEX k 100000 v -> +OK
			TTL k -> about 100
			PSETEX k x v -> -ERR value is not an integer or out of range`,
		"expiry": `
			EXPIRE k 10 -> :0
			TTL k -> :-2
			PTTL k -> :-2
			EXPIRETIME k -> :-2
			PERSIST k -> :0
			SET k v -> +OK
			TTL k -> :-1
			PEXPIRETIME k -> :-1
			PERSIST k -> :0
			EXPIRE k 100 -> :1
			TTL k -> about 100
			PERSIST k -> :1
			TTL k -> :-1
			PEXPIRE k 100400 -> :1
			TTL k -> about 100
			EXPIREAT k 99999999999 -> :1
			EXPIRETIME k -> :99999999999
			PEXPIREAT k 99999999999123 -> :1
			PEXPIRETIME k -> :99999999999123
			EXPIRE k x -> -ERR value is not an integer or out of range
			EXPIRE k 9223372036854775807 -> -ERR invalid expire time in 'expire' command
			PEXPIRE k 9223372036854775807 -> -ERR invalid expire time in 'pexpire' command
			EXPIRE k 10 NX -> -ERR NX makes 'expire' conditional, which would need consensus...
			EXPIRE k 10 nonsense -> -ERR Unsupported option nonsense
			GET k -> "v"
			EXPIRE k -1 -> :1
			GET k -> nil
			SET k v -> +OK
			EXPIREAT k 0 -> :1
			EXISTS k -> :0`,
		"keyspace": `
			DBSIZE -> :0
			SCAN 0 -> *["0" *[]]
			MSET user:1 a user:2 b other c -> +OK
			DBSIZE -> :3
			SCAN 0 MATCH other COUNT 100 -> *["0" *["other"]]
			SCAN 0 MATCH user:[^1] -> *["0" *["user:2"]]
			SCAN 0 TYPE list -> *["0" *[]]
			SCAN 0 MATCH o* TYPE string -> *["0" *["other"]]
			SCAN x -> -ERR invalid cursor
			SCAN -1 -> -ERR invalid cursor
			SCAN 0 COUNT 0 -> -ERR syntax error
			SCAN 0 COUNT x -> -ERR value is not an integer or out of range
			SCAN 0 MATCH -> -ERR syntax error
			SCAN 0 NOSUCH 1 -> -ERR syntax error`,
		"admin": `
			CONFIG GET save -> *["save" ""]
			CONFIG GET SAVE appendonly -> *["appendonly" "no" "save" ""]
			CONFIG GET max*n* -> *["maxclients" "10000"]
			CONFIG GET nosuch -> *[]
			CONFIG GET -> -ERR wrong number of arguments for 'config|get' command
			CONFIG SET save x -> -ERR CONFIG SET is not available here...
			CONFIG nosuch -> -ERR unknown subcommand 'nosuch'. Try CONFIG HELP.
			COMMAND COUNT x -> -ERR wrong number of arguments for 'command|count' command
			COMMAND INFO get nosuch -> *[*["get" :2 *[+readonly +fast] :1 :1 :1 *[] *[] *[] *[]] nil]
			COMMAND DOCS echo nosuch -> *["echo" *["summary" "Returns the given string." "since" "1.0.0" "group" "connection"]]
			COMMAND DOCS getdel -> *["getdel" *["summary" "Returns the string value of a key and deletes it. NOT ATOMIC...
			COMMAND GETKEYS SET key v EX 5 -> *["key"]
			COMMAND GETKEYS mset a 1 b 2 -> *["a" "b"]
			COMMAND GETKEYS MGET a b c -> *["a" "b" "c"]
			COMMAND GETKEYS TTL k -> *["k"]
			COMMAND GETKEYS SET k -> -ERR Invalid number of arguments specified for command
			COMMAND GETKEYS ECHO x -> -ERR The command has no key arguments
			COMMAND GETKEYS lpush k v -> -ERR Invalid command specified
			COMMAND GETKEYS nosuch k -> -ERR Invalid command specified
			COMMAND GETKEYS -> -ERR wrong number of arguments for 'command|getkeys' command
			COMMAND GETKEYSANDFLAGS GET k -> -ERR COMMAND GETKEYSANDFLAGS is not available here: use COMMAND GETKEYS...
			COMMAND HELP -> *[+COMMAND <subcommand>...
			CONFIG HELP -> *[+CONFIG <subcommand> [<arg> [value] [opt] ...]. Subcommands are: +GET <pattern> [<pattern> ...] +    Return parameters that match the patterns, and their values. +HELP +    Prints this help.]
			COMMAND nosuch -> -ERR unknown subcommand 'nosuch'. Try COMMAND HELP.
			INFO nosuch -> ""
			INFO clients -> "# Clients\r\nconnected_clients:1\r\nmaxclients:10000\r\nblocked_clients:0\r\n"
			INFO memory -> "# Memory\r\nused_memory:...
			INFO grapevine -> "# grapevine\r\nnode:a\r\nboot:1.00000000000000ff\r\nready:1\r\nsynced:0\r\nmissing:data\r\nmembers:5\r\nowners:3\r\nowners_alive:2\r\nowners_needed:1\r\nring_version:c0ffee\r\nunsynced_tables:cache,other\r\nlocal_keys:7\r\nmember0:name=a\r\nmember1:name=b\r\n"
			SET k v -> +OK
			INFO Keyspace -> "# Keyspace\r\ndb0:keys=1\r\n"`,
		"refused": `
			SETNX k v -> -ERR 'setnx' is not available here: it would need consensus, and this cluster has none...
			incr k -> -ERR 'incr' is not available here: it would need consensus...
			WATCH k -> -ERR 'watch' is not available here: it would need consensus...
			LPUSH k v -> -ERR 'lpush' is not available here: values here are strings...
			EVAL x -> -ERR 'eval' is not available here: scripts would need every node...
			SUBSCRIBE x -> -ERR 'subscribe' is not available here: nodes pass on data, not messages...
			KEYS * -> -ERR 'keys' is not available here: it would visit every key of the cluster at once; use SCAN`,
		"failures": `
			GET fail -> -TRYAGAIN made to fail; not applied
			SET fail v -> -TRYAGAIN made to fail; not applied
			SET fail v GET -> -TRYAGAIN made to fail; not applied
			MGET a fail -> -TRYAGAIN made to fail; not applied
			MSET a 1 fail 2 b 3 -> -TRYAGAIN 1 of 3 keys failed, the others succeeded; the first: made to fail; not applied
			MGET a b -> *["1" "3"]
			DEL fail -> -TRYAGAIN made to fail; not applied
			EXISTS fail -> -TRYAGAIN made to fail; not applied
			GETDEL fail -> -TRYAGAIN made to fail; not applied
			STRLEN fail -> -TRYAGAIN made to fail; not applied
			TYPE fail -> -TRYAGAIN made to fail; not applied
			TTL fail -> -TRYAGAIN made to fail; not applied
			EXPIRE fail 10 -> -TRYAGAIN made to fail; not applied
			PERSIST fail -> -TRYAGAIN made to fail; not applied`,
	} {
		t.Run(name, func(t *testing.T) {
			_, addr := start(t, Config{})
			play(t, dial(t, addr), story)
		})
	}
}

// DEL deletes also what it did not find: a write of it may be under way.
func TestDelAlwaysDeletes(t *testing.T) {
	table := newMapTable()
	_, addr := startTable(t, table, Config{})
	if got := dial(t, addr).do("DEL", "b", "a", "b"); got != ":0" {
		t.Fatal(got)
	}
	if got := strings.Join(table.called(), ","); got != "Get a,Get b,Delete a,Delete b" {
		t.Error(got)
	}
}

func TestEveryCommandIsDescribed(t *testing.T) {
	for name, s := range commands {
		switch {
		case s.name != name:
			t.Errorf("%s is listed as %s", s.name, name)
		case s.run == nil && s.join == nil:
			t.Errorf("%s does nothing", name)
		case s.hidden():
			continue
		case s.summary == "" || s.since == "" || s.arity == 0:
			t.Errorf("%s is not described", name)
		case s.keys[0] > 0 && !strings.Contains(s.flags, "readonly") && !strings.Contains(s.flags, "write"):
			t.Errorf("%s has keys and neither reads nor writes", name)
		}
	}
}

func TestRESP3Texts(t *testing.T) {
	_, addr := start(t, Config{})
	c := dial(t, addr)
	c.do("HELLO", "3")
	if got := c.do("INFO", "clients"); got != `"txt:# Clients\r\nconnected_clients:1\r\nmaxclients:10000\r\nblocked_clients:0\r\n"` {
		t.Error(got)
	}
	if got := c.do("CONFIG", "GET", "save"); got != `%["save" ""]` {
		t.Error(got)
	}
	if got := c.do("COMMAND", "INFO", "nosuch"); got != "*[null]" {
		t.Error(got)
	}
}

func TestMatch(t *testing.T) {
	for _, tc := range []struct {
		pattern, s string
		want       bool
	}{
		{"", "", true}, {"", "a", false}, {"*", "", true}, {"*", "abc", true}, {"a*", "abc", true}, {"*c", "abc", true},
		{"a*c", "abc", true}, {"a*d", "abc", false}, {"a?c", "abc", true}, {"a?c", "ac", false}, {"?", "", false},
		{"[abc]x", "bx", true}, {"[^abc]x", "bx", false}, {"[^abc]x", "dx", true}, {"[a-c]", "b", true}, {"[c-a]", "b", true},
		{"[a-c]", "d", false}, {`[\]]`, "]", true}, {"[a", "a", true}, {`\*`, "*", true}, {`\*`, "a", false}, {`a\`, `a\`, true},
		{"*a*b", "xaxxb", true}, {"*a*b", "xbxxa", false}, {"**", "", true}, {"[]a", "a", false},
		{strings.Repeat("a*", 30) + "b", strings.Repeat("a", 1000), false},
	} {
		if got := match([]byte(tc.pattern), []byte(tc.s)); got != tc.want {
			t.Errorf("match(%q, %q) = %v", tc.pattern, tc.s, got)
		}
	}
}

func TestTimesAreRoundedAsInRedis(t *testing.T) {
	now := time.UnixMilli(1_000_000_000_400)
	for _, tc := range []struct {
		in                          time.Duration
		ttl, pttl, expiretime, pexp int64
	}{
		{100 * time.Second, 100, 100_000, 1_000_000_100, 1_000_000_100_400},
		{1499 * time.Millisecond, 1, 1499, 1_000_000_002, 1_000_000_001_899},
		{1500 * time.Millisecond, 2, 1500, 1_000_000_002, 1_000_000_001_900},
		{-time.Second, 0, 0, 999_999_999, 999_999_999_400},
	} {
		at := now.Add(tc.in)
		got := [4]int64{unit{seconds: true}.show(at, now), unit{}.show(at, now),
			unit{seconds: true, absolute: true}.show(at, now), unit{absolute: true}.show(at, now)}
		if want := [4]int64{tc.ttl, tc.pttl, tc.expiretime, tc.pexp}; got != want {
			t.Errorf("%v: %v, want %v", tc.in, got, want)
		}
	}
}
