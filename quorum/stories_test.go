package quorum

import (
	"errors"
	"flag"
	"fmt"
	"math/bits"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/internal/wire"
	"github.com/grapevine-go/grapevine/peer"
)

var rewrite = flag.Bool("rewrite", false, "write what happens into the stories")

// TestStories tells each story in testdata to an operation and compares what it
// does. A line is a comment (#), a command, or, after a tab, what the command
// before led to. With -rewrite the latter are written anew; read the difference.
//
//	write W [within DURATION] [zones K] [hints yes] TARGET…   begin; a target is a, or a:old, a:new (in one placement only), a:down, a:fallback,
//	                                           each with /ZONE, of which 1 is the coordinator's; W and R may be localone, localquorum
//	read R [within DURATION] [hedge DURATION] [keep OWNERS] [ask DRIVER] [floor CLOCK] TARGET…
//	ack TARGET joined|equal|CLOCK              CLOCK: dominated by a stamp of this time
//	answer TARGET absent|equal|VALUE@CLOCK [unsynced]
//	fail TARGET REASON [maybe]
//	stale TARGET [maybe]                       the target knows another ring
//	restart TARGET…                            go on with other targets
//	hinted TARGET yes|no                       a hint was kept, or could not be
//	restamped                                  the write was stamped anew
//	mend, waive                                the driver lets a read repair, or not
//	tick DURATION                              the time since the beginning
//	end REASON                                 the caller gives up
//	behind, error                              what is to be repaired; the error in full
//
// A command that begins with "late" is about the round before.
func TestStories(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.story"))
	if err != nil || len(files) == 0 {
		t.Fatal("no stories", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".story"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var told strings.Builder
			var s story
			for line := range strings.Lines(string(text)) {
				if strings.HasPrefix(line, "\t") {
					continue
				}
				told.WriteString(line)
				if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
					fmt.Fprintf(&told, "\t%s\n", s.tell(strings.Fields(line)))
				}
			}
			if *rewrite {
				if err := os.WriteFile(file, []byte(told.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if d := cmp.Diff(string(text), told.String()); d != "" {
				t.Error(d)
			}
		})
	}
}

// story is an operation that is being told a story.
type story struct {
	op    Op
	verb  string
	state crdt.Packed
	late  crdt.Packed
	names []string // of the targets
	older []string // of those before a restart
}

// start is when every story begins.
var start = time.UnixMilli(1_000_000)

// tell carries out a command and says what came of it.
func (s *story) tell(words []string) string {
	round, index := s.op.Round, s.names
	if words[0] == "late" {
		round, words = round-1, words[1:]
		if s.older != nil {
			index = s.older
		}
	}
	target := func() int { return slices.Index(index, words[1]) }
	arg := func(i int) string {
		if i < len(words) {
			return words[i]
		}
		return ""
	}
	var send uint32
	var said string
	switch words[0] {
	case "write", "read":
		send = s.begin(words)
	case "restart":
		s.older = s.names
		send = s.op.Restart(s.targets(words[1:]))
	case "ack":
		s.op.Ack(round, target(), joined(arg(2)))
	case "answer":
		send, said = s.answer(round, target(), arg(2), arg(3) != "unsynced")
	case "fail":
		send = s.op.Fail(round, target(), reasons[arg(2)], arg(3) == "maybe")
	case "stale":
		if s.op.Stale(round, arg(2) == "maybe") {
			said = "to be restarted"
		}
	case "hinted":
		if bit := uint32(1) << target(); arg(2) == "yes" {
			s.op.Hinted(bit, 0)
		} else {
			s.op.Hinted(0, bit)
		}
	case "mend":
		send = s.op.Mend()
	case "waive":
		s.op.Waive()
	case "restamped":
		send = s.op.Restamped()
	case "tick":
		send = s.op.Tick(start.Add(duration(arg(1))))
	case "end":
		s.op.End(reasons[arg(1)])
	case "behind":
		if s.state.IsBottom() {
			return "behind:" + s.set(s.op.Behind(nil))
		}
		return "behind:" + s.set(s.op.Behind(s.state.AppendBinary(nil)))
	case "error":
		return fmt.Sprint(s.op.Err(s.verb, wire.OpID{}))
	default:
		panic("no such command: " + words[0])
	}
	return s.describe(send, said)
}

var reasons = map[string]error{
	"overloaded": ErrOverloaded, "toolarge": ErrTooLarge, "refused": ErrRefused, "unreachable": errors.New("unreachable"), "canceled": errors.New("canceled"),
}

var levels = map[string]Level{"localone": LocalOne, "localquorum": LocalQuorum}

func duration(s string) time.Duration {
	d, err := time.ParseDuration(s)
	if err != nil {
		panic(err)
	}
	return d
}

func (s *story) begin(words []string) uint32 {
	need, named := levels[words[1]]
	var err error
	if !named {
		var n int
		if n, err = strconv.Atoi(words[1]); err != nil {
			panic(err)
		}
		need = Level(n)
	}
	within, hedge, rest := time.Second, 100*time.Millisecond, words[2:]
	s.op.Demand, s.op.Zones, s.op.CountHints = Demand{}, 0, false
	for known := true; known; {
		switch rest[0] {
		case "within":
			within = duration(rest[1])
		case "hedge":
			hedge = duration(rest[1])
		case "keep":
			s.op.Demand.Keep, err = strconv.Atoi(rest[1])
		case "zones":
			s.op.Zones, err = strconv.Atoi(rest[1])
		case "hints":
			s.op.CountHints = true
		case "ask":
			s.op.Demand.Ask = true
		case "floor":
			s.op.Demand.Floor.Value = stamp(rest[1])
		default:
			known = false
			continue
		}
		rest = rest[2:]
	}
	if err != nil {
		panic(err)
	}
	s.verb, s.older = words[0], nil
	s.state.Reset()
	s.late.Reset()
	s.op.State, s.op.Late = &s.state, &s.late
	if words[0] == "write" {
		return s.op.StartWrite(need, start.Add(within), s.targets(rest))
	}
	return s.op.StartRead(need, start, start.Add(within), hedge, s.targets(rest))
}

func (s *story) targets(words []string) (targets []Target) {
	s.names = nil
	for _, w := range words {
		w, zone, _ := strings.Cut(w, "/")
		name, how, _ := strings.Cut(w, ":")
		s.names = append(s.names, name)
		t := Target{ID: peer.ID(name), Current: how != "new" && how != "fallback", Next: how != "old" && how != "fallback", Down: how == "down", Local: zone == "" || zone == "1"}
		if zone != "" {
			t.Zone = zone[0]
		}
		targets = append(targets, t)
	}
	return targets
}

func joined(what string) crdt.Joined {
	switch what {
	case "joined":
		return crdt.Joined{Changed: true}
	case "equal":
		return crdt.Joined{}
	}
	return crdt.Joined{Dominated: stamp(what)}
}

func stamp(clock string) crdt.Stamp {
	c, err := strconv.Atoi(clock)
	if err != nil {
		panic(err)
	}
	return crdt.Stamp{Time: crdt.Time(c), Actor: crdt.Actor{1}}
}

func (s *story) answer(round uint8, i int, what string, synced bool) (send uint32, said string) {
	var state []byte
	switch value, clock, ok := strings.Cut(what, "@"); {
	case what == "equal":
		return s.op.AnswerEqual(round, i, synced), ""
	case strings.HasPrefix(what, "deleted@"):
		c := crdt.Delete(stamp(clock))
		state = c.AppendBinary(nil)
	case what == "garbage":
		state = []byte("garbage")
	case ok:
		c := crdt.Put(stamp(clock), []byte(value), 0)
		state = c.AppendBinary(nil)
	}
	send, err := s.op.Answer(round, i, state, synced)
	if err != nil {
		said = "it is no state"
	}
	return send, said
}

// describe says what is to be sent and where the operation stands.
func (s *story) describe(send uint32, said string) string {
	parts := []string{}
	if said != "" {
		parts = append(parts, said)
	}
	if send != 0 {
		parts = append(parts, "send to"+s.set(send))
	}
	for m := send; m != 0; m &= m - 1 {
		i := bits.TrailingZeros32(m)
		if owner, is := s.op.Fallback(i); is {
			parts = append(parts, s.names[i]+" stands for "+s.names[owner])
		}
	}
	o := &s.op
	switch {
	case o.Phase == Restamp:
		parts = append(parts, fmt.Sprintf("to be stamped above %d", uint64(o.Dominated.Time)))
	case o.Phase == Hinting:
		parts = append(parts, "short of"+s.set(o.Short()))
	case o.Phase == Diverged:
		parts = append(parts, "to be repaired, if the driver agrees")
	case o.Phase == Repairing:
		parts = append(parts, fmt.Sprintf("repairing, %d have it", o.kept.Count()))
	case o.Phase == Asking:
		parts = append(parts, fmt.Sprintf("waiting, %d counted", o.Acked()))
	case o.Cause != nil:
		parts = append(parts, fmt.Sprintf("failed: %v (%d counted, %v)", o.Cause, o.Acked(), o.Outcome()))
	default:
		end := fmt.Sprintf("ended well, %d counted", o.Acked())
		if o.Fallbacks() > 0 {
			end += fmt.Sprintf(", %d fallbacks", o.Fallbacks())
		}
		if o.Hints() > 0 {
			end += fmt.Sprintf(", %d hints", o.Hints())
		}
		if o.Demand.Keep > 0 {
			end += fmt.Sprintf(", %d have it", o.kept.Count())
		}
		if o.Waived() {
			end += ", not repaired"
		}
		if o.Superseded() {
			end += ", superseded"
		}
		c := s.state.Cell()
		if v, ok := c.Get(0); ok {
			end += fmt.Sprintf(", read %s@%d", v, uint64(c.Value.Stamp.Time))
		}
		parts = append(parts, end)
	}
	return strings.Join(parts, "; ")
}

func (s *story) set(targets uint32) (names string) {
	for ; targets != 0; targets &= targets - 1 {
		names += " " + s.names[bits.TrailingZeros32(targets)]
	}
	return names
}
