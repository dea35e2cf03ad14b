// Package reconcile measures what it takes two replicas to find out in which
// keys they differ: bytes, round trips and processor time of both, for each
// strategy of anti-entropy, beside the figures of others' designs.
package reconcile

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/grapevine-go/grapevine/antientropy"
	"github.com/grapevine-go/grapevine/bench/verb"
)

// setting is what the flags say.
type setting struct {
	keys, diff, runs int
	window           int
	seed             uint64
}

// Run measures one setting, or without -diff and -strategy the whole table. The
// error wraps [verb.ErrUsage] when the arguments are wrong.
func Run(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("reconcile", flag.ContinueOnError)
	var s setting
	flags.IntVar(&s.keys, "keys", 1_000_000, "keys of each replica, 1 to 10000000")
	flags.IntVar(&s.diff, "diff", -1, "keys that differ; by default each of 0, 1, 10, ... 100000")
	flags.IntVar(&s.runs, "runs", 3, "runs whose mean is given, each with a seed of its own")
	flags.Uint64Var(&s.seed, "seed", 1, "seed of the first run")
	flags.IntVar(&s.window, "window", 1000, "how many of the last changes checksum takes for recent, at least 0")
	strategy := flags.String("strategy", "", "hybrid, rateless, merkle, full, checksum or peelback; by default each")
	json := flags.String("json", "", "also write one JSON object per row to this file")
	svg := flags.String("svg", "", "also draw bytes a key against keys that differ into this file (.svg)")
	png := flags.String("png", "", "also draw it into this file (.png)")
	if err := verb.Parse(flags, args, out); err != nil {
		return err
	}
	strategies := []antientropy.Strategy{antientropy.Hybrid, antientropy.Rateless, antientropy.Merkle, antientropy.Full,
		antientropy.Checksum, antientropy.PeelBack}
	if *strategy != "" {
		one, err := antientropy.ParseStrategy(*strategy)
		if err != nil {
			return fmt.Errorf("%w: -strategy: %w", verb.ErrUsage, err)
		}
		strategies = []antientropy.Strategy{one}
	}
	switch {
	case s.keys < 1 || s.keys > 10_000_000:
		return fmt.Errorf("%w: -keys %d, 1 to 10000000 allowed", verb.ErrUsage, s.keys)
	case s.diff < -1 || s.diff > s.keys:
		return fmt.Errorf("%w: -diff %d, 0 to %d keys allowed", verb.ErrUsage, s.diff, s.keys)
	case s.window < 0:
		return fmt.Errorf("%w: -window %d, at least 0", verb.ErrUsage, s.window)
	case s.runs < 1:
		return fmt.Errorf("%w: -runs %d, at least 1", verb.ErrUsage, s.runs)
	}
	if err := verb.WriteJSON[row](*json, nil); err != nil { // now rather than after a minute
		return err
	}
	rows, err := measureAll(s, strategies, out, os.Stderr)
	if err != nil {
		return err
	}
	return errors.Join(verb.WriteJSON(*json, rows), drawing(rows).Save(*svg), drawing(rows).Save(*png))
}

// measureAll measures and prints a table, and says meanwhile what it is at.
func measureAll(s setting, strategies []antientropy.Strategy, out, progress io.Writer) (rows []row, err error) {
	fmt.Fprintf(progress, "reconcile: making two replicas of %d keys\n", s.keys)
	a, err := newReplica(s.keys, s.window)
	if err != nil {
		return nil, err
	}
	b, err := newReplica(s.keys, s.window)
	if err != nil {
		return nil, err
	}
	diffs := []int{s.diff}
	if s.diff < 0 {
		diffs = nil
		for _, d := range []int{0, 1, 10, 100, 1000, 10_000, 100_000} {
			if d <= s.keys {
				diffs = append(diffs, d)
			}
		}
	}
	fmt.Fprintf(out, "%d keys, means of %d runs; bytes are those of frames with their lengths, both directions\n\n", s.keys, s.runs)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	defer table.Flush()
	fmt.Fprintf(table, "%s\t\n", strings.Join([]string{"strategy", "differ", "bytes", "a key", "round trips", "most", "symbols each", "cpu ms", "found"}, "\t"))
	clock := 1
	for _, s.diff = range diffs {
		for _, strategy := range strategies {
			fmt.Fprintf(progress, "reconcile: %v, %d keys differ\n", strategy, s.diff)
			r, err := measure(a, b, strategy, s, &clock)
			if err != nil {
				return rows, err
			}
			rows = append(rows, r)
			fmt.Fprintln(table, r)
		}
		for _, p := range published {
			fmt.Fprint(table, p.line(s.diff))
		}
	}
	return rows, nil
}

// String is the row's line of the table.
func (r row) String() string {
	return fmt.Sprintf("%s\t%d\t%.0f\t%.1f\t%.1f\t%d\t%.2f\t%.0f\t%.0f\t", r.Strategy, r.Diff, r.Sent+r.Received, r.Bytes,
		r.RoundTrips, r.MostTrips, r.Symbols, r.CPU, r.Found)
}

// published are others' programs, as measured once with 1,000,000 keys: bytes a
// key that differs, and the time of encoding where it was measured.
var published = []reference{
	{"rateless IBLT, theirs", map[int]float64{1: 79, 10: 78, 100: 71, 1000: 69, 10_000: 68}, map[int]float64{1: 150, 10: 800, 100: 2100, 1000: 3700, 10_000: 5200}},
	{"Merkle search tree (indigo)", map[int]float64{1: 6177, 10: 4732, 100: 3134, 1000: 2178, 10_000: 1193}, nil},
}

type reference struct {
	name      string
	perKey, t map[int]float64 // by keys that differ; t in milliseconds
}

func (p reference) line(diff int) string {
	perKey, ok := p.perKey[diff]
	if !ok {
		return ""
	}
	ms := "–"
	if t, ok := p.t[diff]; ok {
		ms = fmt.Sprintf("%.0f", t)
	}
	return fmt.Sprintf("%s\t%d\t%.0f\t%.1f\t–\t–\t–\t%s\t–\t\n", p.name, diff, perKey*float64(diff), perKey, ms)
}
