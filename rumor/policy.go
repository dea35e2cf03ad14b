package rumor

import (
	"errors"
	"fmt"
)

// Mode says in which direction a contact carries rumors.
type Mode uint8

// The modes. Who pushes tells what is hot here, who pulls asks what is hot there.
const (
	Push     Mode = 1
	Pull     Mode = 2
	PushPull Mode = Push | Pull
)

// String gives the mode as flags and tables write it.
func (m Mode) String() string {
	switch m {
	case Push:
		return "push"
	case Pull:
		return "pull"
	case PushPull:
		return "push-pull"
	}
	return fmt.Sprintf("Mode(%d)", uint8(m))
}

// Stop says what makes a node lose interest in a rumor.
type Stop uint8

// The stop rules; [Policy.K] is their parameter.
const (
	Counter       Stop = iota // after K contacts; with feedback after K cycles in a row whose contacts all knew
	Coin                      // after each contact, with feedback after each that knew, with probability 1/K
	MedianCounter             // when most that are met have told it for as long, K times; then K cycles more
)

// String gives the rule as flags and tables write it.
func (s Stop) String() string {
	switch s {
	case Counter:
		return "counter"
	case Coin:
		return "coin"
	case MedianCounter:
		return "median-counter"
	}
	return fmt.Sprintf("Stop(%d)", uint8(s))
}

// Targets says who is told.
type Targets uint8

// The choices of targets.
const (
	Random     Targets = iota // members drawn anew for each contact
	Structured                // successors in orders that the rumor's salt gives; see the package's documentation
	Tree                      // a spanning tree of K orders, with names on the links beside it: Plumtree
	Mail                      // every member, once, by the origin alone: direct mail; nobody tells it on
)

// String gives the choice as flags and tables write it.
func (t Targets) String() string {
	switch t {
	case Random:
		return "random"
	case Structured:
		return "structured"
	case Tree:
		return "tree"
	case Mail:
		return "mail"
	}
	return fmt.Sprintf("Targets(%d)", uint8(t))
}

// Limits of a [Policy]'s numbers.
const (
	MaxFanout  = 64
	MaxK       = 1000
	MaxMissing = 4 // copies that a node makes up for
)

// ErrPolicy is wrapped by the errors of [Policy.Validate].
var ErrPolicy = errors.New("rumor: invalid policy")

// Policy is how rumors spread. Mode, Fanout and K have no default; start from
// [DefaultPolicy] or set them. All nodes of a cluster should have the same.
type Policy struct {
	// Mode is the direction; see the constants.
	Mode Mode
	// Targets is who is told. Structured targets are for blind pushes with a
	// counter.
	Targets Targets
	// Fanout is how many members are contacted in a cycle, 1 to MaxFanout. With
	// structured targets it limits the messages of one rumor.
	Fanout int
	// Stop and K, 1 to MaxK, say when interest is lost. Larger K: less residue,
	// more messages. K structured or blind pushes are K copies a member. With tree
	// targets K is the number of orders, half of a node's links; direct mail has no
	// use for it, and none for Fanout.
	Stop Stop
	K    int
	// Feedback has receivers say whether a rumor was news, and the stop rule
	// count only what was none. Without it pushing is blind and needs no answer.
	Feedback bool
	// Minimise counts, of two nodes that both know, only at the one whose counter
	// is the smaller, or at both if they are equal. For PushPull with Feedback
	// and Counter.
	Minimise bool
	// Digest has contacts name what is hot and bodies go only to who asks: few
	// copies, many small messages. For PushPull.
	Digest bool
	// ConnectionLimit is how many contacts a node accepts in a cycle; the rest
	// it rejects. 0: any number.
	ConnectionLimit int
	// Hunt is how many other members a rejected node tries in the cycle.
	Hunt int
	// Resend and Remind are how many further members a node sends the body and
	// the name to, if of its own K copies one did not come. If m did not come,
	// MaxMissing at most, it is m times as many bodies and m² times as many names.
	// Patience is how many cycles it waits for them, at least 1 where one of the
	// others is set. For structured targets.
	Resend, Remind, Patience int
	// Announce is how many further members are told a rumor's name, so that they
	// can ask for the body. For structured targets.
	Announce int
	// Rush is for how many hops from its origin a rumor is passed on at once,
	// rather than at the next tick. 0: never. For structured targets.
	Rush int
	// Far keeps most copies near where members have zones: of so many targets one
	// is any member, and the others are of the node's own zone, or with structured
	// targets and a tree the successors in orders that keep zones together. 0 and
	// 1: all are any members. Where all are in one zone it changes nothing.
	Far int
	// MaxAge ends interest after so many cycles, whatever the stop rule says. It
	// bounds rules that wait for answers. 0: no bound.
	MaxAge int
}

// DefaultPolicy is what the measurements recommend where nothing else is known:
// structured pushes of 4 copies, and for each copy that did not come 3 more, and
// names; where members have zones, three copies in four stay in theirs.
func DefaultPolicy() Policy {
	return Policy{Mode: Push, Targets: Structured, Fanout: 4, Stop: Counter, K: 4, Resend: 3, Remind: 3, Patience: 2, Far: 4}
}

// Validate lists all problems at once, each naming its field. The error wraps
// [ErrPolicy].
func (p Policy) Validate() error {
	var errs []error
	problem := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf("%w: "+format, append([]any{ErrPolicy}, args...)...))
		}
	}
	within := func(field string, v, least, most int) {
		problem(v < least || v > most, "%s is %d, allowed are %d to %d", field, v, least, most)
	}
	problem(p.Mode < Push || p.Mode > PushPull, "Mode is %v", p.Mode)
	problem(p.Stop > MedianCounter, "Stop is %v", p.Stop)
	problem(p.Targets > Mail, "Targets is %v", p.Targets)
	within("Fanout", p.Fanout, 1, MaxFanout)
	within("K", p.K, 1, MaxK)
	within("ConnectionLimit", p.ConnectionLimit, 0, MaxK)
	within("Hunt", p.Hunt, 0, MaxK)
	within("Resend", p.Resend, 0, MaxFanout)
	within("Remind", p.Remind, 0, MaxFanout)
	within("Patience", p.Patience, 0, MaxK)
	within("Announce", p.Announce, 0, MaxFanout)
	within("Rush", p.Rush, 0, 255)
	within("Far", p.Far, 0, MaxFanout)
	within("MaxAge", p.MaxAge, 0, 1<<15)
	problem(p.Stop == MedianCounter && (p.Mode != PushPull || p.Feedback || p.Digest), "Stop %v is for Mode push-pull without Feedback or Digest", p.Stop)
	problem(p.Minimise && (p.Mode != PushPull || !p.Feedback || p.Stop != Counter), "Minimise is for Mode push-pull with Feedback and Stop counter")
	problem(p.Digest && p.Mode != PushPull, "Digest is for Mode push-pull, not %v", p.Mode)
	problem(p.Hunt > 0 && p.ConnectionLimit == 0, "Hunt needs a ConnectionLimit")
	structured := p.Targets == Structured
	problem(structured && (p.Mode != Push || p.Feedback || p.Stop != Counter || p.ConnectionLimit > 0),
		"Targets structured is for Mode push with Stop counter, without Feedback and ConnectionLimit")
	problem(p.Targets == Tree && (p.Mode != Push || p.Feedback || p.Stop != Counter || p.ConnectionLimit > 0 || p.K > MaxFanout),
		"Targets tree is for Mode push with Stop counter, K up to MaxFanout, without Feedback and ConnectionLimit")
	problem(p.Targets == Mail && (p.Mode != Push || p.Feedback || p.Stop != Counter || p.ConnectionLimit > 0 || p.Far > 1),
		"Targets mail is for Mode push with Stop counter, without Feedback, ConnectionLimit and Far")
	problem(!structured && (p.Resend > 0 || p.Remind > 0 || p.Announce > 0 || p.Rush > 0), "Resend, Remind, Announce and Rush are for Targets structured")
	problem(p.Resend+p.Remind > 0 && p.Patience == 0, "Resend and Remind need Patience of at least 1")
	return errors.Join(errs...)
}
