package replica

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
	"sync/atomic"
	"time"

	"github.com/grapevine-go/grapevine/internal/wire"
	"github.com/grapevine-go/grapevine/quorum"
)

// speed is how quickly a member answers what a caller waits for, by the latest
// answers of all calls of this node, writes too: who is not asked to read since it
// is slow is still seen to become quick again.
//
// It is safe for concurrent use. What is lost when two answers are counted at
// once does not matter.
type speed struct {
	counts [speedClasses]atomic.Uint32
	total  atomic.Uint32
	mean   atomic.Int64  // smoothed, ns
	slow   atomic.Int64  // what 99 of 100 are not above, ns; 0: too few were counted
	last   atomic.Int64  // when it answered, or was probed, in ns since 1970; 0: never
	credit atomic.Uint32 // KiB that the member had room for when it last answered
}

// A class is an eighth of a doubling of the time, from a microsecond on.
const (
	speedClasses = 8 * 28
	speedWindow  = 1024 // answers after which the older ones count half
	speedFresh   = 32   // answers after which the quantile is looked at anew
	scarce       = maxServing >> 12
)

// answered counts an answer.
func (p *speed) answered(took time.Duration, credit uint32) {
	took = max(took, time.Microsecond)
	if mean := p.mean.Load(); mean == 0 {
		p.mean.Store(int64(took))
	} else {
		p.mean.Store(mean + (int64(took)-mean)/8)
	}
	p.credit.Store(credit)
	p.counts[classOf(took)].Add(1)
	if n := p.total.Add(1); n%speedFresh == 0 {
		p.look(n)
	}
}

// look finds the quantile, and lets old answers fade.
func (p *speed) look(total uint32) {
	sum := uint32(0)
	for i := len(p.counts) - 1; i >= 0; i-- {
		if sum += p.counts[i].Load(); sum > total/100 {
			p.slow.Store(int64(upTo(i)))
			break
		}
	}
	if total < speedWindow {
		return
	}
	left := uint32(0)
	for i := range p.counts {
		half := p.counts[i].Load() / 2
		p.counts[i].Store(half)
		left += half
	}
	p.total.Store(left)
}

// classOf is the class of a time.
func classOf(d time.Duration) int {
	us := uint64(d / time.Microsecond)
	octave := bits.Len64(us) - 1
	part := int(us<<3>>octave) & 7
	return min(8*octave+part, speedClasses-1)
}

// upTo is the upper bound of a class.
func upTo(class int) time.Duration {
	return time.Duration(math.Ldexp(float64(9+class%8)/8, class/8) * float64(time.Microsecond))
}

// rank tells quick members from slow ones: by doublings of the mean time, so that
// those who are about as quick share the work, and one that has little room left
// counts as two slower. Unmeasured: 0.
func (p *speed) rank() int {
	rank := bits.Len64(uint64(p.mean.Load()) / uint64(250*time.Microsecond))
	if p.total.Load() > 0 && p.credit.Load() < scarce {
		rank += 2
	}
	return rank
}

// farther is by how many doublings a member of another zone has to be quicker than
// one of this zone to be asked before it: one here that is slow is left out, too.
const farther = 4

// nearest puts those whom a read had better ask first: this node, then the
// members of its zone that are not much slower than the others, and the quick
// ones; else the order stays.
func (v *View) nearest(targets []quorum.Target) {
	others := targets
	if len(others) > 0 && int(others[0].Member) == v.Self {
		others = others[1:]
	}
	far := func(t *quorum.Target) int {
		if t.Local {
			return v.speeds[t.Member].rank()
		}
		return farther + v.speeds[t.Member].rank()
	}
	slices.SortStableFunc(others, func(a, b quorum.Target) int { return cmp.Compare(far(&a), far(&b)) })
}

// Speculation asks one more owner when a read takes longer than what 99 of 100
// answers of those asked took lately: not sooner than after leastHedge, and not
// later than the driver says. So that a slow cluster is not asked twice, at most
// one read in ten speculates, with some to spare.
const (
	leastHedge  = time.Millisecond
	hedgeShare  = 10
	hedgeCredit = 100 * hedgeShare
)

// hedgeAfter is how long a read waits for these targets.
func (v *View) hedgeAfter(targets []quorum.Target, asked uint32, most time.Duration) time.Duration {
	slow := int64(0)
	for m := asked; m != 0; m &= m - 1 {
		t := &targets[bits.TrailingZeros32(m)]
		if int(t.Member) == v.Self {
			continue
		}
		s := v.speeds[t.Member].slow.Load()
		if s == 0 {
			return most
		}
		slow = max(slow, s)
	}
	if slow == 0 {
		return most
	}
	return min(max(time.Duration(slow), leastHedge), most)
}

// hedges is the room for speculation: each read adds to it, and each speculation
// takes as much as ten add.
type hedges struct{ room atomic.Int64 }

func (h *hedges) read() {
	if h.room.Load() < hedgeCredit {
		h.room.Add(1)
	}
}

func (h *hedges) take() bool {
	if h.room.Load() < hedgeShare {
		return false
	}
	h.room.Add(-hedgeShare)
	return true
}

// Tick tells the operation the time, and returns whom to send to; see
// quorum.Op.Tick.
func (c *Call) Tick(now time.Time) (send uint32) {
	if c.Op.Polls(now) {
		return c.poll(now)
	}
	if !c.Op.Speculates(now) {
		return c.Op.Tick(now)
	}
	if !c.r.hedges.take() {
		c.Op.Postpone(now)
		return 0
	}
	if send = c.Op.Tick(now); send != 0 {
		c.r.stats.speculated.Add(1)
	}
	return send
}

// probeAfter is after how long a member that answered nothing is asked beside the
// others, once, to see whether it has become quick: where nothing is written
// nothing else would tell.
const probeAfter = time.Second

// due reports that the member is due for that, and takes it for asked.
func (p *speed) due(now time.Time) bool {
	last := p.last.Load()
	return last != 0 && now.UnixNano()-last > int64(probeAfter) && p.last.CompareAndSwap(last, now.UnixNano())
}

// probe adds one that is due to those whom a read asks.
func (c *Call) probe(now time.Time, send uint32) uint32 {
	if send == 0 {
		return 0
	}
	for i := range c.Op.Targets {
		if t := &c.Op.Targets[i]; send&(1<<i) == 0 && int(t.Member) != c.view.Self && c.view.speeds[t.Member].due(now) {
			return send | c.Op.Also(i)
		}
	}
	return send
}

// timed notes when the first targets were asked.
func (c *Call) timed(now time.Time, send uint32) uint32 {
	c.started, c.atOnce = now, send
	return send
}

// measured counts the answer of a target that was asked at once.
func (c *Call) measured(now time.Time, round uint8, i int, a *wire.Reply) {
	if round == 0 && c.Op.Round == 0 && c.atOnce&(1<<i) != 0 && !c.IsSelf(i) {
		s := c.view.speeds[c.Op.Targets[i].Member]
		s.answered(now.Sub(c.started), a.Credit)
		s.last.Store(now.UnixNano())
	}
}
