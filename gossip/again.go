package gossip

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/grapevine-go/grapevine/quorum"
)

// Again waits until an operation that was refused for want of room may be tried
// again, and reports whether it may: false for every other error, for a write that
// may have been applied all the same (see [RegisterTable.Retry]), where the wait
// would end behind ctx's deadline, and where one in ten operations of this node
// was tried again already: those who try again must not be what makes the overload
// last. It waits for what the refusal says (quorum.OverloadError) and a random part
// of as much, so that those who were refused together do not come back together.
//
//	_, err := carts.Add(ctx, key, "apple")
//	for node.Again(ctx, err) {
//		_, err = carts.Add(ctx, key, "apple")
//	}
func (n *Node) Again(ctx context.Context, err error) bool {
	over := new(quorum.OverloadError)
	if !errors.As(err, &over) || Outcome(err) == quorum.Unknown || over.RetryAfter <= 0 {
		return false
	}
	wait := over.RetryAfter + rand.N(over.RetryAfter)
	if end, ok := ctx.Deadline(); ok && time.Until(end) < wait || ctx.Err() != nil || !n.load.spend() {
		return false
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
	case <-n.ctx.Done():
	}
	return false
}

// Each operation that ends is worth a tenth of a retry; as many as mostRetries can
// be saved, and a node begins with them.
const (
	retryShare  = 10
	mostRetries = 100
)

// spend takes a retry out of the budget.
func (l *load) spend() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.budget < retryShare {
		return false
	}
	l.budget -= retryShare
	return true
}
