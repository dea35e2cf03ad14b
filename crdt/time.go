package crdt

import (
	"errors"
	"fmt"
	"time"
)

// Time is a hybrid logical clock reading (Kulkarni et al., "Logical Physical
// Clocks", 2014): 48 bits of milliseconds since 1970 and 16 bits of counter,
// so that readings compare as integers and fit a register's stamp. The zero
// Time precedes every reading.
type Time uint64

const logicalBits = 16

// TimeOf gives the first reading of the wall-clock millisecond of t. Times
// before 1970 give the zero Time.
func TimeOf(t time.Time) Time {
	ms := t.UnixMilli()
	if ms < 0 {
		return 0
	}
	return Time(ms) << logicalBits
}

// Millis returns the physical part in milliseconds since 1970.
func (t Time) Millis() int64 { return int64(t >> logicalBits) }

// Logical returns the counter that orders readings of one millisecond.
func (t Time) Logical() uint16 { return uint16(t) }

// Wall returns the physical part as a time.
func (t Time) Wall() time.Time { return time.UnixMilli(t.Millis()) }

// String gives milliseconds and counter, "1700000000000+3".
func (t Time) String() string { return fmt.Sprintf("%d+%d", t.Millis(), t.Logical()) }

// ErrSkew is returned for a reading that is further ahead of the local wall
// clock than the clock allows. Nothing changed.
var ErrSkew = errors.New("crdt: timestamp too far in the future")

// Clock is a hybrid logical clock. It reads no clock itself: the wall time is
// an argument. It is not safe for concurrent use.
//
// Its readings rise strictly, also when the wall clock steps back, and it
// never moves more than MaxSkew past the wall clock on the word of another
// node.
type Clock struct {
	last    Time
	maxSkew time.Duration
}

// NewClock returns a clock whose next reading is above last, and which refuses
// foreign readings more than maxSkew ahead of the wall clock.
func NewClock(last Time, maxSkew time.Duration) Clock {
	return Clock{last: last, maxSkew: maxSkew}
}

// Now returns a reading above every earlier one and not before wall.
func (c *Clock) Now(wall time.Time) Time {
	c.last = max(c.last+1, TimeOf(wall))
	return c.last
}

// Last returns the highest reading given or observed.
func (c *Clock) Last() Time { return c.last }

// Observe moves the clock to at least t, so that later readings are above it.
// A t further ahead than the allowed skew gives an error that wraps [ErrSkew],
// and the clock stays where it was.
func (c *Clock) Observe(t Time, wall time.Time) error {
	if t <= c.last {
		return nil
	}
	if ahead := time.Duration(t.Millis()-wall.UnixMilli()) * time.Millisecond; ahead > c.maxSkew {
		return fmt.Errorf("%w: %v ahead, %v allowed", ErrSkew, ahead, c.maxSkew)
	}
	c.last = t
	return nil
}
