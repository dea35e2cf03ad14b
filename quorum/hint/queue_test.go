package hint

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/grapevine-go/grapevine/peer"
)

var start = time.UnixMilli(1_900_000_000_000)

// plain is the twin: a list, searched from the front.
type plain struct {
	cfg  Config
	list []plainHint
}

type plainHint struct {
	to   peer.ID
	id   uint64
	h    Hint
	size int
}

func (p *plain) bytes(to peer.ID) (n int) {
	for _, x := range p.list {
		if x.to == to {
			n += x.size
		}
	}
	return n
}

func (p *plain) add(to peer.ID, id uint64, h Hint) (dropped int) {
	at := slices.IndexFunc(p.list, func(x plainHint) bool { return x.to == to && x.h.Table == h.Table && x.h.Key == h.Key })
	if at >= 0 {
		h.At, id = p.list[at].h.At, p.list[at].id
	}
	size := len(h.append(nil))
	switch {
	case size > p.cfg.MaxBytes && at >= 0:
		p.list = slices.Delete(p.list, at, at+1)
		return 1
	case size > p.cfg.MaxBytes:
		return 1
	case at >= 0:
		p.list[at].h, p.list[at].size = h, size
	default:
		p.list = append(p.list, plainHint{to, id, h, size})
	}
	for p.bytes(to) > p.cfg.MaxBytes {
		oldest := slices.IndexFunc(p.list, func(x plainHint) bool { return x.to == to && x.id != id })
		p.list = slices.Delete(p.list, oldest, oldest+1)
		dropped++
	}
	return dropped
}

// TestQueue compares with the twin.
func TestQueue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := Config{MaxBytes: rapid.IntRange(30, 400).Draw(t, "bytes"), MaxAge: 10 * time.Second}
		q, err := NewQueue(cfg, new(Memory))
		if err != nil {
			t.Fatal(err)
		}
		p := &plain{cfg: cfg}
		now, last := start, uint64(0)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			to := peer.ID(rapid.SampledFrom([]string{"a", "b"}).Draw(t, "to"))
			switch rapid.IntRange(0, 4).Draw(t, "what") {
			case 0, 1:
				h := Hint{Table: "t", Partition: rapid.IntRange(0, 3).Draw(t, "partition"), Key: fmt.Sprint(rapid.IntRange(0, 5).Draw(t, "key")),
					Delta: make([]byte, rapid.IntRange(0, 200).Draw(t, "size")), At: now}
				had := q.last
				fits := q.Fits(to, h)
				drops := q.Add(to, h)
				if fits != (len(drops) == 0) {
					t.Fatalf("fits: %t, dropped %v", fits, drops)
				}
				if last = q.last; last == had {
					last = 0
				}
				if want := p.add(to, q.last, h); want != len(drops) {
					t.Fatalf("dropped %v, not %d", drops, want)
				}
			case 2:
				ids, hints, _ := q.Next(to, 0, 2)
				for i := range ids[:min(len(ids), 1)] {
					q.Done(to, ids[i], hints[i].Delta)
					p.list = slices.DeleteFunc(p.list, func(x plainHint) bool { return x.to == to && x.id == ids[i] })
				}
			case 3:
				now = now.Add(time.Duration(rapid.IntRange(0, 8).Draw(t, "seconds")) * time.Second)
				n := len(p.list)
				p.list = slices.DeleteFunc(p.list, func(x plainHint) bool { return now.Sub(x.h.At) > cfg.MaxAge })
				if got := len(q.Expire(now)); got != n-len(p.list) {
					t.Fatalf("%d expired, not %d", got, n-len(p.list))
				}
			case 4:
				if rapid.IntRange(0, 5).Draw(t, "drop") == 0 {
					q.Drop(to)
					p.list = slices.DeleteFunc(p.list, func(x plainHint) bool { return x.to == to })
				}
			}
			for _, to := range []peer.ID{"a", "b"} {
				_, got, drops := q.Next(to, 0, 100)
				want := []Hint(nil)
				for _, x := range p.list {
					if x.to == to {
						want = append(want, x.h)
					}
				}
				if d := cmp.Diff(want, got); d != "" || len(drops) > 0 {
					t.Fatalf("%s: %s, dropped %v", to, d, drops)
				}
				if s := q.Stats(to); s.Hints != len(want) || s.Bytes != p.bytes(to) || s.Bytes > cfg.MaxBytes {
					t.Fatalf("%s: %+v, want %d hints, %d bytes", to, s, len(want), p.bytes(to))
				}
			}
		}
	})
}

// TestCorruptRecord: one whose bits have changed is dropped and told, and its
// neighbours are not.
func TestCorruptRecord(t *testing.T) {
	log := new(Memory)
	q, _ := NewQueue(Config{MaxBytes: 1000, MaxAge: time.Hour}, log)
	for i := range 3 {
		q.Add("a", Hint{Table: "t", Partition: i, Key: fmt.Sprint(i), Delta: []byte("delta"), At: start})
	}
	log.Get("a", 2)[5] ^= 1
	_, hints, drops := q.Next("a", 0, 10)
	if len(hints) != 2 || hints[0].Key != "0" || hints[1].Key != "2" {
		t.Errorf("%+v", hints)
	}
	if d := cmp.Diff([]Drop{{"a", "t", 1, Lost}}, drops); d != "" {
		t.Error(d)
	}
	if s := q.Stats("a"); s.Hints != 2 {
		t.Errorf("%+v", s)
	}
}

// TestTooLargeToRead: what a record cannot hold is dropped at once, as what there is
// no room for, and not kept until somebody cannot read it.
func TestTooLargeToRead(t *testing.T) {
	q, err := NewQueue(Config{MaxBytes: 4 * MaxDelta, MaxAge: time.Hour}, new(Memory))
	if err != nil {
		t.Fatal(err)
	}
	fits := Hint{Table: string(make([]byte, MaxTable)), Key: string(make([]byte, MaxKey)), Delta: make([]byte, MaxDelta), At: start}
	for name, grow := range map[string]func(*Hint){
		"table": func(h *Hint) { h.Table += "x" },
		"key":   func(h *Hint) { h.Key += "x" },
		"delta": func(h *Hint) { h.Delta = make([]byte, MaxDelta+1) },
	} {
		h := fits
		grow(&h)
		if drops := q.Add("a", h); q.Fits("a", h) || len(drops) != 1 || drops[0].Reason != Room || q.Stats("a").Hints != 0 {
			t.Errorf("%s: fits %v, %v, %+v", name, q.Fits("a", h), drops, q.Stats("a"))
		}
	}
	if !q.Fits("a", fits) || len(q.Add("a", fits)) != 0 {
		t.Error("the largest does not fit")
	}
	if _, hints, drops := q.Next("a", 0, 1); len(hints) != 1 || len(drops) != 0 {
		t.Errorf("%d hints, %v", len(hints), drops)
	}
}

// full is a log without room.
type full struct{ Memory }

func (*full) Put(peer.ID, uint64, []byte) error { return errors.New("no space left") }

func TestLogFails(t *testing.T) {
	q, _ := NewQueue(Config{MaxBytes: 1000, MaxAge: time.Hour}, new(full))
	if drops := q.Add("a", Hint{Table: "t", Key: "k"}); len(drops) != 1 || drops[0].Reason != Lost {
		t.Errorf("%v", drops)
	}
	if s := q.Stats("a"); s.Hints != 0 {
		t.Errorf("%+v", s)
	}
}

// TestGrownWhileSent: what was joined into a hint since it was sent is not
// forgotten with the acknowledgement.
func TestGrownWhileSent(t *testing.T) {
	q, _ := NewQueue(Config{MaxBytes: 1000, MaxAge: time.Hour}, new(Memory))
	q.Add("a", Hint{Table: "t", Key: "k", Delta: []byte("one"), At: start})
	ids, sent, _ := q.Next("a", 0, 1)
	q.Add("a", Hint{Table: "t", Key: "k", Delta: []byte("one and two"), At: start.Add(time.Second)})
	q.Done("a", ids[0], sent[0].Delta)
	if h, ok := q.Pending("a", "t", "k"); !ok || string(h.Delta) != "one and two" || !h.At.Equal(start) {
		t.Errorf("%+v, %t", h, ok)
	}
}

func TestConfig(t *testing.T) {
	for _, cfg := range []Config{{}, {MaxBytes: 1}, {MaxAge: 1}, {-1, time.Second}} {
		if _, err := NewQueue(cfg, new(Memory)); !errors.Is(err, ErrConfig) {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
}

// FuzzDecodeRecord: whatever lies on a disk gives an error or a hint that is
// encoded alike.
func FuzzDecodeRecord(f *testing.F) {
	f.Add((&Hint{}).append(nil))
	f.Add((&Hint{Table: "t", Partition: 65535, Key: "key", Delta: []byte("delta"), At: start}).append(nil))
	f.Add([]byte("short"))
	f.Fuzz(func(t *testing.T, p []byte) {
		h, err := DecodeRecord(p)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Errorf("%v", err)
			}
			return
		}
		if again, err := DecodeRecord(h.append(nil)); err != nil || cmp.Diff(h, again) != "" {
			t.Errorf("%+v, %+v, %v", h, again, err)
		}
	})
}
