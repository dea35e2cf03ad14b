package staleness

import "github.com/grapevine-go/grapevine/quorum/pbs"

// figure is a line of what the paper computed for N=3: 99.9th percentiles in
// milliseconds (its table 4) and, where its text tells it, the share of reads
// that are fresh at once.
type figure struct {
	name                 string
	model                pbs.Model
	r, w                 int
	read, write, visible float64
	fresh                float64 // 0: not told
}

// published returns the paper's figures.
func published() (list []figure) {
	add := func(name string, m pbs.Model, fresh float64, lines ...[3]float64) {
		for i, q := range [][2]int{{1, 1}, {1, 2}, {2, 1}, {2, 2}, {3, 1}, {1, 3}} {
			f := figure{name: name, model: m, r: q[0], w: q[1], read: lines[i][0], write: lines[i][1], visible: lines[i][2]}
			if i == 0 {
				f.fresh = fresh
			}
			list = append(list, f)
		}
	}
	add("LNKD-SSD", pbs.LinkedInSSD, 0, [3]float64{.66, .66, 1.85}, [3]float64{.66, 1.63, 1.79}, [3]float64{1.63, .65, 0},
		[3]float64{1.62, 1.64, 0}, [3]float64{4.14, .65, 0}, [3]float64{.65, 4.09, 0})
	add("LNKD-DISK", pbs.LinkedInDisk, .439, [3]float64{.66, 10.99, 45.5}, [3]float64{.65, 20.97, 43.3}, [3]float64{1.63, 10.9, 13.6},
		[3]float64{1.64, 20.96, 0}, [3]float64{4.12, 10.89, 0}, [3]float64{.65, 112.65, 0})
	add("YMMR", pbs.Yammer, .893, [3]float64{5.58, 10.83, 1364}, [3]float64{5.61, 427.12, 1352}, [3]float64{32.6, 10.73, 202},
		[3]float64{33.18, 428.11, 0}, [3]float64{219.27, 10.79, 0}, [3]float64{5.63, 1870.86, 0})
	add("WAN", pbs.WAN, .33, [3]float64{3.4, 55.12, 113}, [3]float64{3.4, 167.64, 0}, [3]float64{151.3, 56.36, 30.2},
		[3]float64{151.31, 167.72, 0}, [3]float64{153.86, 55.19, 0}, [3]float64{3.44, 241.55, 0})
	return list
}
