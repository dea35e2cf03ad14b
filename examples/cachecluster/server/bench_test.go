package server

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// constTable answers everything at once, so that what is measured is the
// server.
type constTable struct {
	Table
	value []byte
}

func (t *constTable) Get(context.Context, string) (Entry, error) {
	return Entry{Value: t.value, Found: true}, nil
}

func (t *constTable) Put(context.Context, string, []byte, time.Time) error { return nil }

func (t *constTable) GetMany(_ context.Context, reads []Read) {
	for i := range reads {
		reads[i].Entry = Entry{Value: t.value, Found: true}
	}
}

func (t *constTable) PutMany(context.Context, []Write) {}

// BenchmarkPipeline is one client over a loopback socket; an operation is a
// command.
func BenchmarkPipeline(b *testing.B) {
	value := strings.Repeat("x", 100)
	for _, depth := range []int{1, 16} {
		for name, bc := range map[string]struct {
			cmd   []string
			reply string
		}{
			"set": {[]string{"SET", "key", value}, "+OK\r\n"},
			"get": {[]string{"GET", "key"}, "$100\r\n" + value + "\r\n"},
		} {
			b.Run(fmt.Sprintf("%s/P=%d", name, depth), func(b *testing.B) {
				_, addr := startTable(b, &constTable{value: []byte(value)}, Config{})
				nc, err := net.Dial("tcp", addr)
				if err != nil {
					b.Fatal(err)
				}
				defer nc.Close()
				var sent strings.Builder
				for i := range depth { // different keys of one length
					cmd := append([]string{}, bc.cmd...)
					cmd[1] = fmt.Sprintf("key:%012d", i)
					sent.WriteString(encode(cmd...))
				}
				request := []byte(sent.String())
				replies := make([]byte, depth*len(bc.reply))
				r := bufio.NewReaderSize(nc, 64<<10)
				b.ReportAllocs()
				for n := 0; n < b.N; n += depth {
					if _, err := nc.Write(request); err != nil {
						b.Fatal(err)
					}
					if _, err := io.ReadFull(r, replies); err != nil {
						b.Fatal(err)
					}
				}
				if !strings.HasPrefix(string(replies), bc.reply) {
					b.Fatalf("%.40q", replies)
				}
			})
		}
	}
}

// A pipelined command on a small value costs one allocation: its key, which
// the table may keep.
func TestPipelineAllocations(t *testing.T) {
	s, err := New(Config{Status: func() Status { return Status{} }})
	if err != nil {
		t.Fatal(err)
	}
	s.Open(&constTable{value: []byte("v")})
	var sent strings.Builder
	for i := range 16 {
		sent.WriteString(encode("SET", fmt.Sprintf("key:%012d", i), "value") + encode("get", fmt.Sprintf("other:%012d", i)))
	}
	c := newConn(s, &scriptedConn{in: []byte(sent.String())})
	step := func() {
		if err := c.r.Fill(); err != nil {
			t.Fatal(err)
		}
		if err := c.answerArrived(); err != nil {
			t.Fatal(err)
		}
		c.w.Flush()
	}
	for range 100 {
		step()
	}
	const fixed = 4 // the goroutine that reads while this one writes
	if n := testing.AllocsPerRun(200, step); n > 32+fixed {
		t.Errorf("%v allocations for 32 commands", n)
	}
}

// scriptedConn reads the same bytes for ever and forgets what is written.
type scriptedConn struct {
	net.Conn
	in []byte
}

func (c *scriptedConn) Read(p []byte) (int, error)       { return copy(p, c.in), nil }
func (c *scriptedConn) Write(p []byte) (int, error)      { return len(p), nil }
func (c *scriptedConn) SetWriteDeadline(time.Time) error { return nil }

// FuzzServer sends a server anything. It must neither panic nor write what is
// not RESP, and must survive for the next client.
func FuzzServer(f *testing.F) {
	f.Add([]byte("SET k v EX 10 GET\r\nGET k\r\n*2\r\n$3\r\nDEL\r\n$1\r\nk\r\n"))
	f.Add([]byte("HELLO 3 SETNAME x\r\nCLIENT INFO\r\nCOMMAND DOCS\r\nINFO\r\nSCAN 0 MATCH [a-\\\r\n"))
	f.Add([]byte("MSET a 1 b 2\r\nMGET a b c\r\nEXPIRE a -1 GT\r\nCONFIG GET *\r\nnosuch \"\\x00\"\r\n*1\r\n$-1\r\n"))
	s, err := New(Config{Status: func() Status { return Status{Ready: true} }})
	if err != nil {
		f.Fatal(err)
	}
	s.Open(newMapTable())
	f.Fuzz(func(t *testing.T, in []byte) {
		out := &recordedConn{in: in}
		newConn(s, out).serve()
		replies := &rawClient{t: t, r: bufio.NewReader(strings.NewReader(out.out.String()))}
		for {
			if _, err := replies.tryReply(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("%v in %q", err, out.out.String())
			}
		}
	})
}

// recordedConn is a client that sends in and hangs up.
type recordedConn struct {
	net.Conn
	in  []byte
	out strings.Builder
}

func (c *recordedConn) Read(p []byte) (int, error) {
	n := copy(p, c.in)
	c.in = c.in[n:]
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (c *recordedConn) Write(p []byte) (int, error)      { return c.out.Write(p) }
func (c *recordedConn) Close() error                     { return nil }
func (c *recordedConn) SetWriteDeadline(time.Time) error { return nil }
func (c *recordedConn) SetReadDeadline(time.Time) error  { return nil }
func (c *recordedConn) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (c *recordedConn) LocalAddr() net.Addr              { return &net.TCPAddr{} }
