package transport

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// outboxModel drives an outbox without a connection and remembers what must
// come out of it.
type outboxModel struct {
	box     outbox
	stream  uint64
	waiting map[uint64][]byte // small messages not sent yet
	at      map[uint64]int64
	class   map[uint64]Class
	gone    map[uint64]bool        // withdrawn or dropped
	large   map[uint64]*largeModel // opened or not
	last    [numClasses]uint64     // the newest small message of each class that was sent
}

type largeModel struct {
	content []byte
	sent    int
	credit  int
	total   int
}

func (m *outboxModel) pushSmall(t *rapid.T) {
	m.stream++
	c := Class(rapid.IntRange(0, int(numClasses)-1).Draw(t, "class"))
	size := rapid.OneOf(rapid.IntRange(0, 200), rapid.IntRange(0, maxPayload)).Draw(t, "size")
	body := bytes.Repeat([]byte{byte(m.stream)}, size)
	m.at[m.stream] = m.box.push(kindReply, c, m.stream, body[:size/2], body[size/2:])
	m.waiting[m.stream], m.class[m.stream] = body, c
}

func (m *outboxModel) withdraw(t *rapid.T) {
	if m.stream == 0 {
		t.Skip("nothing to withdraw")
	}
	s := rapid.Uint64Range(1, m.stream).Draw(t, "stream")
	if at, ok := m.at[s]; ok {
		m.box.queues[m.class[s]].withdraw(at)
		delete(m.waiting, s)
	}
	if m.large[s] != nil {
		m.box.drop(m.class[s], s)
		m.gone[s] = true
	}
}

func (m *outboxModel) pushLarge(t *rapid.T) {
	m.stream++
	c := Class(rapid.IntRange(0, int(numClasses)-1).Draw(t, "class"))
	content := make([]byte, rapid.IntRange(maxSmall+1, 5*chunkSize).Draw(t, "size"))
	for i := range content {
		content[i] = byte(i*31) + byte(m.stream)
	}
	m.box.pushLarge(&outgoing{stream: m.stream, class: c, kind: kindReplyOpen, data: content})
	m.large[m.stream], m.class[m.stream] = &largeModel{content: content}, c
}

func (m *outboxModel) window(t *rapid.T) {
	if m.stream == 0 {
		t.Skip("nothing to grant")
	}
	s := rapid.Uint64Range(1, m.stream).Draw(t, "stream")
	n := rapid.Uint32Range(0, 3*chunkSize).Draw(t, "credit")
	m.box.window(frame{stream: s, class: m.class[s], payload: binary.BigEndian.AppendUint32(nil, n)})
	if l := m.large[s]; l != nil {
		l.credit = min(l.credit+int(n), len(l.content)-l.sent)
	}
}

// gather takes a batch and checks each frame of it.
func (m *outboxModel) gather(t *rapid.T) {
	batch := m.box.gather()
	if len(batch) > batchSize+chunkSize+headerSize {
		t.Fatalf("a batch of %d bytes", len(batch))
	}
	seal(batch)
	var urgency Class
	for b := batch; len(b) > 0; b = b[frameSize(b):] {
		f, err := parseFrame(b[:frameSize(b)])
		if err != nil {
			t.Fatal(err)
		}
		if f.kind == kindReply {
			if f.class < urgency {
				t.Fatalf("a %v message behind a %v one", f.class, urgency)
			}
			urgency = f.class
			m.checkSmall(t, f)
		} else if err := m.large[f.stream].take(f); err != nil || m.gone[f.stream] {
			t.Fatalf("frame of stream %d: %v", f.stream, err)
		}
	}
	if m.box.spare == nil {
		m.box.spare = batch[:0]
	}
}

func (m *outboxModel) checkSmall(t *rapid.T, f frame) {
	want, ok := m.waiting[f.stream]
	if !ok || !bytes.Equal(f.payload, want) || f.class != m.class[f.stream] {
		t.Fatalf("stream %d: sent %d bytes, known: %v", f.stream, len(f.payload), ok)
	}
	if f.stream < m.last[f.class] {
		t.Fatalf("stream %d after %d", f.stream, m.last[f.class])
	}
	m.last[f.class] = f.stream
	delete(m.waiting, f.stream)
}

func (l *largeModel) take(f frame) error {
	switch {
	case l == nil:
		return fmt.Errorf("unknown")
	case f.kind == kindReplyOpen:
		if l.total > 0 {
			return fmt.Errorf("announced twice")
		}
		if l.total = int(binary.BigEndian.Uint32(f.payload)); l.total != len(l.content) {
			return fmt.Errorf("announced %d of %d bytes", l.total, len(l.content))
		}
		return nil
	case l.total == 0 || len(f.payload) > l.credit:
		return fmt.Errorf("%d bytes without credit", len(f.payload))
	case !bytes.HasPrefix(l.content[l.sent:], f.payload):
		return fmt.Errorf("wrong bytes")
	}
	l.sent += len(f.payload)
	l.credit -= len(f.payload)
	return nil
}

// finish sends all there is and checks that nothing was forgotten.
func (m *outboxModel) finish(t *rapid.T) {
	for s := range m.large {
		m.box.window(frame{stream: s, class: m.class[s], payload: binary.BigEndian.AppendUint32(nil, 1<<31)})
		m.large[s].credit = len(m.large[s].content)
	}
	for m.box.ready() {
		m.gather(t)
	}
	if len(m.waiting) > 0 || m.box.queued != 0 || m.box.bulk.Load() != 0 {
		t.Fatalf("%d messages left, %d bytes of frames, %d of large messages", len(m.waiting), m.box.queued, m.box.bulk.Load())
	}
	for s, l := range m.large {
		if !m.gone[s] && l.sent != len(l.content) {
			t.Fatalf("stream %d: sent %d of %d", s, l.sent, len(l.content))
		}
	}
}

// What is pushed comes out whole, once, by urgency and in order, unless it was
// withdrawn; large messages keep to their credit.
func TestOutboxModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &outboxModel{waiting: map[uint64][]byte{}, at: map[uint64]int64{}, class: map[uint64]Class{}, gone: map[uint64]bool{}, large: map[uint64]*largeModel{}}
		m.box.init(&Transport{}, &counters{})
		t.Repeat(map[string]func(*rapid.T){
			"small": m.pushSmall, "withdraw": m.withdraw, "large": m.pushLarge, "window": m.window, "gather": m.gather,
		})
		m.finish(t)
	})
}

// What was admitted can be completed, and the most urgent is admitted first.
func TestAssemblerAdmitsByUrgency(t *testing.T) {
	var box outbox
	box.init(&Transport{}, &counters{})
	a := assembler{out: &box, limit: 1000}
	open := func(c Class, total int) *assembly {
		m := &assembly{class: c, total: total}
		a.open(m)
		return m
	}
	first, scrub, sync, control := open(Scrub, 900), open(Scrub, 50), open(Sync, 500), open(Control, 400)
	if first.granted != 900 || scrub.granted != 50 || sync.granted+control.granted != 0 {
		t.Fatal("admitted beyond the limit, or not up to it")
	}
	a.release(first)
	if control.granted != 400 || sync.granted != 500 {
		t.Errorf("granted %d and %d", control.granted, sync.granted)
	}
	small, withdrawn := open(Scrub, 60), open(Control, 600)
	a.release(control)
	if small.granted != 0 || withdrawn.granted != 0 {
		t.Error("a small one overtook a more urgent one that did not fit")
	}
	a.release(withdrawn)
	if small.granted != 60 || a.reserved != 50+500+60 {
		t.Errorf("granted %d, reserved %d", small.granted, a.reserved)
	}
}
