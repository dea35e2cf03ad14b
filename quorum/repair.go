package quorum

import (
	"errors"
	"fmt"
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
