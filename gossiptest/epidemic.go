package gossiptest

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/grapevine-go/grapevine/rumor"
)

// Epidemic is one update that spreads from one node to all others, by the cores
// of package rumor, in a world made for many nodes: a million of them fit in
// 2 GiB. Nodes, Policy and, without Cycles, Interval must be set.
type Epidemic struct {
	Nodes  int          // 2 to MaxEpidemic
	Policy rumor.Policy // of every node
	// Cycles runs the world in lock-step, as papers on epidemics do: in each
	// cycle all nodes make their contacts, and all messages arrive. News is
	// judged by what a node knew when the cycle began. Otherwise nodes tick at
	// moments of their own, and messages take time.
	Cycles   bool
	Interval time.Duration // of a cycle; with Cycles it is only a unit, 1 s by default
	MinDelay time.Duration // of a message, one way
	MaxDelay time.Duration // delays are drawn evenly from MinDelay to MaxDelay
	Loss     float64       // probability that a message is lost
	Twice    float64       // probability that a message arrives twice
	Cut      float64       // share of the nodes that a cut of the network keeps from the others
	CutFor   time.Duration // from the beginning on; then it heals
	Joining  float64       // share of the nodes that nobody knows until they join
	JoinAt   time.Duration // when they do
	Dead     float64       // share of nodes that are dead and not noticed: they are sent to and never answer
	Warm     int           // updates that spread before, one after the other, each from a node of its own; the dead die after them. Not with Cycles
	Unknown  float64       // share of the members that a node does not know; each lacks others
	Zones    int           // that the nodes are dealt to in turns; 0 and 1: all are in one
	Plan     rumor.Plan    // the cores are tuned by, unless it is zero
	Body     int           // of the update in bytes, 100 by default
	Limit    time.Duration // of virtual time, 1,000 intervals by default
}

// MaxEpidemic is the most nodes that an [Epidemic] has.
const MaxEpidemic = 1 << 24

// ErrEpidemic is wrapped by the errors of [Epidemic.Validate].
var ErrEpidemic = errors.New("gossiptest: invalid epidemic")

// resolution is the grain of virtual time in the queue of events.
const resolution = 100 * time.Microsecond

// Validate lists all problems at once, each naming its field. The errors wrap
// [ErrEpidemic] or [rumor.ErrPolicy].
func (e Epidemic) Validate() error {
	e = e.withDefaults()
	var errs []error
	bad := func(is bool, format string, args ...any) {
		if is {
			errs = append(errs, fmt.Errorf("%w: "+format, append([]any{ErrEpidemic}, args...)...))
		}
	}
	bad(e.Nodes < 2 || e.Nodes > MaxEpidemic, "Nodes is %d, allowed are 2 to %d", e.Nodes, MaxEpidemic)
	bad(e.Interval < resolution || e.Interval > time.Minute, "Interval is %v, allowed are %v to 1m", e.Interval, resolution)
	bad(e.MinDelay < 0 || e.MaxDelay < e.MinDelay || e.MaxDelay > time.Minute, "MinDelay %v and MaxDelay %v are no range up to 1m", e.MinDelay, e.MaxDelay)
	bad(!share(e.Loss), "Loss is %v, allowed are 0 up to 1", e.Loss)
	bad(!share(e.Twice), "Twice is %v, allowed are 0 up to 1", e.Twice)
	bad(!share(e.Cut) || e.CutFor < 0, "Cut is %v for %v, allowed are 0 up to 1, and no less than 0", e.Cut, e.CutFor)
	bad(!share(e.Joining) || e.JoinAt < 0, "Joining is %v at %v, allowed are 0 up to 1, and no less than 0", e.Joining, e.JoinAt)
	bad(e.Cycles && e.Twice+e.Cut+e.Joining > 0, "Twice, Cut and Joining are not for Cycles")
	bad(!share(e.Dead), "Dead is %v, allowed are 0 up to 1", e.Dead)
	bad(e.Warm < 0 || e.Warm > 0 && e.Cycles, "Warm is %d, it must not be below 0, and 0 with Cycles", e.Warm)
	bad(!share(e.Unknown), "Unknown is %v, allowed are 0 up to 1", e.Unknown)
	bad(e.Zones < 0 || e.Zones > e.Nodes, "Zones is %d, allowed are 0 to Nodes", e.Zones)
	bad(e.Body < 0 || e.Body > 1<<20, "Body is %d, allowed are 0 to %d", e.Body, 1<<20)
	bad(e.Limit < e.Interval, "Limit is %v, at least the Interval of %v", e.Limit, e.Interval)
	if err := e.Policy.Validate(); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// share reports whether p is a probability below 1.
func share(p float64) bool { return p >= 0 && p < 1 }

func (e Epidemic) withDefaults() Epidemic {
	if e.Cycles && e.Interval == 0 {
		e.Interval = time.Second
	}
	if e.Body == 0 {
		e.Body = 100
	}
	if e.Limit == 0 {
		e.Limit = 1000 * e.Interval
	}
	e.MaxDelay = max(e.MaxDelay, e.MinDelay)
	return e
}

// Run lets the update spread until nobody tells it any more, or until
// [Epidemic.Limit]. The seed decides the course. The errors are those of
// [Epidemic.Validate]. Runs may go on at the same time.
func (e Epidemic) Run(seed uint64) (Spread, error) {
	if err := e.Validate(); err != nil {
		return Spread{}, err
	}
	e = e.withDefaults()
	o, err := newOutbreak(e, seed)
	if err != nil {
		return Spread{}, err
	}
	if e.Cycles {
		o.die()
		o.runCycles()
	} else {
		o.queue.init(max(e.Interval, e.Plan.Interval, e.MaxDelay))
		for range e.Warm {
			o.runDeadlines(uint32(o.rand.IntN(e.Nodes)))
			o.forget()
		}
		o.die()
		o.runDeadlines(0)
	}
	return o.spread(), nil
}

// Spread is what came of an [Epidemic]. Times are in cycles where the epidemic
// ran in cycles, and in seconds otherwise. "A node" means a mean over the nodes
// that are alive.
type Spread struct {
	Alive      int     // nodes that could be reached, the origin included
	Reached    int     // of them
	Residue    float64 // share of them that was not reached
	Traffic    float64 // bodies sent, a node; contacts that were rejected count not
	Crossing   float64 // of the bodies sent, those that went to another zone
	Control    float64 // messages without a body, a node
	Messages   float64 // sent, a node
	Bytes      float64 // sent, a node
	Duplicates float64 // bodies received by who knew, a node
	Average    float64 // delay until a node was reached
	Last       float64 // delay until the last was reached
	T50        float64 // delay until that share of the nodes alive was reached; +Inf: never
	T99        float64
	T999       float64
	T100       float64
	Expected   float64 // copies that the cores expected, a node; 0 without structured targets and Patience
	Heard      float64 // of them, a node
	LastHop    int     // the longest way that a first copy came, in hops
	Redundancy float64 // relative message redundancy: bodies received over those needed, less 1
	Lost       int     // messages that the network lost
	Doubled    int     // that it delivered twice
	Barred     int     // that a cut kept back
	Swallowed  int     // messages to the dead
	Invented   int     // bodies received that nobody sent: must be 0
	Events     int     // calls of cores
	Hash       uint64  // of all events: equal for equal seeds
}

// spread judges the outbreak by its own records, not by what the cores count.
func (o *outbreak) spread() Spread {
	s := Spread{LastHop: o.lastHop, Lost: o.lost, Doubled: o.doubled, Barred: o.barred, Swallowed: o.swallowed, Invented: o.invented, Events: o.events, Hash: o.hash}
	for i := range o.cores {
		if !o.dead(i) {
			s.Alive++
			s.Expected += float64(o.cores[i].Stats().Expected)
			s.Heard += float64(o.cores[i].Stats().Heard)
		}
	}
	n := float64(s.Alive)
	s.Reached = len(o.delays)
	s.Residue = float64(s.Alive-s.Reached) / n
	s.Traffic, s.Control, s.Messages = float64(o.bodies)/n, float64(o.control)/n, float64(o.messages)/n
	s.Crossing = float64(o.crossed) / math.Max(1, float64(o.bodies))
	s.Expected, s.Heard = s.Expected/n, s.Heard/n
	s.Bytes, s.Duplicates = float64(o.bytes)/n, float64(o.duplicates)/n
	s.Redundancy = float64(o.received)/math.Max(1, float64(s.Reached-1)) - 1
	unit := float64(time.Second)
	if o.Cycles {
		unit = float64(o.Interval)
	}
	sum := 0.0 // the origin counts with a delay of 0
	for _, d := range o.delays {
		sum += float64(d) / unit
	}
	s.Average = sum / float64(s.Reached)
	reached := func(part float64) float64 { // delays are in order: the world's clock runs forwards
		if i := int(math.Ceil(part * n)); i <= s.Reached {
			return float64(o.delays[max(i, 1)-1]) / unit
		}
		return math.Inf(1)
	}
	s.Last = float64(o.delays[s.Reached-1]) / unit
	s.T50, s.T99, s.T999, s.T100 = reached(0.5), reached(0.99), reached(0.999), reached(1)
	return s
}
