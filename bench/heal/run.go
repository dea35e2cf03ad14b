// Package heal measures how an owner that was cut off gets what it missed: how long
// that takes, how many bytes are moved for each that differs, and what the clients
// of the cluster feel of it. Three nodes in one process, connected over loopback,
// N=3, W=2, R=2, in memory. The cut is one of the data plane: what is sent over its
// links is lost, and membership notices nothing.
package heal

import (
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/grapevine-go/grapevine/bench/verb"
)

// Row is the result.
type Row struct {
	Keys      int     `json:"keys"`
	Value     int     `json:"value_bytes"`
	Cut       float64 `json:"cut_s"`
	Writes    int     `json:"writes_meanwhile"`
	Differ    int     `json:"keys_that_differ"`
	Bytes     int     `json:"bytes_that_differ"`
	Rate      int     `json:"sync_bytes_per_s"`
	Healed    float64 `json:"healed_s"`
	Moved     int     `json:"bytes_moved"`
	Ratio     float64 `json:"moved_per_byte_that_differs"`
	Load      float64 `json:"foreground_ops_per_s"`
	P50Before float64 `json:"p50_us_before"`
	P99Before float64 `json:"p99_us_before"`
	RanBefore float64 `json:"p99_from_its_start_us_before"`
	P50       float64 `json:"p50_us_meanwhile"`
	P99       float64 `json:"p99_us_meanwhile"`
	Ran       float64 `json:"p99_from_its_start_us_meanwhile"`
	Errors    int     `json:"foreground_errors"`
}

// setting is what the flags say.
type setting struct {
	keys, value, rate, ops, load int
	cut                          time.Duration
}

// Run carries out the verb. The error wraps [verb.ErrUsage] when the arguments are
// wrong; that not everything heals within a minute is an error too.
func Run(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("heal", flag.ContinueOnError)
	var s setting
	flags.IntVar(&s.keys, "keys", 100_000, "keys of the table, at least 1")
	flags.IntVar(&s.value, "value", 100, "bytes of a value, 1 to 100000")
	flags.DurationVar(&s.cut, "cut", time.Minute, "for how long a node is cut off, at least 100ms")
	flags.IntVar(&s.ops, "writes", 500, "writes a second meanwhile, of random keys, at least 1")
	flags.IntVar(&s.rate, "rate", 10_000_000, "bytes a second that comparisons may move, at least 65536")
	flags.IntVar(&s.load, "load", 1000, "operations a second of clients, half of them reads, before the cut and while it heals; at least 10")
	path := flags.String("json", "", "also write the result to this file")
	if err := verb.Parse(flags, args, out); err != nil {
		return err
	}
	switch {
	case s.keys < 1:
		return fmt.Errorf("%w: -keys %d, at least 1", verb.ErrUsage, s.keys)
	case s.value < 1 || s.value > 100_000:
		return fmt.Errorf("%w: -value %d, 1 to 100000 allowed", verb.ErrUsage, s.value)
	case s.cut < 100*time.Millisecond:
		return fmt.Errorf("%w: -cut %v, at least 100ms", verb.ErrUsage, s.cut)
	case s.ops < 1 || s.load < 10:
		return fmt.Errorf("%w: -writes %d, -load %d, at least 1 and 10", verb.ErrUsage, s.ops, s.load)
	case s.rate < 64<<10:
		return fmt.Errorf("%w: -rate %d, at least 65536", verb.ErrUsage, s.rate)
	}
	if err := verb.WriteJSON[Row](*path, nil); err != nil { // now rather than after a minute
		return err
	}
	r, err := measure(s, os.Stderr)
	if err != nil {
		return err
	}
	fmt.Fprint(out, r)
	return verb.WriteJSON(*path, []Row{r})
}

// String is what is printed.
func (r Row) String() string {
	return fmt.Sprintf(`%d keys of %d bytes, three nodes, one cut off for %.1f s of %d writes; clients do %.0f operations a second
differ when the cut heals  %d keys, %d bytes
equal again after          %.2f s, at a budget of %.1f MB/s
moved by comparisons       %d bytes, %.2f for each that differs
clients before the cut     p50 %.0f µs, p99 %.0f µs, from when the operation began %.0f µs
clients while it heals     p50 %.0f µs, p99 %.0f µs (%.2f times as much), from when it began %.0f µs (%.2f), %d errors
`, r.Keys, r.Value, r.Cut, r.Writes, r.Load, r.Differ, r.Bytes, r.Healed, float64(r.Rate)/1e6, r.Moved, r.Ratio,
		r.P50Before, r.P99Before, r.RanBefore, r.P50, r.P99, r.P99/max(r.P99Before, 1), r.Ran, r.Ran/max(r.RanBefore, 1), r.Errors)
}
