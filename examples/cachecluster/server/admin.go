package server

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/metrics"
	"slices"
	"strconv"
	"strings"
	"time"
)

// redisVersion is the version of Redis whose commands and wording are meant;
// clients choose by it what they send.
const redisVersion = "7.0.0"

// infoSections are the sections of INFO in their order.
var infoSections = []struct {
	name  string
	title string
	write func(c *conn, b *strings.Builder)
}{
	{"server", "Server", infoServer},
	{"clients", "Clients", infoClients},
	{"memory", "Memory", infoMemory},
	{"stats", "Stats", infoStats},
	{"grapevine", "grapevine", infoGrapevine},
	{"keyspace", "Keyspace", infoKeyspace},
}

// info is INFO [section …]; a section that does not exist is empty.
func info(c *conn, args [][]byte) {
	if len(args) == 1 {
		args = [][]byte{nil, []byte("default")}
	}
	wanted := func(name string) bool {
		return slices.ContainsFunc(args[1:], func(a []byte) bool {
			return is(a, name) || is(a, "all") || is(a, "everything") || is(a, "default") && name != "keyspace"
		})
	}
	var b strings.Builder
	for _, s := range infoSections {
		if !wanted(s.name) {
			continue
		}
		if b.Len() > 0 {
			b.WriteString("\r\n")
		}
		fmt.Fprintf(&b, "# %s\r\n", s.title)
		s.write(c, &b)
	}
	c.w.Text(b.String())
}

func field(b *strings.Builder, name string, value any) {
	fmt.Fprintf(b, "%s:%v\r\n", name, value)
}

func infoServer(c *conn, b *strings.Builder) {
	field(b, "redis_version", redisVersion)
	field(b, "redis_mode", "standalone")
	field(b, "os", runtime.GOOS+" "+runtime.GOARCH)
	field(b, "go_version", runtime.Version())
	field(b, "process_id", os.Getpid())
	field(b, "tcp_port", port(c))
	field(b, "uptime_in_seconds", int(time.Since(c.srv.started).Seconds()))
}

func infoClients(c *conn, b *strings.Builder) {
	field(b, "connected_clients", c.srv.Clients())
	field(b, "maxclients", c.srv.cfg.MaxClients)
	field(b, "blocked_clients", 0) // no command waits for another client
}

// infoMemory is about the whole process: what lives on the heap, or is not yet
// known to be dead.
func infoMemory(_ *conn, b *strings.Builder) {
	heap := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(heap)
	field(b, "used_memory", heap[0].Value.Uint64())
}

func infoStats(c *conn, b *strings.Builder) {
	s := &c.srv.stats
	field(b, "total_connections_received", s.accepted.Load())
	field(b, "rejected_connections", s.rejected.Load())
	field(b, "total_commands_processed", s.commands.Load())
	field(b, "protocol_errors", s.protocolErrors.Load())
	field(b, "keyspace_hits", s.hits.Load())
	field(b, "keyspace_misses", s.misses.Load())
}

func infoGrapevine(c *conn, b *strings.Builder) {
	s := c.srv.cfg.Status()
	field(b, "node", s.Node)
	field(b, "boot", s.Boot)
	field(b, "ready", oneOrZero(s.Ready))
	field(b, "synced", oneOrZero(s.Synced))
	field(b, "missing", s.Missing)
	field(b, "members", s.Members)
	field(b, "owners", s.Owners)
	field(b, "owners_alive", s.OwnersAlive)
	field(b, "owners_needed", s.OwnersNeeded)
	field(b, "ring_version", s.RingVersion)
	field(b, "unsynced_tables", strings.Join(s.UnsyncedTables, ","))
	field(b, "local_keys", s.LocalKeys)
	for i, member := range s.Known {
		field(b, "member"+strconv.Itoa(i), member)
	}
}

// infoKeyspace counts the keys of the whole cluster, if that can be done at
// the moment and soon: INFO must answer also when the cluster does not. As
// that visits every key, plain INFO, which monitoring asks for all the time,
// is without it.
func infoKeyspace(c *conn, b *strings.Builder) {
	if c.srv.table.Load() == nil {
		return
	}
	ctx, cancel := context.WithTimeout(c.ctx, time.Second)
	defer cancel()
	if n, err := c.table().Len(ctx); err == nil && n > 0 {
		field(b, "db0", fmt.Sprintf("keys=%d", n))
	}
}

func oneOrZero(b bool) int {
	if b {
		return 1
	}
	return 0
}

func port(c *conn) string {
	addr := c.nc.LocalAddr().String()
	return addr[strings.LastIndexByte(addr, ':')+1:]
}

// configSubcommands are there for the clients that look before they start.
var configSubcommands = append([]subcommand{
	{"get", -3, "<pattern> [<pattern> ...]", "Return parameters that match the patterns, and their values.", configGet},
}, unavailable("the flags of the program configure it", "set", "rewrite", "resetstat")...)

func config(c *conn, args [][]byte) { c.runOf(configSubcommands, args) }

func configGet(c *conn, args [][]byte) {
	var found [][2]string
	for _, s := range c.settings() {
		for _, pattern := range args[2:] {
			if match([]byte(strings.ToLower(string(pattern))), []byte(s[0])) {
				found = append(found, s)
				break
			}
		}
	}
	c.w.Map(len(found))
	for _, s := range found {
		c.w.String(s[0])
		c.w.String(s[1])
	}
}

// settings are those of Redis's parameters that have a meaning here.
func (c *conn) settings() [][2]string {
	cfg := &c.srv.cfg
	return [][2]string{
		{"appendonly", "no"},
		{"databases", "1"},
		{"maxclients", strconv.Itoa(cfg.MaxClients)},
		{"maxmemory", "0"},
		{"maxmemory-policy", "noeviction"},
		{"port", port(c)},
		{"proto-max-bulk-len", strconv.Itoa(cfg.MaxValue)},
		{"save", ""},
		{"timeout", strconv.Itoa(int(cfg.IdleTimeout.Seconds()))},
	}
}
