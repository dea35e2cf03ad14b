package resp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

func TestWriter(t *testing.T) {
	all := func(w *Writer) {
		w.Simple("OK")
		w.Error("ERR two\r\nlines\r\n")
		w.Int(-42)
		w.Array(2)
		w.Map(1)
		w.Set(3)
		w.Null()
		w.NullArray()
		w.Bulk([]byte("a\r\nb"))
		w.String("")
		w.Text("hi")
	}
	for proto, want := range map[int]string{
		2: "+OK\r\n-ERR two  lines\r\n:-42\r\n*2\r\n*2\r\n*3\r\n$-1\r\n*-1\r\n$4\r\na\r\nb\r\n$0\r\n\r\n$2\r\nhi\r\n",
		3: "+OK\r\n-ERR two  lines\r\n:-42\r\n*2\r\n%1\r\n~3\r\n_\r\n_\r\n$4\r\na\r\nb\r\n$0\r\n\r\n=6\r\ntxt:hi\r\n",
	} {
		var out bytes.Buffer
		w := NewWriter(&out)
		w.Proto = proto
		all(w)
		if out.Len() != 0 {
			t.Error("written before Flush")
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		if out.String() != want {
			t.Errorf("RESP%d:\n got %q\nwant %q", proto, out.String(), want)
		}
	}
}

// What is collected without a Flush is bounded, and nothing is lost over it.
func TestWriterLargeReplies(t *testing.T) {
	var out bytes.Buffer
	var want strings.Builder
	w := NewWriter(&out)
	for _, n := range []int{1, largeBulk, largeBulk + 1, 1 << 20, 100, writeBuffer - 10, writeBuffer} {
		value := strings.Repeat("v", n)
		w.Bulk([]byte(value))
		w.String(value)
		fmt.Fprintf(&want, "$%d\r\n%s\r\n$%d\r\n%s\r\n", n, value, n, value)
		if cap(w.buf) != writeBuffer {
			t.Errorf("buffer of %d bytes after a value of %d", cap(w.buf), n)
		}
	}
	text := strings.Repeat("t", 1<<20)
	w.Text(text)
	fmt.Fprintf(&want, "$%d\r\n%s\r\n", len(text), text)
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if out.String() != want.String() {
		t.Error("what was written is not what was asked for")
	}
	w.Int(1)
	if cap(w.buf) != writeBuffer {
		t.Errorf("a grown buffer of %d bytes went back to the pool", cap(w.buf))
	}
}

func TestWriterKeepsItsFirstError(t *testing.T) {
	broken := errors.New("broken")
	src, dst := io.Pipe()
	src.CloseWithError(broken)
	w := NewWriter(dst)
	w.Simple("OK")
	if err := w.Flush(); err != broken {
		t.Fatal(err)
	}
	w.Bulk(make([]byte, 1<<20))
	if err := w.Flush(); err != broken {
		t.Fatal(err)
	}
}

func TestWriterSteadyStateAllocatesNothing(t *testing.T) {
	w := NewWriter(io.Discard)
	value := make([]byte, 100)
	if n := testing.AllocsPerRun(1000, func() {
		w.Bulk(value)
		w.Simple("OK")
		w.Int(7)
		w.Flush()
	}); n > 0.1 { // a collection may empty the pool in between
		t.Errorf("%v allocations a reply", n)
	}
}

func BenchmarkWriter(b *testing.B) {
	w := NewWriter(io.Discard)
	value := make([]byte, 100)
	b.ReportAllocs()
	for b.Loop() {
		w.Bulk(value)
	}
}
