package quorum

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/grapevine-go/grapevine/internal/wire"
)

var exampleOperations = []Operation{
	{ID: wire.OpID{Hi: 1, Lo: 2}, Table: "carts", Key: "user:42", Make: []byte("op"), Boot: 3, Begun: 4, Attempt: 5},
	{ID: wire.OpID{Lo: 1}, Table: "t", Key: "k", Delta: bytes.Repeat([]byte("d"), 300)},
}

func TestOperationCodec(t *testing.T) {
	for _, o := range exampleOperations {
		p := o.AppendBinary(nil)
		got, err := DecodeOperation(p)
		if d := cmp.Diff(o, got, cmpopts.EquateEmpty()); d != "" || err != nil {
			t.Errorf("%v, %s", err, d)
		}
		for n := range p {
			if _, err := DecodeOperation(p[:n]); !errors.Is(err, ErrOperation) {
				t.Fatalf("%d of %d bytes: %v", n, len(p), err)
			}
		}
		if _, err := DecodeOperation(append(p, 0)); !errors.Is(err, ErrOperation) {
			t.Errorf("with a byte behind it: %v", err)
		}
	}
}

// FuzzDecodeOperation decodes anything: what is understood has one encoding.
func FuzzDecodeOperation(f *testing.F) {
	for _, o := range exampleOperations {
		f.Add(o.AppendBinary(nil))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		o, err := DecodeOperation(p)
		if err != nil {
			if !errors.Is(err, ErrOperation) {
				t.Errorf("%v does not wrap ErrOperation", err)
			}
			return
		}
		if again := o.AppendBinary(nil); !bytes.Equal(again, p) {
			t.Fatalf("%x became %x", p, again)
		}
	})
}
