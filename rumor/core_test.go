package rumor

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/grapevine-go/grapevine/peer"
)

var start = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

// names returns n IDs.
func names(n int) []peer.ID {
	ids := make([]peer.ID, n)
	for i := range ids {
		ids[i] = peer.ID(fmt.Sprintf("n%02d", i))
	}
	return ids
}

// single is one core under test among n members, with a clock.
type single struct {
	*Core
	now time.Time
	out Effects
}

func newSingle(t testing.TB, n int, p Policy, change func(*Config)) *single {
	t.Helper()
	cfg := &Config{Policy: p, Interval: time.Second, Rand: rand.New(rand.NewPCG(1, 1))}
	if change != nil {
		change(cfg)
	}
	ids := names(n)
	core, err := New(cfg, NewMembers(Member{ID: ids[0]}, dealt(ids, 1)), start)
	if err != nil {
		t.Fatal(err)
	}
	return &single{Core: core, now: start}
}

func (s *single) originate(key string, size int) {
	s.Originate(s.now, Rumor{Key: key, Version: 1, Body: make([]byte, size)}, &s.out)
}

// cycle moves the clock to the next tick and returns what is sent.
func (s *single) cycle() []Send {
	s.now = s.now.Add(time.Second)
	s.out.Reset()
	s.Tick(s.now, &s.out)
	return s.out.Sends
}

func (s *single) receive(from peer.ID, m Message) []Send {
	s.out.Reset()
	s.Receive(s.now, from, &m, &s.out)
	return s.out.Sends
}

func blind(fanout, k int) Policy { return Policy{Mode: Push, Fanout: fanout, K: k} }

func TestBlindPushSendsKCopies(t *testing.T) {
	s := newSingle(t, 50, blind(3, 7), nil)
	s.originate("x", 10)
	var per []int
	for s.HotLen() > 0 {
		sends := s.cycle()
		seen := make(map[peer.ID]bool)
		for _, send := range sends {
			if seen[send.To] {
				t.Errorf("%s is contacted twice in a cycle", send.To)
			}
			seen[send.To] = true
		}
		per = append(per, len(sends))
	}
	if diff := cmp.Diff([]int{3, 3, 1, 0}, per); diff != "" {
		t.Error(diff)
	}
	if _, due := s.Deadline(); due {
		t.Error("a core without rumors has a deadline")
	}
}

// Demers, note to Table 3: one that needs it resets the counter; needless
// contacts count once a cycle.
func TestFeedbackCounter(t *testing.T) {
	p := Policy{Mode: Push, Fanout: 1, K: 2, Feedback: true}
	s := newSingle(t, 10, p, nil)
	s.originate("x", 1)
	ack := func(needed ...bool) {
		s.cycle()
		for _, n := range needed {
			s.receive("n01", Message{Acks: []Ack{{Key: "x", Version: 1, Needed: n, Count: -1}}})
		}
	}
	ack(false, false, false) // 1
	ack(false, true)         // 0
	ack(false)               // 1
	ack()                    // 1: no contact is known of
	ack(false)               // 2
	if s.HotLen() != 1 {
		t.Fatal("interest was lost before the cycle ended")
	}
	if sends := s.cycle(); len(sends) != 0 || s.HotLen() != 0 {
		t.Errorf("after two needless cycles in a row it still tells: %v", sends)
	}
}

func TestMinimise(t *testing.T) {
	p := Policy{Mode: PushPull, Fanout: 1, K: 1, Feedback: true, Minimise: true}
	for _, c := range []struct {
		theirs int16
		keeps  bool
	}{{-1, false}, {0, false}, {1, false}} {
		if got := keepsAfter(t, p, 0, c.theirs); got != c.keeps {
			t.Errorf("counter 0 met %d: keeps %t", c.theirs, got)
		}
	}
	p.K = 2
	if !keepsAfter(t, p, 1, 0) {
		t.Error("the larger counter was incremented")
	}
}

// keepsAfter reports whether a rumor whose counter is own stays hot after a
// contact with one who knows it.
func keepsAfter(t *testing.T, p Policy, own, theirs int16) bool {
	s := newSingle(t, 10, p, nil)
	s.originate("x", 1)
	s.cycle()
	s.hot[0].count = own
	s.receive("n01", Message{Acks: []Ack{{Key: "x", Version: 1, Count: theirs}}})
	s.cycle()
	return s.HotLen() == 1
}

func TestConnectionLimitAndHunting(t *testing.T) {
	p := Policy{Mode: Push, Fanout: 1, K: 1, ConnectionLimit: 1, Hunt: 2}
	s := newSingle(t, 10, p, nil)
	contact := Message{Contact: true, Rumors: []Rumor{{Key: "y", Version: 1}}}
	if sends := s.receive("n01", contact); len(sends) != 0 {
		t.Errorf("the first contact: %v", sends)
	}
	if sends := s.receive("n02", contact); len(sends) != 1 || !sends[0].Message.Reject {
		t.Errorf("the second contact: %v", sends)
	}
	s.now = s.now.Add(time.Second)
	if sends := s.receive("n02", contact); len(sends) != 0 {
		t.Errorf("the first contact of the next cycle, of an idle node: %v", sends)
	}
	s.originate("x", 1)
	if n := len(s.cycle()); n != 1 {
		t.Fatalf("%d contacts", n)
	}
	for i, want := range []int{1, 1, 0} { // two hunts, then no more
		if got := len(s.receive("n03", Message{Reject: true})); got != want {
			t.Errorf("rejection %d: %d contacts, want %d", i, got, want)
		}
	}
	if s.cycle(); s.HotLen() != 1 {
		t.Error("a rejected contact has counted")
	}
}

func TestPullAnswersWithWhatIsHot(t *testing.T) {
	s := newSingle(t, 10, Policy{Mode: Pull, Fanout: 1, K: 1, Feedback: true}, nil)
	if sends := s.cycle(); len(sends) != 1 || !sends[0].Message.Pull || len(sends[0].Message.Rumors) != 0 {
		t.Errorf("an idle site pulls too: %v", sends)
	}
	s.receive("n01", Message{Rumors: []Rumor{{Key: "x", Version: 1, News: true}}})
	if sends := s.receive("n02", Message{Contact: true, Pull: true}); len(sends) != 0 {
		t.Errorf("what was heard in this cycle was told in it: %v", sends)
	}
	s.cycle()
	sends := s.receive("n02", Message{Contact: true, Pull: true})
	if len(sends) != 1 || len(sends[0].Message.Rumors) != 1 || sends[0].Message.Rumors[0].Hops != 1 {
		t.Errorf("pulled: %v", sends)
	}
}

func TestDigestAsksAndFetches(t *testing.T) {
	s := newSingle(t, 10, Policy{Mode: PushPull, Fanout: 1, K: 3, Digest: true}, nil)
	ask := Message{Contact: true, Pull: true, Have: []Ref{{"x", 1, true}, {"y", 1, false}}}
	sends := s.receive("n01", ask)
	if len(sends) != 1 || len(sends[0].Message.Want) != 1 || sends[0].Message.Want[0].Key != "x" {
		t.Errorf("announced: %v", sends)
	}
	if sends = s.receive("n02", ask); len(sends) != 0 {
		t.Errorf("asked twice in an interval: %v", sends)
	}
	s.receive("n03", Message{Want: []Ref{{Key: "z", Version: 4}}})
	if diff := cmp.Diff([]Fetch{{To: "n03", Ref: Ref{Key: "z", Version: 4}}}, s.out.Fetches); diff != "" {
		t.Error(diff)
	}
	s.originate("z", 9)
	if sends = s.receive("n03", Message{Want: []Ref{{Key: "z", Version: 1}}}); len(sends) != 1 || len(sends[0].Message.Rumors) != 1 {
		t.Errorf("wanted: %v", sends)
	}
}

func TestNewestVersionIsHot(t *testing.T) {
	s := newSingle(t, 10, blind(1, 3), nil)
	s.originate("x", 5)
	s.receive("n01", Message{Rumors: []Rumor{{Key: "x", Version: 2, Body: make([]byte, 7), News: true}}})
	s.receive("n01", Message{Rumors: []Rumor{{Key: "x", Version: 1, Body: make([]byte, 5)}}})
	if s.HotLen() != 1 || s.hot[0].Version != 2 || s.HotBytes() != 8 {
		t.Errorf("%d hot, version %d, %d bytes", s.HotLen(), s.hot[0].Version, s.HotBytes())
	}
	if st := s.Stats(); st.Useful != 1 || st.Duplicates != 1 {
		t.Errorf("%+v", st)
	}
}

func TestHotListIsBounded(t *testing.T) {
	s := newSingle(t, 10, blind(1, 3), func(c *Config) { c.HotBytes = 100 })
	for i := range 20 {
		s.originate(fmt.Sprint(i%10), 29)
		if s.HotBytes() > 100 {
			t.Fatalf("%d bytes are hot", s.HotBytes())
		}
	}
	s.originate("huge", 1000)
	if s.HotLen() != 3 || s.Stats().Overflow == 0 || s.hot[2].Key != "9" {
		t.Errorf("%d hot, %d dropped", s.HotLen(), s.Stats().Overflow)
	}
}

func TestMessagesKeepToTheirSize(t *testing.T) {
	for _, p := range []Policy{blind(2, 40), DefaultPolicy()} {
		s := newSingle(t, 3, p, func(c *Config) { c.Message = 300 })
		told := make(map[string]bool)
		for i := range 30 {
			s.originate(fmt.Sprintf("key-%02d", i), 50)
		}
		s.originate("large", 400)
		for s.HotLen() > 0 {
			for _, send := range s.cycle() {
				if size := send.Message.Size(); size > 300 {
					t.Fatalf("%v: %d bytes", p.Targets, size)
				}
				for _, r := range send.Message.Rumors {
					told[r.Key] = true
				}
				for _, r := range send.Message.Have {
					told[r.Key] = true
				}
			}
		}
		if len(told) != 31 || told["large"] != true {
			t.Errorf("%v: %d of 31 were told", p.Targets, len(told))
		}
	}
}

func TestResendMakesUpForWhatDidNotCome(t *testing.T) {
	p := DefaultPolicy()
	for heard, want := range [][2]int{{16, 48}, {13, 27}, {10, 12}, {7, 3}, {4, 0}, {4, 0}} {
		s := newSingle(t, 100, p, nil)
		s.originate("x", 1)
		for range heard {
			s.receive("n05", Message{Rumors: []Rumor{{Key: "x", Version: 1}}})
		}
		// What others make up for does not count as a copy of one's own.
		s.receive("n05", Message{Rumors: []Rumor{{Key: "x", Version: 1, Count: int16(p.K)}}})
		bodies, names := 0, 0
		for s.HotLen() > 0 {
			here := 0
			for _, send := range s.cycle() {
				bodies += len(send.Message.Rumors)
				names += len(send.Message.Have)
				here += len(send.Message.Rumors) + len(send.Message.Have)
			}
			if here > p.Fanout {
				t.Errorf("%d entries of one rumor in a cycle", here)
			}
		}
		if got := [2]int{bodies, names}; got != want {
			t.Errorf("%d copies heard: %d bodies and names sent, want %d", heard, got, want)
		}
	}
}

func TestRushAndAnnounce(t *testing.T) {
	p := Policy{Mode: Push, Targets: Structured, Fanout: 2, K: 2, Announce: 3, Rush: 2}
	s := newSingle(t, 100, p, nil)
	for hops, want := range []int{2, 2, 0} {
		r := Rumor{Key: fmt.Sprint(hops), Version: 1, Hops: uint8(hops), News: true}
		if got := len(s.receive("n01", Message{Rumors: []Rumor{r}})); got != want {
			t.Errorf("%d hops from the origin: %d passed on at once, want %d", hops, got, want)
		}
	}
	bodies, names := 0, 0
	for s.HotLen() > 0 {
		for _, send := range s.cycle() {
			bodies += len(send.Message.Rumors)
			names += len(send.Message.Have)
		}
	}
	if bodies != 2 || names != 9 {
		t.Errorf("%d bodies and %d names", bodies, names)
	}
}

// Karp et al., section 2: up while most are not behind, then fading, then done.
func TestMedianCounter(t *testing.T) {
	p := Policy{Mode: PushPull, Fanout: 1, K: 2, Stop: MedianCounter}
	s := newSingle(t, 10, p, nil)
	s.originate("x", 1)
	s.cycle()
	met := func(counts ...int16) int16 {
		for _, n := range counts {
			s.receive("n01", Message{Acks: []Ack{{Key: "x", Version: 1, Count: n}}})
		}
		s.cycle()
		if s.HotLen() == 0 {
			return -1
		}
		return s.hot[0].count
	}
	for i, step := range []struct {
		met  []int16
		want int16
	}{{nil, 1}, {[]int16{0}, 1}, {[]int16{1, 0}, 1}, {[]int16{1, 1, 0}, 2}, {[]int16{3}, 3}, {nil, 4}, {nil, -1}} {
		if got := met(step.met...); got != step.want {
			t.Fatalf("step %d: state %d, want %d", i, got, step.want)
		}
	}
}

func TestConfigErrors(t *testing.T) {
	cfg := &Config{Policy: Policy{Mode: 9, Targets: Structured, Hunt: 1, Resend: 1}, Message: 3, HotBytes: -1, Rotate: -1}
	err := cfg.Validate()
	if !errors.Is(err, ErrConfig) || !errors.Is(err, ErrPolicy) {
		t.Fatal(err)
	}
	for _, field := range []string{"Interval", "Rand", "Message", "HotBytes", "Rotate", "Mode", "Fanout", "K is", "Hunt", "Patience"} {
		if !strings.Contains(err.Error(), field) {
			t.Errorf("%s is not named in %v", field, err)
		}
	}
	if _, err := New(cfg, nil, start); err == nil {
		t.Error("New takes it")
	}
	if err := DefaultPolicy().Validate(); err != nil {
		t.Error(err)
	}
}

// Nothing is allocated once the memory is there.
func TestAllocations(t *testing.T) {
	for _, p := range []Policy{blind(3, 1000), {Mode: PushPull, Fanout: 2, K: 1000, Feedback: true}} {
		s := newSingle(t, 50, p, nil)
		for i := range 10 {
			s.originate(fmt.Sprint(i), 20)
		}
		m := &Message{Contact: true, Pull: true, Rumors: []Rumor{{Key: "1", Version: 1}, {Key: "2", Version: 1}}}
		step := func() {
			s.cycle()
			s.Receive(s.now, "n01", m, &s.out)
		}
		step()
		if n := testing.AllocsPerRun(100, step); n != 0 {
			t.Errorf("%v: %v allocations a cycle", p.Mode, n)
		}
	}
}

// Direct mail: all are told at once, those of a large update by name, and who is
// told tells nobody.
func TestMail(t *testing.T) {
	cfg := &Config{Policy: Policy{Mode: Push, Targets: Mail, Fanout: 1, K: 1}, Interval: time.Second, Message: MinMessage, Rand: rand.New(rand.NewPCG(1, 1))}
	ids := names(5)
	core, err := New(cfg, NewMembers(Member{ID: ids[0]}, dealt(ids, 1)), start)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{10, 10 * MinMessage} {
		var out Effects
		core.Originate(start, Rumor{Key: "key", Version: 1, Body: make([]byte, size)}, &out)
		told := make(map[peer.ID]bool)
		for _, s := range out.Sends {
			told[s.To] = true
			if small := size < MinMessage; small != (len(s.Message.Rumors) == 1) || small == (len(s.Message.Have) == 1) {
				t.Errorf("%d bytes: %d bodies, %d names", size, len(s.Message.Rumors), len(s.Message.Have))
			}
		}
		if len(told) != 4 || len(out.Sends) != 4 || core.HotLen() != 0 {
			t.Errorf("%d messages to %v, %d hot", len(out.Sends), told, core.HotLen())
		}
	}
	var out Effects
	m := &Message{Contact: true, Rumors: []Rumor{{Key: "other", Version: 2, News: true}}}
	if core.Receive(start, ids[1], m, &out); len(out.Sends) != 0 || core.HotLen() != 0 || core.Stats().Useful != 1 {
		t.Errorf("%d messages, %d hot", len(out.Sends), core.HotLen())
	}
	m = &Message{Contact: true, Have: []Ref{{Key: "large", Version: 3, Lacks: true}}}
	if core.Receive(start, ids[1], m, &out); len(out.Sends) != 1 || len(out.Sends[0].Message.Want) != 1 {
		t.Errorf("%+v", out.Sends)
	}
	m = &Message{Want: []Ref{{Key: "key", Version: 1}}}
	out.Reset()
	if core.Receive(start, ids[1], m, &out); len(out.Fetches) != 1 {
		t.Errorf("%+v", out)
	}
}
