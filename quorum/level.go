package quorum

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/grapevine-go/grapevine/quorum/session"
)

// MaxN is the highest number of owners that a key can have.
const MaxN = 16

// Level is how many owners have to answer: a number from 1 on, or one of the
// named levels.
type Level int

// The named levels. A local one counts only owners in the zone of the node that
// coordinates; where nodes have no zones, all are in one.
const (
	One         Level = 1
	Quorum      Level = -1 // more than half of N
	All         Level = -2 // N
	LocalOne    Level = -3 // one owner in this zone
	LocalQuorum Level = -4 // more than half of the owners in this zone; none there: it fails
)

// String gives the number, or the name.
func (l Level) String() string {
	if name, ok := levelNames[l]; ok {
		return name
	}
	return strconv.Itoa(int(l))
}

var levelNames = map[Level]string{Quorum: "quorum", All: "all", LocalOne: "local one", LocalQuorum: "local quorum"}

// local reports whether only owners in one zone count.
func (l Level) local() bool { return l == LocalOne || l == LocalQuorum }

// of returns the number that the level is of n owners; a local level, which is
// a number only where the owners are known, is itself.
func (l Level) of(n int) Level {
	switch l {
	case Quorum:
		return Level(majority(n))
	case All:
		return Level(n)
	}
	return l
}

// Least returns how many of n owners have answered, at least, when the level is
// met.
func (l Level) Least(n int) int {
	if l.local() {
		return 1
	}
	return int(l.of(n))
}

func majority(n int) int { return n/2 + 1 }

// valid reports whether the level can be met by n owners.
func (l Level) valid(n int) bool { return l.local() || l.of(n) >= 1 && int(l.of(n)) <= n }

// NWR says how a table is replicated: every key has N owners, a write ends
// well when W of them have joined it, a read when R of them have answered.
//
// With R+W > N every read meets every write that ended before it began, and
// with W > N/2 a write always notices newer ones. Smaller values are allowed,
// and are what they are: R+W <= N gives reads that may be stale, and so do local
// levels, which two zones meet by different owners.
type NWR struct {
	N int   // owners of a key, 1 to 16
	W Level // acknowledgements that end a write, 1 to N or a named level; the least that a call may ask for
	R Level // answers that end a read, 1 to N or a named level
}

// ErrLevel is wrapped when N, W or R cannot be met by any cluster. Nothing was
// sent.
var ErrLevel = errors.New("quorum: impossible level")

// Validate reports every problem at once; the error wraps [ErrLevel].
func (q NWR) Validate() error {
	var errs []error
	if q.N < 1 || q.N > MaxN {
		errs = append(errs, fmt.Errorf("%w: N is %d, not 1 to %d", ErrLevel, q.N, MaxN))
	}
	n := max(q.N, 1)
	for _, x := range []struct {
		name  string
		level Level
	}{{"W", q.W}, {"R", q.R}} {
		if !x.level.valid(n) {
			errs = append(errs, fmt.Errorf("%w: %s is %d, not 1 to %d or a named level", ErrLevel, x.name, int(x.level), n))
		}
	}
	return errors.Join(errs...)
}

// Fresh reports whether R+W > N: a read sees every write that ended before it.
func (q NWR) Fresh() bool { return q.LeastR()+q.LeastW() > q.N }

// LeastW is how many owners have joined a write, at least, that ended well.
func (q NWR) LeastW() int { return q.W.Least(q.N) }

// LeastR is how many owners have answered a read, at least, that ended well.
func (q NWR) LeastR() int { return q.R.Least(q.N) }

// String gives "N=3 W=2 R=2".
func (q NWR) String() string { return fmt.Sprintf("N=%d W=%v R=%v", q.N, q.W, q.R) }

// Call is what one call may set for itself. The zero Call takes the table's
// settings.
type Call struct {
	W, R      Level     // numbers, or local levels; 0: the table's
	Zones     int       // distinct zones that the acknowledgements of a write have to come from; 0: any
	Hints     bool      // of a write: hints count where owners cannot be reached
	ExpiresAt time.Time // of a put: when the value is hidden; zero: never
	Repair    RepairMode
	RepairSet bool // Repair is the call's, not the table's
	Session   *session.Session
	Degraded  *bool // of a read: where to say that it was degraded; nil: it must not be
}

// Option changes one setting of one call.
type Option func(*Call)

// W asks for as many acknowledgements: at least the table's W and at most its N.
// A local level is allowed where the table's W is local, or 1.
func W(l Level) Option { return func(c *Call) { c.W = l } }

// R asks for as many answers, 1 to the table's N, or for a local level.
func R(l Level) Option { return func(c *Call) { c.R = l } }

// Zones asks for the acknowledgements of a write to come from at least k
// distinct zones, 1 to the table's N, at a W that is not local: what is written outlives the loss of k-1
// zones. If the owners that are alive are in fewer, the write ends as not applied
// before anything is sent.
func Zones(k int) Option { return func(c *Call) { c.Zones = k } }

// CountHints lets a write end as applied although owners cannot be reached: where
// fewer than W can, a hint counts in the place of each that is missing (a sloppy
// quorum). Each hint is kept by a fallback, a live member that is no owner, and
// brought by it to the owner that is back: so what is acknowledged is at W nodes.
// Only where every fallback was asked, and too few keep one, hints of this node
// count. Owners that can be reached are waited for as ever, and so are fallbacks;
// [Receipt.Fallbacks] and [Receipt.Hints] say how many counted: 0 and 0 is a write
// like any other.
//
// A hint is in the memory of the node that keeps it until the owner is back, and is
// lost with it, or when it grows too old or others take its room; and no read asks
// a fallback. So neither durability at W owners, nor that later reads see the write,
// is promised. CountHints is not for calls with Zones or in a session, and it needs
// a table of Ring and a node that keeps hints; an operation of a causal type needs
// one owner that makes it, which no fallback does.
func CountHints() Option { return func(c *Call) { c.Hints = true } }

// ExpireAt hides what a put writes from the given time on, to the millisecond.
// A time that has passed writes a value that nobody sees.
func ExpireAt(t time.Time) Option { return func(c *Call) { c.ExpiresAt = t } }

// Resolve applies the options to the table's settings. The levels that it
// returns are numbers, or local. The error wraps [ErrLevel] and says what is
// allowed.
func (q NWR) Resolve(opts []Option) (Call, error) {
	if len(opts) == 0 {
		return Call{W: q.W.of(q.N), R: q.R.of(q.N)}, nil // the usual case, without allocation
	}
	c := Call{W: q.W.of(q.N), R: q.R.of(q.N)}
	for _, o := range opts {
		o(&c)
	}
	if least := q.LeastW(); !c.W.valid(q.N) || c.W.Least(q.N) < least {
		return c, fmt.Errorf("%w: W=%v for this call; the table (%v) allows %d to %d", ErrLevel, c.W, q, least, q.N)
	}
	if !c.R.valid(q.N) {
		return c, fmt.Errorf("%w: R=%v for this call; the table (%v) allows 1 to %d", ErrLevel, c.R, q, q.N)
	}
	if c.Zones < 0 || c.Zones > q.N {
		return c, fmt.Errorf("%w: %d zones for this call; the table (%v) has %d owners of a key", ErrLevel, c.Zones, q, q.N)
	}
	if c.Zones > 1 && c.W.local() {
		return c, fmt.Errorf("%w: W=%v for this call counts one zone, and %d are asked for", ErrLevel, c.W, c.Zones)
	}
	if c.Repair > RepairOff {
		return c, fmt.Errorf("%w: %v for this call", ErrLevel, c.Repair)
	}
	if c.Hints && (c.Zones > 1 || c.Session != nil) {
		return c, fmt.Errorf("%w: hints may not count towards zones, nor in a session", ErrLevel)
	}
	c.W, c.R = c.W.of(q.N), c.R.of(q.N)
	return c, nil
}
