package convergence

import (
	"fmt"
	"io"
	"math"
	"text/tabwriter"

	"github.com/grapevine-go/grapevine/gossiptest"
	"github.com/grapevine-go/grapevine/rumor"
)

// compared is one setting of anti-entropy, and what its runs gave.
type compared struct {
	c    gossiptest.Comparing
	runs []gossiptest.Compared
}

// compare runs a setting from as many seeds.
func compare(c gossiptest.Comparing, runs int, seed uint64) (compared, error) {
	all, err := each(runs, seed, c.Run)
	return compared{c, all}, err
}

// row sums up. Traffic is how often the update travelled, control how many
// comparisons there were, both a site.
func (x compared) row(name string, seed uint64) row {
	e := gossiptest.Epidemic{Nodes: x.c.Sites, Cycles: true, Policy: rumor.Policy{Mode: x.c.Mode, Fanout: 1, ConnectionLimit: x.c.Limit, Hunt: x.c.Hunt}}
	r := newRow(name, e, len(x.runs), seed)
	r.Stop, r.Body = "none", 0
	spreads := make([]gossiptest.Spread, len(x.runs))
	for i, c := range x.runs {
		s := gossiptest.Spread{
			Alive: x.c.Sites, Reached: x.c.Sites, Traffic: c.Sent, Control: c.Comparisons * float64(c.Cycles), Average: c.Average, Last: c.Last,
			T50: when(c.Left, .5), T99: when(c.Left, .99), T999: when(c.Left, .999), T100: c.Last,
		}
		s.Messages = s.Control
		spreads[i] = s
		r.add(s)
	}
	r.sumUp(spreads)
	return r
}

// when is the cycle after which a share of the sites was reached.
func when(left []float64, share float64) float64 {
	for cycle, l := range left {
		if 1-l >= share {
			return float64(cycle)
		}
	}
	return math.Inf(1)
}

// tail holds the shares that were left after a cycle against what the theory
// makes of those before it, over all cycles that began with less than half and
// with ten sites at least.
func (x compared) tail(predict func(p, n float64) float64) float64 {
	n := float64(x.c.Sites)
	left, predicted := 0.0, 0.0
	for _, r := range x.runs {
		for i := 1; i < len(r.Left); i++ {
			if p := r.Left[i-1]; p < .5 && p*n >= 10 {
				left += r.Left[i]
				predicted += predict(p, n)
			}
		}
	}
	return left / predicted
}

// Tails of Demers et al., section 1.3: who pulls is left if its partner is too,
// and who is pushed to if none of the others chose it.
func pullTail(p, _ float64) float64 { return p * p }
func pushTail(p, n float64) float64 { return p * math.Pow(1-1/n, n*(1-p)) }

// uniform are the uniform rows of Demers et al., Tables 4 and 5 (pages 17 and
// 18): 300 sites, push and pull.
var uniform = []struct {
	title      string
	limit      int
	last, mean float64
}{
	{"Table 4, uniform: no connection limit", 0, 7.8, 5.3},
	{"Table 5, uniform: connection limit 1", 1, 11.0, 7.0},
}

// antiEntropy prints the uniform rows of the tables beside the published
// values, and what the theory says.
func (o *options) antiEntropy(out io.Writer) (rows []row, err error) {
	runs := o.or(1000)
	fmt.Fprintf(out, "Anti-entropy in cycles, after Demers et al. 1987: partners and hunting by package antientropy; %d runs; published values in brackets\n\n", runs)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "push-pull, 300 sites\tt_last\t\tt_ave\t\tcomparisons a site and cycle\t")
	for _, u := range uniform {
		x, err := compare(gossiptest.Comparing{Sites: 300, Mode: rumor.PushPull, Limit: u.limit}, runs, o.seed)
		if err != nil {
			return nil, err
		}
		r := x.row(u.title, o.seed)
		r.PublishedRow, r.PublishedLast, r.PublishedAve = u.title, &u.last, &u.mean
		rows = append(rows, r)
		fmt.Fprintf(w, "%s\t%.2f\t(%.1f)\t%.2f\t(%.1f)\t%.2f\t\n", u.title, r.TLast, u.last, r.TAve, u.mean, r.Control/r.TLast)
	}
	w.Flush()
	more, err := o.theory(out, max(runs/10, 1))
	return append(rows, more...), err
}

// pushLength is the expected number of cycles of a push to all from one site. It
// is log2 n + ln n + O(1) (Pittel 1987). The constant, 1.18 for many sites, is what
// the law of the tail says from the first cycle on: few pushes of the beginning
// meet, so that chance hardly matters there, and at the end each of the few that
// are left is left on its own, so that none is with the probability e^-left.
func pushLength(n float64) (cycles float64) {
	for p := 1 - 1/n; n*p > 1e-9; p = pushTail(p, n) {
		cycles += 1 - math.Exp(-n*p)
	}
	return cycles
}

// theory compares the rest of an epidemic with the laws of its tail, and the
// length of a push to all with what follows from them.
func (o *options) theory(out io.Writer, runs int) (rows []row, err error) {
	const sites = 1000
	fmt.Fprintf(out, "\nWhat is left after a cycle, over what the theory makes of what was left before it; %d runs\n\n", runs)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "1,000 sites\tmeasured / theory\tt_last\t\t")
	for _, t := range []struct {
		name    string
		mode    rumor.Mode
		predict func(p, n float64) float64
	}{{"pull: p²", rumor.Pull, pullTail}, {"push: p (1-1/n)^n(1-p), about p/e", rumor.Push, pushTail}} {
		x, err := compare(gossiptest.Comparing{Sites: sites, Mode: t.mode}, runs, o.seed)
		if err != nil {
			return nil, err
		}
		r := x.row(t.name, o.seed)
		length := ""
		if t.mode == rumor.Push {
			last := pushLength(sites)
			r.PublishedRow, r.PublishedLast = "log2 n + ln n + O(1)", &last
			length = fmt.Sprintf("(%.2f = log2 n + ln n + %.2f)", last, last-math.Log2(sites)-math.Log(sites))
		}
		rows = append(rows, r)
		fmt.Fprintf(w, "%s\t%.3f\t%.2f\t%s\t\n", t.name, x.tail(t.predict), r.TLast, length)
	}
	w.Flush()
	return rows, nil
}

// oneComparing measures the row of anti-entropy that the flags describe.
func (o *options) oneComparing(out io.Writer) ([]row, error) {
	p := o.e.Policy
	x, err := compare(gossiptest.Comparing{Sites: o.e.Nodes, Mode: p.Mode, Limit: p.ConnectionLimit, Hunt: p.Hunt}, o.or(1000), o.seed)
	if err != nil {
		return nil, err
	}
	rows := []row{x.row("anti-entropy", o.seed)}
	printRows(out, rows)
	return rows, nil
}
