package gossiptest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/grapevine-go/grapevine/antientropy"
	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/rumor"
)

// Comparing is one update that spreads by comparisons alone, in synchronous
// cycles, as Demers et al. (1987, sections 1.3 and 3) simulate anti-entropy: in
// each cycle every site compares with one other, which the schedules of package
// antientropy choose. What a comparison finds is judged by what both knew when
// the cycle began.
type Comparing struct {
	Sites int        // 2 to MaxComparing
	Mode  rumor.Mode // whose news travels: that of who begins, of the partner, or both
	// Limit is how many comparisons that others begin a site accepts in a cycle;
	// 0: any number. Hunt is how many others are tried in the place of one that
	// had no room.
	Limit, Hunt int
	// Line puts the sites on a line and chooses partners by their distance, with
	// the exponent Spread of [antientropy.ScheduleConfig]; otherwise all are alike.
	Line   bool
	Spread float64
}

// MaxComparing is the most sites that a [Comparing] has: each keeps a schedule of
// all others.
const MaxComparing = 2000

// ErrComparing is wrapped by the errors of [Comparing.Validate].
var ErrComparing = errors.New("gossiptest: invalid comparing")

// maxCycles ends a run that does not.
const maxCycles = 10_000

// Validate lists all problems at once, each naming its field. The errors wrap
// [ErrComparing].
func (c Comparing) Validate() error {
	var errs []error
	bad := func(is bool, format string, args ...any) {
		if is {
			errs = append(errs, fmt.Errorf("%w: "+format, append([]any{ErrComparing}, args...)...))
		}
	}
	bad(c.Sites < 2 || c.Sites > MaxComparing, "Sites is %d, allowed are 2 to %d", c.Sites, MaxComparing)
	bad(c.Mode < rumor.Push || c.Mode > rumor.PushPull, "Mode is %v", c.Mode)
	bad(c.Limit < 0, "Limit is %d, it must not be below 0", c.Limit)
	bad(c.Hunt < 0 || c.Hunt > 1024, "Hunt is %d, allowed are 0 to 1024", c.Hunt)
	bad(c.Hunt > 0 && c.Limit == 0, "Hunt needs a Limit")
	bad(!(c.Spread >= 0 && c.Spread <= 4) || c.Spread > 0 && !c.Line, "Spread is %v, allowed are 0 to 4, and 0 without Line", c.Spread)
	return errors.Join(errs...)
}

// Compared is what came of a [Comparing]. Times are in cycles.
type Compared struct {
	Cycles      int
	Last        float64   // delay until the last site was reached
	Average     float64   // mean delay, the origin's of 0 among them
	Comparisons float64   // that took place, a site and cycle
	Sent        float64   // times that the update travelled, a site
	Left        []float64 // share of the sites that lacked the update, at the beginning and after each cycle
	Hash        uint64    // of who compared with whom: equal for equal seeds
}

// Run lets the update spread from one site until all have it. The seed decides
// the course. The errors are those of [Comparing.Validate], and one that the
// sites were not all reached in ten thousand cycles. Runs may go on at the same
// time.
func (c Comparing) Run(seed uint64) (Compared, error) {
	if err := c.Validate(); err != nil {
		return Compared{}, err
	}
	w := comparing{Comparing: c, rand: rand.New(rand.NewPCG(seed, 0x616e7469)), at: make([]int, c.Sites), hash: seed}
	w.begin()
	for w.reached < c.Sites {
		if w.cycle == maxCycles {
			return Compared{}, fmt.Errorf("gossiptest: seed %d: %d of %d sites reached in %d cycles", seed, w.reached, c.Sites, w.cycle)
		}
		w.turn()
	}
	sum := 0
	for _, at := range w.at {
		sum += at
	}
	n := float64(c.Sites)
	return Compared{
		Cycles: w.cycle, Last: float64(w.cycle), Average: float64(sum) / n, Comparisons: float64(w.compared) / n / float64(w.cycle),
		Sent: float64(w.sent) / n, Left: w.left, Hash: w.hash,
	}, nil
}

// comparing is the world of one run. Sites are numbers.
type comparing struct {
	Comparing
	rand      *rand.Rand
	schedules []*antientropy.Schedule
	number    map[peer.ID]int
	at        []int // in which cycle a site was reached; -1: not yet
	accepted  []int // comparisons in this cycle
	cycle     int
	reached   int
	compared  int
	sent      int
	left      []float64
	hash      uint64
}

// unit is the interval of the schedules. A cycle is two of them: by then each
// has drawn a round, wherever in its interval.
const unit = time.Second

func (w *comparing) begin() {
	w.number = make(map[peer.ID]int, w.Sites)
	ids := make([]peer.ID, w.Sites)
	for i := range ids {
		ids[i] = peer.ID(fmt.Sprintf("s%04d", i))
		w.number[ids[i]] = i
		w.at[i] = -1
	}
	w.accepted = make([]int, w.Sites)
	w.at[0], w.reached = 0, 1
	w.left = []float64{1 - 1/float64(w.Sites)}
	for i := range ids {
		s, err := antientropy.NewSchedule(antientropy.ScheduleConfig{Interval: unit, Spread: w.Spread, Hunt: w.Hunt, Rand: w.rand}, epoch)
		if err != nil {
			panic(err) // what Validate lets through is in its bounds
		}
		partners := make([]antientropy.Partner, 0, w.Sites-1)
		for j, id := range ids {
			if p := (antientropy.Partner{ID: id}); j != i {
				if w.Line {
					p.Distance = max(i-j, j-i)
				}
				partners = append(partners, p)
			}
		}
		s.SetPartners(epoch, partners)
		w.schedules = append(w.schedules, s)
	}
}

// turn lets every site compare once, in random order: where the number of
// comparisons is limited, the first come first.
func (w *comparing) turn() {
	w.cycle++
	now := epoch.Add(time.Duration(w.cycle) * 2 * unit)
	clear(w.accepted)
	for _, i := range w.rand.Perm(w.Sites) {
		for id, ok := w.schedules[i].Next(now); ok; id, ok = w.schedules[i].Next(now) {
			j := w.number[id]
			if w.Limit > 0 && w.accepted[j] == w.Limit {
				w.schedules[i].Busy(id)
				continue
			}
			w.accepted[j]++
			w.compare(i, j)
			w.schedules[i].Equal(now, id)
		}
	}
	w.left = append(w.left, 1-float64(w.reached)/float64(w.Sites))
}

// compare exchanges what the mode lets travel.
func (w *comparing) compare(i, j int) {
	w.compared++
	w.hash = mix(w.hash ^ uint64(w.cycle)<<40 ^ uint64(i)<<20 ^ uint64(j))
	if w.Mode&rumor.Push != 0 {
		w.bring(i, j)
	}
	if w.Mode&rumor.Pull != 0 {
		w.bring(j, i)
	}
}

// bring gives the update to a site that lacked it when the cycle began.
func (w *comparing) bring(from, to int) {
	knew := func(i int) bool { return w.at[i] >= 0 && w.at[i] < w.cycle }
	if !knew(from) || knew(to) {
		return
	}
	w.sent++
	if w.at[to] < 0 {
		w.at[to] = w.cycle
		w.reached++
	}
}
