package transport

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func FuzzHello(f *testing.F) {
	f.Add(appendHello(nil, testHello()))
	f.Add(appendRefusal(nil, refusal{reason: 2, minVersion: 1, maxVersion: 3}))
	f.Add([]byte{tlsHandshake, 3, 1, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := readHello(bytes.NewReader(b))
		if err != nil {
			return
		}
		again, err := readHello(bytes.NewReader(appendHello(nil, h)))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(h, again, cmp.AllowUnexported(hello{})); diff != "" {
			t.Fatal(diff)
		}
		negotiate(h)
	})
}

// script turns fuzz input into frames whose checksums are right, so that what
// lies behind the checksum is reached: each byte pair begins a frame of that
// kind and class, followed by its stream (of the first calls: 8, 17, 26, 35),
// size and content. A first byte of 0xff
// sends the rest as it is.
func script(in []byte) (out []byte) {
	for len(in) >= 4 {
		if in[0] == 0xff {
			return append(out, in[1:]...)
		}
		k, class, stream, size := kind(in[0]%(uint8(numKinds)+1)), Class(in[1]%(uint8(numClasses)+1)), uint64(in[2]>>3)<<slotBits|uint64(in[2]&7), int(in[3])
		in = in[4:]
		if k < numKinds { // mostly of a size that is allowed
			size = min(max(size, payloadSize[k][0]), payloadSize[k][1])
		}
		n := min(size, len(in))
		payload := append(bytes.Clone(in[:n]), make([]byte, size-n)...)
		in = in[n:]
		frame := append(appendHeader(nil, k, class, stream, size), payload...)
		seal(frame)
		out = append(out, frame...)
	}
	return out
}

func seedScripts(f *testing.F) {
	u32 := func(numbers ...uint32) (b []byte) {
		for _, n := range numbers {
			b = binary.BigEndian.AppendUint32(b, n)
		}
		return b
	}
	frame := func(k kind, c Class, stream byte, payload []byte) []byte {
		return append([]byte{byte(k), byte(c), stream, byte(len(payload))}, payload...)
	}
	open := frame(kindRequestOpen, Sync, 3, u32(0, 300))
	data := frame(kindData, Sync, 3, make([]byte, 200))
	f.Add(frame(kindRequest, Foreground, 1, append(u32(1000), "get"...)))
	f.Add(frame(kindRequest, Scrub, 1, append(u32(0), "page"...)))
	f.Add(bytes.Join([][]byte{open, data, frame(kindCancel, 0, 3, nil), data}, nil))
	f.Add(bytes.Join([][]byte{open, data, data[:104]}, nil))
	f.Add(bytes.Join([][]byte{frame(kindPing, 0, 0, make([]byte, 8)), frame(kindWindow, Sync, 1, u32(1<<31)), open, open}, nil))
	f.Add(bytes.Join([][]byte{frame(kindReplyOpen, 0, 8, u32(300)), frame(kindData, 0, 8, make([]byte, 250)), frame(kindData, 0, 8, make([]byte, 50)), frame(kindGoAway, 0, 17, nil)}, nil))
	f.Add(bytes.Join([][]byte{frame(kindReply, 0, 8, []byte("reply")), frame(kindRefuse, 0, 17, []byte{2}), frame(kindPong, 0, 0, make([]byte, 8))}, nil))
	f.Add(append([]byte{0xff}, make([]byte, 64)...))
}

// feed is a connection that delivers what is given, in reads of uneven size, and
// keeps what is written to it.
type feed struct {
	net.Conn
	in  io.Reader
	mu  sync.Mutex
	out []byte
}

func (f *feed) Read(b []byte) (int, error) { return f.in.Read(b[:min(len(b), 100+len(b)/3)]) }
func (f *feed) Close() error               { return nil }

func (f *feed) Write(b []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.out = append(f.out, b...)
	return len(b), nil
}

// check reads back what was written: whole frames that keep to the protocol.
func (f *feed) check(t *testing.T, allowed ...kind) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for b := f.out; len(b) > 0; b = b[frameSize(b):] {
		got, err := parseFrame(b[:frameSize(b)])
		if err != nil || !slices.Contains(allowed, got.kind) {
			t.Fatalf("wrote a frame of kind %d: %v", got.kind, err)
		}
	}
}

const fuzzLimit = 1 << 10 // bytes of a message; twice that in flight

// fuzzed starts a transport whose connections a fuzz target makes itself.
func fuzzed(f *testing.F) *Transport {
	return start(f, Config{ID: "b", MaxMessage: fuzzLimit, MaxInFlight: 2 * fuzzLimit, Dial: func(context.Context, string) (net.Conn, error) {
		return nil, errors.New("not here")
	}})
}

// settle waits until nobody works for a connection any more.
func settle(o *outbox, busy func() bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.writing || busy() {
		o.room.Wait()
	}
}

// FuzzServe feeds a served connection with arbitrary frames and bytes: it never
// panics, holds no more than its limits, ends, and writes only valid frames.
func FuzzServe(f *testing.F) {
	seedScripts(f)
	tr := fuzzed(f)
	f.Fuzz(func(t *testing.T, in []byte) {
		tr.cfg.Handler = handlerFunc(func(_ Remote, class Class, request, dst []byte) []byte {
			if len(request) > fuzzLimit || class >= numClasses {
				t.Errorf("served a %v request of %d bytes", class, len(request))
			}
			return append(append(dst, request...), request...)
		})
		conn := &feed{in: bytes.NewReader(script(in))}
		c := newInbound(tr, session{conn: conn, maxMessage: fuzzLimit})
		err := c.serve()
		if err == nil {
			t.Error("serving ended without a reason")
		}
		settle(&c.outbox, func() bool { return c.working })
		if c.asm.reserved > tr.cfg.MaxInFlight || len(c.streams) > maxStreams || c.jobs.n > 0 {
			t.Errorf("%d bytes reserved, %d streams, %d jobs", c.asm.reserved, len(c.streams), c.jobs.n)
		}
		c.end(err)
		conn.check(t, kindReply, kindReplyOpen, kindData, kindWindow, kindRefuse, kindPong)
	})
}

// FuzzReplies is the same for the asking side; each call completes once.
func FuzzReplies(f *testing.F) {
	seedScripts(f)
	tr := fuzzed(f)
	p := tr.Peer("c", "c:1")
	f.Fuzz(func(t *testing.T, in []byte) {
		conn, o := &feed{in: bytes.NewReader(script(in))}, newOutcomes()
		l := newLink(p)
		l.establish(session{conn: conn, maxMessage: fuzzLimit})
		for i := range uint64(4) {
			l.call(Class(i), make([]byte, 10*i), forever, o, i)
		}
		err := l.read(conn)
		if err == nil {
			t.Error("reading ended without a reason")
		}
		settle(&l.outbox, func() bool { return false })
		if l.asm.reserved > tr.cfg.MaxInFlight {
			t.Errorf("%d bytes reserved", l.asm.reserved)
		}
		l.shut(err)
		for range 4 {
			if _, out := o.wait(t); len(out.reply) > fuzzLimit {
				t.Errorf("reply of %d bytes", len(out.reply))
			}
		}
		conn.check(t, kindRequest, kindWindow, kindPong, kindCancel)
	})
}
