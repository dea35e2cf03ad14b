package swim

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/grapevine-go/grapevine/peer"
)

// State is what this node believes of a member.
type State uint8

// The states of a member.
const (
	Alive   State = iota // it answers, to this node or to others
	Suspect              // it did not answer this node's last ping; others may still reach it
	Dead                 // it failed: nobody reached it, and it did not object in time
	Left                 // it said goodbye
)

// Live reports whether the member takes part: Alive or Suspect.
func (s State) Live() bool { return s == Alive || s == Suspect }

// String gives the name of the state.
func (s State) String() string {
	switch s {
	case Alive:
		return "alive"
	case Suspect:
		return "suspect"
	case Dead:
		return "dead"
	case Left:
		return "left"
	}
	return fmt.Sprintf("State(%d)", uint8(s))
}

// Member is what is known of a node at a moment: a plain value that does not
// change and shares nothing.
type Member struct {
	ID       peer.ID
	Boot     peer.Boot      // the counter is 0 while the node does not know it
	Addr     netip.AddrPort // where its membership packets and streams go
	Data     netip.AddrPort // its data port; the zero value if it has none
	Zone     string
	Weight   uint32
	Versions Versions
	State    State
	RTT      time.Duration // smoothed round trip of this node's pings; 0: none measured yet
}

// EventKind says what happened to a member.
type EventKind uint8

// The kinds of events.
const (
	Join   EventKind = iota // it came, or came back, or is another boot of the id
	Leave                   // it said goodbye
	Fail                    // it is believed dead
	Update                  // something it tells about itself changed
)

// String gives the name of the kind.
func (k EventKind) String() string {
	switch k {
	case Join:
		return "join"
	case Leave:
		return "leave"
	case Fail:
		return "fail"
	case Update:
		return "update"
	}
	return fmt.Sprintf("EventKind(%d)", uint8(k))
}

// Event is a change of another member since the last event of the same id.
//
// Events are made when they are delivered: a member that changed several times
// while a callback ran gives one event, with the newest facts, or none if it is
// back where it was. For each id they alternate: Join, any number of Update and
// (for a new boot) Join, then Leave or Fail, then Join again. Nothing tells of
// Suspect and of round trips.
type Event struct {
	Kind   EventKind
	Member Member
}
