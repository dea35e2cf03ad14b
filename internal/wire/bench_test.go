package wire

import (
	"testing"

	"github.com/grapevine-go/grapevine/crdt"
)

// BenchmarkWrite is a write's messages, request and acknowledgement, written
// and read.
func BenchmarkWrite(b *testing.B) {
	h, rh, delta := example(KindWrite), exampleReply(OK), make([]byte, 128)
	buf := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		p := AppendWrite(buf, h, "user:42", delta)
		q, _ := ParseRequest(p)
		if _, _, err := q.Write(); err != nil || !q.Boots.Contains(0xb1b1b1b1b1b1b1b1) {
			b.Fatal(err)
		}
		a, _ := ParseReply(AppendAck(buf, rh, crdt.Joined{Changed: true}))
		if _, err := a.Ack(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRead is a read's messages, request and state.
func BenchmarkRead(b *testing.B) {
	h, rh, state := example(KindRead), exampleReply(OK), make([]byte, 128)
	buf := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		q, _ := ParseRequest(AppendRead(buf, h, "user:42"))
		if _, err := q.Read(); err != nil {
			b.Fatal(err)
		}
		begun := BeginState(buf, rh)
		a, _ := ParseReply(EndState(begun, append(begun, state...)))
		if _, _, err := a.Found(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkEntries is a page of a thousand entries of 100 bytes.
func BenchmarkEntries(b *testing.B) {
	rh, state := exampleReply(OK), crdt.State(blob(make([]byte, 128)))
	buf := make([]byte, 0, 1<<18)
	b.ReportAllocs()
	for b.Loop() {
		e := BeginEntries(buf, rh)
		for range 1000 {
			e.Add([]byte("user:42"), state)
		}
		a, _ := ParseReply(e.End(0, true))
		list, err := a.Entries()
		if err != nil {
			b.Fatal(err)
		}
		for range list.Len() {
			list.Entry()
		}
	}
}
