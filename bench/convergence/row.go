package convergence

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/grapevine-go/grapevine/gossiptest"
)

// row is one line of the result: a setting, and what its runs gave. Times are
// in the unit that the row names. t50 to t100 are medians over the runs, a run
// that never came so far counting as endless, and nil where the median is that;
// everything else is a mean.
type row struct {
	Policy          string  `json:"policy"`
	N               int     `json:"n"`
	Mode            string  `json:"mode"`
	Targets         string  `json:"targets"`
	Fanout          int     `json:"fanout"`
	Stop            string  `json:"stop"`
	K               int     `json:"k"`
	Feedback        bool    `json:"feedback"`
	Minimise        bool    `json:"minimise"`
	Digest          bool    `json:"digest"`
	ConnectionLimit int     `json:"connection_limit"`
	Hunt            int     `json:"hunt"`
	Resend          int     `json:"resend"`
	Remind          int     `json:"remind"`
	Patience        int     `json:"patience"`
	Announce        int     `json:"announce"`
	MaxAge          int     `json:"max_age"`
	Far             int     `json:"far"`
	Zones           int     `json:"zones"`
	Loss            float64 `json:"loss"`
	Dead            float64 `json:"dead"`
	Unknown         float64 `json:"unknown"`
	Body            int     `json:"body_bytes"`
	IntervalMS      float64 `json:"interval_ms"` // 0: lock-step
	DelayMS         float64 `json:"delay_ms"`
	Unit            string  `json:"unit"` // of times: "cycles" or "ms"

	Runs          int      `json:"runs"`
	Seed          uint64   `json:"seed"`
	Residue       float64  `json:"residue"`
	Traffic       float64  `json:"traffic"`
	TAve          float64  `json:"t_ave"`
	TLast         float64  `json:"t_last"`
	T50           *float64 `json:"t50"`
	T99           *float64 `json:"t99"`
	T999          *float64 `json:"t999"`
	T100          *float64 `json:"t100"`
	OK            float64  `json:"ok"` // share of runs that reach 99.9 %
	Copies        float64  `json:"copies_per_node"`
	Control       float64  `json:"control_per_node"`
	Crossing      float64  `json:"crossing"` // share of the copies that went to another zone
	Messages      float64  `json:"messages_per_node"`
	Bytes         float64  `json:"bytes_per_node"`
	Duplicates    float64  `json:"duplicates_per_node"`
	LastHop       float64  `json:"last_hop"`
	Missed        int      `json:"missed"` // nodes that were not reached, in all runs
	PublishedRow  string   `json:"published_row,omitempty"`
	PublishedRes  *float64 `json:"published_residue,omitempty"`
	PublishedTr   *float64 `json:"published_traffic,omitempty"`
	PublishedAve  *float64 `json:"published_t_ave,omitempty"`
	PublishedLast *float64 `json:"published_t_last,omitempty"`
}

// newRow is a row's setting.
func newRow(policy string, e gossiptest.Epidemic, runs int, seed uint64) row {
	p := e.Policy
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	r := row{
		Policy: policy, N: e.Nodes, Mode: p.Mode.String(), Targets: p.Targets.String(), Fanout: p.Fanout, Stop: p.Stop.String(), K: p.K,
		Feedback: p.Feedback, Minimise: p.Minimise, Digest: p.Digest, ConnectionLimit: p.ConnectionLimit, Hunt: p.Hunt,
		Resend: p.Resend, Remind: p.Remind, Patience: p.Patience, Announce: p.Announce, MaxAge: p.MaxAge, Far: p.Far, Zones: e.Zones,
		Loss: e.Loss, Dead: e.Dead, Unknown: e.Unknown, Body: e.Body, Unit: "cycles", Runs: runs, Seed: seed,
	}
	if !e.Cycles {
		r.Unit, r.IntervalMS, r.DelayMS = "ms", ms(e.Interval), ms((e.MinDelay+e.MaxDelay)/2)
	}
	return r
}

// measure runs an epidemic from as many seeds, and sums up.
func measure(policy string, e gossiptest.Epidemic, runs int, seed uint64) (row, error) {
	r := newRow(policy, e, runs, seed)
	spreads, err := each(runs, seed, e.Run)
	if err != nil {
		return r, err
	}
	for i, s := range spreads {
		if s.Invented != 0 {
			return r, fmt.Errorf("seed %d: %d bodies arrived that nobody sent", seed+uint64(i), s.Invented)
		}
		r.add(s)
	}
	r.sumUp(spreads)
	return r, nil
}

// add takes a run into the sums.
func (r *row) add(s gossiptest.Spread) {
	r.Residue += s.Residue
	r.Copies += s.Traffic
	r.TAve += s.Average * r.scale()
	r.TLast += s.Last * r.scale()
	r.Control += s.Control
	r.Crossing += s.Crossing
	r.Messages += s.Messages
	r.Bytes += s.Bytes
	r.Duplicates += s.Duplicates
	r.LastHop += float64(s.LastHop)
	r.Missed += s.Alive - s.Reached
	if !math.IsInf(s.T999, 1) {
		r.OK++
	}
}

// scale turns the simulator's times into the row's unit.
func (r *row) scale() float64 {
	if r.Unit == "ms" {
		return 1000
	}
	return 1
}

// sumUp makes means of the sums, and medians.
func (r *row) sumUp(spreads []gossiptest.Spread) {
	for _, sum := range []*float64{&r.Residue, &r.Copies, &r.Crossing, &r.TAve, &r.TLast, &r.Control, &r.Messages, &r.Bytes, &r.Duplicates, &r.LastHop, &r.OK} {
		*sum /= float64(r.Runs)
	}
	r.Traffic = r.Copies
	median := func(of func(gossiptest.Spread) float64) *float64 {
		all := make([]float64, len(spreads))
		for i, s := range spreads {
			all[i] = of(s) * r.scale()
		}
		slices.Sort(all)
		if m := all[len(all)/2]; !math.IsInf(m, 1) {
			return &m
		}
		return nil
	}
	r.T50 = median(func(s gossiptest.Spread) float64 { return s.T50 })
	r.T99 = median(func(s gossiptest.Spread) float64 { return s.T99 })
	r.T999 = median(func(s gossiptest.Spread) float64 { return s.T999 })
	r.T100 = median(func(s gossiptest.Spread) float64 { return s.T100 })
}

// figure formats a number, or a dash where there is none.
func figure(v *float64, digits int) string {
	if v == nil {
		return "–"
	}
	return fmt.Sprintf("%.*f", digits, *v)
}

// printRows prints rows of any setting.
func printRows(out io.Writer, rows []row) {
	if len(rows) == 0 {
		return
	}
	digits := 0
	if rows[0].Unit == "cycles" {
		digits = 1
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	heads := []string{"t50", "t99", "t99.9", "t100", "t_ave", "t_last", "ok", "residue", "copies", "control", "bytes", "duplicates", "last hop"}
	fmt.Fprintf(table, "%s, times in %s\t%s\t\n", "policy", rows[0].Unit, strings.Join(heads, "\t"))
	for _, r := range rows {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%.*f\t%.*f\t%.3f\t%.2g\t%.2f\t%.2f\t%.0f\t%.2f\t%.1f\t\n", r.Policy,
			figure(r.T50, digits), figure(r.T99, digits), figure(r.T999, digits), figure(r.T100, digits), digits+1, r.TAve, digits+1, r.TLast,
			r.OK, r.Residue, r.Copies, r.Control, r.Bytes, r.Duplicates, r.LastHop)
	}
	table.Flush()
}
