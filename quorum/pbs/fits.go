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

// Figure is a line of what the paper computed for N=3: 99.9th percentiles in
// milliseconds (its table 4) and, where its text tells it, the share of reads
// that are fresh at once.
type Figure struct {
	Name                 string
	Model                Model
	R, W                 int
	Read, Write, Visible float64
	Fresh                float64 // 0: not told
}

// Published returns the paper's figures.
func Published() []Figure {
	var list []Figure
	add := func(name string, m Model, fresh float64, lines ...[3]float64) {
		for i, q := range [][2]int{{1, 1}, {1, 2}, {2, 1}, {2, 2}, {3, 1}, {1, 3}} {
			f := Figure{Name: name, Model: m, R: q[0], W: q[1], Read: lines[i][0], Write: lines[i][1], Visible: lines[i][2]}
			if i == 0 {
				f.Fresh = fresh
			}
			list = append(list, f)
		}
	}
	add("LNKD-SSD", LinkedInSSD, 0, [3]float64{.66, .66, 1.85}, [3]float64{.66, 1.63, 1.79}, [3]float64{1.63, .65, 0},
		[3]float64{1.62, 1.64, 0}, [3]float64{4.14, .65, 0}, [3]float64{.65, 4.09, 0})
	add("LNKD-DISK", LinkedInDisk, .439, [3]float64{.66, 10.99, 45.5}, [3]float64{.65, 20.97, 43.3}, [3]float64{1.63, 10.9, 13.6},
		[3]float64{1.64, 20.96, 0}, [3]float64{4.12, 10.89, 0}, [3]float64{.65, 112.65, 0})
	add("YMMR", Yammer, .893, [3]float64{5.58, 10.83, 1364}, [3]float64{5.61, 427.12, 1352}, [3]float64{32.6, 10.73, 202},
		[3]float64{33.18, 428.11, 0}, [3]float64{219.27, 10.79, 0}, [3]float64{5.63, 1870.86, 0})
	add("WAN", WAN, .33, [3]float64{3.4, 55.12, 113}, [3]float64{3.4, 167.64, 0}, [3]float64{151.3, 56.36, 30.2},
		[3]float64{151.31, 167.72, 0}, [3]float64{153.86, 55.19, 0}, [3]float64{3.44, 241.55, 0})
	return list
}
