// Command featureflags keeps feature flags on every node of a cluster: reading
// one is local, and a change that is made at any node is seen at all.
//
//	go run ./examples/featureflags             # five nodes on loopback, three changes
//	go run ./examples/featureflags -nodes 20 -changes 10
//
// All nodes run in this one process, so that the delay from the change to each
// node's watch is measured by one clock. What an application needs of it is in
// flags.go.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"sync"
	"time"

	"github.com/grapevine-go/grapevine/gossip"
	"github.com/grapevine-go/grapevine/peer"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "featureflags:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) (err error) {
	fs := flag.NewFlagSet("featureflags", flag.ContinueOnError)
	fs.SetOutput(out)
	nodes := fs.Int("nodes", 5, "number of nodes, 1 to 100")
	changes := fs.Int("changes", 3, "number of changes")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if *nodes < 1 || *nodes > 100 || *changes < 0 {
		return fmt.Errorf("%d nodes and %d changes: 1 to 100 and 0 or more are possible", *nodes, *changes)
	}
	cluster, closeAll, err := start(ctx, *nodes)
	defer closeAll()
	if err != nil {
		return err
	}
	seen := make(chan seen, *nodes)
	var following sync.WaitGroup
	defer following.Wait()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	for i, f := range cluster {
		following.Go(func() {
			f.Follow(ctx, func(name string, on bool) {
				select {
				case seen <- newSeen(i, name, on):
				case <-ctx.Done():
				}
			})
		})
	}
	for i := range *changes {
		if err := change(ctx, out, cluster, seen, i); err != nil {
			return err
		}
	}
	return nil
}

// start starts nodes that find each other through the first, and waits until
// each has its flags.
func start(ctx context.Context, count int) (cluster []*Flags, closeAll func(), err error) {
	var nodes []*gossip.Node
	closeAll = func() {
		for _, n := range nodes {
			n.Close()
		}
	}
	for i := range count {
		cfg := gossip.Config{Cluster: "featureflags", Name: peer.ID(fmt.Sprintf("node-%d", i)), Bind: "127.0.0.1:0", Preset: gossip.Local}
		if i > 0 {
			cfg.Seeds = []string{nodes[0].Addr().String()}
		}
		node, err := gossip.Start(ctx, cfg)
		if err != nil {
			return nil, closeAll, err
		}
		nodes = append(nodes, node)
		flags, err := Open(ctx, node)
		if err != nil {
			return nil, closeAll, err
		}
		cluster = append(cluster, flags)
	}
	return cluster, closeAll, nil
}

// seen is what a node's watch has told, and when.
type seen struct {
	node int
	name string
	on   bool
	at   time.Time
}

func newSeen(node int, name string, on bool) seen { return seen{node, name, on, time.Now()} }

// change turns one flag at one node, waits until every node's watch has told it,
// and prints how long that took.
func change(ctx context.Context, out io.Writer, cluster []*Flags, seen <-chan seen, i int) error {
	name, at, on := fmt.Sprint("flag-", i), i%len(cluster), i%2 == 0
	begun := time.Now()
	if err := cluster[at].Set(ctx, name, on); err != nil {
		return err
	}
	told := make(map[int]time.Duration)
	for len(told) < len(cluster) {
		select {
		case s := <-seen:
			if s.name == name && s.on == on {
				told[s.node] = s.at.Sub(begun)
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	var delays []time.Duration
	for _, d := range told {
		delays = append(delays, d)
	}
	slices.Sort(delays)
	fmt.Fprintf(out, "%s = %-5t set at node-%d: seen at all %d nodes, by half of them after %v, by the last after %v\n",
		name, on, at, len(delays), delays[len(delays)/2].Round(100*time.Microsecond), delays[len(delays)-1].Round(100*time.Microsecond))
	return nil
}
