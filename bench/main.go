// Command bench measures parts of grapevine beside other libraries, in one run
// on one machine:
//
//	go run ./bench ring -members 1024 -json ring.json
//
// Each verb is a package with a Run function; adding one is a line in the
// table below. Without a verb the command prints them.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/grapevine-go/grapevine/bench/convergence"
	"github.com/grapevine-go/grapevine/bench/crdt"
	"github.com/grapevine-go/grapevine/bench/heal"
	"github.com/grapevine-go/grapevine/bench/quorum"
	"github.com/grapevine-go/grapevine/bench/reconcile"
	"github.com/grapevine-go/grapevine/bench/ring"
	"github.com/grapevine-go/grapevine/bench/staleness"
	"github.com/grapevine-go/grapevine/bench/verb"
)

var verbs = []struct {
	name, what string
	run        func(args []string, out io.Writer) error
}{
	{"convergence", "how fast an update reaches all nodes, against the copies that it takes", convergence.Run},
	{"crdt", "what delta synchronisation of replicated types transmits, beside published figures", crdt.Run},
	{"heal", "how an owner that was cut off gets what it missed, and what clients feel of it", heal.Run},
	{"quorum", "reads and writes of a small cluster under a closed loop of callers", quorum.Run},
	{"reconcile", "what it takes two replicas to find out in which keys they differ", reconcile.Run},
	{"staleness", "how stale reads of partial quorums are, beside published figures", staleness.Run},
	{"ring", "look-ups, balance and movement of consistent hashing", ring.Run},
}

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run returns the exit status: 0, 1 for a failed measurement, 2 for a wrong
// command line.
func run(args []string, out, errs io.Writer) int {
	if len(args) == 0 {
		usage(out)
		return 0
	}
	for _, v := range verbs {
		if v.name == args[0] {
			return status(v.name, v.run(args[1:], out), errs)
		}
	}
	fmt.Fprintf(errs, "bench: unknown verb %q\n", args[0])
	usage(errs)
	return 2
}

func status(name string, err error, errs io.Writer) int {
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, verb.ErrUsage):
		fmt.Fprintf(errs, "bench %s: %v\n", name, err)
		return 2
	}
	fmt.Fprintf(errs, "bench %s: %v\n", name, err)
	return 1
}

func usage(w io.Writer) {
	fmt.Fprintln(w, "usage: go run ./bench <verb> [flags]")
	for _, v := range verbs {
		fmt.Fprintf(w, "  %-12s %s\n", v.name, v.what)
	}
	fmt.Fprintln(w, "go run ./bench <verb> -h lists the flags of a verb.")
}
