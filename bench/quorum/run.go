// Package quorum measures quorum reads and writes: a closed loop of callers
// over three nodes in one process, connected over loopback, N=3, W=2, R=2, in
// memory. Before that it measures what the machine gives at best: a ping-pong
// over one loopback connection. Callers, coordinators and owners share the
// machine, so processor time per operation is the figure that compares.
//
// With -overload it measures what 256 callers get done, and then offers ten times as
// much, in two ways. "open": so many operations come a second, whatever becomes of
// those before them, at nodes at random, half of them writes; what is refused is over.
// "crowd": so many callers that they would do ten times as much if they were
// answered at once, each with 20 ms between two operations; who is refused comes
// again after RetryAfter and a random part of as much, within a second. An answer is
// good if it comes within a second. The callers share the processor's time: in "open"
// they, and refusals, take about a fifth of it.
package quorum

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/pprof"
	"text/tabwriter"
	"time"

	"github.com/grapevine-go/grapevine/bench/verb"
)

// Row is one measurement.
type Row struct {
	Bench      string  `json:"bench"` // "ping-pong", "quorum" or "slow owner"
	SlowMS     float64 `json:"slow_ms,omitempty"`
	Nodes      int     `json:"nodes"`
	N          int     `json:"n"`
	W          int     `json:"w"`
	R          int     `json:"r"`
	Callers    int     `json:"callers"`
	Value      int     `json:"value_bytes"`
	Reads      int     `json:"reads_percent"`
	Keys       int     `json:"keys"`
	Ops        int     `json:"ops"`
	Seconds    float64 `json:"seconds"`
	OpsPerS    float64 `json:"ops_per_s"`
	P50        float64 `json:"p50_us"`
	P99        float64 `json:"p99_us"`
	CPU        float64 `json:"cpu_us_per_op"`
	Allocs     float64 `json:"allocs_per_op"`
	AllocBytes float64 `json:"alloc_bytes_per_op"`
	Errors     int     `json:"errors"`
}

// Run carries out the verb.
func Run(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("quorum", flag.ContinueOnError)
	callers := flags.Int("callers", 0, "callers; 0: 1, 16, 64 and 256, one after the other")
	value := flags.Int("value", 0, "bytes of a value; 0: 100 and 1024")
	reads := flags.Int("reads", -1, "percentage of reads; -1: 0, 50, 95 and 100")
	keys := flags.Int("keys", 10_000, "keys, chosen uniformly")
	seconds := flags.Float64("seconds", 2, "duration of each measurement")
	nodes := flags.Int("nodes", 3, "nodes; each key has 3 owners")
	slow := flags.Duration("slow", 0, "measure each setting once more with one node that everything reaches so much later")
	overload := flags.Float64("overload", 0, "instead: offer 10 times what can be done for so many seconds")
	open := flags.Bool("no-admission", false, "with -overload: the nodes take on everything")
	path := flags.String("json", "", "file for one JSON object per row")
	profile := flags.String("cpuprofile", "", "file for a profile of the processor's time")
	memory := flags.String("memprofile", "", "file for a profile of what was allocated; to be complete, each piece of memory is noted, which takes time")
	if err := verb.Parse(flags, args, out); err != nil {
		return err
	}
	if *callers < 0 || *value < 0 || *reads > 100 || *keys < 1 || *seconds <= 0 || *nodes < 3 || *slow < 0 || *overload < 0 {
		return fmt.Errorf("%w: callers and value must not be negative, reads not above 100, keys, seconds positive, nodes 3 or more", verb.ErrUsage)
	}
	if *memory != "" {
		runtime.MemProfileRate = 1
	}
	d := time.Duration(*seconds * float64(time.Second))
	if *profile != "" {
		f, err := os.Create(*profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	if *overload > 0 {
		return runOverload(out, *path, d, time.Duration(*overload*float64(time.Second)), *nodes, *keys, *open)
	}
	ping, err := pingPong(d/2, 100)
	if err != nil {
		return err
	}
	rows := []Row{ping}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "bench\tcallers\tvalue B\treads %\tops/s\tp50 µs\tp99 µs\tCPU µs/op\tallocs/op\tB/op\terrors\t")
	print(w, ping)
	c, err := startCluster(context.Background(), *nodes, *slow > 0, 0)
	if err != nil {
		return err
	}
	defer c.close()
	for _, s := range settings(*callers, *value, *reads, *keys) {
		row, err := c.load(s, d)
		if err != nil {
			return err
		}
		rows = append(rows, row)
		print(w, row)
		if *slow == 0 {
			continue
		}
		c.late.Store(int64(*slow))
		late, err := c.load(s, d)
		c.late.Store(0)
		if err != nil {
			return err
		}
		late.Bench, late.SlowMS = "slow owner", float64(*slow)/1e6
		rows = append(rows, late)
		print(w, late)
		fmt.Fprintf(out, "p99 with an owner that is %v slow: × %.2f; ops/s: × %.2f\n", *slow, late.P99/row.P99, late.OpsPerS/row.OpsPerS)
	}
	if err := profileMemory(*memory); err != nil {
		return err
	}
	fmt.Fprintf(out, "%d nodes on loopback in one process, N=3 W=2 R=2, memory; %d keys; %v each\n", *nodes, *keys, d)
	return verb.WriteJSON(*path, rows)
}

// profileMemory writes what was allocated since the start; with an empty path it
// does nothing.
func profileMemory(path string) error {
	if path == "" {
		return nil
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(pprof.Lookup("allocs").WriteTo(f, 0), f.Close())
}

func print(w *tabwriter.Writer, r Row) {
	fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%.0f\t%.1f\t%.1f\t%.2f\t%.2f\t%.0f\t%d\t\n",
		r.Bench, r.Callers, r.Value, r.Reads, r.OpsPerS, r.P50, r.P99, r.CPU, r.Allocs, r.AllocBytes, r.Errors)
	w.Flush()
}

// setting is one closed loop.
type setting struct{ callers, value, reads, keys int }

func settings(callers, value, reads, keys int) (list []setting) {
	or := func(v, none int, all ...int) []int {
		if v != none {
			return []int{v}
		}
		return all
	}
	for _, v := range or(value, 0, 100, 1024) {
		for _, r := range or(reads, -1, 0, 50, 95, 100) {
			for _, c := range or(callers, 0, 1, 16, 64, 256) {
				list = append(list, setting{callers: c, value: v, reads: r, keys: keys})
			}
		}
	}
	return list
}
