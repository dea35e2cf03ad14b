package crdt

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// Time is a hybrid logical clock reading (Kulkarni et al., "Logical Physical
// Clocks", 2014): 48 bits of milliseconds since 1970 and 16 bits of counter,
// so that readings compare as integers and fit a register's stamp. The zero
// Time precedes every reading.
type Time uint64

const (
	logicalBits = 16
	maxMillis   = 1<<(64-logicalBits) - 1
)

// TimeOf gives the first reading of the wall-clock millisecond of t. Times
// before 1970 give the zero Time, and times after the year 10889, which 48 bits
// of milliseconds cannot hold, that of the last millisecond there is.
func TimeOf(t time.Time) Time {
	return Time(min(max(t.UnixMilli(), 0), maxMillis)) << logicalBits
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
// never moves further past the wall clock than the allowed skew on the word of
// another node. The zero Clock starts at the beginning of time and allows no
// skew.
type Clock struct {
	last    Time
	maxSkew time.Duration
}

// NewClock returns a clock whose next reading is above last, the highest one
// that a former life of the node may have given, and which refuses foreign
// readings more than maxSkew, in whole milliseconds, ahead of the wall clock.
// Last is believed however far ahead it is: readings must not be given twice.
func NewClock(last Time, maxSkew time.Duration) Clock {
	return Clock{last: last, maxSkew: maxSkew}
}

// Now returns a reading above every earlier one and not before wall. The
// counter that overflows carries into the milliseconds. Only the very last
// reading, in the year 10889, is given more than once.
func (c *Clock) Now(wall time.Time) Time {
	if c.last < math.MaxUint64 {
		c.last++
	}
	c.last = max(c.last, TimeOf(wall))
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
	// In milliseconds: a hostile reading is too far ahead for a Duration.
	if ahead := t.Millis() - TimeOf(wall).Millis(); ahead > c.maxSkew.Milliseconds() {
		return fmt.Errorf("%w: %d ms ahead, %v allowed", ErrSkew, ahead, c.maxSkew)
	}
	c.last = t
	return nil
}
