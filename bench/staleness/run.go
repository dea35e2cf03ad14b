// Package staleness predicts how stale the reads of partial quorums are, from
// the distributions of delays that Bailis et al. (2012) published, beside what
// they computed. The prediction is that of package quorum/pbs.
package staleness

import (
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/grapevine-go/grapevine/bench/verb"
	"github.com/grapevine-go/grapevine/quorum"
	"github.com/grapevine-go/grapevine/quorum/pbs"
)

// row is one line of the table.
type row struct {
	Distribution string  `json:"distribution"`
	N            int     `json:"n"`
	R            int     `json:"r"`
	W            int     `json:"w"`
	Trials       int     `json:"trials"`
	Fresh        float64 `json:"p_fresh_at_0"`
	Visible      float64 `json:"t_visibility_999_ms"`
	Read         float64 `json:"read_999_ms"`
	Write        float64 `json:"write_999_ms"`

	published *figure
}

var models = []struct {
	name  string
	model pbs.Model
}{
	{"LNKD-SSD", pbs.LinkedInSSD}, {"LNKD-DISK", pbs.LinkedInDisk}, {"YMMR", pbs.Yammer}, {"WAN", pbs.WAN},
}

// Run predicts and prints the table; what it is at goes to stderr. The error wraps [verb.ErrUsage] when the
// arguments are wrong.
func Run(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("staleness", flag.ContinueOnError)
	name := flags.String("distribution", "", "LNKD-SSD, LNKD-DISK, YMMR or WAN (default all)")
	n := flags.Int("n", 3, "replicas")
	r := flags.Int("r", 0, "answers that a read waits for (default all of 1 to n, with each w)")
	w := flags.Int("w", 0, "acknowledgements that a write waits for (default all of 1 to n, with each r)")
	trials := flags.Int("trials", 1_000_000, "writes, each with a read")
	seed := flags.Uint64("seed", 1, "seed of the random numbers")
	json := flags.String("json", "", "file for one JSON object per row")
	if err := verb.Parse(flags, args, out); err != nil {
		return err
	}
	if *r < 0 || *w < 0 { // these are the named levels
		return fmt.Errorf("%w: -r %d, -w %d, numbers from 1 on", verb.ErrUsage, *r, *w)
	}
	var rows []row
	known := *name == ""
	tw := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(out, "%d writes and reads each; in brackets what Bailis et al. (2012) computed\n\n", *trials)
	fmt.Fprintln(tw, "distribution\tN\tR\tW\tfresh at once\tvisible 99.9 % ms\tread 99.9 % ms\twrite 99.9 % ms\t")
	for _, m := range models {
		if *name != "" && !strings.EqualFold(*name, m.name) {
			continue
		}
		known = true
		for _, q := range levels(*n, *r, *w) {
			fmt.Fprintf(os.Stderr, "staleness: %s %v\n", m.name, q)
			p, err := pbs.Predict(m.model, q, *trials, rand.New(rand.NewPCG(*seed, 0)))
			if err != nil {
				return fmt.Errorf("%w: %w", verb.ErrUsage, err)
			}
			rows = append(rows, newRow(m.name, q, *trials, p))
			fmt.Fprintln(tw, rows[len(rows)-1])
		}
	}
	if !known {
		return fmt.Errorf("%w: -distribution %q", verb.ErrUsage, *name)
	}
	tw.Flush()
	return verb.WriteJSON(*json, rows)
}

// levels are the choices of R and W that were asked for; 0 is all.
func levels(n, r, w int) (list []quorum.NWR) {
	each := func(x int) []int {
		if x != 0 {
			return []int{x}
		}
		all := make([]int, max(n, 1))
		for i := range all {
			all[i] = i + 1
		}
		return all
	}
	for _, r := range each(r) {
		for _, w := range each(w) {
			list = append(list, quorum.NWR{N: n, R: quorum.Level(r), W: quorum.Level(w)})
		}
	}
	return list
}

func newRow(name string, q quorum.NWR, trials int, p *pbs.Prediction) row {
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	r := row{Distribution: name, N: q.N, R: int(q.R), W: int(q.W), Trials: trials,
		Fresh: p.Fresh(0), Visible: ms(p.Visible(.999)), Read: ms(p.Read(.999)), Write: ms(p.Write(.999))}
	for _, f := range published() {
		if f.name == name && q == (quorum.NWR{N: 3, R: quorum.Level(f.r), W: quorum.Level(f.w)}) {
			r.published = &f
		}
	}
	return r
}

// String is the row's line of the table.
func (r row) String() string {
	fresh, visible, read, write := fmt.Sprintf("%.4f", r.Fresh), fmt.Sprintf("%.2f", r.Visible), fmt.Sprintf("%.2f", r.Read), fmt.Sprintf("%.2f", r.Write)
	if f := r.published; f != nil {
		if f.fresh > 0 {
			fresh += fmt.Sprintf(" (%.3g)", f.fresh)
		}
		visible += fmt.Sprintf(" (%.4g)", f.visible)
		read += fmt.Sprintf(" (%.5g)", f.read)
		write += fmt.Sprintf(" (%.6g)", f.write)
	}
	return fmt.Sprintf("%s\t%d\t%d\t%d\t%s\t%s\t%s\t%s\t", r.Distribution, r.N, r.R, r.W, fresh, visible, read, write)
}
