package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strings"
)

// load runs redis-benchmark against one node.
type load struct {
	addr     string
	requests int
	clients  int
	results  []string // its lines of results, with how it was called
}

// errNoBenchmark says that the load cannot be made.
var errNoBenchmark = errors.New("redis-benchmark is not installed (Debian: apt install redis-tools)")

// run loads the node without and with pipelining, on one key and on many.
func (l *load) run(ctx context.Context) error {
	path, err := exec.LookPath("redis-benchmark")
	if err != nil {
		return errNoBenchmark
	}
	for _, args := range []string{"", "-P 16", "-r 100000", "-P 16 -r 100000"} {
		if err := l.once(ctx, path, args); err != nil {
			return err
		}
	}
	return nil
}

// once makes one run. The benchmark ends with an error at the first error reply.
func (l *load) once(ctx context.Context, path, args string) error {
	host, port, err := net.SplitHostPort(l.addr)
	if err != nil {
		return err
	}
	words := fmt.Sprintf("-h %s -p %s -t set,get -n %d -c %d -d 100 --csv %s", host, port, l.requests, l.clients, args)
	out, err := exec.CommandContext(ctx, path, strings.Fields(words)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("redis-benchmark %s: %w\n%s", args, err, out)
	}
	rows := 0
	for line := range strings.Lines(string(out)) {
		fields := strings.Split(strings.TrimSpace(line), ",")
		switch {
		case strings.HasPrefix(line, `"test"`):
		case strings.HasPrefix(line, `"`) && len(fields) > 6:
			rows++
			l.results = append(l.results, fmt.Sprintf("%-17s %s %s/s, p50 %s ms, p99 %s ms", args, fields[0], fields[1], fields[4], fields[6]))
		default:
			return fmt.Errorf("redis-benchmark %s: %s", args, out)
		}
	}
	if rows != 2 {
		return fmt.Errorf("redis-benchmark %s: results of %d tests, not 2:\n%s", args, rows, out)
	}
	return nil
}
