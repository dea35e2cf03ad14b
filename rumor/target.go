package rumor

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// Target is what the spreading of an update is to achieve; a [Controller] finds
// the numbers of a [Policy] with structured targets that do.
type Target struct {
	// Within is how long an update may take, 10 ms to a minute.
	Within time.Duration
	// Coverage is the share of the members that it reaches in that time by rumors
	// alone, 0.5 up to 1 exclusively.
	Coverage float64
	// Budget is how many bytes of rumors a node may send in a second; 0: any
	// number. It goes before Coverage.
	Budget int
}

// DefaultTarget is what a cluster in one place meets with ease.
func DefaultTarget() Target { return Target{Within: 500 * time.Millisecond, Coverage: 0.999} }

// ErrTarget is wrapped by the errors of [Target.Validate].
var ErrTarget = errors.New("rumor: invalid target")

// Validate lists all problems at once, each naming its field. The error wraps
// [ErrTarget].
func (t Target) Validate() error {
	var errs []error
	if t.Within < 10*time.Millisecond || t.Within > time.Minute {
		errs = append(errs, fmt.Errorf("%w: Within is %v, allowed are 10ms to 1m", ErrTarget, t.Within))
	}
	if !(t.Coverage >= 0.5 && t.Coverage < 1) {
		errs = append(errs, fmt.Errorf("%w: Coverage is %v, allowed are 0.5 up to 1", ErrTarget, t.Coverage))
	}
	if t.Budget < 0 {
		errs = append(errs, fmt.Errorf("%w: Budget is %d, it must not be below 0", ErrTarget, t.Budget))
	}
	return errors.Join(errs...)
}

// Measured is what a node has seen in one period.
type Measured struct {
	Period   time.Duration
	Members  int           // who can be told, the node included
	Expected uint64        // copies that could be expected; see [Stats]
	Heard    uint64        // of them
	Delay    time.Duration // of a message, one way
	Updates  uint64        // that became hot here
	Sent     uint64        // bodies sent
	Bytes    uint64        // sent, in all messages with rumors
}

// Limit says what keeps a target from being met.
type Limit uint8

// The limits.
const (
	NoLimit     Limit = iota // nothing: the target is met
	LimitDelay               // messages take too long
	LimitLoss                // so much is lost that MaxCopies do not suffice
	LimitBudget              // the copies that are needed take more bytes
)

// String names the limit.
func (l Limit) String() string {
	return [...]string{"none", "delay", "loss", "budget"}[min(l, LimitBudget)]
}

// Plan is what a controller has chosen.
type Plan struct {
	K        int           // copies that a member gets
	Rush     int           // see [Policy]: 255 passes everything on at once, 0 gathers for a cycle
	Interval time.Duration // of a cycle
	Loss     float64       // the share of copies that is lost, as estimated
	Expect   time.Duration // how long an update should take
	Limit    Limit         // what keeps the target from being met
}

// Bounds of a plan.
const (
	MinCopies    = 2
	MaxCopies    = 8
	minInterval  = 20 * time.Millisecond
	maxInterval  = 500 * time.Millisecond
	rushInterval = 50 * time.Millisecond
)

// Controller chooses how updates spread, from what a node measures. Structured
// targets make that simple: where a share p of the copies is lost, K of them
// miss a member with probability p^K, whatever the size of the cluster; and an
// update comes everywhere in about log_K n hops and two.
//
// A lost copy is seen by who misses it, so the loss is measured where it
// matters, without a message. K rises at once and falls by one at a time, after
// some periods in which less would have done with room to spare: so it settles
// and does not swing. It is not safe for concurrent use.
type Controller struct {
	target          Target
	plan            Plan
	expected, heard float64 // of about the last window copies
	calm            int     // periods in which fewer copies would have done
}

// NewController returns a controller that knows nothing yet: it begins with the
// copies and the interval of [DefaultPolicy]. The error is that of
// [Target.Validate].
func NewController(t Target) (*Controller, error) {
	if err := t.Validate(); err != nil {
		return nil, err
	}
	return &Controller{target: t, plan: Plan{K: DefaultPolicy().K, Rush: 255, Interval: rushInterval}}, nil
}

// Plan returns what was chosen last.
func (c *Controller) Plan() Plan { return c.plan }

// Weights of the estimate: it rests on about so many copies, however long they
// took to come, and before anything is known the loss is taken for 1 % as if
// some had been expected.
const (
	window     = 256
	priorLoss  = 0.01
	priorCount = 50
	margin     = 1.5 // fewer copies must do for a loss that is higher by this factor
	patience   = 5   // periods
)

// Observe takes what a period has shown and returns what to do in the next.
func (c *Controller) Observe(m Measured) Plan {
	left := max(0, 1-float64(m.Expected)/window)
	c.expected = c.expected*left + float64(m.Expected)
	c.heard = c.heard*left + float64(min(m.Heard, m.Expected))
	c.plan.Loss = (c.expected - c.heard + priorLoss*priorCount) / (c.expected + priorCount)
	c.plan.Limit = NoLimit
	c.copies()
	c.afford(m)
	c.pace(m)
	return c.plan
}

// copies moves K to where the coverage is reached.
func (c *Controller) copies() {
	need := c.needed(c.plan.Loss)
	if need > MaxCopies {
		need, c.plan.Limit = MaxCopies, LimitLoss
	}
	switch {
	case need >= c.plan.K:
		c.plan.K, c.calm = need, 0
	case c.needed(c.plan.Loss*margin) < c.plan.K:
		if c.calm++; c.calm >= patience {
			c.plan.K, c.calm = c.plan.K-1, 0
		}
	default:
		c.calm = 0
	}
}

// needed is the least K with loss^K no more than the share that may be missed.
func (c *Controller) needed(loss float64) int {
	if loss >= 1 {
		return MaxCopies + 1
	}
	k := math.Ceil(math.Log(1-c.target.Coverage)/math.Log(loss) - 1e-9)
	return int(min(max(k, MinCopies), MaxCopies+1))
}

// afford keeps to the budget.
func (c *Controller) afford(m Measured) {
	if c.target.Budget == 0 || m.Sent == 0 || m.Period <= 0 {
		return
	}
	perCopy := float64(m.Bytes) / float64(m.Sent)
	rate := float64(m.Updates) / m.Period.Seconds()
	for rate*perCopy*float64(c.plan.K) > float64(c.target.Budget) {
		c.plan.Limit = LimitBudget
		if c.plan.K == MinCopies {
			return
		}
		c.plan.K--
	}
}

// pace decides between passing on at once and gathering. Messages of many
// updates have room to be shared only when a cycle brings more copies than there
// are members to send them to; then the cycle is as long as the target allows.
func (c *Controller) pace(m Measured) {
	hops := math.Ceil(math.Log(max(float64(m.Members), 2))/math.Log(float64(c.plan.K))) + 2
	atOnce := time.Duration(hops) * m.Delay
	gather := 2 * (c.target.Within*4/5/time.Duration(hops) - m.Delay) // a hop waits for half a cycle
	gather = min(gather, maxInterval)
	copies := float64(m.Updates) * float64(c.plan.K) * float64(gather) / float64(max(m.Period, 1))
	if gather >= minInterval && copies > float64(m.Members) {
		c.plan.Rush, c.plan.Interval = 0, gather
		c.plan.Expect = time.Duration(hops) * (gather/2 + m.Delay)
		return
	}
	c.plan.Rush, c.plan.Interval = 255, max(rushInterval, 2*m.Delay)
	if c.plan.Expect = atOnce; atOnce > c.target.Within {
		c.plan.Limit = LimitDelay
	}
}
