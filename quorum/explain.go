package quorum

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/peer"
)

// Explanation is what is known of one key, owner by owner, and why a read of all
// of them returns what it does. It repairs nothing.
type Explanation struct {
	Table     string
	Type      string // of the values
	Key       string
	Partition int
	Ring      uint64 // version of the ring state by which the owners were found
	Mode      RepairMode
	Owners    []OwnerState
	// Merged is the join of what the owners have that answered.
	Merged StateInfo
	// Why says in words why the value is what it is: what won and what that
	// dominates, what is hidden, who did not answer.
	Why []string
}

// StateInfo describes a state.
type StateInfo struct {
	Found       bool             // there is one
	Dead        bool             // it holds nothing that a user could read: it was deleted
	Fingerprint crdt.Fingerprint // equal for equal states
	Size        int              // bytes of its encoding
	// Of registers, the stamp of the value and its expiry; zero of other types.
	Stamp  crdt.Stamp
	Expiry crdt.Expiry
}

// OwnerState is what one owner has of a key.
type OwnerState struct {
	ID      peer.ID
	Zone    string
	Current bool // owner in the current placement
	Next    bool // owner in the placement that is coming
	Down    bool // membership believes it dead; it was asked all the same
	Synced  bool // its answer counts in reads; or else it is being filled
	RTT     time.Duration
	Err     error // why there is no answer
	StateInfo
	// Repair: a read that asked this owner would repair it, as far as its mode
	// does. An owner that is not synced is left to its fill.
	Repair bool

	state []byte
}

// Took takes an owner's answer: its encoded state, empty for none.
func (o *OwnerState) Took(state []byte, synced bool) {
	o.state, o.Synced, o.Err = append([]byte(nil), state...), synced, nil
}

// Explain completes the explanation from the owners' answers: bottom makes the
// bottom of the table's type, key is the table's key of fingerprints, and who
// names the writer of a stamp. Now is when expiries are judged.
func (e *Explanation) Explain(bottom func() crdt.State, key crdt.Key, now time.Time, who func(crdt.Actor) string) {
	merged := bottom()
	for i := range e.Owners {
		o := &e.Owners[i]
		if o.Err != nil || len(o.state) == 0 {
			continue
		}
		s := bottom()
		if _, o.Err = s.JoinBinary(o.state); o.Err == nil {
			o.StateInfo = infoOf(s, key)
			_, o.Err = merged.JoinBinary(o.state)
		}
	}
	if found := e.classes(); len(found) > 0 {
		e.Merged = infoOf(merged, key)
		for i := range e.Owners {
			o := &e.Owners[i]
			o.Repair = o.Err == nil && o.Synced && o.Fingerprint != e.Merged.Fingerprint
		}
		if e.Merged.Stamp.IsZero() {
			e.mergedWhy(bottom, key, found)
		} else {
			e.newestWhy(found, now, who)
		}
	} else {
		e.say("nobody who answered has ever had it")
	}
	e.repairWhy()
	e.absentWhy()
}

func infoOf(s crdt.State, key crdt.Key) StateInfo {
	info := StateInfo{Found: true, Dead: s.Tombstone(), Fingerprint: s.Fingerprint(key), Size: len(s.AppendBinary(nil))}
	if r, ok := s.(*crdt.Packed); ok {
		c := r.Cell()
		info.Stamp, info.Expiry = c.Value.Stamp, c.Expiry
	}
	return info
}

func (e *Explanation) say(format string, args ...any) {
	e.Why = append(e.Why, fmt.Sprintf(format, args...))
}

// class is a state and the owners that have it.
type class struct {
	StateInfo
	state []byte
	ids   []string
}

// classes returns the different states, in the order of the owners.
func (e *Explanation) classes() (list []*class) {
	for i := range e.Owners {
		o := &e.Owners[i]
		if o.Err != nil || !o.Found {
			continue
		}
		var c *class
		for _, old := range list {
			if old.Fingerprint == o.Fingerprint {
				c = old
			}
		}
		if c == nil {
			c = &class{StateInfo: o.StateInfo, state: o.state}
			list = append(list, c)
		}
		c.ids = append(c.ids, string(o.ID))
	}
	return list
}

// newestWhy says why a register has the value that it has.
func (e *Explanation) newestWhy(found []*class, now time.Time, who func(crdt.Actor) string) {
	what := "the value"
	if e.Merged.Dead {
		what = "the delete"
	}
	e.say("%s of %s, written by %s, wins: it is the newest of %d", what, clockOf(e.Merged.Stamp), who(e.Merged.Stamp.Actor), versions(found))
	for _, c := range found {
		if c.Stamp == e.Merged.Stamp {
			continue
		}
		old, has := "the value", strings.Join(c.ids, ", ")
		if c.Dead {
			old = "the delete"
		}
		switch ahead := e.Merged.Stamp.Time.Wall().Sub(c.Stamp.Time.Wall()); {
		case c.Stamp.IsZero():
			e.say("%s has no value, and an expiry of one to come", has)
		case e.Merged.Stamp.Time == c.Stamp.Time:
			e.say("dominated: %s at %s, written by %s at the same time: the higher actor wins", old, has, who(c.Stamp.Actor))
		default:
			e.say("dominated: %s of %s at %s, written by %s, is older by %v", old, clockOf(c.Stamp), has, who(c.Stamp.Actor), ahead)
		}
	}
	if x := e.Merged.Expiry; x.At != 0 && x.For == e.Merged.Stamp {
		until := time.UnixMilli(x.At)
		if hidden := now.Sub(until); hidden >= 0 {
			e.say("it is hidden: it expired %v ago, at %s", hidden.Round(time.Millisecond), wall(until))
		} else {
			e.say("it expires in %v, at %s", -hidden.Round(time.Millisecond), wall(until))
		}
	}
}

func versions(found []*class) int {
	stamps := make(map[crdt.Stamp]bool)
	for _, c := range found {
		stamps[c.Stamp] = true
	}
	return len(stamps)
}

// mergedWhy says what each state adds to the join of all.
func (e *Explanation) mergedWhy(bottom func() crdt.State, key crdt.Key, found []*class) {
	if len(found) == 1 {
		e.say("all that have it have the same")
	} else {
		e.say("it is the join of %d states", len(found))
	}
	if e.Merged.Dead {
		e.say("nothing of it is left to read: all was removed")
	}
	for i, c := range found {
		if len(found) == 1 {
			break
		}
		others := bottom()
		for j, o := range found {
			if j != i {
				_, _ = others.JoinBinary(o.state) // it was a state before
			}
		}
		has := strings.Join(c.ids, ", ")
		switch adds, lacks := others.Fingerprint(key) != e.Merged.Fingerprint, c.Fingerprint != e.Merged.Fingerprint; {
		case adds && lacks:
			e.say("%s: adds something that nobody else has, and lacks something", has)
		case adds:
			e.say("%s: has all, and something that nobody else has", has)
		case lacks:
			e.say("dominated: %s adds nothing to what the others have", has)
		default:
			e.say("%s: has all", has)
		}
	}
}

// repairWhy says who would be repaired.
func (e *Explanation) repairWhy() {
	var behind []string
	for _, o := range e.Owners {
		if o.Repair {
			behind = append(behind, string(o.ID))
		}
	}
	if len(behind) > 0 {
		e.say("%s", [...]string{
			RepairAsync: "a read would repair, after it has returned: ", RepairBlocking: "a read would repair, before it returns: ",
			RepairOff: "left to anti-entropy, since reads do not repair: ",
		}[e.Mode]+strings.Join(behind, ", "))
	}
}

// absentWhy says whose answers are missing, or say little.
func (e *Explanation) absentWhy() {
	for _, o := range e.Owners {
		switch {
		case o.Err != nil:
			e.say("%s did not answer (%v): it may have something newer", o.ID, o.Err)
		case !o.Synced:
			e.say("%s is not synced: it is being filled, and what it lacks says nothing", o.ID)
		}
	}
}

// clockOf is a stamp's time as people read it.
func clockOf(s crdt.Stamp) string {
	t := wall(s.Time.Wall())
	if l := s.Time.Logical(); l > 0 {
		t += fmt.Sprintf("+%d", l)
	}
	return t
}

func wall(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.000Z") }

// String gives the explanation as a table and the reasons below it, for people.
func (e Explanation) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%q of table %s (%s), partition %d, ring %016x\n", e.Key, e.Table, e.Type, e.Partition, e.Ring)
	w := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "owner\tstate\tversion\tfingerprint\tbytes\tround trip\t")
	for _, o := range e.Owners {
		name := string(o.ID)
		for _, x := range []struct {
			is   bool
			text string
		}{{o.Zone != "", o.Zone}, {!o.Next, "going"}, {!o.Current, "coming"}, {o.Down, "believed dead"}} {
			if x.is {
				name += ", " + x.text
			}
		}
		if o.Err != nil {
			fmt.Fprintf(w, "%s\tno answer: %v\t\t\t\t\t\n", name, o.Err)
			continue
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%v\t\n", name, o.standing(&e.Merged), o.columns(), o.RTT.Round(time.Microsecond))
	}
	if e.Merged.Found {
		fmt.Fprintf(w, "all together\t%s\t%s\t\t\n", e.Merged.alive(), e.Merged.columns())
	}
	_ = w.Flush()
	for _, why := range e.Why {
		fmt.Fprintf(&b, "- %s\n", why)
	}
	return b.String()
}

// standing says how an owner stands to all together.
func (o *OwnerState) standing(merged *StateInfo) string {
	s := o.alive()
	if o.Found && o.Fingerprint != merged.Fingerprint || !o.Found && merged.Found {
		s += ", behind"
	}
	if !o.Synced {
		s += ", not synced"
	}
	return s
}

func (s *StateInfo) alive() string {
	switch {
	case !s.Found:
		return "absent"
	case s.Dead:
		return "deleted"
	}
	return "there"
}

// columns are version, fingerprint and size.
func (s *StateInfo) columns() string {
	if !s.Found {
		return "\t\t"
	}
	version := ""
	if !s.Stamp.IsZero() {
		version = s.Stamp.String()
	}
	return fmt.Sprintf("%s\t%x\t%d", version, s.Fingerprint[:4], s.Size)
}
