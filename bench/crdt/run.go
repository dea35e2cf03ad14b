// Package crdt measures how much delta synchronisation of replicated data types
// transmits, in the micro-benchmarks of Enes et al. ("Efficient Synchronization
// of State-based CRDTs", 2019), beside their figures. What operations cost is
// measured by the benchmarks of the library's package crdt.
package crdt

import (
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"text/tabwriter"

	"github.com/grapevine-go/grapevine/bench/verb"
)

// row is one line of the synchronisation table.
type row struct {
	Type      string  `json:"type"`
	Topology  string  `json:"topology"`
	Algorithm string  `json:"algorithm"`
	Seeds     int     `json:"seeds"`
	Units     float64 `json:"units"`             // sent, mean over the seeds
	Closed    int     `json:"closed_form"`       // 0: there is none
	Published int     `json:"published"`         // 0: not known
	Deviation float64 `json:"deviation_percent"` // from the closed form, or else from what was published
}

// Run measures and prints the table; what it is at goes to stderr. The error wraps [verb.ErrUsage] when the
// arguments are wrong.
func Run(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("crdt", flag.ContinueOnError)
	only := flags.String("only", "", "only rows whose type, topology and algorithm match this regular expression (\"GSet mesh\")")
	seeds := flags.Int("seeds", 1, "runs of each row, with phases of their own, 1 to 1000")
	json := flags.String("json", "", "also write one JSON object per row to this file")
	if err := verb.Parse(flags, args, out); err != nil {
		return err
	}
	pattern, err := regexp.Compile(*only)
	switch {
	case err != nil:
		return fmt.Errorf("%w: -only: %w", verb.ErrUsage, err)
	case *seeds < 1 || *seeds > 1000:
		return fmt.Errorf("%w: -seeds %d, 1 to 1000 allowed", verb.ErrUsage, *seeds)
	}
	if err := verb.WriteJSON[row](*json, nil); err != nil { // now rather than after a minute
		return err
	}
	return verb.WriteJSON(*json, measureAll(out, os.Stderr, pattern, *seeds))
}

func measureAll(out, progress io.Writer, only *regexp.Regexp, seeds int) (rows []row) {
	fmt.Fprintf(out, "Units sent by %d nodes that make %d events each, mean of %d runs; the deviation is from the closed form,\nor else from what Enes et al. measured.\n\n", nodes, rounds, seeds)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "type\ttopology\talgorithm\tunits\tclosed form\tpublished\tdeviation\t")
	for _, load := range workloads() {
		for _, t := range topologies {
			for i, a := range algorithms {
				if name := load.name + " " + t.name + " " + a.name; only.MatchString(name) {
					fmt.Fprintf(progress, "crdt: %s\n", name)
					rows = append(rows, load.measure(t, i, seeds))
					fmt.Fprintln(w, rows[len(rows)-1])
				}
			}
		}
	}
	w.Flush()
	return rows
}

func (w workload) measure(t topology, i, seeds int) row {
	a := algorithms[i]
	r := row{Type: w.name, Topology: t.name, Algorithm: a.name, Seeds: seeds, Closed: w.closedForm(t, a), Published: w.measured[t.name][i]}
	for seed := range seeds {
		r.Units += float64(w.run(t, a, uint64(seed+1))) / float64(seeds)
	}
	against := r.Closed
	if against == 0 {
		against = r.Published
	}
	if against > 0 {
		r.Deviation = (r.Units/float64(against) - 1) * 100
	}
	return r
}

// String is the row's line of the table.
func (r row) String() string {
	line := fmt.Sprintf("%s\t%s\t%s\t%.0f\t", r.Type, r.Topology, r.Algorithm, r.Units)
	for _, n := range []int{r.Closed, r.Published} {
		if n == 0 {
			line += "–\t"
		} else {
			line += fmt.Sprintf("%d\t", n)
		}
	}
	if r.Closed == 0 && r.Published == 0 {
		return line + "–\t"
	}
	return line + fmt.Sprintf("%+.1f %%\t", r.Deviation)
}
