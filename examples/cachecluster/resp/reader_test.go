package resp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// readAll parses all of src, copying what Fill would invalidate. An end in the
// middle of a command is io.EOF like any other: the command was never sent.
func readAll(r *Reader) (cmds [][]string, err error) {
	for {
		cmd, ok, err := r.Next()
		if err != nil {
			return cmds, err
		}
		if !ok {
			if err := r.Fill(); err != nil {
				return cmds, err
			}
			continue
		}
		var words []string
		for _, a := range cmd.Args {
			words = append(words, string(a))
		}
		if cmd.Dropped > 0 {
			words = append(words, fmt.Sprintf("dropped=%d", cmd.Dropped))
		}
		cmds = append(cmds, words)
	}
}

func TestReader(t *testing.T) {
	small := Limits{Args: 4, Bulk: 100, Keep: 10, Command: 1}
	for _, tc := range []struct {
		name, in string
		limits   Limits
		strict   bool // Untrusted
		want     [][]string
		err      string
	}{
		{name: "one", in: "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", want: [][]string{{"GET", "k"}}},
		{name: "pipeline", in: "*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nQUIT\r\n", want: [][]string{{"PING"}, {"QUIT"}}},
		{name: "binary", in: "*1\r\n$6\r\na\r\n\x00*1\r\n", want: [][]string{{"a\r\n\x00*1"}}},
		{name: "empty argument", in: "*2\r\n$3\r\nGET\r\n$0\r\n\r\n", want: [][]string{{"GET", ""}}},
		{name: "no command", in: "*0\r\n*-1\r\n*1\r\n$4\r\nPING\r\n", want: [][]string{{"PING"}}},
		{name: "cut off", in: "*2\r\n$3\r\nSET\r\n$1\r\n"},
		{name: "cut in a body", in: "*1\r\n$400\r\nSET"},

		{name: "inline", in: "PING\r\nGET  key \n\r\n", want: [][]string{{"PING"}, {"GET", "key"}}},
		{name: "inline quotes", in: `SET k "a \"b\" \x41\n" 'c \'d\' \n'` + "\n", want: [][]string{{"SET", "k", "a \"b\" A\n", `c 'd' \n`}}},
		{name: "inline joined", in: `a"b"` + "\n" + `""` + "\n", want: [][]string{{"ab"}, {""}}},
		{name: "inline then multibulk", in: "PING\r\n*1\r\n$4\r\nPING\r\n", want: [][]string{{"PING"}, {"PING"}}},
		{name: "unbalanced", in: "GET \"k\r\n", err: "unbalanced quotes in request"},
		{name: "quote closed in a word", in: "GET \"k\"x\r\n", err: "unbalanced quotes in request"},
		{name: "long line", in: strings.Repeat("x", maxInline+1), err: "too big inline request"},

		{name: "bad count", in: "*x\r\n", err: "invalid multibulk length"},
		{name: "count with zero", in: "*01\r\n", err: "invalid multibulk length"},
		{name: "count over 64 bits", in: "*9999999999999999999\r\n", err: "invalid multibulk length"},
		{name: "count without CR", in: "*1\n", err: "invalid multibulk length"},
		{name: "count without end", in: "*" + strings.Repeat("1", 100), err: "invalid multibulk length"},
		{name: "too many", in: "*5\r\n", limits: small, err: "invalid multibulk length"},
		{name: "too many by default", in: "*1048577\r\n", err: "invalid multibulk length"},
		{name: "not a bulk", in: "*1\r\n:1\r\n", err: "expected '$', got ':'"},
		{name: "not printable", in: "*1\r\n\x00", err: "expected '$', got '?'"},
		{name: "negative bulk", in: "*1\r\n$-1\r\n", err: "invalid bulk length"},
		{name: "bulk too long", in: "*1\r\n$101\r\n", limits: small, err: "invalid bulk length"},
		{name: "bulk too long by default", in: "*1\r\n$536870913\r\n", err: "invalid bulk length"},
		{name: "bulk shorter than it says", in: "*1\r\n$1\r\nxyz\r\n", err: "invalid bulk length"},
		{name: "after good ones", in: "PING\r\n*1\r\n$x\r\n", want: [][]string{{"PING"}}, err: "invalid bulk length"},

		{name: "dropped", in: "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$11\r\n12345678901\r\nPING\r\n", limits: small,
			want: [][]string{{"SET", "k", "", "dropped=11"}, {"PING"}}},
		{name: "dropped first", in: "*3\r\n$12\r\n123456789012\r\n$1\r\nk\r\n$2\r\n12\r\n", limits: small,
			want: [][]string{{"", "k", "12", "dropped=12"}}},
		{name: "whole command too long", in: "*2\r\n$6000\r\n" + strings.Repeat("x", 6000) + "\r\n$6000\r\n",
			limits: Limits{Keep: 6000, Command: 1}, err: "too big command"},

		{name: "untrusted", in: "*2\r\n$4\r\nAUTH\r\n$1\r\np\r\n", strict: true, want: [][]string{{"AUTH", "p"}}},
		{name: "untrusted, many", in: "*11\r\n", strict: true, err: "unauthenticated multibulk length"},
		{name: "untrusted, long", in: "*1\r\n$16385\r\n", strict: true, err: "unauthenticated bulk length"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for way, wrap := range map[string]func(io.Reader) io.Reader{
				"whole":  func(r io.Reader) io.Reader { return r },
				"halves": iotest.HalfReader,
				"bytes":  iotest.OneByteReader,
			} {
				r := NewReader(wrap(strings.NewReader(tc.in)), tc.limits)
				r.Untrusted = tc.strict
				got, err := readAll(r)
				if len(got)+len(tc.want) > 0 && !cmp.Equal(got, tc.want) {
					t.Errorf("%s: %s", way, cmp.Diff(tc.want, got))
				}
				var p ProtocolError
				switch {
				case tc.err == "" && err != io.EOF:
					t.Errorf("%s: error %v, want EOF", way, err)
				case tc.err != "" && (!errors.As(err, &p) || string(p) != tc.err):
					t.Errorf("%s: error %v, want %q", way, err, tc.err)
				}
			}
		})
	}
}

// appendCommand encodes a command as clients do.
func appendCommand(p []byte, args ...string) []byte {
	p = fmt.Appendf(p, "*%d\r\n", len(args))
	for _, a := range args {
		p = fmt.Appendf(p, "$%d\r\n%s\r\n", len(a), a)
	}
	return p
}

// chunks cuts what is read from it at random places.
type chunks struct {
	src io.Reader
	t   *rapid.T
}

func (c chunks) Read(p []byte) (int, error) {
	n := rapid.IntRange(1, 5000).Draw(c.t, "chunk")
	return c.src.Read(p[:min(n, len(p))])
}

func TestReaderGivesBackWhatWasSent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		arg := rapid.OneOf(
			rapid.StringN(0, 20, 40),
			rapid.Map(rapid.IntRange(0, 20_000), func(n int) string { return strings.Repeat("\r\n$1", n/4) }),
		)
		want := rapid.SliceOfN(rapid.SliceOfN(arg, 1, 6), 0, 20).Draw(t, "commands")
		var in []byte
		for _, cmd := range want {
			in = appendCommand(in, cmd...)
		}
		r := NewReader(chunks{bytes.NewReader(in), t}, Limits{})
		got, err := readAll(r)
		if err != io.EOF {
			t.Fatal(err)
		}
		if len(got)+len(want) > 0 && !cmp.Equal(got, want) {
			t.Fatal(cmp.Diff(want, got))
		}
	})
}

// What a client announces must not be allocated, only what it sends.
func TestReaderAllocatesWhatArrived(t *testing.T) {
	for _, in := range []string{
		"*1048576\r\n",
		"*1\r\n$16777216\r\n",
		"*1\r\n$536870912\r\n" + strings.Repeat("x", 1<<20),
		"*1048576\r\n" + strings.Repeat("$0\r\n\r\n", 100),
	} {
		r := NewReader(strings.NewReader(in), Limits{})
		if _, err := readAll(r); err != io.EOF {
			t.Fatal(err)
		}
		if size := cap(r.buf) + 16*cap(r.spans); size > 2*bigBuffer {
			t.Errorf("%.20q…: %d bytes held for %d received", in, size, len(in))
		}
	}
}

// A connection that once sent a large value does not keep its memory.
func TestReaderGivesMemoryBack(t *testing.T) {
	in := appendCommand(nil, "SET", "k", strings.Repeat("x", 1<<20))
	r := NewReader(bytes.NewReader(in), Limits{})
	if _, err := readAll(r); err != io.EOF {
		t.Fatal(err)
	}
	if cap(r.buf) != minBuffer {
		t.Errorf("an empty reader holds %d bytes", cap(r.buf))
	}
}

func TestReaderStuckSource(t *testing.T) {
	r := NewReader(stuck{}, Limits{})
	if err := r.Fill(); err != io.ErrNoProgress {
		t.Fatal(err)
	}
}

type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }

func TestParseInt(t *testing.T) {
	for in, want := range map[string]int64{
		"0": 0, "7": 7, "-7": -7, "9223372036854775807": 1<<63 - 1, "-9223372036854775808": -1 << 63,
	} {
		if got, ok := ParseInt([]byte(in)); !ok || got != want {
			t.Errorf("%q: %d, %v", in, got, ok)
		}
	}
	for _, in := range []string{"", "-", "+1", "01", "-0", " 1", "1 ", "1.0", "x", "9223372036854775808", "-9223372036854775809", "99999999999999999999"} {
		if got, ok := ParseInt([]byte(in)); ok {
			t.Errorf("%q accepted as %d", in, got)
		}
	}
}

// loop repeats its bytes for ever.
type loop struct {
	p []byte
	i int
}

func (l *loop) Read(p []byte) (int, error) {
	n := copy(p, l.p[l.i:])
	l.i = (l.i + n) % len(l.p)
	return n, nil
}

func (r *Reader) mustNext(t testing.TB) Command {
	for {
		cmd, ok, err := r.Next()
		if ok {
			return cmd
		}
		if err == nil {
			err = r.Fill()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestReaderSteadyStateAllocatesNothing(t *testing.T) {
	in := appendCommand(nil, "SET", "key:000000000001", strings.Repeat("x", 100))
	r := NewReader(&loop{p: in}, Limits{})
	for range 10_000 { // let the buffers grow to their size
		r.mustNext(t)
	}
	if n := testing.AllocsPerRun(1000, func() { r.mustNext(t) }); n != 0 {
		t.Errorf("%v allocations a command", n)
	}
}

func BenchmarkReader(b *testing.B) {
	for _, size := range []int{3, 100, 1 << 10, 100 << 10} {
		b.Run(fmt.Sprintf("set/%dB", size), func(b *testing.B) {
			in := appendCommand(nil, "SET", "key:000000000001", strings.Repeat("x", size))
			r := NewReader(&loop{p: in}, Limits{})
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			for b.Loop() {
				r.mustNext(b)
			}
		})
	}
}

// FuzzReader looks for input on which cutting the stream differently changes
// what is read, and for memory that no input paid for.
func FuzzReader(f *testing.F) {
	f.Add([]byte("*2\r\n$3\r\nGET\r\n$1\r\nk\r\nPING\r\n"), uint8(3))
	f.Add([]byte("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$70\r\n"), uint8(1))
	f.Add([]byte("SET 'a b' \"\\x00\"\r\n*0\r\n*-1\r\n$"), uint8(2))
	f.Add([]byte("*1\r\n$99999999999\r\n"), uint8(7))
	limits := Limits{Args: 100, Bulk: 5000, Keep: 50}
	f.Fuzz(func(t *testing.T, in []byte, cut uint8) {
		whole := NewReader(bytes.NewReader(in), limits)
		want, wantErr := readAll(whole)
		parts := NewReader(&cutReader{in, int(cut) + 1}, limits)
		got, gotErr := readAll(parts)
		if !cmp.Equal(got, want) || gotErr != wantErr {
			t.Fatalf("whole: %q %v\nin parts of %d: %q %v", want, wantErr, int(cut)+1, got, gotErr)
		}
		if held := cap(whole.buf); held > 4*len(in)+2*bigBuffer {
			t.Fatalf("%d bytes held for %d received", held, len(in))
		}
	})
}

type cutReader struct {
	p []byte
	n int
}

func (c *cutReader) Read(p []byte) (int, error) {
	if len(c.p) == 0 {
		return 0, io.EOF
	}
	n := copy(p, c.p[:min(c.n, len(c.p))])
	c.p = c.p[n:]
	return n, nil
}
