package quorum

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// RepairMode is what a read does about owners that it finds behind.
type RepairMode uint8

// The modes of read repair.
const (
	// RepairAsync sends them what they lack after the read has returned, as far as
	// there is room: the first work that is shed. It is the default.
	RepairAsync RepairMode = iota
	// RepairBlocking returns only what is at so many owners that every later read
	// with as many answers meets one of them: reads are monotonic, also after a
	// failed write that reached a minority. A read that cannot get it there before
	// its deadline fails with [ErrUnrepaired].
	RepairBlocking
	// RepairOff leaves them to anti-entropy.
	RepairOff
)

// String names the mode.
func (m RepairMode) String() string {
	if m > RepairOff {
		return fmt.Sprintf("repair mode %d", uint8(m))
	}
	return [...]string{"async", "blocking", "off"}[m]
}

// Repair sets what one read does about owners that it finds behind.
func Repair(m RepairMode) Option { return func(c *Call) { c.Repair, c.RepairSet = m, true } }

// Keep is how many owners must have what a read of r answers returns, for reads
// of as many answers to be monotonic: every N-R+1 owners meet every R, and what
// W owners have outlives whatever an acknowledged write outlives.
func Keep(n, w, r int) int { return max(w, n-r+1) }

var (
	// ErrUnrepaired: enough owners answered a read with [RepairBlocking], but what
	// they have is at too few of them, and could not be written to more. Returning
	// it would have broken the promise of monotonic reads.
	ErrUnrepaired = errors.New("quorum: what was read is at too few owners")
	// ErrSessionLost: no owner that can be reached has what the session has
	// written or read; nothing older is returned instead.
	ErrSessionLost = errors.New("quorum: no reachable owner has what the session has seen")
)

// RepairPolicy is what the reads of a table do about owners that they find
// behind. The zero policy repairs asynchronously whatever there is room for.
//
// Sample and PerSecond thin out what is repaired after a read has returned; what
// a read with [RepairBlocking] repairs before is never left out, because that
// is what it promises. Only owners are repaired, in any mode. A node's hook
// BeforeRepair may veto.
type RepairPolicy struct {
	Mode      RepairMode // when they are repaired
	Sample    float64    // share of the reads that found somebody behind which repair it, above 0 to 1; 0: all
	PerSecond float64    // reads a second that repair, at most, with bursts of as many; 0: no limit
}

// ErrPolicy is wrapped when a [RepairPolicy], or another policy of a table, cannot be
// followed.
var ErrPolicy = errors.New("quorum: impossible policy")

// Validate reports every problem at once; the error wraps [ErrPolicy].
func (p RepairPolicy) Validate() error {
	var errs []error
	if p.Mode > RepairOff {
		errs = append(errs, fmt.Errorf("%w: %v", ErrPolicy, p.Mode))
	}
	if !(p.Sample >= 0 && p.Sample <= 1) {
		errs = append(errs, fmt.Errorf("%w: Sample is %v, not 0 to 1", ErrPolicy, p.Sample))
	}
	if !(p.PerSecond >= 0 && p.PerSecond <= math.MaxInt32) {
		errs = append(errs, fmt.Errorf("%w: PerSecond is %v, not 0 to %d", ErrPolicy, p.PerSecond, math.MaxInt32))
	}
	return errors.Join(errs...)
}

// RepairGate lets reads repair as its policy has it. The zero gate lets none
// through; it is not safe for concurrent use.
type RepairGate struct {
	policy RepairPolicy
	room   float64 // reads that may repair now
	at     time.Time
}

// NewRepairGate returns the gate of a policy, which is valid.
func NewRepairGate(p RepairPolicy) RepairGate {
	if p.Sample == 0 {
		p.Sample = 1
	}
	return RepairGate{policy: p, room: max(p.PerSecond, 1)}
}

// Allow reports whether a read that found somebody behind at now may repair it;
// lot is a number that is drawn for it, from all of them alike.
func (g *RepairGate) Allow(now time.Time, lot uint64) bool {
	if float64(lot>>11)/(1<<53) >= g.policy.Sample {
		return false
	}
	if g.policy.PerSecond == 0 {
		return true
	}
	if since := now.Sub(g.at).Seconds(); since > 0 {
		g.room, g.at = min(g.room+since*g.policy.PerSecond, max(g.policy.PerSecond, 1)), now
	}
	if g.room < 1 {
		return false
	}
	g.room--
	return true
}
