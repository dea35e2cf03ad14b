// Package fault lets measurements and tests make a node lose what it sends, or
// be slow, without a place for that in its configuration: the wish travels with
// the context that the node is started with.
package fault

import (
	"context"
	"time"
)

type lossKey struct{}
type lateKey struct{}

// WithLateness returns a context for gossip.Start. What other nodes send to the
// node's data plane arrives later by what by gives, which is called from several
// goroutines.
func WithLateness(ctx context.Context, by func() time.Duration) context.Context {
	return context.WithValue(ctx, lateKey{}, by)
}

// Lateness returns what WithLateness was given; nil without it.
func Lateness(ctx context.Context) func() time.Duration {
	by, _ := ctx.Value(lateKey{}).(func() time.Duration)
	return by
}

// WithLoss returns a context for gossip.Start. The node asks lose of each message
// that its machine sends by itself (rumors, comparisons, fills, ring states; not
// the requests of an operation), and loses those for which it says true. Lose is
// called from several goroutines.
func WithLoss(ctx context.Context, lose func() bool) context.Context {
	return context.WithValue(ctx, lossKey{}, lose)
}

// Loss returns what WithLoss was given; nil without it.
func Loss(ctx context.Context) func() bool {
	lose, _ := ctx.Value(lossKey{}).(func() bool)
	return lose
}

type dialKey struct{}

// WithDial returns a context for gossip.Start. The node opens its connections of
// the data plane by dial, which can have them lose what they carry. Its type is
// that of package gossip's: this package knows nothing of connections.
func WithDial[D any](ctx context.Context, dial D) context.Context {
	return context.WithValue(ctx, dialKey{}, dial)
}

// Dial returns what WithDial was given, if it is of this type; zero otherwise.
func Dial[D any](ctx context.Context) D {
	dial, _ := ctx.Value(dialKey{}).(D)
	return dial
}

type openKey struct{}

// WithoutAdmission returns a context for gossip.Start. The node takes on whatever
// its callers ask of it: what a limit is compared with.
func WithoutAdmission(ctx context.Context) context.Context {
	return context.WithValue(ctx, openKey{}, true)
}

// NoAdmission reports whether WithoutAdmission was called.
func NoAdmission(ctx context.Context) bool { return ctx.Value(openKey{}) != nil }
