package transport

import (
	"fmt"
	"time"

	"github.com/grapevine-go/grapevine/quorum/admit"
)

// OverloadError is how a call ends for which a peer has no room: because it has not
// answered as many of class [Foreground] as it answers in time, and this one was
// not sent, or because it has refused it. It is an [ErrOverloaded].
type OverloadError struct {
	// RetryAfter is when to come again at the earliest.
	RetryAfter time.Duration
}

// Error implements error.
func (e *OverloadError) Error() string {
	return fmt.Sprintf("%v; retry after %v", ErrOverloaded, e.RetryAfter)
}

// Unwrap returns [ErrOverloaded].
func (e *OverloadError) Unwrap() error { return ErrOverloaded }

// queueing is for how long requests may wait for each other on the way to a peer,
// and there, on average.
const queueing = 100 * time.Millisecond

// pace bounds the requests of class [Foreground] that a peer has not answered, by
// what its answers take. So a peer that has more to do than it can, or has stopped,
// is told no more than it can answer in time, and those who would have waited for
// it hear of that at once. The link's lock guards it.
type pace struct {
	limit   admit.Limit
	refusal *OverloadError // shared, made once in a window

	under int            // requests
	until int64          // when the window ends
	now   admit.Measured // in this window; all requests are of one kind
}

func (p *pace) init() {
	p.limit = admit.New(queueing)
	p.refusal = &OverloadError{RetryAfter: p.limit.RetryAfter()}
}

// full reports that no more may be sent.
func (p *pace) full(now int64) bool {
	if p.under < p.limit.Most() {
		return false
	}
	p.close(now) // also if no answer comes any more
	return p.under >= p.limit.Most()
}

// refuse is how a request ends for which the peer has no room. The caller holds
// mu.
func (l *link) refuse() error {
	l.pace.now.Refused++
	l.sent.refused.Add(1)
	return l.pace.refusal
}

func (p *pace) begin() {
	p.under++
	p.now.Peak = max(p.now.Peak, p.under)
}

// end takes a request off; timed says that its answer came, or did not in time.
func (p *pace) end(now int64, took time.Duration, timed bool) {
	p.under--
	if timed {
		p.now.Kinds[0].Add(took, p.limit.Cap(0))
	}
	p.close(now)
}

// close ends the window if it is over.
func (p *pace) close(now int64) {
	if now < p.until {
		return
	}
	p.until = now + int64(admit.Window)
	p.limit.Update(p.now)
	p.now = admit.Measured{Peak: p.under}
	if after := p.limit.RetryAfter(); after != p.refusal.RetryAfter {
		p.refusal = &OverloadError{RetryAfter: after}
	}
}
