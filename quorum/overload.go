package quorum

import (
	"fmt"
	"time"
)

// OverloadError is how a node refuses an operation at once, because it has as
// much under way as it can do in time: nothing was sent, and errors.Is finds
// [ErrOverloaded] and [ErrNotApplied] in it.
type OverloadError struct {
	// RetryAfter is when to come again at the earliest. Callers that were refused
	// together should not come back together: spread the retries over as long once
	// more, and give up where the deadline comes first.
	RetryAfter time.Duration
}

// Error implements error.
func (e *OverloadError) Error() string {
	return fmt.Sprintf("%v; not applied; retry after %v", ErrOverloaded, e.RetryAfter)
}

// Is reports whether target is the cause or the outcome. Unwrap would say the
// same, and allocate for each refusal that somebody looks at.
func (e *OverloadError) Is(target error) bool {
	return target == ErrOverloaded || target == ErrNotApplied
}
