package quorum

import (
	"fmt"
	"time"
)

// OverloadError is how operations are refused for want of room: by the node that
// was asked, at once, or by an owner. errors.Is finds [ErrOverloaded] in it.
type OverloadError struct {
	// RetryAfter is when to come again at the earliest. Callers that were refused
	// together should not come back together: spread the retries over as long once
	// more, and give up where the deadline comes first.
	RetryAfter time.Duration
	// Owner: it is an owner that has no room; the [Error] around this one says which,
	// and what became of the operation. Otherwise it is the node that was asked, and
	// nothing was sent: errors.Is finds [ErrNotApplied] too.
	Owner bool
	// Again: what was refused is a write that an earlier call may have sent. This
	// call has sent nothing; what became of the write is as unknown as before.
	Again bool
}

// Degrade lets a read that would be refused with [ErrOverloaded], by this node or by
// owners, return what one owner has: this node, if it is one, or else the nearest.
// What it returns may be older than what a read of R owners finds, though not older
// than what its session has seen; *degraded says whether it was. A read that changes
// something, such as that of a removal, is never degraded.
func Degrade(degraded *bool) Option { return func(c *Call) { c.Degraded = degraded } }

// Error implements error.
func (e *OverloadError) Error() string {
	if e.Owner || e.Again {
		return fmt.Sprintf("%v; retry after %v", ErrOverloaded, e.RetryAfter)
	}
	return fmt.Sprintf("%v; not applied; retry after %v", ErrOverloaded, e.RetryAfter)
}

// Is reports whether target is the cause or the outcome. Unwrap would say the
// same, and allocate for each refusal that somebody looks at.
func (e *OverloadError) Is(target error) bool {
	return target == ErrOverloaded || target == ErrNotApplied && !e.Owner && !e.Again
}
