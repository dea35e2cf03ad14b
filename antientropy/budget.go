package antientropy

import (
	"math"
	"time"
)

// Budget bounds what is used of something, such as bytes, in a time. It may be
// overdrawn by what is used at once; the debt is waited for. The zero Budget is
// without bound. It is for one caller at a time.
type Budget struct {
	rate float64 // a second
	most float64 // that may be saved up
	have float64
	at   time.Time
}

// NewBudget returns a budget of so much a second, of which a second's worth can
// be saved up. A rate that is not above zero means no bound.
func NewBudget(rate float64) *Budget {
	if !(rate > 0) {
		return new(Budget)
	}
	return &Budget{rate: rate, most: rate, have: rate}
}

// Use takes n, whether it is there or not.
func (b *Budget) Use(now time.Time, n float64) {
	if b.rate > 0 {
		b.fill(now)
		b.have -= n
	}
}

// Wait returns how long to wait before more is used; zero if not at all.
func (b *Budget) Wait(now time.Time) time.Duration {
	if b.rate == 0 {
		return 0
	}
	if b.fill(now); b.have > 0 {
		return 0
	}
	seconds := -b.have / b.rate
	if seconds >= math.MaxInt64/1e9 {
		return math.MaxInt64
	}
	return time.Duration(seconds*1e9) + 1
}

// fill adds what has come together since the last call.
func (b *Budget) fill(now time.Time) {
	if !b.at.IsZero() {
		b.have = min(b.have+max(now.Sub(b.at), 0).Seconds()*b.rate, b.most)
	}
	if b.at.IsZero() || now.After(b.at) {
		b.at = now
	}
}
