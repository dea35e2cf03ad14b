package antientropy

import (
	"errors"
	"fmt"

	"github.com/grapevine-go/grapevine/merkle"
)

// Source is what a session reads: a tree's sums as of one moment (a
// [merkle.View] or [merkle.Forest]) and the entries. Entries that change during
// the session may be found or not; nothing else comes of it.
type Source interface {
	merkle.Sums
	merkle.Source
	// Len is the number of entries, which need not be exact.
	Len() int
}

// Strategy is how a session finds the difference.
type Strategy uint8

// The strategies; the package's documentation describes them.
const (
	Hybrid Strategy = iota
	Rateless
	Merkle
	Full
	Checksum
	PeelBack
)

var names = [...]string{"hybrid", "rateless", "merkle", "full", "checksum", "peelback"}

// String is the strategy's name.
func (s Strategy) String() string {
	if int(s) >= len(names) {
		return fmt.Sprintf("strategy %d", uint8(s))
	}
	return names[s]
}

// ParseStrategy is the inverse of [Strategy.String]. The error wraps
// [ErrConfig].
func ParseStrategy(name string) (Strategy, error) {
	for s, n := range names {
		if n == name {
			return Strategy(s), nil
		}
	}
	return 0, fmt.Errorf("%w: strategy %q", ErrConfig, name)
}

// Config is how a session is begun. The zero value works, but for the salt.
type Config struct {
	// Strategy is how to compare; Hybrid by default. Checksum and PeelBack need a
	// source that implements Recency, on both sides.
	Strategy Strategy
	// Salt should be fresh random bytes for each session: entries that collide
	// under one salt, and so are not found, are found under the next.
	Salt [16]byte
}

var (
	// ErrConfig is wrapped by the errors for a configuration; nothing was done.
	ErrConfig = errors.New("antientropy: invalid configuration")
	// ErrCorrupt is wrapped by the errors for frames that are none. The session
	// is over; what it had found is true.
	ErrCorrupt = errors.New("antientropy: corrupt frame")
	// ErrUnexpected is wrapped by the errors for frames that can be read but
	// do not belong where they came. The session is over.
	ErrUnexpected = errors.New("antientropy: unexpected frame")
)
