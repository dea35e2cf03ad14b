package demo

import (
	"fmt"
	"text/tabwriter"
	"time"
)

// report prints the table at the end.
func (c *cluster) report(stored, without, during measured, filled time.Duration, agreed agreement) {
	c.say("")
	t := tabwriter.NewWriter(c.cfg.Out, 0, 0, 2, ' ', tabwriter.AlignRight|tabwriter.TabIndent)
	fmt.Fprintln(t, "phase\tkeys\tbytes\tops/s\tmedian\t99th percentile\t")
	for _, m := range []measured{stored, without, during} {
		fmt.Fprintf(t, "%s\t%d\t%d\t%.0f\t%v\t%v\t\n", m.name, len(m.took), m.bytes, m.perSecond(), micros(m.percentile(0.5)), micros(m.percentile(0.99)))
	}
	t.Flush()

	counts := c.counts()
	t = tabwriter.NewWriter(c.cfg.Out, 0, 0, 2, ' ', 0)
	row := func(name string, value any) { fmt.Fprintf(t, "%s\t%v\n", name, value) }
	c.say("")
	row("keys stored, read back and equal at all owners", agreed.keys)
	row("copies compared byte by byte", agreed.copies)
	row("time until the lost node was filled again", filled.Round(time.Millisecond))
	row("keys refilled", counts["filled"])
	row("repairs by reads", counts["repairs"])
	row("repairs by comparing partitions", counts["swept"])
	row("stale answers refused", counts["unsynced_answers"])
	row("stale requests refused", counts["stale_requests"])
	t.Flush()
	c.say("\nEvery byte came back, and all owners agree.")
}

func micros(d time.Duration) time.Duration { return d.Round(time.Microsecond) }
