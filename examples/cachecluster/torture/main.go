package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/redis/go-redis/v9"
)

// plan is what to do; its fields are the flags.
type plan struct {
	binary   string
	nodes    int
	kills    int
	requests int
	clients  int
	checkers int
	pause    time.Duration
}

func main() {
	redis.SetLogger(quiet{}) // that a killed node cannot be reached is no news
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var p plan
	flag.StringVar(&p.binary, "binary", "", "cachecluster `program` (default: it is built)")
	flag.IntVar(&p.nodes, "nodes", 5, "processes, at least 4")
	flag.IntVar(&p.kills, "kills", 4, "how often a node is killed at least; it goes on as long as the load runs")
	flag.IntVar(&p.requests, "n", 100_000, "requests of each run of redis-benchmark")
	flag.IntVar(&p.clients, "c", 64, "its connections")
	flag.IntVar(&p.checkers, "checkers", 8, "clients that check what was acknowledged")
	flag.DurationVar(&p.pause, "pause", time.Second, "time between a kill and the restart, and between a restart and the next kill")
	flag.Parse()
	if err := run(ctx, p, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "torture:", err)
		stop()
		os.Exit(1)
	}
}

// quiet is a logger of nothing.
type quiet struct{}

// Printf does nothing.
func (quiet) Printf(context.Context, string, ...any) {}

// run does all of it; the error says what did not hold.
func run(ctx context.Context, p plan, out io.Writer) (err error) {
	if p.nodes < 4 {
		return errors.New("at least 4 nodes are needed: one is loaded, one is killed, and two make a quorum")
	}
	dir, err := os.MkdirTemp("", "torture")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if p.binary == "" {
		if p.binary, err = build(ctx, dir); err != nil {
			return err
		}
	}
	c, err := startCluster(ctx, p, dir)
	if err != nil {
		return err
	}
	defer c.stop()
	fmt.Fprintf(out, "%d processes are up and synced; loading node %s\n", p.nodes, c.procs[0].name)

	loaded, checked, err := c.torment(ctx, p, out)
	report(out, c, loaded, checked)
	if err != nil {
		return fmt.Errorf("%w\n%s", err, c.logs())
	}
	fmt.Fprintln(out, "\nEvery acknowledged write was read back.")
	return nil
}

// build compiles the program under test.
func build(ctx context.Context, dir string) (string, error) {
	binary := filepath.Join(dir, "cachecluster")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", binary, "github.com/grapevine-go/grapevine/examples/cachecluster")
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the program: %w\n%s", err, text)
	}
	return binary, nil
}

// torment runs the benchmark and the checkers, and kills nodes meanwhile. When
// all that has ended, everything is read once more.
func (c *cluster) torment(ctx context.Context, p plan, out io.Writer) (*load, *checker, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	checked := newChecker(c.addrs(), p.checkers)
	defer checked.close()
	loaded := &load{addr: c.procs[0].redis, requests: p.requests, clients: p.clients}

	loadEnded, end := make(chan struct{}), make(chan struct{})
	var loadErr, checkErr error
	var running sync.WaitGroup
	running.Go(func() {
		defer close(loadEnded)
		loadErr = loaded.run(ctx)
	})
	running.Go(func() {
		if checkErr = checked.run(ctx, end); checkErr != nil {
			cancel(checkErr)
		}
	})
	err := c.killSome(ctx, p, loadEnded, out)
	if err != nil {
		cancel(err)
	}
	<-loadEnded
	close(end)
	running.Wait()
	err = errors.Join(err, loadErr, checkErr)
	if err == nil {
		err = checked.readAll(ctx)
	}
	return loaded, checked, err
}

// killSome kills one node after the other, and starts each again. The loaded
// node is spared: its clients would see their connections break.
func (c *cluster) killSome(ctx context.Context, p plan, loadEnded <-chan struct{}, out io.Writer) error {
	for i := 0; i < p.kills || !closed(loadEnded); i++ {
		if err := sleep(ctx, p.pause); err != nil {
			return err
		}
		victim := c.procs[1+i%(len(c.procs)-1)]
		before := victim.info(ctx)
		if err := victim.kill(); err != nil {
			return err
		}
		c.kills++
		fmt.Fprintf(out, "killed %s (boot %s, %s keys)\n", victim.name, before["boot"], before["local_keys"])
		if err := sleep(ctx, p.pause); err != nil {
			return err
		}
		begun := time.Now()
		if err := c.startOne(victim); err != nil {
			return err
		}
		if err := c.settled(ctx); err != nil {
			return err
		}
		after := victim.info(ctx)
		if after["boot"] == before["boot"] {
			return fmt.Errorf("%s came back with its old boot %s", victim.name, after["boot"])
		}
		fmt.Fprintf(out, "%s is back (boot %s) and synced after %v: %s keys\n",
			victim.name, after["boot"], time.Since(begun).Round(time.Millisecond), after["local_keys"])
	}
	return nil
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func report(out io.Writer, c *cluster, l *load, k *checker) {
	fmt.Fprintln(out)
	for _, line := range l.results {
		fmt.Fprintln(out, "redis-benchmark", line)
	}
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(name string, value any) { fmt.Fprintf(t, "%s\t%v\n", name, value) }
	row("kills", c.kills)
	row("writes acknowledged to the checker", k.acked.Load())
	row("writes refused, not applied", k.refused.Load())
	row("writes with unknown outcome", k.unknown.Load())
	row("reads that were checked", k.reads.Load())
	row("reads refused", k.readErrors.Load())
	t.Flush()
}
