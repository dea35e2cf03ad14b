package quorum

import (
	"errors"
	"fmt"
	"time"
)

// MaxN is the highest number of owners that a key can have.
const MaxN = 16

// NWR says how a table is replicated: every key has N owners, a write ends
// well when W of them have joined it, a read when R of them have answered.
//
// With R+W > N every read meets every write that ended before it began, and
// with W > N/2 a write always notices newer ones. Smaller values are allowed,
// and are what they are: R+W <= N gives reads that may be stale.
type NWR struct {
	N int // owners of a key, 1 to 16
	W int // acknowledgements that end a write, 1 to N; the least that a call may ask for
	R int // answers that end a read, 1 to N
}

// ErrLevel is wrapped when N, W or R cannot be met by any cluster. Nothing was
// sent.
var ErrLevel = errors.New("quorum: impossible level")

// Validate reports every problem at once; the error wraps [ErrLevel].
func (q NWR) Validate() error {
	var errs []error
	check := func(name string, v, high int) {
		if v < 1 || v > high {
			errs = append(errs, fmt.Errorf("%w: %s is %d, not 1 to %d", ErrLevel, name, v, high))
		}
	}
	check("N", q.N, MaxN)
	check("W", q.W, max(q.N, 1))
	check("R", q.R, max(q.N, 1))
	return errors.Join(errs...)
}

// Fresh reports whether R+W > N: a read sees every write that ended before it.
func (q NWR) Fresh() bool { return q.R+q.W > q.N }

// String gives "N=3 W=2 R=2".
func (q NWR) String() string { return fmt.Sprintf("N=%d W=%d R=%d", q.N, q.W, q.R) }

// Call is what one call may set for itself. The zero Call takes the table's
// settings.
type Call struct {
	W, R      int       // 0: the table's
	ExpiresAt time.Time // of a put: when the value is hidden; zero: never
	Repair    RepairMode
	RepairSet bool // Repair is the call's, not the table's
}

// Option changes one setting of one call.
type Option func(*Call)

// W asks for w acknowledgements, at least the table's W and at most its N.
func W(w int) Option { return func(c *Call) { c.W = w } }

// R asks for r answers, 1 to the table's N.
func R(r int) Option { return func(c *Call) { c.R = r } }

// ExpireAt hides what a put writes from the given time on, to the millisecond.
// A time that has passed writes a value that nobody sees.
func ExpireAt(t time.Time) Option { return func(c *Call) { c.ExpiresAt = t } }

// Resolve applies the options to the table's settings. The error wraps
// [ErrLevel] and says what is allowed.
func (q NWR) Resolve(opts []Option) (Call, error) {
	if len(opts) == 0 {
		return Call{W: q.W, R: q.R}, nil // the usual case, without allocation
	}
	c := Call{W: q.W, R: q.R}
	for _, o := range opts {
		o(&c)
	}
	if c.W < q.W || c.W > q.N {
		return c, fmt.Errorf("%w: W=%d for this call; the table (%v) allows %d to %d", ErrLevel, c.W, q, q.W, q.N)
	}
	if c.R < 1 || c.R > q.N {
		return c, fmt.Errorf("%w: R=%d for this call; the table (%v) allows 1 to %d", ErrLevel, c.R, q, q.N)
	}
	return c, nil
}
