// Package convergence measures what telling everyone costs: how fast an update
// reaches all nodes, against how many copies of it are sent, for the policies of
// package rumor, in the simulator of package gossiptest.
//
// Without flags that choose one row it prints Tables 1 to 3 of Demers et al.
// (1987) beside the published values, and then the frontier: policies and
// settings, memberlist's broadcast rule among them.
//
//	go run ./bench convergence -quick
//	go run ./bench convergence -n 1000 -mode push -feedback -stop counter -k 2 -runs 1000
//	go run ./bench convergence -compare -n 1024 -loss 0.05 -runs 300
//	go run ./bench convergence -anti-entropy
//	go run ./bench convergence -live
package convergence

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"runtime"
	"time"

	"github.com/grapevine-go/grapevine/bench/verb"
	"github.com/grapevine-go/grapevine/gossiptest"
	"github.com/grapevine-go/grapevine/rumor"
)

// options is what the flags say.
type options struct {
	e        gossiptest.Epidemic
	runs     int
	seed     uint64
	quick    bool
	compare  bool
	real     bool            // nodes, instead of simulated ones
	chosen   map[string]bool // flags that were given
	settle   time.Duration   // of real nodes, before they are measured
	single   bool            // a flag chose one row
	from     string          // a file with rows, instead of measuring
	compares bool            // anti-entropy, instead of rumors
	files    files
}

// files is where the rows go beside the table; empty paths stand for nowhere.
type files struct{ json, csv, svg, png string }

// Run measures and prints tables. The error wraps [verb.ErrUsage] when the
// arguments are wrong.
func Run(args []string, out io.Writer) error {
	o, err := parse(args, out)
	if err != nil {
		return err
	}
	if err := o.files.write(nil); err != nil { // now rather than after a minute
		return err
	}
	if o.real {
		rows, err := o.live(out)
		return errors.Join(err, verb.WriteJSON(o.files.json, rows))
	}
	var rows []row
	switch {
	case o.from != "":
		rows, err = o.saved(out)
	case o.compare:
		rows, err = o.comparison(out)
	case o.compares && o.single:
		rows, err = o.oneComparing(out)
	case o.compares:
		rows, err = o.antiEntropy(out)
	case o.single:
		rows, err = o.one(out)
	default:
		rows, err = o.everything(out)
	}
	if err != nil {
		return err
	}
	return o.files.write(rows)
}

func parse(args []string, out io.Writer) (o options, err error) {
	flags := flag.NewFlagSet("convergence", flag.ContinueOnError)
	e, p := &o.e, &o.e.Policy
	*p = rumor.Policy{Mode: rumor.Push, Fanout: 1, K: 1}
	flags.IntVar(&e.Nodes, "n", 1000, "nodes, 2 and more")
	flags.TextVar(&p.Mode, "mode", p.Mode, "push, pull or push-pull")
	flags.TextVar(&p.Targets, "targets", p.Targets, "random, structured, tree or mail")
	flags.TextVar(&p.Stop, "stop", p.Stop, "counter, coin or median-counter")
	flags.IntVar(&p.K, "k", p.K, "parameter of the stop rule; copies a node where pushes are blind")
	flags.IntVar(&p.Fanout, "fanout", p.Fanout, "members contacted in a cycle")
	flags.BoolVar(&p.Feedback, "feedback", false, "count only contacts that were not needed")
	flags.BoolVar(&p.Minimise, "minimise", false, "count only at the smaller counter (push-pull)")
	flags.BoolVar(&p.Digest, "digest", false, "contacts name what is hot, bodies go on request (push-pull)")
	flags.IntVar(&p.ConnectionLimit, "connection-limit", 0, "contacts a node accepts in a cycle; 0: any number")
	flags.IntVar(&p.Hunt, "hunt", 0, "other members that a rejected node tries")
	flags.IntVar(&p.Resend, "resend", 0, "further copies for each that did not come (structured)")
	flags.IntVar(&p.Remind, "remind", 0, "further names sent for each copy that did not come (structured)")
	flags.IntVar(&p.Patience, "patience", 0, "cycles to wait for copies (structured)")
	flags.IntVar(&p.Announce, "announce", 0, "members told by name only (structured)")
	flags.IntVar(&p.Far, "far", 0, "of so many targets one is of any zone, the others near; 0 and 1: all are of any")
	flags.IntVar(&e.Zones, "zones", 0, "zones that the nodes are in; 0 and 1: one")
	flags.IntVar(&p.MaxAge, "max-age", 0, "cycles after which interest ends; 0: none")
	flags.DurationVar(&e.Interval, "interval", 0, "length of a cycle: nodes tick on their own and messages take time; 0: lock-step (200ms with -compare and in the frontier)")
	delay := flags.Duration("delay", 2*time.Millisecond, "mean delay of a message; drawn from half to one and a half times that")
	flags.Float64Var(&e.Loss, "loss", 0, "probability that a message is lost")
	flags.Float64Var(&e.Dead, "dead", 0, "share of nodes that are dead and not noticed")
	flags.Float64Var(&e.Unknown, "unknown", 0, "share of the members that a node does not know")
	flags.IntVar(&e.Body, "body", 100, "length of the update in bytes")
	flags.IntVar(&o.runs, "runs", 0, "runs a row (default 1000; 300 with -compare; more for the tables, fewer for many nodes and with -quick); updates with -live (default 100)")
	flags.Uint64Var(&o.seed, "seed", 1, "of the first run; the next ones count on")
	flags.BoolVar(&o.quick, "quick", false, "the tables and one frontier in under two minutes")
	flags.BoolVar(&o.compare, "compare", false, "the default policy beside memberlist's rule, in one world")
	flags.BoolVar(&o.compares, "anti-entropy", false, "comparisons in cycles instead of rumors; -n, -mode, -connection-limit and -hunt choose one row")
	flags.BoolVar(&o.real, "live", false, "real nodes beside memberlist's, 16, 64 and 128 at 0, 5 and 20 % loss; -n and -loss choose one")
	flags.DurationVar(&o.settle, "settle", 15*time.Second, "how long real nodes are left alone before they are measured")
	flags.StringVar(&o.from, "from", "", "take the rows from this file, which -json wrote, instead of measuring; -n, -loss, -dead and -unknown choose among them")
	flags.StringVar(&o.files.json, "json", "", "also write one JSON object per row to this file")
	flags.StringVar(&o.files.csv, "csv", "", "also write the rows to this file, separated by commas")
	flags.StringVar(&o.files.svg, "svg", "", "also draw the frontier into this file (.svg)")
	flags.StringVar(&o.files.png, "png", "", "also draw the frontier into this file (.png)")
	if err := verb.Parse(flags, args, out); err != nil {
		return o, err
	}
	var foreign []string // to anti-entropy
	o.chosen = make(map[string]bool)
	flags.Visit(func(f *flag.Flag) {
		o.chosen[f.Name] = true
		switch f.Name {
		case "anti-entropy", "n", "mode", "connection-limit", "hunt", "runs", "seed", "json", "csv", "svg", "png":
		default:
			foreign = append(foreign, "-"+f.Name)
		}
		switch f.Name {
		case "quick", "anti-entropy", "runs", "seed", "json", "csv", "svg", "png", "body", "delay":
		default:
			o.single = true
		}
	})
	if o.compares && len(foreign) > 0 {
		return o, fmt.Errorf("%w: -anti-entropy and %v, which are of rumors", verb.ErrUsage, foreign)
	}
	e.MinDelay, e.MaxDelay = *delay/2, *delay*3/2
	return o, o.check()
}

// check refuses what no run could make sense of.
func (o *options) check() error {
	if o.runs < 0 || o.runs > 1_000_000 {
		return fmt.Errorf("%w: -runs is %d, allowed are 1 to 1000000, or 0 for the default", verb.ErrUsage, o.runs)
	}
	if o.compares {
		c := gossiptest.Comparing{Sites: o.e.Nodes, Mode: o.e.Policy.Mode, Limit: o.e.Policy.ConnectionLimit, Hunt: o.e.Policy.Hunt}
		if err := c.Validate(); err != nil {
			return fmt.Errorf("%w: %w", verb.ErrUsage, err)
		}
		return nil
	}
	if o.quick && o.single {
		return fmt.Errorf("%w: -quick and flags of a single row", verb.ErrUsage)
	}
	if o.compare {
		o.e.Policy = rumor.DefaultPolicy()
		if o.e.Interval == 0 {
			o.e.Interval = interval
		}
	}
	if o.settle < 0 || o.settle > time.Hour {
		return fmt.Errorf("%w: -settle is %v, allowed are 0 to 1h", verb.ErrUsage, o.settle)
	}
	o.e.Cycles = o.e.Interval == 0
	if err := o.e.Validate(); err != nil {
		return fmt.Errorf("%w: %w", verb.ErrUsage, err)
	}
	return nil
}

// or returns the number of runs, or a default.
func (o *options) or(runs int) int {
	if o.runs > 0 {
		return o.runs
	}
	return runs
}

// one measures the row that the flags describe.
func (o *options) one(out io.Writer) ([]row, error) {
	r, err := measure("flags", o.e, o.or(1000), o.seed)
	if err != nil {
		return nil, err
	}
	printRows(out, []row{r})
	return []row{r}, nil
}

// everything prints the tables and the frontier.
func (o *options) everything(out io.Writer) ([]row, error) {
	fmt.Fprintf(out, "%s, %d CPUs, seed %d\n", runtime.Version(), runtime.NumCPU(), o.seed)
	start := time.Now()
	rows, err := o.demers(out)
	if err != nil {
		return nil, err
	}
	more, err := o.frontier(out)
	fmt.Fprintf(out, "\nAll of it took %v.\n", time.Since(start).Round(time.Second))
	return append(rows, more...), err
}
