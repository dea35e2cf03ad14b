package pbs

import "time"

const ms = float64(time.Millisecond)

func pareto(least, shape float64) Delay { return Pareto(time.Duration(least*ms), shape) }
func exponential(rate float64) Delay    { return Exponential(time.Duration(ms / rate)) }

// The distributions that the paper fitted to production systems (its table 3):
// LinkedIn's on solid state and on spinning disks, Yammer's, and LinkedIn's
// disks in three regions 75 ms apart.
var (
	ssd  = Mix(.9122, pareto(.235, 10), exponential(1.66))
	disk = Mix(.38, pareto(1.05, 1.51), exponential(.183))

	LinkedInSSD  = Model{W: ssd, A: ssd, R: ssd, S: ssd}
	LinkedInDisk = Model{W: disk, A: ssd, R: ssd, S: ssd}
	Yammer       = Model{W: Mix(.939, pareto(3, 3.35), exponential(.0028)), A: yammer, R: yammer, S: yammer}
	WAN          = Model{W: disk, A: ssd, R: ssd, S: ssd, Far: 75 * time.Millisecond}

	yammer = Mix(.982, pareto(1.5, 3.8), exponential(.0217))
)
