// Package ring measures consistent hashing: what a look-up costs, how evenly
// keys are spread, and how many of them move when a member joins or leaves,
// for this library, for others, and for the designs that were not chosen.
package ring

import (
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/grapevine-go/grapevine/bench/verb"
	"github.com/grapevine-go/grapevine/ring"
)

// owners is how many owners a key has where more than one is asked for.
const owners = 3

// setting is what the flags say.
type setting struct {
	Members    int `json:"members"`
	Tokens     int `json:"tokens"`
	Partitions int `json:"partitions"`
}

// row is one line of the result. A figure that does not exist is nil.
type row struct {
	Name string `json:"name"`
	setting
	PrimaryNS     *float64 `json:"primary_ns"`
	PrimaryOver   *float64 `json:"primary_over_hash_ns"`
	PrimaryAllocs *float64 `json:"primary_allocs_per_op"`
	OwnersNS      *float64 `json:"owners_ns"`
	OwnersOver    *float64 `json:"owners_over_hash_ns"`
	OwnersAllocs  *float64 `json:"owners_allocs_per_op"`
	BuildMS       *float64 `json:"build_ms"`
	Busiest       *float64 `json:"busiest_per_mean"`
	Join          *float64 `json:"join_moves_per_least"`
	Leave         *float64 `json:"leave_moves_per_least"`
	Failed        string   `json:"failed,omitempty"` // why there are no more figures
}

// Run measures and prints a table; what it is at goes to stderr, because a row
// takes seconds and the table is aligned in the end. The error wraps
// [verb.ErrUsage] when the arguments are wrong.
func Run(args []string, out io.Writer) error { return run(args, out, os.Stderr) }

func run(args []string, out, progress io.Writer) error {
	flags := flag.NewFlagSet("ring", flag.ContinueOnError)
	var s setting
	flags.IntVar(&s.Members, "members", 1024, "members of the ring, 2 to 65535")
	flags.IntVar(&s.Tokens, "tokens", 128, "tokens a member, for rings that are made of them")
	flags.IntVar(&s.Partitions, "partitions", ring.MaxPartitions, "partitions, for rings that have them: a power of two up to 65536")
	only := flags.String("only", "", "measure only rows whose name matches this regular expression")
	lookup := flags.Duration("time", 400*time.Millisecond, "how long to measure a look-up")
	json := flags.String("json", "", "also write one JSON object per row to this file")
	if err := verb.Parse(flags, args, out); err != nil {
		return err
	}
	pattern, err := regexp.Compile(*only)
	switch {
	case err != nil:
		return fmt.Errorf("%w: -only: %w", verb.ErrUsage, err)
	case s.Members < 2 || s.Members >= ring.MaxMembers:
		return fmt.Errorf("%w: -members %d, 2 to %d allowed", verb.ErrUsage, s.Members, ring.MaxMembers-1)
	case s.Tokens < 1:
		return fmt.Errorf("%w: -tokens %d, at least 1", verb.ErrUsage, s.Tokens)
	case !slices.ContainsFunc(contenders(s), func(c contender) bool { return pattern.MatchString(c.name) }):
		return fmt.Errorf("%w: -only %q matches no row", verb.ErrUsage, *only)
	case *lookup <= 0 || *lookup > time.Minute:
		return fmt.Errorf("%w: -time %v, above 0 and up to 1m allowed", verb.ErrUsage, *lookup)
	case !ring.ValidPartitions(s.Partitions):
		return fmt.Errorf("%w: -partitions %d is no power of two up to %d", verb.ErrUsage, s.Partitions, ring.MaxPartitions)
	}
	if err := verb.WriteJSON[row](*json, nil); err != nil { // now rather than after a minute
		return err
	}
	return verb.WriteJSON(*json, measureAll(s, effort{scattered(1 << 20), *lookup}, pattern, out, progress))
}

// measureAll measures the contenders one after the other and prints the table.
func measureAll(s setting, e effort, only *regexp.Regexp, out, progress io.Writer) []row {
	fmt.Fprintf(out, "%d members, %d tokens a member, %d partitions, %d owners, keys scattered in memory\n\n", s.Members, s.Tokens, s.Partitions, owners)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight|tabwriter.DiscardEmptyColumns)
	heads := []string{"primary ns", "over hash", "allocs", "3 owners ns", "over hash", "allocs", "build ms", "busiest/mean", "join/least", "leave/least"}
	fmt.Fprintf(table, "\t%s\t\n", strings.Join(heads, "\t"))
	var rows []row
	chosen := slices.DeleteFunc(contenders(s), func(c contender) bool { return !only.MatchString(c.name) })
	for i, c := range chosen {
		fmt.Fprintf(progress, "ring: %d of %d: %s\n", i+1, len(chosen), c.name)
		rows = append(rows, measure(c, s, e))
		fmt.Fprintln(table, rows[len(rows)-1])
	}
	table.Flush()
	fmt.Fprint(out, "\nThe busiest member is counted over all owners, of partitions where there are any and otherwise of keys;\n"+
		"moves are counted in owners, over the least that a member which joins or leaves must move.\n")
	return rows
}

// String is the row's line of the table.
func (r row) String() string {
	line := r.Name + "\t"
	for _, c := range []struct {
		digits int
		figure *float64
	}{{1, r.PrimaryNS}, {1, r.PrimaryOver}, {0, r.PrimaryAllocs}, {1, r.OwnersNS}, {1, r.OwnersOver}, {0, r.OwnersAllocs}, {1, r.BuildMS}, {3, r.Busiest}, {2, r.Join}, {2, r.Leave}} {
		if c.figure == nil {
			line += "–\t"
		} else {
			line += fmt.Sprintf("%.*f\t", c.digits, *c.figure)
		}
	}
	if r.Failed != "" {
		return line + " fails: " + r.Failed
	}
	return line
}
