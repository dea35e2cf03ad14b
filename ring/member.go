package ring

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"

	"github.com/grapevine-go/grapevine/peer"
)

const (
	// MaxMembers is how many members a state holds, those that left included.
	MaxMembers = 1 << 16
	// MaxWeight is the largest weight of a member.
	MaxWeight = 1000
	// MaxText is the length limit in bytes of a zone, an address and a name of
	// a table or of its type.
	MaxText = 260
)

// ErrMember is wrapped by the errors of [Member.Validate].
var ErrMember = errors.New("ring: invalid member")

// Status is where a member is in its life. It is a decision of the member or
// of an operator, never an opinion about whether the member is alive.
type Status uint8

// The life of a member. At one boot and revision the later status wins.
const (
	Joining Status = iota // is being filled; owner of the next placement only
	Serving               // owner of both placements
	Leaving               // hands over; owner of the current placement only
	Left                  // owner of nothing, kept so that it does not come back by hearsay
)

var statusNames = [...]string{"joining", "serving", "leaving", "left"}

// String gives the status in lower case.
func (s Status) String() string {
	if int(s) < len(statusNames) {
		return statusNames[s]
	}
	return fmt.Sprintf("status(%d)", uint8(s))
}

// Member is what the cluster agrees on about one node. It is a value; of two
// entries of one ID the greater by (Boot, Rev, Status) is kept.
//
// Weight and Zone decide about owners in both placements at once. To change
// them without losing the quorum between, a member leaves and joins again.
type Member struct {
	ID     peer.ID
	Boot   peer.Boot // the life of the node that this entry is about
	Rev    uint64    // raised by whoever changes the entry within one boot
	Status Status
	Weight uint32 // share of the load relative to other members, 1 to MaxWeight; 0 stands for 1
	Zone   string // failure domain; members without one share the zone ""
	Addr   string // host:port of membership gossip
	Data   string // host:port of the data plane
}

// Validate reports everything that keeps the member out of a state, each
// problem with the name of its field. The error wraps [ErrMember].
func (m Member) Validate() error {
	var errs []error
	if err := m.ID.Validate(); err != nil {
		errs = append(errs, fmt.Errorf("%w: ID: %w", ErrMember, err))
	}
	if int(m.Status) >= len(statusNames) {
		errs = append(errs, fmt.Errorf("%w: Status: %d is unknown", ErrMember, m.Status))
	}
	if m.Weight > MaxWeight {
		errs = append(errs, fmt.Errorf("%w: Weight: %d, at most %d", ErrMember, m.Weight, MaxWeight))
	}
	for _, f := range []struct{ name, text string }{{"Zone", m.Zone}, {"Addr", m.Addr}, {"Data", m.Data}} {
		if err := validText(f.text); err != nil {
			errs = append(errs, fmt.Errorf("%w: %s: %w", ErrMember, f.name, err))
		}
	}
	return errors.Join(errs...)
}

// Owns reports whether the member is an owner in the current placement, and
// whether it is one in the next.
func (m Member) Owns() (current, next bool) {
	return m.Status == Serving || m.Status == Leaving, m.Status == Serving || m.Status == Joining
}

// compare orders two entries of one ID. The canonical bytes come last, so that
// entries that differ in anything are never equal and the join is total.
func (m *Member) compare(o *Member) int {
	if c := m.Boot.Compare(o.Boot); c != 0 {
		return c
	}
	if c := cmp.Compare(m.Rev, o.Rev); c != 0 {
		return c
	}
	if c := cmp.Compare(m.Status, o.Status); c != 0 {
		return c
	}
	if *m == *o {
		return 0
	}
	return bytes.Compare(appendMember(nil, m), appendMember(nil, o))
}

// validText refuses what would garble a log line or a table: only printable
// ASCII without spaces is allowed. Empty is valid.
func validText(s string) error {
	if len(s) > MaxText {
		return fmt.Errorf("%d bytes, at most %d", len(s), MaxText)
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return fmt.Errorf("%q at byte %d is not printable ASCII", s[i], i)
		}
	}
	return nil
}
