package pbs

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/grapevine-go/grapevine/quorum"
)

// Model is what a cluster's messages take. Replicas draw independently.
type Model struct {
	W, A Delay // a write on its way to a replica; its acknowledgement
	R, S Delay // a read on its way; its answer

	// Far is added to each message to or from all replicas but one, which each
	// request chooses anew: its coordinator stands beside that one, and the
	// others are in other regions. Zero: all are near.
	Far time.Duration

	// Few says that a read asks R replicas, any of them, and waits for all of
	// these, as a node does. In the paper it asks all N and takes the first R.
	Few bool
}

// MaxTrials bounds the memory of a prediction: 24 bytes a trial.
const MaxTrials = 100_000_000

// Prediction is what came of a number of trials. It is immutable.
type Prediction struct {
	reads, writes []time.Duration // sorted
	visible       []time.Duration // from when on the trial's read is fresh, after the write's end; sorted
}

// Predict draws a write and a read as often as trials says, 1 to [MaxTrials].
// All four delays of the model must be set. The error wraps quorum.ErrLevel, or
// says that the number of trials is out of range.
func Predict(m Model, nwr quorum.NWR, trials int, rnd *rand.Rand) (*Prediction, error) {
	if err := nwr.Validate(); err != nil {
		return nil, fmt.Errorf("pbs: %w", err)
	}
	if trials < 1 || trials > MaxTrials {
		return nil, fmt.Errorf("pbs: %d trials, 1 to %d allowed", trials, MaxTrials)
	}
	p := &Prediction{
		reads: make([]time.Duration, trials), writes: make([]time.Duration, trials), visible: make([]time.Duration, trials),
	}
	t := trial{model: m, w: nwr.LeastW(), r: nwr.LeastR(), replicas: make([]replica, nwr.N)}
	for i := range trials {
		p.writes[i], p.reads[i], p.visible[i] = t.run(rnd)
	}
	for _, d := range [][]time.Duration{p.reads, p.writes, p.visible} {
		slices.Sort(d)
	}
	return p, nil
}

// trial is one write and one read after it.
type trial struct {
	model    Model
	w, r     int
	replicas []replica
}

// replica is what the trial drew for one replica.
type replica struct {
	arrives time.Duration // the write, after its start
	acked   time.Duration
	asked   time.Duration // by the read, after its start
	answers time.Duration
}

func (t *trial) run(rnd *rand.Rand) (write, read, visible time.Duration) {
	m, all := &t.model, t.replicas
	nearWrite, nearRead := rnd.IntN(len(all)), rnd.IntN(len(all))
	for i := range all {
		r := &all[i]
		r.arrives = m.W(rnd) + t.far(i, nearWrite)
		r.acked = r.arrives + m.A(rnd) + t.far(i, nearWrite)
		r.asked = m.R(rnd) + t.far(i, nearRead)
		r.answers = r.asked + m.S(rnd) + t.far(i, nearRead)
	}
	slices.SortFunc(all, func(a, b replica) int { return int(a.acked - b.acked) })
	write = all[t.w-1].acked
	asked := all
	if m.Few {
		rnd.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		asked = all[:t.r]
	}
	slices.SortFunc(asked, func(a, b replica) int { return int(a.answers - b.answers) })
	read = asked[t.r-1].answers
	visible = longest
	for _, r := range asked[:t.r] {
		visible = min(visible, r.arrives-r.asked-write)
	}
	return write, read, max(visible, 0)
}

func (t *trial) far(i, near int) time.Duration {
	if i == near {
		return 0
	}
	return t.model.Far
}

// Fresh returns the probability that a read begun so long after the write's end
// sees it.
func (p *Prediction) Fresh(after time.Duration) float64 {
	n, _ := slices.BinarySearch(p.visible, after+1)
	return float64(n) / float64(len(p.visible))
}

// Visible returns how long after a write's end reads see it with the given
// probability, 0 to 1.
func (p *Prediction) Visible(probability float64) time.Duration {
	return quantile(p.visible, probability)
}

// Read returns what the given share of reads, 0 to 1, takes at most.
func (p *Prediction) Read(share float64) time.Duration { return quantile(p.reads, share) }

// Write returns what the given share of writes, 0 to 1, takes at most.
func (p *Prediction) Write(share float64) time.Duration { return quantile(p.writes, share) }

func quantile(sorted []time.Duration, share float64) time.Duration {
	i := int(math.Ceil(share*float64(len(sorted))-1e-9)) - 1 // not the next one for a rounding error
	return sorted[min(max(i, 0), len(sorted)-1)]
}

// Staler returns the probability that a read misses all of the last k versions,
// k ≥ 1, if nothing but the W replicas of each write ever gets it: an upper
// bound that needs no delays. It is 0 where R+W > N.
func Staler(nwr quorum.NWR, k int) float64 {
	miss := 1.0 // C(N-W, R) / C(N, R)
	w := nwr.LeastW()
	for i := range nwr.LeastR() {
		miss *= max(float64(nwr.N-w-i), 0) / float64(nwr.N-i)
	}
	return math.Pow(miss, float64(k))
}
