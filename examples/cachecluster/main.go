// Command cachecluster is a cache on many machines that Redis clients talk to:
// the replicated tables of grapevine behind the Redis protocol.
//
//	go run ./examples/cachecluster          # five nodes on loopback, until Ctrl-C
//	go run ./examples/cachecluster -demo    # the whole story on real files, with a verdict
//	go run ./examples/cachecluster -node a -listen 10.0.0.1:7946 -redis 10.0.0.1:6379 -join 10.0.0.1:7946,10.0.0.2:7946 -secrets DIR
//
// Every node answers every command for every key. A key has three owners; a
// write is acknowledged by two of them and a read asks two, so one node can be
// gone, or come back empty, and nothing that was acknowledged is lost. What is
// different from Redis is told in README.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/grapevine-go/grapevine/examples/cachecluster/demo"
	"github.com/grapevine-go/grapevine/examples/cachecluster/node"
	"github.com/grapevine-go/grapevine/gossip"
	"github.com/grapevine-go/grapevine/peer"
)

// Exit statuses.
const (
	exitOK     = 0
	exitFailed = 1 // it did not work, or what was promised did not hold
	exitUsage  = 2 // the command line is wrong
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// options are the flags.
type options struct {
	demo     bool
	demoDir  string
	node     string
	cluster  string
	listen   string
	redis    string
	join     string
	password string
	maxValue int
	maxConns int
	idle     time.Duration
	metrics  string
	logLevel slog.Level
	secrets  string
	insecure bool
}

// parse reads the command line. On an error it has told stderr about it.
func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("cachecluster", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.BoolVar(&o.demo, "demo", false, "store real files, lose a node, get it back empty, and prove that nothing is missing")
	f.StringVar(&o.demoDir, "files", "", "`directory` of the files for -demo (default: the source tree of the Go installation)")
	f.StringVar(&o.node, "node", "", "run this one node, by its `name`, instead of five on loopback")
	f.StringVar(&o.cluster, "cluster", "cachecluster", "`name` of the cluster; nodes of another one are refused")
	f.StringVar(&o.listen, "listen", "127.0.0.1:0", "`host:port` for the other nodes; port 0 takes any free one (of -node)")
	f.StringVar(&o.redis, "redis", "127.0.0.1:7001", "`host:port` for Redis clients; five nodes take this port and the next four")
	f.StringVar(&o.join, "join", "", "`host:port,…` of other nodes; give every node the same list (of -node)")
	f.StringVar(&o.password, "password", "", "what clients must give to AUTH")
	f.IntVar(&o.maxValue, "maxvalue", 16<<20, "longest value in `bytes`, at most 16 MiB")
	f.IntVar(&o.maxConns, "maxclients", 10_000, "most connections of clients, per node")
	f.DurationVar(&o.idle, "timeout", 0, "close connections that send nothing for so long; 0: never")
	f.StringVar(&o.metrics, "metrics", "", "`host:port` for Prometheus, at /metrics")
	f.TextVar(&o.logLevel, "log", slog.LevelWarn, "least `level` that is logged: debug, info, warn, error")
	f.StringVar(&o.secrets, "secrets", "", "`directory` with cert.pem, key.pem, ca.pem and gossip.key, needed beyond loopback (of -node)")
	f.BoolVar(&o.insecure, "insecure", false, "do without -secrets beyond loopback (of -node)")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if err := o.check(f); err != nil {
		fmt.Fprintln(stderr, "cachecluster:", err)
		f.Usage()
		return o, err
	}
	return o, nil
}

// modes are the flags that belong to another one.
var modes = map[string]string{"listen": "node", "join": "node", "secrets": "node", "insecure": "node", "files": "demo"}

// check finds flags that contradict each other.
func (o options) check(f *flag.FlagSet) error {
	if f.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	mode := ""
	switch {
	case o.demo && o.node != "":
		return errors.New("-demo and -node exclude each other")
	case o.demo:
		mode = "demo"
	case o.node != "":
		mode = "node"
	}
	var err error
	f.Visit(func(set *flag.Flag) {
		switch belongs := modes[set.Name]; {
		case belongs != "" && belongs != mode:
			err = fmt.Errorf("-%s has a meaning only with -%s", set.Name, belongs)
		case mode == "demo" && set.Name != "demo" && set.Name != "files":
			err = fmt.Errorf("-%s has no meaning with -demo", set.Name)
		case set.Name == "join" && len(o.seeds()) == 0:
			// An unset variable in a script, most likely: the node must not begin a
			// cluster of its own because of it.
			err = fmt.Errorf("-join %q names no node; leave it out for the first node of a cluster", o.join)
		}
	})
	return err
}

// run is the command; it returns its exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		return exitUsage
	}
	logger := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: o.logLevel}))
	if o.demo {
		// The demonstration tells itself what happens; that nodes complain of the
		// one that is gone would only disturb.
		err = demo.Run(ctx, demo.Config{Files: o.demoDir, Out: stdout})
	} else {
		err = serve(ctx, o, logger, stdout)
	}
	if err != nil {
		fmt.Fprintln(stderr, "cachecluster:", err)
		return exitFailed
	}
	return exitOK
}

// config is the configuration of one node, as far as all nodes have it in
// common.
func (o options) config(name string, logger *slog.Logger) node.Config {
	return node.Config{
		Gossip: gossip.Config{
			Cluster: o.cluster, Name: peer.ID(name), Bind: "127.0.0.1:0", Preset: gossip.Local,
			MaxValue: o.maxValue, Logger: logger,
		},
		Redis: o.redis, Password: o.password, MaxClients: o.maxConns, IdleTimeout: o.idle,
	}
}

// seeds parts the list of -join.
func (o options) seeds() []string {
	return strings.FieldsFunc(o.join, func(r rune) bool { return r == ',' || r == ' ' })
}
