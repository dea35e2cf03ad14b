package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/grapevine-go/grapevine/examples/cachecluster/node"
	"github.com/grapevine-go/grapevine/gossip"
)

// closeTimeout bounds how long clients are answered after Ctrl-C.
const closeTimeout = 5 * time.Second

// serve runs the nodes of this process until ctx ends.
func serve(ctx context.Context, o options, logger *slog.Logger, out io.Writer) (err error) {
	configs, err := o.configs(logger)
	if err != nil {
		return err
	}
	metrics, err := serveMetrics(o.metrics, configs, logger)
	if err != nil {
		return err
	}
	defer metrics.close()
	nodes, err := startAll(ctx, configs)
	if err != nil {
		return inFlags(err)
	}
	defer func() { err = errors.Join(err, closeAll(nodes)) }()
	if o.node == "" { // a single one may have to wait for others, and says so in INFO
		for _, n := range nodes {
			if err := n.Gossip().WaitReady(ctx); err != nil {
				return err
			}
		}
	}
	introduce(out, nodes, metrics.addr())
	return wait(ctx, nodes, out)
}

// wait tells when a node becomes ready, or is no more, and returns when ctx
// ends, or with the error of a node that stopped.
func wait(ctx context.Context, nodes []*node.Node, out io.Writer) error {
	ended := make(chan error, len(nodes))
	var watching sync.WaitGroup
	watchCtx, cancel := context.WithCancel(ctx)
	defer watching.Wait()
	defer cancel()
	for _, n := range nodes {
		watching.Go(func() {
			select {
			case <-n.Gossip().Done():
				ended <- fmt.Errorf("node %s: %w", n.Gossip().ID(), n.Gossip().Err())
			case <-watchCtx.Done():
			}
		})
	}
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	told := make([]string, len(nodes))
	for {
		tellMissing(out, nodes, told)
		select {
		case err := <-ended:
			return err
		case <-ctx.Done():
			fmt.Fprintln(out, "\nstopping")
			return nil
		case <-look.C:
		}
	}
}

// lookEvery is how often the nodes are asked what they miss.
const lookEvery = 250 * time.Millisecond

// tellMissing prints what has changed in what the nodes miss; told is what was
// printed last, and at first nothing is missing.
func tellMissing(out io.Writer, nodes []*node.Node, told []string) {
	for i, n := range nodes {
		missing := n.Missing()
		switch {
		case missing == told[i]:
			continue
		case missing == "":
			fmt.Fprintf(out, "%s is ready.\n", n.Gossip().ID())
		default:
			fmt.Fprintf(out, "%s lacks %s.\n", n.Gossip().ID(), missing)
		}
		told[i] = missing
	}
}

// configs is one configuration with -node, and five without.
func (o options) configs(logger *slog.Logger) ([]node.Config, error) {
	if o.node != "" {
		if err := o.checkExposure(); err != nil {
			return nil, err
		}
		cfg := o.config(o.node, logger)
		cfg.Gossip.Bind, cfg.Gossip.Seeds = o.listen, o.seeds()
		cfg.Gossip.Insecure = o.insecure
		if !onLoopback(o.listen) {
			cfg.Gossip.Preset = gossip.LAN
		}
		if o.password == "" && !onLoopback(o.redis) {
			logger.Warn("anybody who reaches the Redis port can read and write; set -password", "redis", o.redis)
		}
		if err := o.readSecrets(&cfg.Gossip); err != nil {
			return nil, fmt.Errorf("-secrets: %w", err)
		}
		return []node.Config{cfg}, nil
	}
	host, first, err := net.SplitHostPort(o.redis)
	if err != nil {
		return nil, fmt.Errorf("-redis: %w", err)
	}
	port, err := strconv.Atoi(first)
	if err != nil {
		return nil, fmt.Errorf("-redis: %q is not the number of a port", first)
	}
	var configs []node.Config
	for i, name := range []string{"a", "b", "c", "d", "e"} {
		cfg := o.config(name, logger)
		if port != 0 {
			cfg.Redis = net.JoinHostPort(host, strconv.Itoa(port+i))
		}
		configs = append(configs, cfg)
	}
	return configs, nil
}

func onLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	ip := net.ParseIP(host)
	return err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
}

// startAll starts the first node and then the others, which find the cluster
// through it. After an error none is left.
func startAll(ctx context.Context, configs []node.Config) ([]*node.Node, error) {
	nodes := make([]*node.Node, len(configs))
	errs := make([]error, len(configs))
	if nodes[0], errs[0] = node.Start(ctx, configs[0]); errs[0] != nil {
		return nil, errs[0]
	}
	var starting sync.WaitGroup
	for i := 1; i < len(configs); i++ {
		configs[i].Gossip.Seeds = []string{nodes[0].Gossip().Addr().String()}
		starting.Go(func() { nodes[i], errs[i] = node.Start(ctx, configs[i]) })
	}
	starting.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, errors.Join(err, closeAll(nodes))
	}
	return nodes, nil
}

// closeAll closes the nodes at the same time; nil ones are left out.
func closeAll(nodes []*node.Node) error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	errs := make([]error, len(nodes))
	var closing sync.WaitGroup
	for i, n := range nodes {
		if n != nil {
			closing.Go(func() { errs[i] = n.Close(ctx) })
		}
	}
	closing.Wait()
	return errors.Join(errs...)
}

// introduce prints who is there and how to talk to them.
func introduce(out io.Writer, nodes []*node.Node, metrics string) {
	t := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(t, "NODE\tREDIS CLIENTS\tOTHER NODES\tBOOT")
	for _, n := range nodes {
		fmt.Fprintf(t, "%s\t%s\t%v\t%v\n", n.Gossip().ID(), n.Redis(), n.Gossip().Addr(), n.Gossip().Status().Boot)
	}
	t.Flush()
	if len(nodes) == 1 {
		fmt.Fprintf(out, "Other nodes find this one with -join %v\n", nodes[0].Gossip().Addr())
	}
	if metrics != "" {
		fmt.Fprintf(out, "metrics: http://%s/metrics\n", metrics)
	}
	talk := func(n *node.Node) string {
		host, port, _ := net.SplitHostPort(n.Redis())
		return "-h " + host + " -p " + port
	}
	first, last := talk(nodes[0]), talk(nodes[len(nodes)-1])
	fmt.Fprint(out, strings.Join([]string{
		"",
		"Every node takes every command:",
		"  redis-cli " + first + " SET greeting hello EX 60",
		"  redis-cli " + last + " GET greeting",
		"  redis-cli " + last + " INFO grapevine",
		"  redis-benchmark " + first + " -t set,get -n 100000 -c 64 -P 16 -r 100000 -q",
		"Ctrl-C stops.",
		"",
	}, "\n"))
}
