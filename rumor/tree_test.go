package rumor

import (
	"fmt"
	"testing"

	"github.com/grapevine-go/grapevine/peer"
)

func tree(k int) Policy { return Policy{Mode: Push, Targets: Tree, Fanout: 1, K: k} }

// toldBy gives what each member is sent of one kind.
func toldBy(sends []Send, what func(*Message) int) map[peer.ID]int {
	told := make(map[peer.ID]int)
	for i := range sends {
		if n := what(&sends[i].Message); n > 0 {
			told[sends[i].To] = n
		}
	}
	return told
}

func bodies(m *Message) int    { return len(m.Rumors) }
func nameCount(m *Message) int { return len(m.Have) }

// A body goes at once to all links but the one that it came by; who knew it is
// told the next by name, and the name comes a cycle later; who asks for it is
// told bodies again.
func TestTreePrunesAndGrafts(t *testing.T) {
	s := newSingle(t, 40, tree(3), nil)
	sends := s.receive("n20", Message{Contact: true, Rumors: []Rumor{{Key: "x", Version: 1, Body: []byte("b"), News: true}}})
	first := toldBy(sends, bodies)
	if len(first) != 3 || first["n20"] != 0 {
		t.Fatalf("told %v", first)
	}
	var pruned peer.ID
	for id := range first {
		pruned = max(pruned, id)
	}
	s.receive(pruned, Message{Acks: []Ack{{Key: "x", Version: 1}}})
	sends = s.receive("n20", Message{Contact: true, Rumors: []Rumor{{Key: "y", Version: 1, Body: []byte("b"), News: true}}})
	if second := toldBy(sends, bodies); len(second) != 2 || second[pruned] != 0 {
		t.Errorf("after %s had pruned: %v", pruned, second)
	}
	if sends := s.cycle(); len(toldBy(sends, nameCount)) != 0 {
		t.Errorf("announced at once: %v", sends)
	}
	if told := toldBy(s.cycle(), nameCount); len(told) != 1 || told[pruned] != 2 {
		t.Errorf("announced %v", told)
	}
	sends = s.receive(pruned, Message{Want: []Ref{{Key: "y", Version: 1}}})
	if told := toldBy(sends, bodies); told[pruned] != 1 {
		t.Errorf("asked for y, got %v", sends)
	}
	sends = s.receive("n20", Message{Contact: true, Rumors: []Rumor{{Key: "z", Version: 1, Body: []byte("b"), News: true}}})
	if third := toldBy(sends, bodies); len(third) != 3 || third[pruned] != 1 {
		t.Errorf("after the graft: %v", third)
	}
}

// What was known already is answered by a prune, and the link is lazy here too.
func TestTreeAnswersDuplicates(t *testing.T) {
	s := newSingle(t, 40, tree(3), nil)
	s.receive("n20", Message{Contact: true, Rumors: []Rumor{{Key: "x", Version: 1, News: true}}})
	sends := s.receive("n21", Message{Contact: true, Rumors: []Rumor{{Key: "x", Version: 1}}})
	if len(sends) != 1 || sends[0].To != "n21" || len(sends[0].Message.Acks) != 1 || sends[0].Message.Acks[0].Needed {
		t.Fatalf("%v", sends)
	}
	s.originate("y", 1)
	if told := toldBy(s.out.Sends, bodies); told["n21"] != 0 || told["n20"] != 1 {
		t.Errorf("%v", told)
	}
}

// A member that is gone is told no more, and the links are bounded.
func TestTreeLinks(t *testing.T) {
	s := newSingle(t, 40, tree(3), nil)
	s.receive("n20", Message{Contact: true, Rumors: []Rumor{{Key: "x", Version: 1, News: true}}})
	s.Down("n20")
	s.out.Reset()
	s.originate("y", 1)
	if told := toldBy(s.out.Sends, bodies); told["n20"] != 0 || len(told) != 3 {
		t.Errorf("%v", told)
	}
	for i := range 2 * maxLinks {
		s.receive(peer.ID(fmt.Sprint("other", i)), Message{Contact: true, Rumors: []Rumor{{Key: "y", Version: 1}}})
	}
	if len(s.links) > maxLinks {
		t.Errorf("%d links", len(s.links))
	}
}

// Something too large for a message goes by name along the eager links.
func TestTreeAnnouncesLarge(t *testing.T) {
	s := newSingle(t, 40, tree(3), nil)
	s.originate("large", 5000)
	if len(toldBy(s.out.Sends, bodies)) != 0 || len(toldBy(s.out.Sends, nameCount)) != 3 {
		t.Errorf("%v", &s.out)
	}
}
